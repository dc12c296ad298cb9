# ===- cases.py - random cases of variants ---------------------------------===#
"""Draws shapes, parameters, types, layouts and values, as arguments of attn-run."""

import math

# Parameters that a case draws, by variant.
PARAMETERS = {
    "sliding-window": {"window": [1, 7, 64, 130, 1000]},
    "streaming": {"window": [0, 5, 128, 300], "sinks": [0, 4, 130]},
    "prefix-lm": {"prefix": [0, 5, 128, 400]},
    "softcap": {"softcap": [3, 30]},
    "sigmoid": {"shift": [0, -2]},
    "duo": {"sinks": [0, 4], "recent": [1, 100]},
    "neighborhood-1d": {"window": [1, 9, 33, 200], "dilation": [1, 2]},
    "neighborhood-2d": {
        "width": [8, 16], "window_y": [1, 3, 7], "window_x": [1, 5, 7],
        "stride_x": [1, 1, 2], "causal_x": [0, 1], "dilation_y": [1, 1, 2],
    },
    "neighborhood-3d": {
        "height": [4, 8], "width": [4, 8], "window_z": [1, 2], "window_y": [1, 3],
        "window_x": [3, 4], "causal_z": [0, 1], "dilation_x": [1, 1, 2],
    },
    "s2": {"block": [16, 64], "local": [0, 1, 4], "vertical": [2, 8], "head_step": [0, 1]},
    "s2-bidirectional": {"block": [16, 64], "before": [1, 3], "vertical": [2, 5]},
    "varlen": {"causal": [0, 1]},
    "dilated-window": {"window": [0, 6, 100], "dilation": [1, 2, 7]},
    "tri-shape": {"sinks": [0, 4, 130], "window": [0, 9, 200], "dense": [0, 64]},
    "block-sparse": {
        "block_rows": [16, 64, 128], "block_cols": [16, 64, 128], "causal": [0, 1],
    },
    "append": {"interleaved": [0, 1]},
    "append-queries": {"interleaved": [0, 1]},
    "selected-blocks": {"block": [16, 64], "rows": [16, 64, 128], "window": [0, 32]},
}
# Extents of tables and numbers of parts that a case draws, by variant.
PARTS = {"S": [0, 1, 2, 5, 16]}
TOKENS = {"T": [0, 1, 5, 33, 300], "N": [1, 7, 60, 200]}
EXTENTS = {
    "append": {**TOKENS, "X": [1, 100, 4096], "J": [0, 1, 4, 16, 32, 64]},
    "append-queries": {**TOKENS, "X": [1, 100, 4096], "J": [0, 1, 4, 16, 32, 64]},
    "append-plain": TOKENS,
    "relative-bias": {"N": [0, 1, 7, 128, 1000]},
    "merge": PARTS,
    "rescale": PARTS,
    "segments": {"S": [0, 1, 5, 12, 40]},
}

# Frames, rows or lines of a canvas are counted in units of these parameters.
CANVASES = {"neighborhood-2d": ("width",), "neighborhood-3d": ("height", "width")}
KEYS_ARE_QUERIES = {"neighborhood-1d", "documents", "linear", "linear-chunked", *CANVASES}
# Those whose caches may lie in pages.
UPDATES = {"append", "append-plain", "append-queries"}
WITHOUT_GROUPS = {"append", "append-plain", "full", "cross", "merge", "rescale", "rmsnorm-gemm"}
# States that ordinary threads keep in shared memory, which bounds the heads.
LARGEST_DIMS = {"linear": 128, "linear-chunked": 128, "scaling": 208}

# How often variants are drawn: 8 times, but for those that take long to compile.
WEIGHTS = {"neighborhood-2d": 3, "neighborhood-3d": 2, "s2": 3, "s2-bidirectional": 3}

# The most multiplications of a case, which the interpreter in f64 does one by one: some
# one second.
LARGEST_WORK = 20e6

QUERIES = [0, 1] + 2 * [17, 64, 127, 128, 129, 200, 300, 513]
KEYS = [0, 1] + 2 * [16, 100, 127, 128, 129, 255, 384, 700, 1025, 2500]
# Of decoding: query heads a key head, and keys of a page.
GROUPS = [1, 3, 4, 5, 7, 8, 16, 32]
PAGES = [None, 1, 8, 16, 64, 256]
KV_TYPES = [None, None, None, "e4m3", "e5m2", "i8"]
LAYOUTS = ["contiguous"] * 10 + ["transposed", "strided", "misaligned", "reversed"]
INPUTS = ["normal", "normal", "normal", "outliers", "rising"]


def _draw_lengths(rng, variant, parameters):
    if variant in CANVASES:
        unit = math.prod(parameters[name] for name in CANVASES[variant])
        queries = unit * rng.choice([1, 2, 5, 8, 16, 33])
    else:
        queries = rng.choice(QUERIES)
    return queries, queries if variant in KEYS_ARE_QUERIES else rng.choice(KEYS)


def _draw_shape(rng, variant, dims, parameters):
    """Batch, key heads, group, queries, keys and widths that are not too much work."""
    dims = [d for d in dims if d <= LARGEST_DIMS.get(variant, d)]
    while True:
        queries, keys = _draw_lengths(rng, variant, parameters)
        # The rest gives way to lengths, lest most cases be of a tile or less.
        for _ in range(50):
            batch, heads = rng.choice([1, 1, 2]), rng.choice([1, 2, 3])
            group = 1 if variant in WITHOUT_GROUPS else rng.choice([1, 1, 3, 8])
            dim = rng.choice(dims)
            value_dim = dim
            if variant not in LARGEST_DIMS and rng.random() < 0.2:
                value_dim = rng.choice(dims)
            # A mask's predicate takes about as long as 32 multiplications.
            work = batch * heads * group * queries * keys * (dim + value_dim + 32)
            if work <= LARGEST_WORK:
                return batch, heads, group, queries, keys, dim, value_dim


def _draw_boxes(rng, dims):
    """A canvas that is wide enough to be cut into boxes."""
    dim = rng.choice([d for d in dims if d <= 72] or dims)
    args = ["neighborhood-2d", "--specialize", "--heads=1", f"--head-dim={dim}"]
    args += [f"--dtype={rng.choice(['bf16', 'f16'])}", f"--seed={rng.randrange(10**6)}"]
    args += [f"--input={rng.choice(INPUTS)}", f"--nan={rng.choice(['none', 'hidden'])}"]
    args += [f"--{side}-len={64 * 16}" for side in ("q", "kv")]
    args += [f"--set=window_{axis}={rng.choice([3, 5, 9, 13])}" for axis in "yx"]
    return [*args, "--set=width=64"]


def draw_decoding(rng, variants, dims, invariant=False):
    """A case of few queries over a cache, whose steps blocks share."""
    variant = rng.choice(variants)
    drawn = PARAMETERS.get(variant, {})
    while True:
        batch, heads = rng.choice([1, 1, 2, 5, 9]), rng.choice([1, 1, 2, 4])
        group = 1 if variant in WITHOUT_GROUPS else rng.choice(GROUPS)
        queries, keys = rng.choice([1, 1, 1, 2, 5, 16]), rng.choice(KEYS)
        dim = rng.choice(dims)
        work = batch * heads * group * queries * keys * (2 * dim + 32)
        if work <= LARGEST_WORK:
            break
    dtype = rng.choice(KV_TYPES)
    # Of elements of 8 bits warps share out the keys of a step, for few rows.
    rows = rng.choice([8, 16, 32, 64] if dtype else [32, 64])
    if invariant:
        rows = 8 if dtype else 32
    args = [
        variant, f"--dtype={rng.choice(['bf16', 'f16'])}", f"--batch={batch}",
        f"--kv-heads={heads}", f"--heads={heads * group}", f"--q-len={queries}",
        f"--kv-len={keys}", f"--head-dim={dim}", f"--seed={rng.randrange(10**6)}",
        f"--input={rng.choice(INPUTS)}", f"--schedule=rows={rows},stream=1",
    ]
    if page := rng.choice(PAGES):
        args.append(f"--page={page}")
    if dtype:
        scales = rng.choice(["head", "token", "channel"])
        args += [f"--kv-dtype={dtype}", f"--kv-scales={scales}"]
    if variant not in WITHOUT_GROUPS and rng.random() < 0.8:
        args.append(f"--pack={1 << (group - 1).bit_length()}")
    args += [f"--set={name}={rng.choice(values)}" for name, values in drawn.items()]
    for rank, values in EXTENTS.get(variant, {}).items():
        args.append(f"--extent={rank}={rng.choice(values)}")
    return [*args, "--invariant"] if invariant else args


def draw(rng, variants, dims):
    """The variant and the arguments of one case."""
    weights = [WEIGHTS.get(v, 8) for v in variants]
    variant = rng.choices(variants, weights)[0]
    if variant == "neighborhood-2d" and rng.random() < 0.3:
        return _draw_boxes(rng, dims)
    drawn = PARAMETERS.get(variant, {})
    parameters = {name: rng.choice(values) for name, values in drawn.items()}
    batch, heads, group, queries, keys, dim, value_dim = _draw_shape(
        rng, variant, dims, parameters
    )
    if variant in CANVASES and rng.random() < 0.25:
        parameters["extra"] = rng.choice([1, 20])
        keys += parameters["extra"]
    args = [
        variant, f"--dtype={rng.choice(['bf16', 'f16'])}", f"--batch={batch}",
        f"--kv-heads={heads}", f"--heads={heads * group}", f"--q-len={queries}",
        f"--kv-len={keys}", f"--head-dim={dim}", f"--value-dim={value_dim}",
        f"--seed={rng.randrange(10**6)}", f"--input={rng.choice(INPUTS)}",
        f"--nan={rng.choice(['none', 'none', 'hidden', 'value'])}",
        f"--layout={rng.choice(LAYOUTS)}", f"--output-layout={rng.choice(LAYOUTS)}",
    ]
    args += [f"--set={name}={value}" for name, value in parameters.items()]
    for rank, values in EXTENTS.get(variant, {}).items():
        args.append(f"--extent={rank}={rng.choice(values)}")
    if variant in UPDATES and (page := rng.choice([None, 1, 8, 16, 64])):
        args.append(f"--page={page}")
    if variant in UPDATES and (dtype := rng.choice(KV_TYPES)):
        scales = rng.choice(["head", "token", "channel"])
        args += [f"--kv-dtype={dtype}", f"--kv-scales={scales}"]
    return args

# ===- workloads.py - what a row of schedules.py computes ------------------===#
"""Inputs, masks and live pairs of the variants that are timed beside peers.

A row is named VARIANT:D[:LENGTHS[:NAME=VALUE...]]; lengths and values may be lists,
and there is a row for each combination. Beside the variant's parameters a name can
be of OPTIONS.

Masks and scores are written for FlexAttention as the variants define them
(lib/Variants), and live pairs are counted by formulas, of queries or of blocks:
no table of all pairs is made.
"""

import dataclasses
import glob
import itertools
import math
import os
import random
from typing import Callable, Optional

import torch

import attn

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")
LENGTHS = (512, 2048, 8192, 16384)

# Where inputs are drawn and kernels run.
DEVICE = "cuda"

# What a row can say beside parameters: sequences, query heads, how many of these
# share a key head, the seed of what is drawn beside q, k, v, and the kernel, which
# is .carry/kernels/scheduled-KERNEL.attn, or -KERNEL-to-N for at most N keys.
OPTIONS = {"batch": None, "heads": None, "group": 1, "seed": 0, "kernel": None}

# Parameters by variant: the variant's own, with its defaults, and what is drawn.
PARAMETERS = {
    "full": {},
    "causal-bottom-right": {},
    "sigmoid": {},
    "gqa": {},
    "softcap": {"softcap": 30.0},
    "alibi": {},
    "relative-bias": {"entries": None},  # of the table; as many as keys
    "sliding-window": {"window": 128},
    "neighborhood-2d": {"width": 16, "window_y": 7, "window_x": 7},
    "neighborhood-3d": {
        "height": 8, "width": 8, "window_z": 3, "window_y": 5, "window_x": 5,
    },
    "s2": {
        "block": 16, "local": 4, "vertical": 8, "head_step": 1, "offset": 0, "dense": 0,
    },
    "documents": {"count": 32},
    "block-sparse": {"block_rows": 16, "block_cols": 16, "live": 0.25},
}
# Parameters that rows keep at the variant's default.
FIXED = {
    "sigmoid": {"shift": 0.0},
    "neighborhood-2d": {"extra": 0},
    "neighborhood-3d": {"extra": 0},
}


@dataclasses.dataclass
class Problem:
    """One row."""

    variant: str
    dim: int
    length: int
    batch: int
    heads: int
    group: int
    seed: int
    kernel: str
    parameters: dict

    def describe(self):
        """The problem as a JSON row begins."""
        row = dataclasses.asdict(self)
        row.update(row.pop("parameters"))
        return row


@dataclasses.dataclass
class Workload:
    """What a variant adds to softmax(scale Q K^T) V over `pairs` live pairs.

    pairs: of one sequence, over all query heads.
    mask, score: FlexAttention's mask_mod and score_mod, or None.
    mask_by_head: whether the mask depends on the head.
    tensors: further inputs of attn's kernel by name.
    lists: makes inputs of attn's kernel that follow from the mask, or None.
    blocks: live blocks [query heads, rows, columns] where these are the mask, too.
    block_size: rows and columns of one.
    causal: whether that, with `window`, `softcap` and `ends` (of documents), is
        the whole mask and score, so that peers without masks take part.
    softmax: whether the weights are a softmax, without which there is no peer.
    reference: another row whose rate this row's is compared with, or None.
    """

    pairs: int
    mask: Optional[Callable] = None
    score: Optional[Callable] = None
    mask_by_head: bool = False
    tensors: dict = dataclasses.field(default_factory=dict)
    lists: Optional[Callable] = None
    blocks: Optional[torch.Tensor] = None
    block_size: tuple = ()
    causal: Optional[bool] = None
    window: Optional[int] = None
    softcap: Optional[float] = None
    ends: Optional[list] = None
    softmax: bool = True
    reference: Optional[Problem] = None


def _number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    raise ValueError(f"expects a number, but got '{text}'")


def parse(name):
    """The problems that `name` stands for."""
    variant, dim, *rest = name.split(":")
    if variant not in PARAMETERS:
        raise ValueError(f"expects one of {', '.join(PARAMETERS)}, but got '{variant}'")
    lengths = [int(x) for x in rest[0].split(",")] if rest and rest[0] else LENGTHS
    lists = {}
    for pair in rest[1:]:
        key, _, values = pair.partition("=")
        if key not in PARAMETERS[variant] and key not in OPTIONS:
            known = ", ".join([*PARAMETERS[variant], *OPTIONS])
            raise ValueError(f"expects one of {known} of {variant}, but got '{key}'")
        read = str if key == "kernel" else _number
        lists[key] = [read(x) for x in values.split(",")]
    return [
        make_problem(variant, int(dim), length, **dict(zip(lists, values)))
        for length in lengths
        for values in itertools.product(*lists.values())
    ]


def make_problem(variant, dim, length, **values):
    """Hidden size 2048 and 16384 tokens, where `values` do not say otherwise."""
    options = {**OPTIONS, **{n: x for n, x in values.items() if n in OPTIONS}}
    parameters = {n: x for n, x in values.items() if n not in OPTIONS}
    return Problem(
        variant, dim, length,
        batch=options["batch"] or max(1, 16384 // length),
        heads=options["heads"] or max(1, 2048 // dim),
        group=options["group"],
        seed=options["seed"],
        kernel=options["kernel"] or f"{variant}-{dim}",
        parameters={**PARAMETERS[variant], **parameters},
    )


# ===- Masks ---------------------------------------------------------------===#


def see_causal(b, h, q, k):
    return k <= q


def see_window(window):
    return lambda b, h, q, k: (k <= q) & (k > q - window)


def see_neighborhood(extents, windows):
    """Windows on a canvas of `extents`, moved to fit into it: NATTEN's."""

    def mask(b, h, q, k):
        seen = None
        step = math.prod(extents)
        for extent, window in zip(extents, windows):
            step //= extent
            at, key = q // step % extent, k // step % extent
            low = torch.clamp(at - window // 2, min=0)
            low = torch.clamp(low, max=extent - window)
            inside = (key >= low) & (key < low + window)
            seen = inside if seen is None else seen & inside
        return seen

    return mask


def see_s2(block, local, vertical, head_step, offset, dense, heads, group):
    def mask(b, h, q, k):
        column = k // block
        slide = h * head_step if head_step >= 0 else h // group * -head_step
        near = q // block - column < local
        far = (column + slide + offset) % vertical == 0
        return (k <= q) & (near | far | (h >= heads - dense))

    return mask


def see_documents(document):
    return lambda b, h, q, k: (k <= q) & (document[q] == document[k])


def see_blocks(blocks, size):
    return lambda b, h, q, k: blocks[h, q // size[0], k // size[1]]


# ===- Live pairs of a sequence --------------------------------------------===#


def count_window(length, window):
    """Of a causal window, of one head."""
    short = min(length, window)
    return short * (short + 1) // 2 + (length - short) * window


def count_neighborhood(extents, windows):
    """Of one head: a window is moved, never cut."""
    seen = math.prod(min(pair) for pair in zip(extents, windows))
    return math.prod(extents) * seen


def count_s2(length, block, local, vertical, head_step, offset, dense, heads, group):
    """Of all heads, by blocks: one before the row's own is seen in full."""
    count = -(-length // block)
    mask = see_s2(1, local, vertical, head_step, offset, dense, heads, group)
    row = torch.arange(count)
    sizes = torch.full((count,), block)
    sizes[-1] = length - (count - 1) * block
    pairs = 0
    for head in range(heads):
        seen = mask(0, head, row[:, None], row[None, :])
        own = seen.diagonal() * sizes * (sizes + 1) // 2
        before = seen.tril(-1) * sizes[:, None] * block
        pairs += int(own.sum() + before.sum())
    return pairs


def count_blocks(blocks, size, length):
    """Of all heads."""
    rows, columns = (
        torch.clamp(length - torch.arange(n, device=blocks.device) * s, max=s)
        for n, s in zip(blocks.shape[1:], size)
    )
    return int((blocks * rows[:, None] * columns).sum())


# ===- Inputs --------------------------------------------------------------===#


def packed_documents(seed, count, total):
    """First tokens of documents whose lengths are log-normal, and the end of the last."""
    rng = random.Random(seed)
    sizes = [rng.lognormvariate(0, 1) for _ in range(count)]
    ends, sum_ = [0], 0
    for size in sizes:
        sum_ += size
        ends.append(max(ends[-1] + 1, round(total * sum_ / sum(sizes))))
    ends[-1] = total
    return ends


def list_blocks(blocks):
    """`indptr` and `indices` of blocks [key heads, rows, columns].

    The host waits for nothing: the list has room for all blocks, and what is beyond
    the last live one is in no row.
    """
    heads, rows, columns = blocks.shape
    counts = blocks.sum(-1, dtype=torch.int32).flatten()
    ends = counts.cumsum(0, dtype=torch.int32)
    starts = torch.nn.functional.pad(ends, (1, 0))
    # Where a head's rows end the next one's start.
    indptr = starts.unfold(0, rows + 1, rows).contiguous()
    live = blocks.flatten()
    place = torch.where(live, live.cumsum(0) - 1, live.numel())
    column = torch.arange(columns, dtype=torch.int32, device=blocks.device)
    indices = torch.full((live.numel() + 1,), -1, dtype=torch.int32, device=blocks.device)
    indices.scatter_(0, place, column.expand(heads, rows, columns).flatten())
    return dict(indptr=indptr, indices=indices)


# ===- Variants ------------------------------------------------------------===#


def _causal_pairs(p):
    return p.heads * count_window(p.length, p.length)


def _by_key_head(p, tensor):
    return tensor.view(p.heads // p.group, p.group, *tensor.shape[1:])


def _full(p):
    return Workload(p.heads * p.length**2, causal=False)


def _causal(p):
    return Workload(_causal_pairs(p), see_causal, causal=True)


def _sigmoid(p):
    return Workload(_causal_pairs(p), softmax=False)


def _softcap(p, softcap):
    return Workload(
        _causal_pairs(p), see_causal, causal=True, softcap=softcap,
        score=lambda score, b, h, q, k: softcap * torch.tanh(score / softcap),
    )


def _alibi(p):
    numbers = torch.arange(1, p.heads + 1, device=DEVICE)
    slope = torch.exp2(-8.0 * numbers / p.heads)
    return Workload(
        _causal_pairs(p), see_causal,
        score=lambda score, b, h, q, k: score + slope[h] * (k - q),
        tensors=dict(slope=_by_key_head(p, slope)),
    )


def _relative_bias(p, entries):
    entries = entries or p.length
    table = torch.randn(p.heads, entries, device=DEVICE)

    def score(score, b, h, q, k):
        return score + table[h, torch.clamp(q - k, min=0, max=entries - 1)]

    return Workload(
        _causal_pairs(p), see_causal, score, tensors=dict(table=_by_key_head(p, table))
    )


def _sliding_window(p, window):
    return Workload(
        p.heads * count_window(p.length, window), see_window(window),
        causal=True, window=window,
    )


def _neighborhood(p, extents, windows, reference=None):
    extents = (p.length // math.prod(extents), *extents)
    if math.prod(extents) != p.length:
        raise ValueError(f"expects whole canvases, but got {p.length} tokens")
    return Workload(
        p.heads * count_neighborhood(extents, windows),
        see_neighborhood(extents, windows), reference=reference,
    )


def _neighborhood_2d(p, width, window_y, window_x):
    return _neighborhood(p, (width,), (window_y, window_x))


def _neighborhood_3d(p, height, width, window_z, window_y, window_x):
    # The dense rate, at a length where it no longer depends on it.
    dense = make_problem("full", p.dim, 16384, heads=p.heads)
    return _neighborhood(p, (height, width), (window_z, window_y, window_x), dense)


def _s2(p, **parameters):
    pattern = dict(**parameters, heads=p.heads, group=p.group)
    return Workload(count_s2(p.length, **pattern), see_s2(**pattern), mask_by_head=True)


def _documents(p, count):
    ends = packed_documents(p.seed, count, p.length)
    sizes = [b - a for a, b in zip(ends, ends[1:])]
    first = torch.tensor(ends, dtype=torch.int32, device=DEVICE)
    token = torch.arange(p.length, dtype=torch.int32, device=DEVICE)

    def lists():
        number = torch.bucketize(token, first, out_int32=True, right=True) - 1
        return dict(doc=number)

    mean = p.length // count
    return Workload(
        p.heads * sum(count_window(n, n) for n in sizes),
        see_documents(lists()["doc"]), causal=True, ends=ends,
        tensors=dict(first=first), lists=lists,
        reference=make_problem(
            "causal-bottom-right", p.dim, mean, heads=p.heads, batch=p.batch * count
        ),
    )


def _block_sparse(p, block_rows, block_cols, live):
    rng = torch.Generator(DEVICE).manual_seed(p.seed)
    rows, columns = (-(-p.length // size) for size in (block_rows, block_cols))
    shape = (p.heads // p.group, rows, columns)
    blocks = torch.rand(shape, generator=rng, device=DEVICE) < live
    by_head = blocks.repeat_interleave(p.group, 0)
    size = (block_rows, block_cols)
    make = torch.compile(list_blocks, dynamic=False)
    return Workload(
        count_blocks(by_head, size, p.length), see_blocks(by_head, size),
        lists=lambda: make(blocks),
        blocks=by_head, block_size=size,
    )


_WORKLOADS = {
    "full": _full,
    "causal-bottom-right": _causal,
    "sigmoid": _sigmoid,
    "gqa": _full,
    "softcap": _softcap,
    "alibi": _alibi,
    "relative-bias": _relative_bias,
    "sliding-window": _sliding_window,
    "neighborhood-2d": _neighborhood_2d,
    "neighborhood-3d": _neighborhood_3d,
    "s2": _s2,
    "documents": _documents,
    "block-sparse": _block_sparse,
}


def make_workload(problem):
    return _WORKLOADS[problem.variant](problem, **problem.parameters)


# ===- Attn's kernels ------------------------------------------------------===#


@dataclasses.dataclass
class Bound:
    """A kernel with inputs and outputs, ready to be launched.

    q, k, v: [sequences, heads, tokens, D], also where the kernel has groups.
    outputs: its own, by name.
    """

    plan: attn.Plan
    workload: Workload
    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    scale: float
    outputs: dict

    def flops(self):
        return 4 * self.q.shape[0] * self.q.shape[-1] * self.workload.pairs

    def poison(self):
        for tensor in self.outputs.values():
            tensor.fill_(float("nan"))


def find_kernel(problem):
    """The kernel for the fewest keys that has the problem's, or the one for all."""
    stem = os.path.join(KERNELS, f"scheduled-{problem.kernel}")
    limits = [int(path[len(stem) + 4 : -5]) for path in glob.glob(stem + "-to-*.attn")]
    limits = [limit for limit in limits if limit >= problem.length]
    return f"{stem}-to-{min(limits)}.attn" if limits else stem + ".attn"


def bind(problem):
    """The problem's kernel on random inputs, outputs poisoned.

    A kernel takes what its manifest names: what it was compiled for is left out.
    """
    kernel = attn.load(find_kernel(problem))
    ranks = {a["name"]: len(a.get("shape", ())) for a in kernel.manifest["arguments"]}
    workload = make_workload(problem)
    torch.manual_seed(problem.seed)
    p, scale = problem, 1 / math.sqrt(problem.dim)
    shape = (p.batch, p.heads // p.group, p.group, p.length, p.dim)
    grouped = torch.randn(shape, device=DEVICE).bfloat16()
    k, v = (torch.randn(*shape[:2], *shape[3:], device=DEVICE).bfloat16() for _ in "kv")
    if ranks["q"] == 4 and p.group != 1:
        raise ValueError(f"expects a group of 1 for {p.variant}, but got {p.group}")
    of_kernel = grouped if ranks["q"] == 5 else grouped[:, :, 0]
    outputs = dict(o=torch.empty_like(of_kernel))
    if "lse" in ranks:
        outputs["lse"] = torch.empty(of_kernel.shape[:-1], device=DEVICE)
    values = dict(
        q=of_kernel, k=k, v=v, scale=scale, **outputs, **workload.tensors,
        **p.parameters, **FIXED.get(p.variant, {}),
    )
    if workload.lists:
        values.update(workload.lists())
    plan = kernel.prepare(**{n: x for n, x in values.items() if n in ranks})
    bound = Bound(plan, workload, grouped.flatten(1, 2), k, v, scale, outputs)
    bound.poison()
    return bound

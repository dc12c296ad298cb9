# ===- test_append.py - keys and values into the caches of several systems ===#
"""The kernels of `append` and `append-plain` beside plain numpy: caches as inference
engines lay them out, given as views and updated in place. Slots are in random order;
what no token names, and the memory around a cache, keeps its bits.
"""

import mmap
import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

TOKENS, HEADS, GROUP, KEY, VALUE, PAGE, PAGES, POSITIONS = 23, 3, 2, 32, 48, 16, 7, 50
NONE = [-1, -2, -(2**31), -(2**63), PAGES * PAGE, 2**31, 2**32, 2**32 + 5, 2**63 - 1]


def bf16_bits(values):
    """The nearest bf16 of f32 values, ties to even, as bits."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def widen(array):
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return array.astype(np.float64)


ROUND = {
    "f32": lambda values: np.asarray(values, np.float32),
    "f16": lambda values: np.asarray(values, np.float16),
    "bf16": bf16_bits,
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder, known = tmp_path_factory.mktemp("append"), {}

    def get(variant="append", page=PAGE, interleaved=False, dtype="f32", index="i64"):
        key = (variant, page, interleaved, dtype, index)
        if key not in known:
            path = folder / ("-".join(map(str, key)) + ".attn")
            name = variant
            if index != "i64":
                # The type of slots and positions is that of the text.
                source = os.path.join(os.environ["ATTN_VARIANTS"], f"{variant}.mlir")
                name = str(folder / f"{variant}-{index}.mlir")
                with open(source) as file, open(name, "w") as changed:
                    changed.write(file.read().replace(", i64, empty", f", {index}, empty")
                                  .replace("-> i64", f"-> {index}")
                                  .replace(": i64 to index", f": {index} to index"))
            command = [os.environ["ATTN_COMPILE"], name, f"--head-dim={KEY}",
                       f"--value-dim={VALUE}", f"--dtype={dtype}", "-o", str(path)]
            if page:
                command.append(f"--page={page}")
            if variant == "append-queries":
                command += [f"--kv-heads={HEADS}", f"--heads={HEADS * GROUP}"]
            if variant != "append-plain":
                command.append(f"--set=interleaved={int(interleaved)}")
            subprocess.run(command, check=True)
            known[key] = attn.load(path, threads=2)
        return known[key]

    return get


def rotate(k, cos, sin, interleaved):
    """In f64: k [tokens, heads, width], cos and sin [tokens, pairs]."""
    half = cos.shape[1]
    turned = k.copy()
    first = slice(0, 2 * half, 2) if interleaved else slice(0, half)
    second = slice(1, 2 * half, 2) if interleaved else slice(half, 2 * half)
    a, b = k[..., first], k[..., second]
    c, s = cos[:, None].astype(np.float64), sin[:, None].astype(np.float64)
    turned[..., first] = a * c - b * s
    turned[..., second] = b * c + a * s
    return turned


class Batch:
    """Tokens with random keys, values, positions and distinct slots, some of none."""

    def __init__(self, tokens=TOKENS, heads=HEADS, slots=PAGES * PAGE, pairs=KEY // 2,
                 dtype="f32", index=np.int64, seed=None):
        seed = seed if seed is not None else np.random.SeedSequence().entropy % 2**32
        print("seed", seed)
        rng = np.random.default_rng(seed)
        self.rng, self.dtype = rng, dtype
        self.k = ROUND[dtype](rng.standard_normal((tokens, heads, KEY)))
        self.v = ROUND[dtype](rng.standard_normal((tokens, heads, VALUE)))
        self.positions = rng.integers(0, POSITIONS, tokens).astype(index)
        angles = rng.uniform(0, 6.3, (POSITIONS, pairs))
        self.cos, self.sin = np.float32(np.cos(angles)), np.float32(np.sin(angles))
        self.slots = rng.permutation(slots)[:tokens].astype(index)
        if tokens > 4:
            self.slots[rng.integers(0, tokens, 4)] = -1

    def arguments(self, variant):
        names = ["k", "v", "slots"]
        if variant == "append":
            names += ["positions", "cos", "sin"]
        return {name: getattr(self, name) for name in names}

    def expected_keys(self, variant, interleaved):
        k = widen(self.k)
        if variant != "append":
            return k
        return rotate(k, self.cos[self.positions], self.sin[self.positions], interleaved)

    def check(self, kernel, k_cache, v_cache, variant="append", interleaved=False,
              page=PAGE):
        """Runs over caches [pages, heads, page, width], or [slots, heads, width]."""
        before = k_cache.copy(), v_cache.copy()
        returned = kernel(**self.arguments(variant), k_cache=k_cache, v_cache=v_cache)
        assert returned["k_cache"] is k_cache and returned["v_cache"] is v_cache
        expected = self.expected_keys(variant, interleaved), widen(self.v)
        size = k_cache.shape[0] * (page or 1)
        for cache, old, rows in zip((k_cache, v_cache), before, expected):
            for slot, row in zip(self.slots, rows):
                if not 0 <= slot < size:
                    continue
                at = (slot // page, slice(None), slot % page) if page else (slot,)
                got = widen(cache[at])
                exact = rows is not expected[0] or variant != "append"
                limit = 0 if exact else {"f32": 3e-7, "f16": 1e-3, "bf16": 8e-3}[self.dtype]
                np.testing.assert_allclose(got, row, rtol=limit, atol=4 * limit)
                cache[at] = old[at]
            # Whatever is left is as it was, NaN too.
            assert cache.tobytes() == old.tobytes()


def noise(shape, dtype="f32"):
    """Bits of any kind."""
    item = {"f32": 4, "f16": 2, "bf16": 2}[dtype]
    bits = np.random.default_rng(0).integers(0, 256, int(np.prod(shape)) * item, np.uint8)
    type_ = {"f32": np.float32, "f16": np.float16, "bf16": np.uint16}[dtype]
    return bits.view(type_).reshape(shape)


# Of each system the views of keys and values.
LAYOUTS = {
    # FlashInfer: [pages, page, heads, width] ("NHD"), [pages, heads, page, width].
    "flashinfer-nhd": lambda d: [
        noise((PAGES, PAGE, HEADS, w), d).transpose(0, 2, 1, 3) for w in (KEY, VALUE)
    ],
    "flashinfer-hnd": lambda d: [noise((PAGES, HEADS, PAGE, w), d) for w in (KEY, VALUE)],
    # vLLM: [blocks, page, heads, width] a side, and since keys and values are packed
    # in the last dimension, [blocks, heads, page, key + value].
    "vllm": lambda d: [
        noise((2, PAGES, PAGE, HEADS, w), d)[side].transpose(0, 2, 1, 3)
        for side, w in enumerate((KEY, VALUE))
    ],
    "vllm-packed": lambda d: np.split(
        noise((PAGES, HEADS, PAGE, KEY + VALUE), d), [KEY], axis=-1
    ),
    # One layer of three of vAttention's megacache, and features that lie apart.
    "megacache": lambda d: [
        noise((PAGES, PAGE, 3, HEADS, w), d)[:, :, 1].transpose(0, 2, 1, 3)
        for w in (KEY, VALUE)
    ],
    "strided": lambda d: [
        noise((PAGES, HEADS, w, 2 * PAGE), d)[:, :, :, ::2].transpose(0, 1, 3, 2)
        for w in (KEY, VALUE)
    ],
}


@pytest.mark.parametrize("dtype", ROUND)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(compiled, layout, dtype):
    Batch(dtype=dtype).check(compiled(dtype=dtype), *LAYOUTS[layout](dtype))


def test_contiguous_slots(compiled):
    """Hugging Face's cache [sequences, heads, tokens, width]: a page a sequence."""
    caches = [noise((4, HEADS, 64, w)) for w in (KEY, VALUE)]
    Batch(slots=4 * 64).check(compiled(page=64), *caches, page=64)


def test_flat_slots(compiled):
    """SGLang's cache [slots, heads, width]."""
    for variant in ("append", "append-plain"):
        caches = [noise((90, HEADS, w)) for w in (KEY, VALUE)]
        Batch(slots=90).check(compiled(variant, page=0), *caches, variant, page=0)


@pytest.mark.parametrize("page", [1, 8, 64])
def test_page_sizes(compiled, page):
    caches = [noise((9 * PAGE // page + 2, HEADS, page, w)) for w in (KEY, VALUE)]
    Batch(slots=9 * PAGE).check(compiled(page=page), *caches, page=page)


@pytest.mark.parametrize("pairs", [KEY // 2, KEY // 4, 3, 0])
@pytest.mark.parametrize("interleaved", [False, True])
def test_rotations(compiled, interleaved, pairs):
    """GPT-NeoX's and GPT-J's order; fewer columns turn fewer features."""
    for dtype in ("f32", "bf16"):
        caches = LAYOUTS["flashinfer-nhd"](dtype)
        kernel = compiled(interleaved=interleaved, dtype=dtype)
        Batch(pairs=pairs, dtype=dtype).check(kernel, *caches, interleaved=interleaved)


@pytest.mark.parametrize("dtype", ROUND)
def test_without_positions(compiled, dtype):
    kernel = compiled("append-plain", dtype=dtype)
    Batch(dtype=dtype).check(kernel, *LAYOUTS["vllm"](dtype), "append-plain")


@pytest.mark.parametrize("tokens,heads", [(0, 3), (1, 1), (1, 8), (100, 1), (7, 32)])
def test_shapes(compiled, tokens, heads):
    caches = [noise((PAGES, heads, PAGE, w)) for w in (KEY, VALUE)]
    Batch(tokens=tokens, heads=heads).check(compiled(), *caches)


@pytest.mark.parametrize("interleaved", [False, True])
def test_queries(compiled, interleaved):
    """They are turned as keys are, by the same launch."""
    batch = Batch(pairs=KEY // 4)
    q = np.float32(batch.rng.standard_normal((TOKENS, HEADS, GROUP, KEY)))
    k_cache, v_cache = LAYOUTS["flashinfer-hnd"]("f32")
    kernel = compiled("append-queries", interleaved=interleaved)
    got = kernel(q=q, **batch.arguments("append"), k_cache=k_cache, v_cache=v_cache)
    at = batch.positions
    expected = rotate(q.reshape(TOKENS, -1, KEY).astype(np.float64), batch.cos[at],
                      batch.sin[at], interleaved)
    np.testing.assert_allclose(got["q_turned"], expected.reshape(q.shape), rtol=3e-7, atol=1e-6)
    k, v = (cache.copy() for cache in (k_cache, v_cache))
    compiled(interleaved=interleaved)(**batch.arguments("append"), k_cache=k, v_cache=v)
    assert k.tobytes() == k_cache.tobytes() and v.tobytes() == v_cache.tobytes()


def test_numbers_of_32_bits(compiled):
    kernel = compiled(index="i32")
    Batch(index=np.int32).check(kernel, *LAYOUTS["flashinfer-hnd"]("f32"))


def test_strided_inputs(compiled):
    """Rows of one tensor of queries, keys and values; tables side by side; numbers apart."""
    batch = Batch()
    packed = np.full((TOKENS, HEADS, 100 + KEY + VALUE), np.nan, np.float32)
    packed[..., 100 : 100 + KEY], packed[..., 100 + KEY :] = batch.k, batch.v
    batch.k, batch.v = packed[..., 100 : 100 + KEY], packed[..., 100 + KEY :]
    tables = np.concatenate([batch.cos, batch.sin], axis=1)
    batch.cos, batch.sin = np.split(tables, 2, axis=1)
    batch.slots = np.stack([batch.slots, batch.slots + 1], axis=1)[:, 0]
    batch.positions = batch.positions[::-1].copy()[::-1]
    batch.check(compiled(), *LAYOUTS["vllm"]("f32"))


@pytest.mark.parametrize("variant", ["append", "append-plain"])
@pytest.mark.parametrize("page", [PAGE, 1, 0])
def test_numbers_of_no_slot(compiled, variant, page):
    """They write nothing: not in the cache, and not in the memory around it."""
    pages = PAGES * PAGE // (page or 1)
    batch = Batch(tokens=len(NONE))
    batch.slots = np.array(NONE, np.int64)
    shape = (HEADS, page) if page else (HEADS,)
    guards = [noise((pages + 8, *shape, w)) for w in (KEY, VALUE)]
    before = [guard.tobytes() for guard in guards]
    kernel = compiled(variant, page=page)
    for tokens in (slice(None), *(slice(i, i + 1) for i in range(len(NONE)))):
        arguments = {
            name: value if name in ("cos", "sin") else value[tokens]
            for name, value in batch.arguments(variant).items()
        }
        kernel(**arguments, k_cache=guards[0][4:-4], v_cache=guards[1][4:-4])
        assert [guard.tobytes() for guard in guards] == before


def test_memory_around_a_cache_is_kept(compiled):
    guards = [noise((PAGES + 2, HEADS, PAGE + 2, w + 2)) for w in (KEY, VALUE)]
    before = [guard.copy() for guard in guards]
    inside = np.s_[1:-1, :, 1:-1, 1:-1]
    Batch().check(compiled(), *(guard[inside] for guard in guards))
    for guard, old in zip(guards, before):
        guard[inside] = old[inside]
        assert guard.tobytes() == old.tobytes()


def test_offsets_beyond_32_bits(compiled):
    """Pages whose bytes begin beyond 2^31 and 2^32; what is between is not touched."""
    stride = 2**30 + 1024  # bytes from page to page
    no_reserve = 0x4000  # MAP_NORESERVE, which Python names since 3.13
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve
    caches = []
    for width in (KEY, VALUE):
        memory = np.frombuffer(mmap.mmap(-1, PAGES * stride, flags=flags), np.float32)
        caches.append(np.lib.stride_tricks.as_strided(
            memory, (PAGES, HEADS, PAGE, width),
            (stride, 4 * PAGE * width, 4 * width, 4),
        ))
    assert (PAGES - 1) * stride > 2**32
    Batch().check(compiled(), *caches)


def refuse(kernel, batch, **others):
    caches = dict(zip(("k_cache", "v_cache"), LAYOUTS["flashinfer-hnd"]("f32")))
    with pytest.raises(attn.Error) as caught:
        kernel(**{**batch.arguments("append"), **caches, **others})
    return str(caught.value)


def test_refusals(compiled):
    kernel, batch = compiled(), Batch()
    k_cache, v_cache = LAYOUTS["flashinfer-hnd"]("f32")
    # The cache is the caller's: none is allocated.
    with pytest.raises(attn.Error, match="k_cache: expects a value"):
        kernel(**batch.arguments("append"), v_cache=v_cache)
    assert "expects elements of f32" in refuse(kernel, batch, k_cache=noise(k_cache.shape, "f16"))
    assert "as in dimension" in refuse(kernel, batch, v_cache=v_cache[:, :2])
    assert "(N, as in dimension 0 of k_cache)" in refuse(kernel, batch, v_cache=v_cache[1:])
    # What is read may not be what is written.
    assert "expects an output apart" in refuse(
        kernel, batch, k=k_cache.reshape(-1, HEADS, KEY)[:TOKENS], k_cache=k_cache)
    assert "expects an output apart" in refuse(
        kernel, batch, k_cache=v_cache[..., :KEY], v_cache=v_cache)
    broadcast = np.broadcast_to(v_cache[:1], v_cache.shape)
    broadcast.flags.writeable = True
    assert "elements lie apart" in refuse(kernel, batch, v_cache=broadcast)
    v_cache.flags.writeable = False
    assert "read-only" in refuse(kernel, batch, v_cache=v_cache)


def test_append_then_attend(compiled, tmp_path):
    """Attention over the pages that were appended to is attention over plain tensors."""
    group, lengths, width = 2, [37, 5, 64, 1], KEY
    rng = np.random.default_rng(7)
    path = tmp_path / "attend.attn"
    subprocess.run(
        [os.environ["ATTN_COMPILE"], "causal-bottom-right", f"--page={PAGE}",
         f"--head-dim={KEY}", f"--value-dim={VALUE}", "-o", str(path)], check=True)
    attend, append = attn.load(path), compiled()
    used = [-(-n // PAGE) for n in lengths]
    order = rng.permutation(sum(used) + 2).astype(np.int32)
    table = np.full((len(lengths), max(used)), -1, np.int32)
    for b, n in enumerate(used):
        table[b, :n] = order[sum(used[:b]) :][:n]
    k_cache = np.full((len(order), HEADS, PAGE, KEY), np.nan, np.float32)
    v_cache = np.full((len(order), HEADS, PAGE, VALUE), np.nan, np.float32)
    angles = np.arange(max(lengths))[:, None] * 10000 ** (-np.arange(KEY // 2) / (KEY // 2))
    cos, sin = np.float32(np.cos(angles)), np.float32(np.sin(angles))
    ks = [rng.standard_normal((n, HEADS, KEY), np.float32) for n in lengths]
    vs = [rng.standard_normal((n, HEADS, VALUE), np.float32) for n in lengths]
    # Prompts first, all in one batch with padding, then token by token.
    steps = [[(b, m) for b, n in enumerate(lengths) for m in range(n - 3)]]
    steps += [[(b, n - 3 + i) for b, n in enumerate(lengths) if n - 3 + i >= 0]
              for i in range(3)]
    for step in steps:
        rng.shuffle(step)
        slots = [table[b, m // PAGE] * PAGE + m % PAGE for b, m in step] + [-1, -1]
        pad = [(0, 0)] * 2
        append(
            k=np.stack([ks[b][m] for b, m in step + pad]),
            v=np.stack([vs[b][m] for b, m in step + pad]),
            positions=np.array([m for _, m in step + pad]), slots=np.array(slots),
            cos=cos, sin=sin, k_cache=k_cache, v_cache=v_cache,
        )
    q = rng.standard_normal((len(lengths), HEADS, group, 1, KEY), np.float32)
    got = attend(q=q, k=k_cache, v=v_cache, pages=table, lengths=np.int32(lengths), scale=0.2)
    for b, n in enumerate(lengths):
        keys = rotate(ks[b].astype(np.float64), cos[:n], sin[:n], False)
        scores = np.einsum("hgpe,mhe->hgpm", q[b], keys) * 0.2
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        expected = np.einsum("hgpm,mhf->hgpf", weights, vs[b])
        np.testing.assert_allclose(got["o"][b], expected, rtol=0, atol=2e-6)

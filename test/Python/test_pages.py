# ===- test_pages.py - keys and values in the pages of several systems ----===#
"""Kernels compiled with --page over caches as inference engines lay them out.

Each layout is built from plain tensors as its documentation has it, and given as
views, without a copy: shapes are [pages, key heads, keys of a page, width]. Sequences
have lengths of their own, and a query sees the keys up to its own, the last query
the last key.
"""

import mmap
import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

HEADS, GROUP, QUERIES, DIM, PAGE = 2, 3, 4, 32, 16


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """By the keys of a page, kernels of causal-bottom-right."""
    folder, known = tmp_path_factory.mktemp("pages"), {}

    def get(page):
        if page not in known:
            path = folder / f"{page}.attn"
            subprocess.run(
                [os.environ["ATTN_COMPILE"], "causal-bottom-right", f"--page={page}",
                 f"--head-dim={DIM}", "-o", str(path)],
                check=True,
            )
            known[page] = attn.load(path)
        return known[page]

    return get


def compile_text(folder, pages, of="k v"):
    """A kernel of causal-bottom-right whose arguments `of` lie in `pages`."""
    with open(os.path.join(os.environ["ATTN_VARIANTS"], "causal-bottom-right.mlir")) as file:
        text = file.read()
    for name, type in zip("kv", "KV"):
        if name in of:
            text = text.replace(
                f"%{name}: !{type}", f"%{name}: !{type} {{cascade.pages = #cascade.pages<{pages}>}}", 1
            )
    source, path = folder / "source.mlir", folder / "kernel.attn"
    source.write_text(text)
    subprocess.run(
        [os.environ["ATTN_COMPILE"], str(source), f"--head-dim={DIM}", "-o", str(path)],
        check=True,
    )
    return attn.load(path)


def attend(q, k, v, scale):
    """In f64: q [heads, group, queries, width], k and v [keys, heads, width]."""
    queries, keys = q.shape[2], k.shape[0]
    scores = np.einsum("hgpe,mhe->hgpm", q, k, dtype=np.float64) * scale
    seen = np.arange(keys) <= np.arange(queries)[:, None] + keys - queries
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = np.where(seen, scores, -np.inf)
        top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
        weights = np.where(seen, np.exp(scores - top), 0)
        total = weights.sum(axis=-1, keepdims=True)
        weights = np.where(total > 0, weights / total, 0)
    return np.einsum("hgpm,mhf->hgpf", weights, v)


class Cache:
    """Sequences of random keys and values, and a table of pages in random order."""

    def __init__(self, lengths, page=PAGE, seed=None):
        seed = seed if seed is not None else np.random.SeedSequence().entropy % 2**32
        print("seed", seed)
        rng = np.random.default_rng(seed)
        self.lengths, self.page = np.asarray(lengths, np.int32), page
        shape = (HEADS, DIM)
        self.k = [rng.standard_normal((n, *shape), np.float32) for n in lengths]
        self.v = [rng.standard_normal((n, *shape), np.float32) for n in lengths]
        self.q = rng.standard_normal(
            (len(lengths), HEADS, GROUP, QUERIES, DIM), np.float32
        )
        used = [-(-n // page) for n in lengths]
        self.num_pages = sum(used) + 3
        order = rng.permutation(self.num_pages).astype(np.int32)
        # Behind a sequence's pages there is what others have left: pages of others,
        # and numbers of none.
        stale = [0, -1, self.num_pages, 2**31 - 1, -(2**31)]
        self.table = rng.choice(stale, (len(lengths), max(used, default=0) + 2))
        self.table = self.table.astype(np.int32)
        at = 0
        for b, n in enumerate(used):
            self.table[b, :n] = order[at : at + n]
            at += n

    def fill(self, side, view):
        """Writes all keys (or values) through `view`; the rest is left as it is."""
        for b, rows in enumerate(getattr(self, side)):
            for m, row in enumerate(rows):
                view[self.table[b, m // self.page], :, m % self.page] = row

    def check(self, kernels, k, v):
        self.fill("k", k)
        self.fill("v", v)
        scale = DIM**-0.5
        outputs = kernels(self.page)(
            q=self.q, k=k, v=v, pages=self.table, lengths=self.lengths, scale=scale
        )
        for b in range(len(self.lengths)):
            expected = attend(self.q[b], self.k[b], self.v[b], scale)
            np.testing.assert_allclose(outputs["o"][b], expected, rtol=0, atol=2e-6)


def empty(*shape):
    """What nobody has written reads as NaN."""
    return np.full(shape, np.nan, np.float32)


# Of each system the views of keys and values, for so many pages.
LAYOUTS = {
    # FlashInfer, paged, "NHD" and "HND": one tensor of both sides.
    "flashinfer-nhd": lambda n: empty(n, 2, PAGE, HEADS, DIM).transpose(1, 0, 3, 2, 4),
    "flashinfer-hnd": lambda n: empty(n, 2, HEADS, PAGE, DIM).transpose(1, 0, 2, 3, 4),
    # FlashAttention: two tensors [pages, page, heads, width].
    "flash-attention": lambda n: [
        empty(n, PAGE, HEADS, DIM).transpose(0, 2, 1, 3) for _ in range(2)
    ],
    # vLLM: [2, blocks, page, heads, width], and since keys and values are packed,
    # [blocks, heads, page, 2 * width].
    "vllm": lambda n: empty(2, n, PAGE, HEADS, DIM).transpose(0, 1, 3, 2, 4),
    "vllm-packed": lambda n: np.split(empty(n, HEADS, PAGE, 2 * DIM), 2, axis=-1),
    # vAttention's megacache, all layers of a token together; here layer 1 of 3.
    "megacache": lambda n: [
        empty(n, PAGE, 3, HEADS, DIM)[:, :, 1].transpose(0, 2, 1, 3) for _ in range(2)
    ],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(kernels, layout):
    cache = Cache([37, 5, 0, 16, 100, 1])
    cache.check(kernels, *LAYOUTS[layout](cache.num_pages))


def test_contiguous_slots(kernels):
    """Hugging Face's cache [sequences, heads, keys, width] is one page a sequence."""
    cache = Cache([37, 5, 0, 64], page=64)
    cache.check(kernels, *empty(2, cache.num_pages, HEADS, 64, DIM))


def test_compressed_rows(tmp_path):
    """FlashInfer's tables: one list of all pages, and where each sequence begins."""
    kernel = compile_text(
        tmp_path, f'{PAGE} of "M" by ["B"] in "indices" to "lengths" at "indptr"'
    )
    cache = Cache([37, 5, 0, 100, 16])
    k, v = LAYOUTS["flashinfer-nhd"](cache.num_pages)
    cache.fill("k", k)
    cache.fill("v", v)
    used = [-(-n // PAGE) for n in cache.lengths]
    indices = np.concatenate([row[:n] for row, n in zip(cache.table, used)])
    indptr = np.cumsum([0, *used]).astype(np.int32)
    got = kernel(
        q=cache.q, k=k, v=v, scale=1.0, lengths=cache.lengths,
        indices=indices, indptr=indptr[:-1],
    )
    for b, (keys, values) in enumerate(zip(cache.k, cache.v)):
        expected = attend(cache.q[b], keys, values, 1.0)
        np.testing.assert_allclose(got["o"][b], expected, rtol=0, atol=2e-5)


def test_starts_outside_of_the_list(tmp_path):
    """Behind a list of pages there are pages that are not there; it begins at 0."""
    kernel = compile_text(
        tmp_path, f'{PAGE} of "M" by ["B"] in "indices" to "lengths" at "indptr"'
    )
    cache = Cache([48] * 6)
    k, v = empty(2, cache.num_pages, HEADS, PAGE, DIM)
    cache.fill("k", k)
    cache.fill("v", v)
    indices = cache.table[:, :3].flatten()
    starts = [-1, len(indices) - 1, -(2**31), 2**31 - 1, 2**31 - 3, 5]
    got = kernel(
        q=cache.q, k=k, v=v, scale=1.0, lengths=cache.lengths, indices=indices,
        indptr=np.int32(starts),
    )
    none = np.zeros((PAGE, HEADS, DIM), np.float32)
    for b, start in enumerate(starts):
        sides = []
        for side in (k, v):
            first = max(start, 0)
            pages = [
                side[indices[at]].transpose(1, 0, 2) if at < len(indices) else none
                for at in range(first, first + 3)
            ]
            sides.append(np.concatenate(pages))
        expected = attend(cache.q[b], *sides, 1.0)
        np.testing.assert_allclose(got["o"][b], expected, rtol=0, atol=2e-5)


def test_offsets_beyond_32_bits(kernels):
    """Pages whose bytes begin beyond 2^31 and 2^32; what is between is not touched."""
    cache = Cache([37, 5, 100])
    stride = 2**30 + 1024  # bytes from page to page
    no_reserve = 0x4000  # MAP_NORESERVE, which Python names since 3.13
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve
    views = []
    for _ in range(2):
        memory = np.frombuffer(
            mmap.mmap(-1, cache.num_pages * stride, flags=flags), np.float32
        )
        views.append(
            np.lib.stride_tricks.as_strided(
                memory, (cache.num_pages, HEADS, PAGE, DIM),
                (stride, 4 * PAGE * DIM, 4 * DIM, 4),
            )
        )
    assert int(cache.table[2, :7].max()) * stride > 2**32
    cache.check(kernels, *views)


@pytest.mark.parametrize("page", [1, 8, 64, 256])
def test_sizes(kernels, page):
    cache = Cache([37, 5, 0, 300], page)
    cache.check(kernels, *empty(2, cache.num_pages, HEADS, page, DIM))


def test_lengths_beyond_the_table(kernels):
    """No more is read than the table has, and nothing of negative lengths."""
    cache = Cache([40, 3])
    k, v = empty(2, cache.num_pages, HEADS, PAGE, DIM)
    cache.fill("k", k)
    cache.fill("v", v)
    arguments = dict(q=cache.q, k=k, v=v, scale=1.0)
    table = np.ascontiguousarray(cache.table[:1, :2])
    whole = kernels(PAGE)(
        **{**arguments, "q": cache.q[:1]}, pages=table, lengths=np.int32([2**31 - 1])
    )
    expected = attend(cache.q[0], cache.k[0][:32], cache.v[0][:32], 1.0)
    np.testing.assert_allclose(whole["o"][0], expected, rtol=0, atol=2e-5)
    none = kernels(PAGE)(
        **arguments, pages=cache.table, lengths=np.int32([-5, -(2**31)])
    )
    assert not none["o"].any() and np.isneginf(none["lse"]).all()


def test_a_page_that_is_not_there_is_empty(kernels):
    """Its keys are zero and so are its values, as a cascade's empty ones."""
    cache = Cache([48])
    k, v = empty(2, cache.num_pages, HEADS, PAGE, DIM)
    cache.fill("k", k)
    cache.fill("v", v)
    for absent in (-1, cache.num_pages, -(2**31)):
        table = cache.table.copy()
        table[0, 1] = absent
        got = kernels(PAGE)(
            q=cache.q, k=k, v=v, pages=table, lengths=cache.lengths, scale=1.0
        )
        keys, values = cache.k[0].copy(), cache.v[0].copy()
        keys[16:32] = values[16:32] = 0
        expected = attend(cache.q[0], keys, values, 1.0)
        np.testing.assert_allclose(got["o"][0], expected, rtol=0, atol=2e-5)

# ===- test_flashinfer.py - FlashInfer's calls by attn ------------------------===#
"""`attn.flashinfer` against numpy in f64, one sequence at a time, with FlashInfer's
conventions: both layouts, lists of pages with the last one's keys, logarithms of base 2.
What no sequence has is not a number."""

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from attn import _compiler, _framework
from attn.flashinfer import (
    BatchDecodeWithPagedKVCacheWrapper, BatchPrefillWithPagedKVCacheWrapper, merge_state,
    merge_states, single_decode_with_kv_cache, single_prefill_with_kv_cache,
)

HEADS, KEY_HEADS, WIDTH, PAGE = 6, 2, 32, 16


@pytest.fixture
def rng():
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    return np.random.default_rng(seed)


def draw(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def attend(q, k, v, causal=False, window_left=-1, logits_soft_cap=None, sm_scale=None, mask=None):
    """Of one sequence: q [queries, heads, width], k and v [keys, key heads, width].
    Returns the output and the logarithm of base 2, [queries, heads]."""
    group = q.shape[1] // k.shape[1]
    q, k, v = (x.astype(np.float64) for x in (q, np.repeat(k, group, 1), np.repeat(v, group, 1)))
    at, m = np.arange(len(q))[:, None] + len(k) - len(q), np.arange(len(k))
    seen = (m <= at) | (not causal) if mask is None else mask
    seen = seen & (m >= at - window_left) if window_left >= 0 else seen
    s = np.einsum("phe,mhe->phm", q, k) * (q.shape[-1] ** -0.5 if sm_scale is None else sm_scale)
    if logits_soft_cap:
        s = logits_soft_cap * np.tanh(s / logits_soft_cap)
    s = np.where(seen[:, None], s, -np.inf)
    top = np.maximum(s.max(-1, keepdims=True, initial=-np.inf), -1e300)
    weights = np.exp(s - top)
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = np.where(total > 0, top / np.log(2) + np.log2(total), -np.inf)[..., 0]
    return np.einsum("phm,mhf->phf", weights / np.where(total > 0, total, 1), v), lse


def close(actual, expected, atol=5e-6):
    for a, e in zip(actual, expected):
        np.testing.assert_allclose(a, e, rtol=0, atol=atol)


def lay(side, layout):
    """[..., keys, heads, width] in a layout, in memory of its own."""
    return side if layout == "NHD" else np.ascontiguousarray(np.swapaxes(side, -3, -2))


OPTIONS = {
    "full": {},
    "causal": dict(causal=True),
    "window": dict(causal=True, window_left=3),
    "window_before": dict(window_left=0),
    "soft_cap": dict(logits_soft_cap=1.5, causal=True),
    "scale": dict(sm_scale=0.4),
}
LAYOUTS = ["NHD", "HND"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", OPTIONS)
def test_one_sequence(rng, name, layout):
    for queries, keys in [(7, 11), (11, 7), (1, 1), (1, 40), (40, 70), (0, 5), (3, 0)]:
        q = draw(rng, queries, HEADS, WIDTH)
        k, v = draw(rng, keys, KEY_HEADS, WIDTH), draw(rng, keys, KEY_HEADS, 24)
        got = single_prefill_with_kv_cache(
            q, lay(k, layout), lay(v, layout), kv_layout=layout, return_lse=True, **OPTIONS[name])
        close(got, attend(q, k, v, **OPTIONS[name]))
        if queries == 1:
            options = {n: x for n, x in OPTIONS[name].items() if n != "causal"}
            o, lse = single_decode_with_kv_cache(
                q[0], lay(k, layout), lay(v, layout), layout, return_lse=True, **options)
            assert o.shape == (HEADS, 24)
            close((o[None], lse[None]), attend(q, k, v, **options))


def test_masks_of_the_caller(rng):
    """They stand in for `causal`, and go with windows."""
    q = draw(rng, 9, HEADS, WIDTH)
    k, v = (draw(rng, 21, KEY_HEADS, WIDTH) for _ in "kv")
    mask = rng.random((9, 21)) < 0.5
    mask[4] = False
    for options in ({}, dict(window_left=8), dict(causal=True)):
        got = single_prefill_with_kv_cache(q, k, v, custom_mask=mask, return_lse=True, **options)
        close(got, attend(q, k, v, **{**options, "causal": False}, mask=mask))


class Batch:
    """Sequences, and their pages in random order."""

    def __init__(self, rng, layout, queries=(3, 0, 5, 1, 1, 20), lengths=(37, 16, 4, 0, 1, 300),
                 page=PAGE, isPacked=True):
        self.rng, self.layout, self.page = rng, layout, page
        self.lengths = lengths
        self.k, self.v = ([draw(rng, n, KEY_HEADS, WIDTH) for n in lengths] for _ in "kv")
        self.qo_indptr = np.cumsum([0, *queries]).astype(np.int32)
        self.q = draw(rng, sum(queries), HEADS, WIDTH)
        counts = [-(-n // page) for n in lengths]
        order = rng.permutation(sum(counts) + 3).astype(np.int32)
        both = np.full((len(order), 2, page, KEY_HEADS, WIDTH), np.nan, np.float32)
        self.indptr = np.cumsum([0, *counts]).astype(np.int32)
        # Behind the pages of all there is anything.
        self.indices = np.append(order[: sum(counts)], np.int32([-1, 2**31 - 1]))
        self.last = np.int32([n - max(c - 1, 0) * page for n, c in zip(lengths, counts)])
        for b in range(len(lengths)):
            for m in range(lengths[b]):
                number = self.indices[self.indptr[b] + m // page]
                both[number, :, m % page] = self.k[b][m], self.v[b][m]
        self.cache = lay(both, layout)
        if not isPacked:
            self.cache = tuple(self.cache[:, i].copy() for i in range(2))

    def list_pages(self):
        return self.indptr, self.indices, self.last

    def attend(self, mask=None, **options):
        for b in range(len(self.lengths)):
            own = slice(*self.qo_indptr[b : b + 2])
            told = {} if mask is None else {"mask": mask[b]}
            yield own, attend(self.q[own], self.k[b], self.v[b], **told, **options)

    def check(self, got, **options):
        for own, expected in self.attend(**options):
            close([x[own] for x in got], expected)


@pytest.mark.parametrize("isPacked", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", OPTIONS)
def test_prefills(rng, name, layout, isPacked):
    batch = Batch(rng, layout, isPacked=isPacked)
    wrapper = BatchPrefillWithPagedKVCacheWrapper(None, layout)
    wrapper.plan(batch.qo_indptr, *batch.list_pages(), HEADS, KEY_HEADS, WIDTH, PAGE, **OPTIONS[name])
    batch.check(wrapper.run(batch.q, batch.cache, return_lse=True), **OPTIONS[name])


def test_prefills_with_masks_of_the_caller(rng):
    batch = Batch(rng, "NHD")
    queries = np.diff(batch.qo_indptr)
    masks = [rng.random((p, m)) < 0.5 for p, m in zip(queries, batch.lengths)]
    for options in ({}, dict(window_left=40)):
        wrapper = BatchPrefillWithPagedKVCacheWrapper(None)
        wrapper.plan(
            batch.qo_indptr, *batch.list_pages(), HEADS, KEY_HEADS, WIDTH, PAGE, causal=True,
            custom_mask=np.concatenate([m.ravel() for m in masks]), **options)
        batch.check(wrapper.run(batch.q, batch.cache, return_lse=True), mask=masks, **options)


@pytest.mark.parametrize("page", [1, 5, 16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_decodes(rng, layout, page):
    batch = Batch(rng, layout, queries=(1,) * 6, page=page)
    for name in ("full", "window_before", "scale"):
        wrapper = BatchDecodeWithPagedKVCacheWrapper(None, layout)
        wrapper.plan(*batch.list_pages(), HEADS, KEY_HEADS, WIDTH, page, **OPTIONS[name])
        batch.check(wrapper.run(batch.q, batch.cache, return_lse=True), **OPTIONS[name])
    batch.check(wrapper.run(batch.q, batch.cache, window_left=2, return_lse=True),
                **OPTIONS[name], window_left=2)


def test_factors_and_given_outputs(rng):
    batch = Batch(rng, "NHD", queries=(1,) * 6)
    wrapper = BatchDecodeWithPagedKVCacheWrapper(None)
    wrapper.plan(*batch.list_pages(), HEADS, KEY_HEADS, WIDTH, PAGE, sm_scale=0.1)
    out, lse = np.empty_like(batch.q), np.empty(batch.q.shape[:2], np.float32)
    got = wrapper.run(batch.q, batch.cache, q_scale=2.0, k_scale=np.float32([1.5]), v_scale=3.0,
                      out=out, lse=lse, return_lse=True)
    assert got[0] is out and got[1] is lse
    batch.check((out / 3, lse), sm_scale=0.3)


def test_a_plan_is_for_many_runs_and_followed_by_another(rng):
    wrapper = BatchDecodeWithPagedKVCacheWrapper(None)
    for lengths in ((5, 40), (0, 0, 0), (33, 1, 2, 3)):
        batch = Batch(rng, "NHD", queries=(1,) * len(lengths), lengths=lengths)
        wrapper.plan(*batch.list_pages(), HEADS, KEY_HEADS, WIDTH, PAGE)
        for _ in range(2):
            batch.q = draw(rng, *batch.q.shape)
            batch.check(wrapper.run(batch.q, batch.cache, return_lse=True))


def test_few_kernels(rng, monkeypatch):
    calls, run = [], _compiler.compile
    monkeypatch.setattr(
        _compiler, "compile", lambda *a, **k: (calls.append(a), run(*a, **k))[1])
    for _ in range(3):
        lengths = tuple(int(n) for n in rng.integers(1, 99, rng.integers(1, 6)))
        batch = Batch(rng, "NHD", queries=(1,) * len(lengths), lengths=lengths, page=7)
        options = dict(window_left=int(rng.integers(9)), logits_soft_cap=float(rng.uniform(1, 3)))
        decode, prefill = BatchDecodeWithPagedKVCacheWrapper(None), BatchPrefillWithPagedKVCacheWrapper(None)
        decode.plan(*batch.list_pages(), HEADS, KEY_HEADS, WIDTH, 7, **options)
        prefill.plan(batch.qo_indptr, *batch.list_pages(), HEADS, KEY_HEADS, WIDTH, 7, **options)
        for wrapper in (decode, prefill):
            batch.check(wrapper.run(batch.q, batch.cache, return_lse=True), **options)
    assert len(calls) == 2


def test_parts_of_the_keys_merge_to_all(rng):
    q = draw(rng, 5, HEADS, WIDTH)
    k, v = (draw(rng, 90, KEY_HEADS, WIDTH) for _ in "kv")
    cuts = [0, 30, 30, 31, 90]
    parts = [single_prefill_with_kv_cache(q, k[a:b], v[a:b], return_lse=True)
             for a, b in zip(cuts, cuts[1:])]
    whole = attend(q, k, v)
    outs, sums = (np.stack(x, 1) for x in zip(*parts))
    outs[:, 1] = np.nan  # of no key
    close(merge_states(outs, sums), whole)
    state = parts[0]
    for part in parts[1:]:
        state = merge_state(*state, *part)
    close(state, whole)
    none = merge_states(outs[:, 1:2], sums[:, 1:2])
    assert not none[0].any() and np.isneginf(none[1]).all()


def test_tensors_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    batch = Batch(rng, "HND", queries=(1,) * 6)
    wrapper = BatchDecodeWithPagedKVCacheWrapper(torch.empty(0), "HND")
    wrapper.plan(*map(torch.from_numpy, batch.list_pages()), HEADS, KEY_HEADS, WIDTH, PAGE,
                 q_data_type=torch.float32)
    q, cache = torch.from_numpy(batch.q), torch.from_numpy(batch.cache)
    got = wrapper.run(q, cache, return_lse=True)
    assert all(isinstance(x, torch.Tensor) for x in got)
    batch.check([x.numpy() for x in got])
    narrow = wrapper.run(q.bfloat16(), cache.bfloat16(), v_scale=2.0)
    assert narrow.dtype == torch.bfloat16 and (narrow.float() / 2 - got[0]).abs().max() < 0.1
    v, s = merge_state(*got, *got)
    assert (v - got[0]).abs().max() < 1e-6 and (s[:3] - got[1][:3] - 1).abs().max() < 1e-6


def test_what_a_gpu_s_tensors_go_through(rng, monkeypatch):
    """Views and tables are PyTorch's then; here over the CPU's kernels."""
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    monkeypatch.setattr(_framework, "is_viewed", lambda value: False)
    batch = Batch(rng, "HND")
    mask = torch.ones(int((np.diff(batch.qo_indptr) * batch.lengths).sum()), dtype=torch.bool)
    q, cache = torch.from_numpy(batch.q), torch.from_numpy(batch.cache)
    for custom in (None, mask):
        wrapper = BatchPrefillWithPagedKVCacheWrapper(torch.empty(0), "HND")
        wrapper.plan(*map(torch.from_numpy, (batch.qo_indptr, *batch.list_pages())), HEADS,
                     KEY_HEADS, WIDTH, PAGE, custom_mask=custom, causal=custom is None, window_left=30)
        got = wrapper.run(q, cache, return_lse=True, v_scale=1.0)
        batch.check([x.numpy() for x in got], causal=custom is None, window_left=30)
    k, v = (torch.from_numpy(x[0]) for x in (batch.k, batch.v))
    one, other = (single_prefill_with_kv_cache(q, k[a:b], v[a:b], return_lse=True)
                  for a, b in ((0, 20), (20, 37)))
    whole = attend(batch.q, batch.k[0], batch.v[0])
    close([x.numpy() for x in merge_state(*one, *other)], whole)
    states = [torch.stack(x, 1) for x in zip(one, other)]
    close([x.numpy() for x in merge_states(*states)], whole)


def test_refusals(rng):
    batch = Batch(rng, "NHD", queries=(1,) * 6)
    wrapper, pages = BatchDecodeWithPagedKVCacheWrapper(None), batch.list_pages()
    sizes = (HEADS, KEY_HEADS, WIDTH, PAGE)
    q, k = batch.q, draw(rng, 4, KEY_HEADS, WIDTH)

    def refuse(match, call, *arguments, **options):
        with pytest.raises(attn.Error, match=match):
            call(*arguments, **options)

    refuse("expects a plan, but there is none", wrapper.run, q, batch.cache)
    refuse("use_cuda_graph", BatchDecodeWithPagedKVCacheWrapper, None, use_cuda_graph=True)
    refuse("expects NHD or HND, but got HDN", BatchDecodeWithPagedKVCacheWrapper, None, "HDN")
    refuse("expects NONE, but got ROPE_LLAMA", wrapper.plan, *pages, *sizes, "ROPE_LLAMA")
    refuse("argument indptr: expects places of the 3 indices", wrapper.plan,
           pages[0], pages[1][:3], pages[2], *sizes)
    refuse("expects 1 to 16 keys in a last page, but got 17 of sequence 1", wrapper.plan,
           *pages[:2], np.int32([5, 17, 4, 0, 1, 12]), *sizes)
    refuse(r"argument last_page_len: expects \[6\]", wrapper.plan, *pages[:2], pages[2][1:], *sizes)
    refuse("argument o_data_type", wrapper.plan, *pages, *sizes, o_data_type="float32")
    wrapper.plan(*pages, *sizes)
    refuse(r"argument q: expects \[6, 6, 32\], but got \[5, 6, 32\]", wrapper.run, q[1:], batch.cache)
    refuse(r"argument paged_kv_cache: expects \[\d+, 16, 2, 32\]", wrapper.run, q,
           tuple(batch.cache[:, i, :8] for i in range(2)))
    refuse(r"argument paged_kv_cache: expects \[\d+, 2, 16, 2, 32\]", wrapper.run, q, batch.cache[:, :1])
    refuse("argument sinks", wrapper.run, q, batch.cache, sinks=np.zeros(HEADS))
    refuse(r"argument k_scale: expects one number, but got \[2\]", wrapper.run, q, batch.cache,
           k_scale=np.ones(2))
    refuse("give custom_mask", single_prefill_with_kv_cache, q, k, k, packed_custom_mask=q)
    refuse(r"argument q: expects \[heads, width\]", single_decode_with_kv_cache, q, k, k)
    refuse(r"custom_mask: expects \[6, 4\]", single_prefill_with_kv_cache, q, k, k, custom_mask=q[0])
    prefill = BatchPrefillWithPagedKVCacheWrapper(None)
    refuse(r"argument qo_indptr: expects \[7\]", prefill.plan, batch.qo_indptr[1:], *pages, *sizes)
    refuse("none below the one before", prefill.plan, -batch.qo_indptr, *pages, *sizes)
    refuse("argument custom_mask: expects", prefill.plan, batch.qo_indptr, *pages, *sizes,
           custom_mask=np.ones(3, bool))
    refuse("expects", merge_states, q, q)

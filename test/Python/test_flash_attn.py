# ===- test_flash_attn.py - FlashAttention's calls by attn ------------------===#
"""`attn.flash_attn` against numpy in f64, one sequence at a time, with FlashAttention's
conventions: [batch, length, heads, width], alignment at the last key, natural logarithms.
What no sequence has is not a number."""

import sys

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from attn import _compiler, _framework
from attn.flash_attn import flash_attn_func, flash_attn_varlen_func, flash_attn_with_kvcache

HEADS, KEY_HEADS, WIDTH, VALUE_WIDTH = 6, 2, 32, 24


@pytest.fixture
def rng():
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.fixture
def compiled(monkeypatch):
    """The options of each kernel that is compiled from now on."""
    calls, run = [], _compiler.compile

    def count(source, *options, **limits):
        calls.append((source[:40], *options))
        return run(source, *options, **limits)

    monkeypatch.setattr(_compiler, "compile", count)
    return calls


def draw(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def attend(q, k, v, causal=False, window_size=(-1, -1), softcap=0.0, alibi_slopes=None,
           softmax_scale=None):
    """Of one sequence: q [queries, heads, width], k and v [keys, key heads, width]."""
    group = q.shape[1] // k.shape[1]
    q, k, v = (x.astype(np.float64) for x in (q, np.repeat(k, group, 1), np.repeat(v, group, 1)))
    left, right = window_size[0], 0 if causal else window_size[1]
    at, m = np.arange(len(q))[:, None] + len(k) - len(q), np.arange(len(k))
    seen = (m >= at - (left if left >= 0 else np.inf)) & (m <= at + (right if right >= 0 else np.inf))
    s = np.einsum("phe,mhe->hpm", q, k) * (q.shape[-1] ** -0.5 if softmax_scale is None else softmax_scale)
    if softcap:
        s = softcap * np.tanh(s / softcap)
    if alibi_slopes is not None:
        s = s - alibi_slopes[:, None, None] * abs(at - m)
    s = np.where(seen, s, -np.inf)
    top = np.maximum(s.max(-1, keepdims=True, initial=-np.inf), -1e300)
    weights = np.exp(s - top)
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = np.where(total > 0, top + np.log(total), -np.inf)[..., 0]
    return np.einsum("hpm,mhf->phf", weights / np.where(total > 0, total, 1), v), lse


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=5e-6)


def options_of(b, options):
    """What `attend` takes of the options of a call, for sequence b."""
    slopes = options.get("alibi_slopes")
    return {**options, **({"alibi_slopes": np.atleast_2d(slopes)[b % np.atleast_2d(slopes).shape[0]]}
                          if slopes is not None else {})}


SLOPES = np.float32(2.0 ** -np.arange(1, HEADS + 1))
OPTIONS = {
    "full": {},
    "causal": dict(causal=True),
    "window": dict(window_size=(5, 2)),
    "left": dict(window_size=(3, -1)),
    "right": dict(window_size=(-1, 4)),
    "causal_window": dict(causal=True, window_size=(6, 9)),
    "itself": dict(window_size=(0, 0)),
    "softcap": dict(softcap=1.5, causal=True),
    "slopes": dict(alibi_slopes=SLOPES),
    "slopes_of_sequences": dict(alibi_slopes=np.stack([SLOPES * (1 + b) for b in range(6)])),
    "all": dict(softcap=2.0, causal=True, window_size=(9, 0), alibi_slopes=SLOPES, softmax_scale=0.3),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_whole_sequences(rng, name):
    for queries, keys in [(7, 11), (11, 7), (1, 1), (1, 40), (70, 70), (0, 5), (3, 0)]:
        q = draw(rng, 6, queries, HEADS, WIDTH)
        k, v = (draw(rng, 6, keys, KEY_HEADS, w) for w in (WIDTH, VALUE_WIDTH))
        o, lse, none = flash_attn_func(q, k, v, return_attn_probs=True, **OPTIONS[name])
        assert none is None and o.shape == (6, queries, HEADS, VALUE_WIDTH) and o.flags.c_contiguous
        for b in range(6):
            exact, sums = attend(q[b], k[b], v[b], **options_of(b, OPTIONS[name]))
            close(o[b], exact)
            close(lse[b], sums)
        assert (flash_attn_func(q, k, v, **OPTIONS[name]) == o).all()


LENGTHS = [(3, 7), (0, 4), (5, 2), (1, 0), (1, 1), (40, 61)]


def pack(rng, dims=LENGTHS):
    """Tokens of all sequences, and behind them some of nobody."""
    sums = [np.cumsum([0, *side]).astype(np.int32) for side in zip(*dims)]
    q = draw(rng, sums[0][-1] + 2, HEADS, WIDTH)
    k, v = (draw(rng, sums[1][-1] + 3, KEY_HEADS, w) for w in (WIDTH, VALUE_WIDTH))
    k[sums[1][-1]:] = v[sums[1][-1]:] = np.nan
    return q, k, v, *sums


def check_packed(o, lse, q, k, v, queries, keys, options):
    assert lse.shape == (HEADS, len(q))
    for b in range(len(queries) - 1):
        own, seen = slice(*queries[b:b + 2]), slice(*keys[b:b + 2])
        exact, sums = attend(q[own], k[seen], v[seen], **options_of(b, options))
        close(o[own], exact)
        close(lse[:, own], sums)
    assert not o[queries[-1]:].any() and np.isneginf(lse[:, queries[-1]:]).all()


@pytest.mark.parametrize("name", OPTIONS)
def test_packed_sequences(rng, name):
    q, k, v, queries, keys = pack(rng)
    o, lse, _ = flash_attn_varlen_func(
        q, k, v, queries, keys, 40, 61, return_attn_probs=True, **OPTIONS[name])
    check_packed(o, lse, q, k, v, queries, keys, OPTIONS[name])


def lay_out(rng, sides, page, shape=None):
    """Pages in random order, NaN where nothing is, and a table with anything behind its ends."""
    counts = [-(-len(rows) // page) for rows in sides[0]]
    order = rng.permutation(sum(counts) + 3).astype(np.int32)
    table = rng.choice(np.int32([-1, 2**31 - 1, -(2**31), 0]), (len(counts), max(counts) + 1))
    pools = [np.full((len(order), page, *rows[0].shape[1:]), np.nan, np.float32) for rows in sides]
    at = 0
    for b, count in enumerate(counts):
        table[b, :count] = order[at:at + count]
        at += count
        for pool, rows in zip(pools, sides):
            for m, row in enumerate(rows[b]):
                pool[table[b, m // page], m % page] = row
    return *pools, table


# Other sizes of pages are other kernels: they go with two of the options.
@pytest.mark.parametrize("name,page", [(name, 16) for name in OPTIONS] + [("causal", 1), ("all", 1)])
def test_packed_queries_over_pages(rng, name, page):
    q, k, v, queries, keys = pack(rng)
    sides = [[x[a:b] for a, b in zip(keys, keys[1:])] for x in (k, v)]
    k_pages, v_pages, table = lay_out(rng, sides, page)
    o, lse, _ = flash_attn_varlen_func(
        q, k_pages, v_pages, queries, keys, 40, 61, return_attn_probs=True, block_table=table,
        **OPTIONS[name])
    check_packed(o, lse, q, k, v, queries, keys, OPTIONS[name])


class Cache:
    """Sequences with keys in a cache, and new ones of them."""

    def __init__(self, rng, kind, queries, new=0, lengths=(37, 0, 1, 16, 60, 5), capacity=64):
        self.lengths, self.kind, self.rng = np.int32(lengths), kind, rng
        count = len(lengths)
        self.q = draw(rng, count, queries, HEADS, WIDTH)
        self.new = [draw(rng, count, new, KEY_HEADS, w) for w in (WIDTH, VALUE_WIDTH)]
        sides = [[draw(rng, n, KEY_HEADS, w) for n in lengths] for w in (WIDTH, VALUE_WIDTH)]
        self.sides = sides
        self.told = {}
        if kind.startswith("page"):
            self.page = int(kind[4:])
            # Pages for new keys too.
            padded = [[np.pad(x, [(0, new), (0, 0), (0, 0)], constant_values=np.nan) for x in side]
                      for side in sides]
            self.k, self.v, table = lay_out(rng, padded, self.page)
            self.told = dict(block_table=table)
            self.slots = [[(table[b, m // self.page], m % self.page) for m in range(n + new)]
                          for b, n in enumerate(lengths)]
            return
        slots = rng.permutation(count + 2)[:count] if kind == "chosen" else np.arange(count)
        if kind == "chosen":
            self.told = dict(cache_batch_idx=np.int32(slots))
        self.k, self.v = (np.full((count + 2, capacity, KEY_HEADS, w), np.nan, np.float32)
                          for w in (WIDTH, VALUE_WIDTH))
        self.slots = [[(s, m) for m in range(n + new)] for s, n in zip(slots, lengths)]
        for cache, side in zip((self.k, self.v), sides):
            for b, rows in enumerate(side):
                cache[slots[b], :len(rows)] = rows

    def attend(self, k_new, q=None, **options):
        """Of each sequence, the keys of the cache and the new ones."""
        for b in range(len(self.lengths)):
            k, v = (np.concatenate([side[b], new[b]])
                    for side, new in zip(self.sides, (k_new, self.new[1])))
            yield attend((self.q if q is None else q)[b], k, v, **options_of(b, options))

    def check(self, k_new=None, q=None, told=None, **options):
        k_new = self.new[0] if k_new is None else k_new
        hasNew = self.new[0].shape[1] > 0
        before = [cache.copy() for cache in (self.k, self.v)]
        o, lse = flash_attn_with_kvcache(
            self.q, self.k, self.v, *(self.new if hasNew else ()), cache_seqlens=self.lengths,
            return_softmax_lse=True, **options, **self.told, **(told or {}))
        assert lse.shape == (*self.q.shape[:1], HEADS, self.q.shape[1])
        for b, (exact, sums) in enumerate(self.attend(k_new, q, **options)):
            close(o[b], exact)
            close(lse[b], sums)
        # What is new lies in its slots, and everything else is as it was.
        for cache, old, new in zip((self.k, self.v), before, (k_new, self.new[1])):
            for b, n in enumerate(self.lengths):
                for i in range(new.shape[1]):
                    at = self.slots[b][n + i]
                    np.testing.assert_allclose(cache[at], new[b, i], rtol=0, atol=2e-6)
                    old[at] = cache[at]
            assert cache.tobytes() == old.tobytes()


KINDS = ["slots", "chosen", "page16", "page5"]


@pytest.mark.parametrize("name,kind", [(n, k) for n in OPTIONS for k in ("slots", "page16")]
                         + [(n, k) for n in ("causal", "all") for k in ("chosen", "page5")])
def test_caches(rng, name, kind):
    for queries in (1, 4):
        Cache(rng, kind, queries).check(**OPTIONS[name])


@pytest.mark.parametrize("kind", KINDS)
def test_new_keys(rng, kind):
    for queries, new in [(1, 1), (4, 4), (2, 3), (3, 1)]:
        Cache(rng, kind, queries, new).check(causal=True)
        Cache(rng, kind, queries, new).check()


def turn(x, positions, cos, sin, isInterleaved):
    """Rows [batch, tokens, heads, width] by the angles of their positions."""
    pairs = cos.shape[1]
    c, s = (t[positions][:, :, None].astype(np.float64) for t in (cos, sin))
    x = x.astype(np.float64)
    one, other = (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if isInterleaved else \
        (slice(0, pairs), slice(pairs, 2 * pairs))
    turned = x.copy()
    turned[..., one] = x[..., one] * c - x[..., other] * s
    turned[..., other] = x[..., other] * c + x[..., one] * s
    return turned


@pytest.mark.parametrize("isInterleaved", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_rotary(rng, kind, isInterleaved):
    angles = np.arange(100)[:, None] * 1e4 ** (-np.arange(WIDTH // 4) / (WIDTH // 4))
    cos, sin = np.float32(np.cos(angles)), np.float32(np.sin(angles))
    for tokens, options in [(1, {}), (4, dict(causal=True)), (3, dict(window_size=(7, 0)))]:
        cache = Cache(rng, kind, tokens, tokens)
        at = cache.lengths[:, None] + np.arange(tokens)
        k, q = (turn(x, at, cos, sin, isInterleaved) for x in (cache.new[0], cache.q))
        cache.check(k, q, dict(rotary_cos=cos, rotary_sin=sin, rotary_interleaved=isInterleaved),
                    **options)


def test_one_length_for_all(rng):
    cache = Cache(rng, "slots", 2, lengths=(9,) * 6)
    o = flash_attn_with_kvcache(cache.q, cache.k, cache.v, cache_seqlens=9)
    for b, (exact, _) in enumerate(cache.attend(cache.new[0])):
        close(o[b], exact)
    k, v = cache.k[:6, :9], cache.v[:6, :9]
    close(flash_attn_with_kvcache(cache.q, k, v), o)


def test_few_kernels_for_all_lengths_and_numbers(rng, compiled):
    """Lengths, batches, heads, windows, caps and slopes are those of a call."""
    width = 40  # of no other test
    for turn_ in range(3):
        batch, queries, keys, group = rng.integers(2, 5), *rng.integers(3, 70, 2), rng.integers(2, 5)
        window = tuple(int(n) for n in rng.integers(0, 9, 2))
        more = dict(window_size=window, softcap=float(rng.uniform(1, 3)),
                    alibi_slopes=np.float32(rng.random(2 * group)))
        q = draw(rng, batch, queries, 2 * group, width)
        k, v = (draw(rng, batch, keys, 2, width) for _ in "kv")
        table = np.int32(rng.permutation(batch)[:, None])
        sums = np.int32(np.arange(batch + 1))
        flash_attn_func(q, k, v, **more)
        flash_attn_with_kvcache(q, k, v, cache_seqlens=keys - 1, **more)
        flash_attn_varlen_func(
            *(x.reshape(-1, *x.shape[2:]) for x in (q, k, v)), sums * queries, sums * keys,
            queries, keys, **more)
        flash_attn_with_kvcache(q, k[:, :1], v[:, :1], block_table=table, **more)
        flash_attn_varlen_func(
            q.reshape(-1, 2 * group, width), k[:, :1], v[:, :1], sums * queries, sums, queries, 1,
            block_table=table, **more)
    assert len(compiled) == 5


@pytest.mark.parametrize("dtype,limit", [("float16", 3e-3), ("bfloat16", 3e-2)])
def test_narrow_types(rng, dtype, limit):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    type_ = np.dtype(getattr(ml_dtypes, dtype, dtype))
    q, k, v = (draw(rng, 2, 20, h, WIDTH).astype(type_) for h in (HEADS, KEY_HEADS, KEY_HEADS))
    o = flash_attn_func(q, k, v, causal=True)
    assert o.dtype == type_
    for b in range(2):
        exact, _ = attend(*(x[b].astype(np.float32) for x in (q, k, v)), causal=True)
        assert np.abs(o[b].astype(np.float64) - exact).max() < limit


def test_tensors_of_pytorch(rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    q, k, v = (torch.randn(2, 9, h, WIDTH) for h in (HEADS, KEY_HEADS, KEY_HEADS))
    o, lse, _ = flash_attn_func(q, k, v, causal=True, return_attn_probs=True)
    assert isinstance(o, torch.Tensor) and isinstance(lse, torch.Tensor)
    for b in range(2):
        exact, sums = attend(*(x[b].numpy() for x in (q, k, v)), causal=True)
        close(o[b].numpy(), exact)
        close(lse[b].numpy(), sums)
    narrow = [x.bfloat16() for x in (q, k, v)]
    o16 = flash_attn_func(*narrow, causal=True)
    assert o16.dtype == torch.bfloat16 and (o16.float() - o).abs().max() < 5e-2
    cache = torch.zeros(2, 32, KEY_HEADS, WIDTH), torch.zeros(2, 32, KEY_HEADS, WIDTH)
    lengths = torch.zeros(2, dtype=torch.int32)
    close(flash_attn_with_kvcache(q, *cache, k, v, cache_seqlens=lengths, causal=True), o)
    assert (cache[0][:, :9] == k).all() and not cache[0][:, 9:].any()
    with pytest.raises(attn.Error, match="expects a tensor without gradients"):
        flash_attn_func(q.requires_grad_(), k, v)


def to_torch(value):
    """Arrays of a call as PyTorch's tensors of the same memory."""
    return sys.modules["torch"].from_numpy(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("name", ["causal", "all", "slopes_of_sequences"])
def test_what_a_gpu_s_tensors_go_through(rng, monkeypatch, name):
    """Views, tables and slots are PyTorch's then; here over the CPU's kernels."""
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    monkeypatch.setattr(_framework, "is_viewed", lambda value: False)
    assert isinstance(_framework.as_native("x", torch.zeros(3)), torch.Tensor)

    def call(function, *arguments, **options):
        results = function(*map(to_torch, arguments), **{n: to_torch(x) for n, x in options.items()})
        assert not isinstance(results[0], np.ndarray)
        return [x.numpy() for x in results if x is not None]

    options = OPTIONS[name]
    q, k, v, queries, keys = pack(rng)
    o, lse = call(flash_attn_varlen_func, q, k, v, queries, keys, 40, 61, return_attn_probs=True, **options)
    check_packed(o, lse, q, k, v, queries, keys, options)
    sides = [[x[a:b] for a, b in zip(keys, keys[1:])] for x in (k, v)]
    *pools, table = lay_out(rng, sides, 16)
    o, lse = call(flash_attn_varlen_func, q, *pools, queries, keys, 40, 61, block_table=table,
                  return_attn_probs=True, **options)
    check_packed(o, lse, q, k, v, queries, keys, options)
    monkeypatch.setitem(globals(), "flash_attn_with_kvcache",
                        lambda *a, _run=flash_attn_with_kvcache, **o: call(_run, *a, **o))
    angles = np.arange(100)[:, None] * 1e4 ** (-np.arange(WIDTH // 4) / (WIDTH // 4))
    cos, sin = np.float32(np.cos(angles)), np.float32(np.sin(angles))
    for kind in ("slots", "chosen", "page16"):
        Cache(rng, kind, 4, 4).check(**options)
        if name == "causal":
            cache = Cache(rng, kind, 3, 3)
            at = cache.lengths[:, None] + np.arange(3)
            turned = [turn(x, at, cos, sin, True) for x in (cache.new[0], cache.q)]
            cache.check(*turned, dict(rotary_cos=cos, rotary_sin=sin), **options)


def test_refusals(rng):
    q, k, v = (draw(rng, 2, 9, h, WIDTH) for h in (HEADS, KEY_HEADS, KEY_HEADS))
    sums = np.int32([0, 9, 18])
    rows = [x.reshape(18, -1, WIDTH) for x in (q, k, v)]
    cache = lambda *new, **told: flash_attn_with_kvcache(q, k, v, *new, **told)
    cos = np.ones((9, 4), np.float32)
    for call, match in [
        (lambda: flash_attn_func(q, k, v, 0.1), "dropout_p: expects 0, but got 0.1"),
        (lambda: flash_attn_func(q[0], k, v), r"argument q: expects \[batch, queries, heads, width\]"),
        (lambda: flash_attn_func(q, k[:1], v[:1]), "expects keys of q's 2 sequences, but got 1"),
        (lambda: flash_attn_func(q[:, :, :5], k, v), "heads that divides q's 5, but got 2"),
        (lambda: flash_attn_func(q, k, v[:, :3]), "argument v: expects"),
        (lambda: flash_attn_func(q, k[..., :8], v), "expects the width of q, 32, but got 8"),
        (lambda: flash_attn_func(q, k, v, alibi_slopes=SLOPES[:4]), "argument alibi_slopes: expects"),
        (lambda: flash_attn_varlen_func(*rows, sums, sums[:2], 9, 9), "as many sequences as cu_seqlens_q, 2, but got 1"),
        (lambda: flash_attn_varlen_func(*rows, sums[:1], sums, 9, 9), r"argument cu_seqlens_q: expects \[sequences \+ 1\]"),
        (lambda: cache(cache_leftpad=[1, 1]), "expects caches that begin with their first key"),
        (lambda: cache(cache_seqlens=[1, 2, 3]), "argument cache_seqlens: expects a number for each of 2"),
        (lambda: cache(k, v, cache_seqlens=1), "expects room for 9 tokens behind those of sequence 0, but it has 1 of 9"),
        (lambda: cache(k), "expects new keys and values, but got one of them"),
        (lambda: cache(rotary_cos=cos, rotary_sin=cos), "expects new keys, but got none"),
        (lambda: cache(k, v, cos, cos, 0), "9 queries and 9 keys, which are not causal"),
        (lambda: cache(k[:, :2], v[:, :2], cos, cos, 0, causal=True), "9 queries and 2 keys"),
        (lambda: cache(block_table=np.zeros((3, 1), np.int32)), r"argument block_table: expects \[2, entries\]"),
    ]:
        with pytest.raises(attn.Error, match=match):
            call()


def test_a_refused_call_writes_nothing(rng):
    cache = Cache(rng, "page16", 4, 4)
    before = cache.k.tobytes(), cache.v.tobytes()
    for options in (dict(alibi_slopes=SLOPES[:4]), dict(rotary_cos=np.ones((9, 4), np.float32))):
        with pytest.raises(attn.Error):
            flash_attn_with_kvcache(
                cache.q, cache.k, cache.v, *cache.new, cache_seqlens=cache.lengths, **options,
                **cache.told)
    assert (cache.k.tobytes(), cache.v.tobytes()) == before

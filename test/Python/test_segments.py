# ===- test_segments.py - prompts, decodes and shared prefixes in one call -===#
"""Kernels of `segments` on batches as an engine has them, against numpy in f64.

Queries of all sequences follow each other, tokens first; each sequence has a segment of
its own, and groups of them prefixes that they share, in a tree. Keys lie in pages in
random order, or without pages; what nobody has is not a number.
"""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

HEADS, GROUP, DIM = 2, 3, 32


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """By options of attn-compile."""
    folder, known = tmp_path_factory.mktemp("segments"), {}

    def get(*options):
        if options not in known:
            path = folder / f"{len(known)}.attn"
            subprocess.run(
                [os.environ["ATTN_COMPILE"], "segments", f"--head-dim={DIM}", *options,
                 "-o", str(path)],
                check=True,
            )
            known[options] = attn.load(path)
        return known[options]

    return get


@pytest.fixture
def rng():
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    return np.random.default_rng(seed)


class Batch:
    """Segments (length, first, last, causal) in a tree of prefixes, and their keys."""

    def __init__(self, rng, groups=3):
        self.segments, self.queries = [], 0
        for _ in range(groups):
            self.add_group(rng, depth=2)
        rng.shuffle(self.segments)
        self.queries += 2  # of nobody
        self.k, self.v = (
            [rng.standard_normal((n, HEADS, DIM)).astype(np.float32) for n, *_ in self.segments]
            for _ in "kv"
        )
        # As a projection leaves them: tokens, heads, width.
        self.q = rng.standard_normal((self.queries, HEADS * GROUP, DIM)).astype(np.float32)

    def add_group(self, rng, depth):
        first = self.queries
        for _ in range(rng.integers(1, 4)):
            if depth and rng.integers(2):
                self.add_group(rng, depth - 1)
                continue
            queries = int(rng.choice([0, 1, 1, 1, 3, 40]))
            length = queries + int(rng.integers(0, 300)) if rng.integers(4) else 0
            self.segments.append((length, self.queries, self.queries + queries, 1))
            self.queries += queries
        self.segments.append((int(rng.integers(0, 500)), first, self.queries, 0))

    def column(self, i):
        return np.array([s[i] for s in self.segments], dtype=np.int32)

    def views(self):
        """Queries, outputs and sums by [head, member, token]."""
        shape = (self.queries, HEADS, GROUP)
        o = np.full((*shape, DIM), np.nan, np.float32)
        lse = np.full(shape, np.nan, np.float32)
        q = self.q.reshape(*shape, DIM)
        return dict(q=q.transpose(1, 2, 0, 3), o=o.transpose(1, 2, 0, 3), lse=lse.transpose(1, 2, 0))

    def attend(self, scale):
        o = np.zeros((HEADS, GROUP, self.queries, DIM))
        lse = np.full(o.shape[:-1], -np.inf)
        for p in range(self.queries):
            keys, values = [], []
            for (n, first, last, causal), k, v in zip(self.segments, self.k, self.v):
                if first <= p < last:
                    seen = max(min(n, p + n - last + 1), 0) if causal else n
                    keys.append(k[:seen])
                    values.append(v[:seen])
            if sum(map(len, keys)) == 0:
                continue
            k, v = np.concatenate(keys), np.concatenate(values)
            q = self.q[p].reshape(HEADS, GROUP, DIM).astype(np.float64)
            scores = np.einsum("hgd,mhd->hgm", q, k) * scale
            top = scores.max(-1, keepdims=True)
            weights = np.exp(scores - top)
            total = weights.sum(-1, keepdims=True)
            lse[:, :, p] = (top + np.log(total))[..., 0]
            o[:, :, p] = np.einsum("hgm,mhd->hgd", weights / total, v)
        return o, lse


def make_batch(segments, q, k, v):
    batch = Batch.__new__(Batch)
    batch.segments, batch.queries = segments, len(q)
    batch.q, batch.k, batch.v = q, k, v
    return batch


def draw_shared_prefix(rng, prefix, most, count):
    """Sequences of up to so many keys of their own behind one prefix, a query each."""
    own = [(int(n), i, i + 1, 1) for i, n in enumerate(rng.integers(1, most + 1, count))]
    segments = [(prefix, 0, count, 0), *own]
    k, v = (
        [rng.standard_normal((n, HEADS, DIM)).astype(np.float32) for n, *_ in segments]
        for _ in "kv"
    )
    q = rng.standard_normal((count, HEADS * GROUP, DIM)).astype(np.float32)
    return make_batch(segments, q, k, v)


def lay_out(batch, page, rng):
    """Pools of pages, NHD, and their table, with anything behind its ends."""
    counts = [-(-len(k) // page) for k in batch.k]
    order = rng.permutation(sum(counts) + 3)
    pools = [np.full((len(order), page, HEADS, DIM), np.nan, np.float32) for _ in "kv"]
    table = rng.integers(-2**31, 2**31, (len(counts), max(counts) + 2)).astype(np.int32)
    at = 0
    for s, count in enumerate(counts):
        table[s, :count] = order[at : at + count]
        for entry in range(count):
            for pool, side in zip(pools, (batch.k, batch.v)):
                rows = side[s][entry * page : (entry + 1) * page]
                pool[order[at + entry], : len(rows)] = rows
        at += count
    k, v = (x.transpose(0, 2, 1, 3) for x in pools)
    return dict(k=k, v=v, pages=table)


def pad(batch):
    """Without pages: as many rows as the longest segment has."""
    longest = max(map(len, batch.k))
    sides = []
    for side in (batch.k, batch.v):
        whole = np.full((len(side), longest, HEADS, DIM), np.nan, np.float32)
        for s, rows in enumerate(side):
            whole[s, : len(rows)] = rows
        sides.append(whole.transpose(0, 2, 1, 3))
    return dict(k=sides[0], v=sides[1])


def run(kernel, batch, memory, scale=0.2, **told):
    views = batch.views()
    columns = dict(lengths=batch.column(0), first=batch.column(1), last=batch.column(2),
                   causal=batch.column(3))
    kernel(**{**columns, **told}, **views, **memory, scale=scale)
    return views["o"], views["lse"]


def expect_right(kernel, batch, memory, **told):
    o, lse = run(kernel, batch, memory, **told)
    exact_o, exact_lse = batch.attend(0.2)
    np.testing.assert_allclose(o, exact_o, atol=2e-5, rtol=2e-5)
    np.testing.assert_allclose(lse, exact_lse, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("page", [1, 8, 16, 64])
def test_pages(kernels, rng, page):
    for _ in range(4):
        batch = Batch(rng)
        expect_right(kernels(f"--page={page}"), batch, lay_out(batch, page, rng))


def test_without_pages(kernels, rng):
    for _ in range(4):
        batch = Batch(rng)
        expect_right(kernels(), batch, pad(batch))


def test_shared_prefix_is_that_of_whole_sequences(kernels, rng):
    """A prefix once for all has what a copy of it has in each sequence."""
    batch = draw_shared_prefix(rng, prefix=200, most=49, count=9)
    copies = make_batch(
        [(200 + n, first, last, 1) for n, first, last, _ in batch.segments[1:]], batch.q,
        *([np.concatenate([side[0], x]) for x in side[1:]] for side in (batch.k, batch.v)),
    )
    kernel = kernels("--page=16")
    o, lse = run(kernel, batch, lay_out(batch, 16, rng))
    other_o, other_lse = run(kernel, copies, lay_out(copies, 16, rng))
    np.testing.assert_allclose(o, other_o, atol=2e-5)
    np.testing.assert_allclose(lse, other_lse, atol=2e-5)


def take_query(batch, p):
    """A query alone with what it sees of its segments."""
    segments, sides = [], ([], [])
    for (n, first, last, causal), *own in zip(batch.segments, batch.k, batch.v):
        seen = max(min(n, p + n - last + 1), 0) if causal else n
        if first <= p < last and seen:
            segments.append((seen, 0, 1, causal))
            for side, x in zip(sides, own):
                side.append(x[:seen])
    return make_batch(segments, batch.q[p : p + 1], *sides)


def join_segments(alone):
    """All keys of a query in one segment."""
    k, v = np.concatenate(alone.k), np.concatenate(alone.v)
    return make_batch([(len(k), 0, 1, 1)], alone.q, [k], [v])


def count_differences(kernel, batch, place, make_alone=lambda alone: alone):
    """Of the queries that see keys, those with other bits alone; `place` lays keys out."""
    o, lse = run(kernel, batch, place(batch))
    different = 0
    for p in range(batch.queries):
        if np.isneginf(lse[..., p]).all():
            continue
        own = make_alone(take_query(batch, p))
        own_o, own_lse = run(kernel, own, place(own))
        different += not (np.array_equal(o[:, :, p], own_o[:, :, 0])
                          and np.array_equal(lse[..., p], own_lse[..., 0]))
    return different


@pytest.mark.parametrize("page, step", [(16, 64), (None, 48)])
@pytest.mark.parametrize("target", ["host", "portable"])
def test_invariant_rows_are_those_of_rows_alone(kernels, rng, target, page, step):
    """And those of sequences whose keys lie in one segment, if prefixes have whole steps."""
    options = [f"--target={target}", "--tile-rows=16", f"--tile-keys={step}"]
    place = pad
    if page:
        options.append(f"--page={page}")
        place = lambda batch: lay_out(batch, page, rng)
    kernel = kernels(*options, "--invariant")
    for _ in range(3):
        batch = Batch(rng)
        expect_right(kernel, batch, place(batch))
        assert count_differences(kernel, batch, place) == 0
    batch = draw_shared_prefix(rng, prefix=5 * step, most=200, count=20)
    assert count_differences(kernel, batch, place, join_segments) == 0
    # The batches show what they are for.
    other = kernels(*options)
    assert sum(count_differences(other, Batch(rng), place) for _ in range(3))


def test_numbers_that_mean_nothing(kernels, rng):
    """Ranges of no query, negative lengths, and flags of any number."""
    batch = Batch(rng)
    expect_right(
        kernels("--page=16"), batch, lay_out(batch, 16, rng),
        lengths=np.where(batch.column(0) == 0, np.int32(-7), batch.column(0)),
        causal=np.where(batch.column(3) == 1, np.int32(-3), np.int32(0)),
    )
    memory = lay_out(batch, 16, rng)
    nobody = np.full(len(batch.segments), 2**30, np.int32)
    o, lse = run(kernels("--page=16"), batch, memory, first=nobody, last=-nobody)
    assert not o.any() and np.isneginf(lse).all()


def test_more_segments_or_keys_than_coordinates_hold_are_refused(kernels, rng):
    """2^20 keys a segment, and as many segments as 31 bits have room for."""
    batch = Batch(rng)
    memory = lay_out(batch, 16, rng)
    memory["pages"] = np.broadcast_to(memory["pages"][:, :1], (len(batch.segments), 2**16 + 1))
    with pytest.raises(attn.Error, match="pages_width"):
        run(kernels("--page=16"), batch, memory)
    many = np.zeros(2048, np.int32)
    memory["pages"] = np.broadcast_to(memory["pages"][:1, :1], (2048, 1))
    with pytest.raises(attn.Error, match="S"):
        run(kernels("--page=16"), batch, memory, lengths=many, first=many, last=many, causal=many)

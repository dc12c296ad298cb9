# ===- test_kvcache.py - caches of keys and values from Python ---------------===#
"""Random operations on caches beside plain lists of tokens: what a cache's arrays hold of a
sequence, read where it says, is what was written. Then misuse, and what is dropped.

ATTN_CACHE_SEED repeats a run, ATTN_CACHE_STEPS makes it longer.
"""

import copy
import gc
import os
import threading

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from attn.kvcache import DenseCache, PagedCache, Segment, StreamingCache

STEPS = int(os.environ.get("ATTN_CACHE_STEPS", 3000))
HEADS = 2


@pytest.fixture
def rng():
    seed = int(os.environ.get("ATTN_CACHE_SEED", np.random.SeedSequence().entropy % 2**32))
    print("seed", seed)
    return np.random.default_rng(seed)


class Paged:
    """A cache of few pages; tokens of a small alphabet, so that prefixes are often found."""

    most = 12

    def __init__(self, arrays):
        self.cache = PagedCache(9, 3, arrays=arrays)

    def write(self, slots, tokens):
        for array in self.cache.arrays:
            for slot, token in zip(slots, tokens):
                array[:, slot // 3, :, slot % 3] = int(token)

    def check(self, sequence, tokens):
        table = sequence.table(9)
        used = -(-len(tokens) // 3)
        assert (table[used:] == -1).all() and (sequence.table() == table[:used]).all()
        for array in self.cache.arrays:
            rows = np.asarray(array[:, table[:used]])  # [layers, pages, heads, 3, width]
            rows = np.moveaxis(rows, 2, 0).reshape(HEADS, rows.shape[0], -1, rows.shape[-1])
            assert (rows[:, :, :len(tokens)] == np.reshape(tokens, (-1, 1))).all()

    def check_stats(self, stats):
        assert stats.num_free + stats.num_idle + stats.num_used == stats.num_pages == 9


class Dense(Paged):
    most = 7

    def __init__(self, arrays):
        self.cache = DenseCache(4, 7, arrays=arrays)

    def write(self, slots, tokens):
        for array in self.cache.arrays:
            for slot, token in zip(slots, tokens):
                array[:, slot // 7, :, slot % 7] = int(token)

    def check(self, sequence, tokens):
        (slot,) = sequence.table()
        for array in self.cache.arrays:
            assert (np.asarray(array[:, int(slot), :, :len(tokens)])
                    == np.reshape(tokens, (-1, 1))).all()

    def check_stats(self, stats):
        assert stats.num_used == stats.num_sequences == stats.num_pages - stats.num_free


class Streaming(Dense):
    """Heads of unequal budgets, whose rings go round many times."""

    most, budgets, append = 60, [(2, 4), (0, 6)], 3

    def __init__(self, arrays):
        self.cache = StreamingCache(4, self.most, self.budgets, self.append, arrays=arrays)

    def write(self, slots, tokens):
        assert slots.shape == (HEADS, len(tokens))
        for array in self.cache.arrays:
            for head, rows in enumerate(slots):
                for row, token in zip(rows, tokens):
                    array[:, row // self.cache.num_rows, row % self.cache.num_rows] = \
                        int(token) + head

    def check(self, sequence, tokens):
        (slot,) = sequence.table()
        for head, (sink, window) in enumerate(self.budgets):
            if not tokens:
                break
            segments = sequence.segments(head)
            seen = [s.position + i for s in segments for i in range(s.count)]
            first = max(sink, len(tokens) - window)
            assert seen == [*range(min(sink, len(tokens))), *range(first, len(tokens))]
            base = self.cache.find_rows([0])[head, 0]
            rows = [base + s.first + i for s in segments for i in range(s.count)]
            assert rows == list(self.cache.find_rows(seen)[head])
            for array in self.cache.arrays:
                got = np.asarray(array[:, int(slot), rows])
                assert (got == np.reshape([tokens[p] + head for p in seen], (-1, 1))).all()


def make_arrays(kind, count, tokens, module):
    """Keys and values of 2 layers, of unequal widths; of heads apart from their tokens."""
    extents = (2, count, tokens) if kind is Streaming else (2, count, HEADS, tokens)
    return [module.zeros((*extents, width), dtype=module.float32) for width in (3, 1)]


SIZES = {Paged: (9, 3), Dense: (4, 7), Streaming: (4, 2 + 4 + 2 + 6 + 2)}


def get_module(library):
    return np if library == "numpy" else pytest.importorskip(
        "torch", reason="compares with PyTorch's arrays")


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("kind", SIZES, ids=lambda kind: kind.__name__.lower())
def test_random_operations(rng, kind, library):
    model = kind(make_arrays(kind, *SIZES[kind], get_module(library)))
    cache, live, refused, found = model.cache, [], 0, 0
    for step in range(STEPS):
        action = rng.choice(["create", "append", "commit", "fork", "truncate", "free", "drop"],
                            p=[0.14, 0.4, 0.12, 0.1, 0.1, 0.07, 0.07])
        before = cache.stats
        if action == "create":
            prompt = rng.integers(0, 2, rng.integers(0, 10)).tolist()
            try:
                sequence = cache.create(prompt)
            except attn.Error as error:
                assert error.code == attn.Error.RESOURCE_EXHAUSTED and cache.stats == before
                refused += 1
            else:
                found += sequence.num_cached
                live.append([sequence, prompt[:sequence.num_cached]])
            continue
        if not live:
            continue
        at = rng.integers(len(live))
        sequence, tokens = live[at]
        if action == "append":
            most = min(model.most - len(tokens), kind.append if kind is Streaming else 5)
            new = rng.integers(0, 2, rng.integers(0, most + 1)).tolist()
            try:
                slots = sequence.append(new)
            except attn.Error as error:
                assert error.code == attn.Error.RESOURCE_EXHAUSTED and cache.stats == before
                refused += 1
            else:
                model.write(slots, new)
                tokens += new
        elif action == "commit" and kind is Paged:
            sequence.commit()
        elif action == "fork":
            try:
                live.append([sequence.fork(), list(tokens)])
            except attn.Error as error:
                assert error.code == attn.Error.RESOURCE_EXHAUSTED and cache.stats == before
                refused += 1
        elif action == "truncate":
            length = int(rng.integers(len(tokens) + 1))
            try:
                sequence.truncate(length)
            except attn.Error as error:
                assert kind is Streaming and "keeps those from" in str(error)
            else:
                del tokens[length:]
                if kind is Streaming:
                    # What the last token has seen may be gone; the next one sees all.
                    model.write(sequence.append([1]), [1])
                    tokens.append(1)
        elif action == "free":
            sequence.free()
            del live[at]
            with pytest.raises(attn.Error, match="freed"):
                sequence.length
        elif action == "drop":
            del live[at], sequence
        # A write to what others share stays there, so that all of them need not be read each time.
        for sequence, tokens in live[::-1] if step % 16 == 0 else live[at:at + 1] + live[-1:]:
            assert sequence.length == len(tokens)
            model.check(sequence, tokens)
        stats = cache.stats
        assert stats.num_sequences == len(live)
        assert stats.num_tokens == sum(len(tokens) for _, tokens in live)
        model.check_stats(stats)
    # The run has seen what it is for.
    assert refused > 10 and (kind is not Paged or found > 50)


def test_prefixes_are_found():
    cache = PagedCache(8, 4, shape=(1, 1, 2))
    prompt = list(range(10))
    with cache.create(prompt) as first:
        assert first.num_cached == 0
        first.append(prompt)
        with cache.create(prompt) as early:
            assert early.num_cached == 0  # they are not said to be written
        first.commit()
    with cache.create(np.array(prompt)) as second:
        assert second.num_cached == 8 and second.length == 8
    with cache.create(prompt[:8]) as third:
        assert third.num_cached == 4  # the last token's query has to be computed
    forgetful = PagedCache(8, 4, shape=(1, 1, 2), forgets_prefixes=True)
    with forgetful.create(prompt) as first:
        assert first.append(10).tolist() == first.append([]).tolist() + list(range(10))
        first.commit()
        assert forgetful.create(prompt).num_cached == 0


def test_exhausted_memory():
    cache = PagedCache(2, 4, shape=(1, 1, 2))
    sequence = cache.create()
    sequence.append(range(5))
    with pytest.raises(attn.Error, match="4 tokens more take 1 pages") as caught:
        sequence.append(range(4))
    assert caught.value.code == attn.Error.RESOURCE_EXHAUSTED
    with pytest.raises(attn.Error, match="expects tokens that the cache's 2 pages") as caught:
        sequence.append(range(9))
    assert caught.value.code == attn.Error.RESOURCE_EXHAUSTED
    assert sequence.length == 5 and cache.stats.num_free == 0
    assert sequence.append([1, 2, 3]).tolist() == [5, 6, 7]
    with pytest.raises(attn.Error, match="expects an unused slot"):
        DenseCache(0, 4, shape=(1, 1, 2)).create()
    with pytest.raises(attn.Error, match="expects arrays that NumPy can make") as caught:
        DenseCache(2**16, 2**40, shape=(30, 8, 128))
    assert caught.value.code == attn.Error.RESOURCE_EXHAUSTED


def test_misuse():
    cache = PagedCache(4, 4, shape=(1, 1, 2))
    sequence = cache.create()

    def refuse(match, function, *arguments, **options):
        with pytest.raises(attn.Error, match=match):
            function(*arguments, **options)

    refuse("expects whole numbers, .* but got .2. of float64", sequence.append, [0.5, 1])
    refuse("expects whole numbers, .* but got .1, 2.", sequence.append, np.int32([[1, 2]]))
    refuse("expects numbers of 32 bits, but got 1 to 4294967296", sequence.append, [1, 2**32])
    refuse("expects tokens, but got a null pointer", sequence.append, 3)
    refuse("expects no negative number, but got -1", sequence.append, -1)
    refuse("expects no negative number, but got -1", sequence.table, -1)
    refuse("expects a whole number, but got 0.5", sequence.truncate, 0.5)
    refuse("expects .*5", sequence.truncate, 5)
    refuse("expects a streaming cache", sequence.segments)
    refuse("expects no copy by Python", copy.copy, sequence)
    sequence.append([1, 2, 3, 4, 5])
    refuse("expects a table of at least 2", sequence.table, 1)
    assert sequence.length == 5
    sequence.free()
    refuse("freed", sequence.free)
    refuse("freed", sequence.append, [1])
    refuse("expects a paged cache", DenseCache(1, 4, shape=(1, 1, 2)).create().commit)
    refuse("expects either arrays or the shape of new ones, but got none", PagedCache, 4)
    refuse("but got both", PagedCache, 4, arrays=[], shape=(1, 1, 1))
    refuse("expects pages of 1 to", PagedCache, 4, 0, shape=(1, 1, 1))
    refuse("expects a number of 32 bits", PagedCache, 2**31, shape=(1, 1, 1))
    refuse("expects .layers, heads, width.", PagedCache, 4, shape=(1, 1))
    refuse("negative dimensions", PagedCache, 4, shape=(1, -1, 1))
    refuse(r"expects \[..., 4, any, 16, width\], but got \[4, 16, 2\]", PagedCache, 4,
           arrays=[np.zeros((4, 16, 2))])
    fixed = np.zeros((4, 2, 16, 2))
    fixed.flags.writeable = False
    refuse("read-only", PagedCache, 4, arrays=[fixed])
    streaming = StreamingCache(1, 9, [(1, 2)], 2, shape=(1, 1, 2))
    refuse("expects 2 heads, as budgets, but got 1", StreamingCache, 1, 9, [(1, 2)] * 2,
           shape=(1, 1, 2))
    refuse(r"expects \(sink tokens, window tokens\) of each head, but got 4", StreamingCache, 1, 9,
           [4], shape=(1, 1, 2))
    refuse("expects a whole number, but got 0.5", streaming.find_rows, [0.5])
    refuse("expects a head below 1, but got 1", streaming.create().segments, 1)
    refuse("expects one of 1 heads and 9 positions, but got 0 and 9", streaming.find_rows, [9])


def test_closed_cache():
    with DenseCache(2, 4, shape=(1, 1, 2)) as cache:
        sequence = cache.create()
    for use in (lambda: sequence.length, lambda: sequence.append([1]), cache.create,
                lambda: cache.stats):
        with pytest.raises(attn.Error, match="released"):
            use()
    cache.close()
    assert cache.arrays[0].shape == (1, 2, 1, 4, 2)


def test_dropped_sequences_are_given_back():
    cache = DenseCache(2, 4, shape=(1, 1, 2))
    for _ in range(20):
        cache.create().append([1])
    assert cache.stats.num_sequences == 0
    # From a cycle, by a collector that runs in another thread.
    for _ in range(2):
        loop = [cache.create()]
        loop.append(loop)
    del loop
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join()
    assert cache.stats.num_free == 2


def test_a_sequence_keeps_its_cache():
    sequence = PagedCache(4, 4, shape=(1, 1, 2)).create()
    gc.collect()
    assert sequence.append([1]).tolist() == [0]


def test_caches_are_given_back():
    """A handle that leaked would still be one."""
    cache = DenseCache(2, 4, shape=(1, 1, 2))
    number = cache._handle.value
    sequence = cache.create()
    del cache, sequence
    gc.collect()
    with pytest.raises(attn.Error, match="released"):
        attn._library.check(attn._library.library().attn_cache_get_stats(number, None))


def test_segments():
    cache = StreamingCache(1, 100, [(2, 4)], 2, shape=(1, 1, 2))
    sequence = cache.create()
    for _ in range(4):
        sequence.append(2)
    # The window of query 6 begins at 3, that of 7 at 4; place 2 is position 7's.
    assert sequence.segments(num_queries=2) == [
        Segment(0, 2, 0), Segment(3, 4, 3), Segment(2, 1, 7)]

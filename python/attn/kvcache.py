# ===- kvcache.py - which tokens of which sequence lie where -----------------===#
"""Caches of keys and values, as docs/kv-cache.md describes them.

    cache = PagedCache(4096, page_tokens=16, shape=(layers, heads, width))
    k, v = cache.arrays                      # [layers, pages, heads, tokens of a page, width]
    with cache.create(prompt) as sequence:   # finds what other sequences have left
        slots = sequence.append(prompt[sequence.num_cached:])
        ...                                  # write keys and values there, by an `append` kernel
        sequence.commit()                    # from now on others find them
        table = sequence.table()             # what a kernel compiled with --page reads by

A cache says where keys and values go and carries out the copies that sharing asks for, on
arrays that it owns or on the caller's, NumPy's or PyTorch's. All else is the caller's to
write, before it is read.

Every refusal is an attn.Error and changes nothing. A cache is used by one thread at a time.
What is dropped without `free` or `close` is given back: a sequence at the cache's next call.
"""

import operator
from collections import deque
from ctypes import POINTER, byref, c_int32, c_int64, c_size_t, cast
from typing import Any, Iterable, NamedTuple, Self, Sequence as Numbers

import numpy as np

from attn import _library
from attn._error import Error
from attn._framework import as_host_numbers, as_native
from attn._library import Handle, SequenceId, check, library
from attn._trace import refuse
from attn._types import Array

Tokens = Numbers[int] | np.ndarray

# A head sees its sink, and its window in a ring: attn_sequence_segments gives no more pieces.
_MOST_SEGMENTS = 3


class CacheStats(NamedTuple):
    """The accounts of a cache. Pages are slots in caches that have those.

    num_free, num_idle, num_used, num_shared: pages of nobody; kept for their tokens alone;
        of sequences; and of several sequences.
    num_unused: room for tokens that sequences have and do not use.
    sharing: pages that sequences would take without sharing, over those they do.
    """

    num_sequences: int
    num_tokens: int
    num_pages: int
    num_free: int
    num_idle: int
    num_used: int
    num_shared: int
    num_unused: int
    sharing: float


class Segment(NamedTuple):
    """Tokens behind each other: rows [first, first + count) of a head, from `position` on."""

    first: int
    count: int  # type: ignore[assignment]  # a tuple has a method of that name
    position: int


class Cache:
    """What all caches have. A context manager: it is closed at the end."""

    def __init__(self, handle, block, arrays, shape, dtype):
        """block: extents of arrays before the width: pages or slots, then what is in one, the
        tokens last; None for a number of heads that arrays decide."""
        self._handle, self._dropped = handle, deque()
        # What is between the dimension of pages and that of their tokens.
        self._between = (slice(None),) * (len(block) - 2)
        if (arrays is None) == (shape is None):
            raise refuse(
                "argument arrays", "expects either arrays or the shape of new ones, but got "
                f"{'none' if arrays is None else 'both'}", "give one of them")
        if arrays is None:
            arrays = _make_arrays(block, *_as_shape(shape), dtype)
        self.arrays = tuple(arrays)
        self._views = [_check_array(array, block) for array in self.arrays]

    def create(self, tokens: Tokens = ()) -> "Sequence":
        """A new sequence that will begin with `tokens`.

        tokens: numbers below 2^31, by which a paged cache finds what it has at the
            sequence's beginning, at most all but the last. They are still to be appended,
            but for `num_cached`.

        Raises attn.Error where all slots are taken.
        """
        tokens = _as_tokens(tokens)
        sequence, cached = SequenceId(), c_int64()
        self._call("attn_sequence_create", _point(tokens, c_int32), len(tokens),
                   byref(sequence), byref(cached))
        return Sequence(self, sequence, cached.value)

    @property
    def stats(self) -> CacheStats:
        stats = _library.CacheStats()
        self._call("attn_cache_get_stats", byref(stats))
        return CacheStats(*(getattr(stats, name) for name in CacheStats._fields))

    def close(self) -> None:
        """Ends the cache: its sequences are refused from now on. The arrays stay."""
        self._handle.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_):
        self.close()

    def _call(self, name, *arguments):
        """Calls a function of the library, after what the sequences that are gone have left."""
        free = library().attn_sequence_free
        while self._dropped:
            # Finalizers of other threads add at the other end.
            check(free(self._handle.value, self._dropped[0]))
            self._dropped.popleft()
        check(getattr(library(), name)(self._handle.value, *arguments))

    def _copy(self, copy):
        """Carries out a copy of the first tokens of one page or slot to another."""
        if copy.num_tokens:
            for view in self._views:
                to, from_ = ((..., page, *self._between, slice(copy.num_tokens), slice(None))
                             for page in (copy.to, copy.from_))
                view[to] = view[from_]

    def _locate(self, sequence, length, slots):
        """What `append` returns of the slots that the library gives; behind `length` tokens."""
        return slots


class PagedCache(Cache):
    """Sequences have pages in any order, which they share until one of them writes.

    arrays: [..., pages, heads, tokens of a page, width] each.
    """

    def __init__(self, num_pages: int, page_tokens: int = 16, *,
                 arrays: Iterable[Array] | None = None, shape: tuple[int, ...] | None = None,
                 dtype: Any = np.float32, forgets_prefixes: bool = False) -> None:
        """
        arrays: the caller's, of which copies are made; any dimensions before the last four.
        shape: in their place (layers, heads, width) or (layers, heads, width, value width)
            of new ones of NumPy's `dtype`, keys and values.
        forgets_prefixes: pages are given up with their last sequence, and are never found
            by their tokens.

        Raises attn.Error for numbers that are out of range and arrays that do not fit.
        """
        self.page_tokens = _as_integer("page_tokens", page_tokens)
        num_pages = _as_integer("num_pages", num_pages, 32)
        options = _library.PagedCacheOptions(num_pages, self.page_tokens, bool(forgets_prefixes))
        handle = Handle("attn_cache_release", "attn_paged_cache_create", byref(options))
        super().__init__(handle, (num_pages, None, self.page_tokens), arrays, shape, dtype)

    def _count_entries(self, length):
        return -(-length // self.page_tokens)


class DenseCache(Cache):
    """Sequences have a slot of `capacity` tokens each.

    arrays: [..., slots, heads, capacity, width] each. To kernels a slot is a page.
    """

    def __init__(self, num_slots: int, capacity: int, *, arrays: Iterable[Array] | None = None,
                 shape: tuple[int, ...] | None = None, dtype: Any = np.float32) -> None:
        """As PagedCache."""
        self.page_tokens = _as_integer("capacity", capacity)
        num_slots = _as_integer("num_slots", num_slots, 32)
        handle = Handle(
            "attn_cache_release", "attn_dense_cache_create", num_slots, self.page_tokens)
        super().__init__(handle, (num_slots, None, self.page_tokens), arrays, shape, dtype)

    def _count_entries(self, _):
        return 1


class StreamingCache(Cache):
    """Each head of a sequence keeps the first tokens, and a window of the last ones in a ring.

    arrays: [..., slots, rows, width] each: the rows of the heads behind each other.
    num_rows: how many there are of a slot.
    """

    def __init__(self, num_slots: int, capacity: int, budgets: Iterable[tuple[int, int]],
                 max_append: int = 1, *, arrays: Iterable[Array] | None = None,
                 shape: tuple[int, ...] | None = None, dtype: Any = np.float32) -> None:
        """
        capacity: the most tokens of a sequence; no memory is taken for them.
        budgets: of each head (sink tokens, window tokens). A query is one of its window.
        max_append: the most tokens of one append.
        arrays, shape, dtype: as in PagedCache.
        """
        self._budgets = [_as_budget(budget) for budget in budgets]
        options = _library.StreamingCacheOptions(
            _as_integer("num_slots", num_slots, 32), _as_integer("capacity", capacity),
            _as_integer("max_append", max_append), self._budgets)
        handle = Handle("attn_cache_release", "attn_streaming_cache_create", byref(options))
        rows = c_int64()
        check(library().attn_streaming_cache_rows(handle.value, byref(rows)))
        self.num_rows = rows.value
        if shape is not None and _as_shape(shape)[1] != len(self._budgets):
            raise refuse(
                "argument shape", f"expects {len(self._budgets)} heads, as budgets, but got "
                f"{shape[1]}", "give a budget for each head")
        super().__init__(handle, (options.num_slots, self.num_rows), arrays, shape, dtype)

    def find_rows(self, positions: Numbers[int]) -> np.ndarray:
        """The rows, among those of a slot, where heads keep positions: [heads, positions]."""
        rows = np.empty((len(self._budgets), len(positions)), np.int64)
        row = c_int64()
        for head in range(len(rows)):
            for at, position in enumerate(positions):
                self._call("attn_streaming_cache_place", head, _as_integer("positions", position),
                           byref(row))
                rows[head, at] = row.value
        return rows

    def _locate(self, sequence, length, slots):
        positions = range(length, length + len(slots))
        return sequence.table()[0] * self.num_rows + self.find_rows(positions)

    def _count_entries(self, _):
        return 1


class Sequence:
    """A sequence of a cache, which `create` and `fork` make. A context manager: it is freed
    at the end.

    num_cached: tokens at its beginning that were found when it was made.
    """

    def __init__(self, cache, handle, num_cached=0):
        self._cache, self._handle, self._isLive = cache, handle, True
        self.num_cached = num_cached

    def append(self, tokens: Tokens | int) -> np.ndarray:
        """Makes room for tokens behind the last one, and says where they go.

        tokens: their numbers, or how many there are, save in a paged cache that finds
            prefixes by them.

        Returns i64 numbers:
            paged      page * page_tokens + place in the page; [tokens]
            dense      slot * capacity + place in the slot; [tokens]
            streaming  slot * num_rows + row of the slot, for each head; [heads, tokens]

        Raises attn.Error with the code RESOURCE_EXHAUSTED where memory does not suffice.
        """
        isCount = hasattr(tokens, "__index__") and not getattr(tokens, "ndim", 0)
        if isCount:
            count, numbers = _as_integer("tokens", tokens), None
            if count < 0:
                raise refuse("argument tokens", f"expects no negative number, but got {count}",
                             "shorten a sequence with truncate")
        else:
            numbers = _as_tokens(tokens)
            count = len(numbers)
        length, copy = self.length, _library.PageCopy()
        # One at least: an array of none has no address.
        slots = np.empty(max(count, 1), np.int64)
        self._call("attn_sequence_append", None if isCount else _point(numbers, c_int32), count,
                   _point(slots, c_int64), byref(copy))
        self._cache._copy(copy)
        return self._cache._locate(self, length, slots[:count])

    def commit(self) -> None:
        """Says that the keys and values of all tokens so far are written, or will be before
        anything that is enqueued from now on: others may find them. Of paged caches."""
        self._call("attn_sequence_commit")

    def fork(self) -> "Sequence":
        """Another sequence with the same tokens. Of a paged cache it shares all pages; slots
        are copied."""
        forked, copy = SequenceId(), _library.PageCopy()
        self._call("attn_sequence_fork", byref(forked), byref(copy))
        sequence = Sequence(self._cache, forked)
        self._cache._copy(copy)
        return sequence

    def truncate(self, length: int) -> None:
        """Drops all tokens from `length` on."""
        self._call("attn_sequence_truncate", _as_integer("length", length))

    def free(self) -> None:
        """Gives all of it back. The sequence is refused from now on."""
        self._call("attn_sequence_free")
        self._isLive = False

    @property
    def length(self) -> int:
        length = c_int64()
        self._call("attn_sequence_length", byref(length))
        return length.value

    def table(self, width: int | None = None, sentinel: int = -1) -> np.ndarray:
        """The sequence's pages in its order, then `sentinel` up to `width` entries, i32; of a
        cache of slots its slot.

        width: as many as there are if it is not given. Fewer are refused.
        """
        width = self._cache._count_entries(self.length) if width is None \
            else _as_integer("width", width)
        if width < 0:
            raise refuse("argument width", f"expects no negative number, but got {width}",
                         "leave it out for all pages")
        pages = np.empty(max(width, 1), np.int32)
        self._call("attn_sequence_table", _as_integer("sentinel", sentinel, 32),
                   _point(pages, c_int32), width)
        return pages[:width]

    def segments(self, head: int = 0, num_queries: int = 1) -> list[Segment]:
        """What the last `num_queries` tokens together see by a head of a streaming cache:
        Segments in the order of positions. Their rows count from the head's first one."""
        found, count = (_library.KvSegment * _MOST_SEGMENTS)(), c_size_t()
        self._call("attn_sequence_segments", _as_integer("head", head, 32),
                   _as_integer("num_queries", num_queries), found, _MOST_SEGMENTS, byref(count))
        return [Segment(s.first, s.count, s.position) for s in found[:count.value]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_):
        if self._isLive:
            self.free()

    def __del__(self):
        # A finalizer runs in any thread, perhaps while a call of the cache does.
        if self._isLive:
            self._cache._dropped.append(self._handle)

    def __reduce__(self):
        # Two owners would free it twice.
        raise refuse("a sequence", "expects no copy by Python", "call fork")

    def _call(self, name, *arguments):
        self._cache._call(name, self._handle, *arguments)


def _as_integer(name, value, bits=64):
    """`value` as a signed integer of so many bits."""
    try:
        number = operator.index(value)
    except TypeError:
        raise refuse(f"argument {name}", f"expects a whole number, but got {value!r}",
                     "give an int") from None
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise refuse(f"argument {name}", f"expects a number of {bits} bits, but got {number}",
                     "give a smaller one")
    return number


def _as_budget(budget):
    if not isinstance(budget, (list, tuple)) or len(budget) != 2:
        raise refuse("argument budgets", "expects (sink tokens, window tokens) of each head, but got "
                     f"{budget!r}", "give two numbers for each head")
    return tuple(_as_integer("budgets", n) for n in budget)


def _as_tokens(tokens):
    """Token numbers as a contiguous i32 array."""
    if isinstance(tokens, range):
        tokens = list(tokens)
    given = np.asarray(as_host_numbers("tokens", tokens, None))
    if given.ndim != 1 or (given.dtype.kind not in "iu" and given.size):
        raise refuse(
            "argument tokens", f"expects whole numbers, [tokens], but got {list(given.shape)} of "
            f"{given.dtype}", "give a list of the tokens' numbers")
    if given.size and not -(2**31) <= given.min() <= given.max() < 2**31:
        raise refuse("argument tokens", f"expects numbers of 32 bits, but got {given.min()} to "
                     f"{given.max()}", "give the tokens' numbers")
    return np.ascontiguousarray(given, np.int32)


def _as_shape(shape):
    """(layers, heads, width, value width)."""
    if not isinstance(shape, (list, tuple)) or len(shape) not in (3, 4):
        raise refuse("argument shape", "expects (layers, heads, width), and perhaps the values' "
                     f"width, but got {shape!r}", "give whole numbers")
    numbers = [_as_integer("shape", n) for n in shape]
    return (*numbers, numbers[-1])[:4]


def _make_arrays(block, layers, heads, width, value_width, dtype):
    """Keys and values of all layers, zero."""
    extents = (layers, *(heads if n is None else n for n in block))
    try:
        return [np.zeros((*extents, n), dtype) for n in (width, value_width)]
    except (MemoryError, TypeError, ValueError) as error:
        raise Error(
            Error.RESOURCE_EXHAUSTED, "argument shape", f"expects arrays that NumPy can make, but got: "
            f"{error}", "make the cache smaller") from None


def _check_array(array, block):
    """A view of an array that has the extents of the cache."""
    view = as_native("arrays", array)
    got = tuple(view.shape)[-1 - len(block):-1]
    if len(got) != len(block) or any(n not in (None, m) for n, m in zip(block, got)):
        named = ["any" if n is None else str(n) for n in block]
        raise refuse(
            "argument arrays", f"expects [..., {', '.join(named)}, width], but got "
            f"{list(view.shape)}", "give arrays of the cache's own extents")
    if isinstance(view, np.ndarray) and not view.flags.writeable:
        raise refuse("argument arrays", "expects arrays to write, but got a read-only one", "copy it")
    return view


def _point(array, type):
    return cast(array.ctypes.data, POINTER(type))

# ===- _batch.py - attention over batches as engines have them --------------===#
"""Windows, soft caps and slopes over tensors, slots, packed tokens and pages.

The masks and scores are plain functions, as a user of `attn.attention` has them. What a
call gives them (lengths, windows, slopes) they capture: the arrays named in capitals are
stand-ins, in whose place a kernel takes the call's own. So there is one kernel for each
combination of features, type and widths, and none for a length or a window.
"""

import functools
import math
import sys

import numpy as np

from attn._attention import count_threads, list_options
from attn._capture import Capture
from attn._compiler import get_kernel
from attn._framework import as_numbers
from attn._trace import refuse
from attn._variant import Variant

# By sequence or segment, how many keys it has, and which queries.
LENGTHS, FIRST, LAST = (np.zeros(1, np.int32) for _ in range(3))
# By query, the keys from the least to below the most; its place among the keys; its sequence.
LEAST, MOST, PLACE, SEQUENCE = (np.zeros(1, np.int32) for _ in range(4))
# How many keys before its own and behind it a query sees.
WINDOW = np.zeros(2, np.int32)
CAP = np.zeros(1, np.float32)
# By sequence and head.
SLOPES = np.zeros((1, 1), np.float32)
# Which keys the caller lets a query see: all of them behind each other, and where those
# of a segment begin.
VISIBLE, BEGINS = np.zeros(1, np.int8), np.zeros(1, np.int64)

# A window's side that has no end: beyond all lengths.
UNLIMITED = 2**30


def is_within(span, place, m):
    """Whether key m is in the span of the query that stands at `place` of the keys.

    span: "all", "causal" or "window".
    """
    if span == "all":
        return True
    if span == "causal":
        return m <= place
    return (m >= place - WINDOW[0]) & (m <= place + WINDOW[1])


def change_score(s, isCapped, slope, place, m):
    """A score with a soft cap, then with the slope's distance, or None for no slope."""
    if isCapped:
        s = CAP[0] * np.tanh(s / CAP[0])
    return s if slope is None else s - slope * abs(place - m)


def define_dense(span, isCapped, isSloped, isChosen):
    """Sequences of one length, or in pages: the last query stands at the last key."""
    def place(p, P, M):
        return p + M - P

    def mask(p, m, P, M):
        seen = is_within(span, place(p, P, M), m)
        return (VISIBLE[p * M + m] != 0) & seen if isChosen else seen

    def score(s, b, h, p, m, P, M):
        slope = SLOPES[b, h] if isSloped else None
        return change_score(s, isCapped, slope, place(p, P, M), m)

    return mask if span != "all" or isChosen else None, score


def define_slots(span, isCapped, isSloped, isChosen):
    """Slots of one capacity, of which sequences use their first tokens."""
    def place(b, p, P):
        return p + LENGTHS[b] - P

    def mask(b, p, m, P):
        return (m < LENGTHS[b]) & is_within(span, place(b, p, P), m)

    def score(s, b, h, p, m, P):
        slope = SLOPES[b, h] if isSloped else None
        return change_score(s, isCapped, slope, place(b, p, P), m)

    return mask, score


def define_packed(span, isCapped, isSloped, isChosen):
    """Tokens of all sequences behind each other; the caller has put the span into
    LEAST and MOST."""
    def mask(p, m):
        return (m >= LEAST[p]) & (m < MOST[p])

    def score(s, h, p, m):
        slope = SLOPES[SEQUENCE[p], h] if isSloped else None
        return change_score(s, isCapped, slope, PLACE[p] if isSloped else None, m)

    return mask, score


def define_segments(span, isCapped, isSloped, isChosen):
    """Queries of all sequences behind each other, and their keys in pages."""
    def place(segment, p, M):
        return p + M - LAST[segment]

    def mask(segment, p, m, M):
        seen = (FIRST[segment] <= p) & (p < LAST[segment])
        seen = seen & is_within(span, place(segment, p, M), m)
        if isChosen:
            seen = seen & (VISIBLE[BEGINS[segment] + (p - FIRST[segment]) * M + m] != 0)
        return seen

    def score(s, segment, h, p, m, M):
        slope = SLOPES[segment, h] if isSloped else None
        return change_score(s, isCapped, slope, place(segment, p, M), m)

    return mask, score


@functools.lru_cache(maxsize=None)
def get_variant(define, span, isCapped, isSloped, isChosen, grouped):
    """The variant, traced once, and its tables' names with their stand-ins."""
    mask, score = define(span, isCapped, isSloped, isChosen)
    if not isCapped and not isSloped:
        score = None
    capture = Capture()
    variant = Variant(
        capture, capture.replace(mask, "mask"), capture.replace(score, "score"), grouped,
        segmented=define is define_segments)
    return variant.text, {name: table.array for name, table in variant.tables.items()}


@functools.lru_cache(maxsize=64)
def _get_constants(numbers, dtype, device):
    """Numbers of a call as an array, which stays on its device for the next one."""
    if device is None:
        return np.array(numbers, dtype)
    torch = sys.modules["torch"]
    return torch.tensor(numbers, dtype=getattr(torch, dtype), device=device)


def run_batch(define, q, k, v, o, lse, *, span="all", window=(-1, -1), cap=0.0, slopes=None,
              scale=None, tables=(), chosen=None, page=None, **pages):
    """Attention of native arrays, o and lse written in place.

    define: one of the functions above, for how queries and keys lie.
    q, o: [B, key heads, members, P, width], or without B of `define_segments`; lse as o
        without the width. k, v: [B, key heads, keys, width], or their pages.
    span: as in `is_within`; window: how many keys before and behind, -1 for all.
    cap: of the scores, 0 for none. slopes: [B, H], or None.
    tables: pairs of a stand-in and the native array in its place.
    chosen: which keys are to be seen at all, for VISIBLE, 0 for those that are not.
    page: how many keys a page has, and then `pages` and `lengths`.

    Raises Error where arrays do not fit each other.
    """
    members, queries, width = q.shape[-3:]
    isSegmented = define is define_segments
    text, standIns = get_variant(
        define, span, cap > 0, slopes is not None, chosen is not None,
        isSegmented or members > 1)
    options = list_options(
        q, width, v.shape[-1], None if isSegmented else queries, members)
    device = None if isinstance(q, np.ndarray) else q.device
    if isSegmented and device is not None:
        options += [f"--heads={members}", "--kv-heads=1"]
    if not isSegmented and members == 1:
        q, o, lse = (x.squeeze(2) for x in (q, o, lse))
    if page:
        options.append(f"--page={page}")
    given = [
        (CAP, _get_constants((float(cap),), "float32", device)),
        (WINDOW, _get_constants(
            tuple(n if n >= 0 else UNLIMITED for n in window), "int32", device)),
        (SLOPES, slopes), (VISIBLE, chosen), *tables,
    ]
    kernel = get_kernel(text, options, count_threads(q), q)
    # Functions name more stand-ins than a kernel reads.
    known = {a["name"] for a in kernel.manifest["arguments"]}
    values = {n: _find(standIn, given) for n, standIn in standIns.items() if n in known}
    kernel(q=q, k=k, v=v, o=o, lse=lse, **values, **pages,
           scale=1 / math.sqrt(width) if scale is None else float(scale))


def _find(standIn, given):
    return next(array for name, array in given if name is standIn)


def spread_slopes(slopes, batch, heads, like):
    """ALiBi's slopes, [heads] or [batch, heads], as native [batch, heads]."""
    slopes = as_numbers("alibi_slopes", slopes, like, "float32")
    if tuple(slopes.shape) not in ((heads,), (batch, heads)):
        raise refuse(
            "argument alibi_slopes", f"expects [{heads}] or [{batch}, {heads}], but got "
            f"{list(slopes.shape)}", "give a slope for each head")
    if isinstance(slopes, np.ndarray):
        return np.broadcast_to(slopes, (batch, heads))
    return slopes.expand(batch, heads)

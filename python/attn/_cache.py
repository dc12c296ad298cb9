# ===- _cache.py - new tokens in caches of slots and of pages ---------------===#
"""The `append` variants over caches as FlashAttention has them."""

import numpy as np

from attn._attention import count_threads, list_options
from attn._compiler import get_kernel
from attn._framework import as_numbers, get_module, join_rows, permute
from attn._trace import refuse


def append_tokens(k_cache, v_cache, k, v, lengths, **place):
    """Writes k and v behind the `lengths` keys of their sequences.

    k_cache, v_cache: views [slots or pages, heads, keys, width].
    k, v: [batch, tokens, heads, width]; lengths: [batch].
    place: `page`, `pages` and `capacity`, as `_find_slots` takes them.
    """
    slots = _find_slots(k_cache, k, lengths, **place)
    kernel, caches = _compile("append-plain", k_cache, v_cache, place["page"], [])
    kernel(k=_join_tokens(k), v=_join_tokens(v), slots=slots, **caches)


def turn_and_append(q, k_cache, v_cache, k, v, lengths, cos, sin, isInterleaved, **place):
    """As append_tokens, k and q being turned by the angles of their positions.

    q: [batch, heads, members, tokens, width].

    Returns the turned queries, a view of the same shape.
    """
    slots = _find_slots(k_cache, k, lengths, **place)
    batch, heads, members, tokens, width = q.shape
    module = get_module(q)
    positions = lengths[:, None] + as_numbers("positions", module.arange(tokens), lengths)
    kernel, caches = _compile(
        "append-queries", k_cache, v_cache, place["page"],
        [f"--set=interleaved={int(isInterleaved)}", f"--heads={members}", "--kv-heads=1"])
    turned = kernel(
        q=_join_tokens(permute(q, 0, 3, 1, 2, 4)), k=_join_tokens(k), v=_join_tokens(v),
        slots=slots, positions=as_numbers("positions", positions.reshape(-1), q, "int64"),
        cos=as_numbers("rotary_cos", cos, q, "float32"),
        sin=as_numbers("rotary_sin", sin, q, "float32"), **caches)["q_turned"]
    return permute(turned.reshape(batch, tokens, heads, members, width), 0, 2, 3, 1, 4)


def _compile(variant, k_cache, v_cache, page, options):
    """The kernel, and the caches as it takes them: pages, or rows of all slots."""
    if page:
        options = [*options, f"--page={page}"]
    else:
        k_cache, v_cache = (join_rows(permute(x, 0, 2, 1, 3)) for x in (k_cache, v_cache))
        if k_cache is None or v_cache is None:
            raise refuse(
                "argument k_cache", "expects slots that follow each other when keys are appended",
                "give the whole cache, or cache_batch_idx")
    kernel = get_kernel(
        variant, [*list_options(k_cache, k_cache.shape[-1], v_cache.shape[-1]), *options],
        count_threads(k_cache), k_cache)
    return kernel, dict(k_cache=k_cache, v_cache=v_cache)


def _join_tokens(array):
    """[batch, tokens, ...] as [batch * tokens, ...]; copied where it is no view."""
    return array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])


def _find_slots(k_cache, k, lengths, page, pages, capacity):
    """The slot of each new token, i64, -1 for one that has no place.

    page: the keys of a page, or None; pages: [batch, entries] then.
    capacity: how many keys a sequence has room for.
    """
    module = get_module(lengths)
    batch, tokens = k.shape[:2]
    if isinstance(lengths, np.ndarray) and tokens:
        for b, length in enumerate(lengths):
            if not 0 <= length <= capacity - tokens:
                raise refuse(
                    "argument k", f"expects room for {tokens} tokens behind those of sequence {b}, "
                    f"but it has {length} of {capacity}", "give a larger cache")
    place = as_numbers("lengths", lengths, k, "int64")[:, None] \
        + as_numbers("tokens", module.arange(tokens), k, "int64")
    exists = (place >= 0) & (place < capacity)
    place = module.where(exists, place, 0)
    if page:
        entries = as_numbers("pages", pages, k, "int64")
        owner = as_numbers("batch", module.arange(batch), k, "int64")[:, None]
        number = entries[owner, place // page] if entries.shape[1] else place - 1
        slots = module.where(number >= 0, number * page + place % page, -1)
    else:
        size = k_cache.shape[2]
        slots = as_numbers("slots", module.arange(batch), k, "int64")[:, None] * size + place
    return module.where(exists, slots, -1).reshape(-1)

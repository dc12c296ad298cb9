# ===- flash_attn.py - FlashAttention's calls ---------------------------------===#
"""The calls of flash_attn, by attn.

    from attn.flash_attn import flash_attn_func, flash_attn_varlen_func, flash_attn_with_kvcache

Arrays are NumPy's or PyTorch's, float32, float16 or bfloat16, on a CPU or a GPU, and the
results are of the same kind. What all calls share:

* Key heads divide the heads, and heads that share one follow each other.
* Query i stands at key i + keys - queries: causal attention is aligned at the last key
  of each sequence. A window (left, right) is so many keys before and behind that place, -1
  for all of a side. With `causal` none is seen behind it.
* A score is scaled, then capped (softcap * tanh(score / softcap), 0 for none), then
  reduced by alibi_slopes[head] or [sequence, head] times the distance to that place.
* Logarithms of sums are natural, float32. A row that sees no key is 0, its logarithm -inf
  (FlashAttention 2 has +inf, 3 has -inf).
* `deterministic` and `num_splits` mean nothing here: results have the same bits each time.
* Dropout and tensors that require gradients are refused.
"""

from attn._attention import refuse_gradients
from attn._batch import (
    FIRST, LAST, LEAST, LENGTHS, MOST, PLACE, SEQUENCE, UNLIMITED, define_dense, define_packed,
    define_segments, define_slots, run_batch, spread_slopes,
)
from attn._cache import append_tokens, turn_and_append
from attn._framework import as_native, as_numbers, get_module, new_empty
from attn._shapes import check_rank, check_shape, view_batch, view_tokens
from attn._trace import refuse


def flash_attn_func(q, k, v, dropout_p=0.0, softmax_scale=None, causal=False,
                    window_size=(-1, -1), softcap=0.0, alibi_slopes=None, deterministic=False,
                    return_attn_probs=False):
    """Attention of whole sequences.

    q: [batch, queries, heads, width]. k, v: [batch, keys, key heads, width].
    softmax_scale: 1 / sqrt(width) if it is not given.
    return_attn_probs: whether to return (out, lse, None), lse being [batch, heads,
        queries]; there are no probabilities without dropout.

    Returns out, [batch, queries, heads, width of v].

    Raises attn.Error for dropout, gradients, and shapes that do not fit.
    """
    _refuse_dropout(dropout_p)
    refuse_gradients(q=q, k=k, v=v)
    out, lse, views = _prepare(q, k, v, "[batch, length, heads, width]")
    _check_batch(views, "keys")
    slopes = _spread(alibi_slopes, views, q.shape[0], q.shape[2])
    run_batch(
        define_dense, **views, cap=softcap, slopes=slopes, scale=softmax_scale,
        **_get_span(causal, window_size))
    return (out, lse, None) if return_attn_probs else out


def flash_attn_varlen_func(q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k,
                           dropout_p=0.0, softmax_scale=None, causal=False,
                           window_size=(-1, -1), softcap=0.0, alibi_slopes=None,
                           deterministic=False, return_attn_probs=False, block_table=None):
    """Attention of sequences behind each other.

    q: [queries of all, heads, width]. k, v: [keys of all, key heads, width], or with
        block_table pages [pages, keys of a page, key heads, width].
    cu_seqlens_q, cu_seqlens_k: [sequences + 1], where each begins, and the end.
    max_seqlen_q, max_seqlen_k: not read.
    block_table: [sequences, entries], the page of each so many keys.
    return_attn_probs: whether to return (out, lse, None), lse being [heads, queries].

    Returns out, [queries of all, heads, width of v].

    Raises attn.Error for dropout, gradients, and shapes that do not fit.
    """
    _refuse_dropout(dropout_p)
    refuse_gradients(q=q, k=k, v=v)
    isPaged = block_table is not None
    if isPaged:
        out, lse, views = _prepare_tokens(q, k, v, "[pages, keys of a page, heads, width]")
    else:
        out, lse, views = _prepare_tokens(q, k, v, "[keys, heads, width]")
    native = views["q"]
    begins, ends = (
        _check_sums(name, as_numbers(name, sums, native))
        for name, sums in (("cu_seqlens_q", cu_seqlens_q), ("cu_seqlens_k", cu_seqlens_k)))
    if len(begins) != len(ends):
        raise refuse(
            "argument cu_seqlens_k", f"expects as many sequences as cu_seqlens_q, "
            f"{len(begins) - 1}, but got {len(ends) - 1}", "give the keys of each sequence")
    count = len(begins) - 1
    slopes = _spread(alibi_slopes, views, count, q.shape[1])
    options = dict(cap=softcap, slopes=slopes, scale=softmax_scale)
    if isPaged:
        run_batch(
            define_segments, **views, **options, **_get_span(causal, window_size),
            tables=[(FIRST, begins[:-1]), (LAST, begins[1:])], page=k.shape[1],
            pages=_check_table(block_table, count, native), lengths=ends[1:] - ends[:-1])
    else:
        tables = _bound_keys(begins, ends, q.shape[0], causal, window_size)
        # Of one sequence, in whose place the tables stand for all.
        for name in ("q", "o", "lse"):
            views[name] = views[name][None]
        run_batch(define_packed, **views, **options, tables=tables)
    return (out, lse, None) if return_attn_probs else out


def flash_attn_with_kvcache(q, k_cache, v_cache, k=None, v=None, rotary_cos=None,
                            rotary_sin=None, cache_seqlens=None, cache_batch_idx=None,
                            cache_leftpad=None, block_table=None, softmax_scale=None,
                            causal=False, window_size=(-1, -1), softcap=0.0,
                            rotary_interleaved=True, alibi_slopes=None, num_splits=0,
                            return_softmax_lse=False):
    """Attention to what a cache has, after new keys and values are written to it.

    q: [batch, queries, heads, width].
    k_cache, v_cache: [slots, capacity, key heads, width], the slot of a sequence being its
        number or cache_batch_idx[sequence]; or with block_table pages [pages, keys of a
        page, key heads, width].
    k, v: [batch, new keys, key heads, width], written behind the keys that a sequence has,
        in place. They have to fit: on a CPU too many are refused, on a GPU those without a
        place are not written.
    rotary_cos, rotary_sin: [positions, pairs], by which new keys and the queries, as many,
        are turned, each by its position in its sequence; neighbouring features together,
        or with rotary_interleaved=False halves.
    cache_seqlens: [batch] or a number, the keys before those of k; the capacity if it is
        not given. What the cache has behind them is not read.
    block_table: [batch, entries], the page of each so many keys.
    return_softmax_lse: whether to return (out, lse), lse being [batch, heads, queries].

    Returns out, [batch, queries, heads, width of v].

    Raises attn.Error for what it cannot do, and for shapes that do not fit.
    """
    refuse_gradients(q=q, k_cache=k_cache, v_cache=v_cache, k=k, v=v)
    if cache_leftpad is not None:
        raise refuse(
            "argument cache_leftpad", "expects caches that begin with their first key",
            "move the keys, or put them into pages")
    if cache_batch_idx is not None and block_table is not None:
        raise refuse(
            "argument cache_batch_idx", "expects a cache without block_table, but got both",
            "choose the rows of block_table")
    out, lse, views = _prepare(q, k_cache, v_cache, "[slots or pages, length, heads, width]")
    native, batch, page = views["q"], q.shape[0], None
    if block_table is not None:
        page, pages = k_cache.shape[1], _check_table(block_table, batch, native)
    elif cache_batch_idx is not None:
        # One page a sequence.
        page = k_cache.shape[1]
        pages = as_numbers("cache_batch_idx", cache_batch_idx, native).reshape(batch, 1)
    else:
        pages = None
        _check_batch(views, "slots")
    capacity = k_cache.shape[1] * (1 if pages is None else pages.shape[1])
    if cache_seqlens is None:
        cache_seqlens = capacity
    if not isinstance(cache_seqlens, (list, tuple)) and getattr(cache_seqlens, "ndim", 0) == 0:
        cache_seqlens = [int(cache_seqlens)] * batch
    lengths = as_numbers("cache_seqlens", cache_seqlens, native)
    if tuple(lengths.shape) != (batch,):
        raise refuse(
            "argument cache_seqlens", f"expects a number for each of {batch} sequences, but got "
            f"{list(lengths.shape)}", "give one each, or one for all")
    span = _get_span(causal, window_size)
    # Before anything is written.
    options = dict(cap=softcap, slopes=_spread(alibi_slopes, views, batch, q.shape[2]),
                   scale=softmax_scale, **span)
    if k is not None or v is not None:
        new = _view_new(k, v, views, batch)
        place = dict(page=page, pages=pages, capacity=capacity)
        if rotary_cos is None:
            append_tokens(views["k"], views["v"], *new, lengths, **place)
        else:
            isOrdered = span["span"] != "all" or q.shape[1] == 1
            if not isOrdered or q.shape[1] != k.shape[1]:
                raise refuse(
                    "argument rotary_cos", "expects queries at the places of the new keys, but "
                    f"got {q.shape[1]} queries and {k.shape[1]} keys"
                    + ("" if isOrdered else ", which are not causal"),
                    "turn queries and keys before, and give them without tables")
            views["q"] = turn_and_append(
                native, views["k"], views["v"], *new, lengths, rotary_cos, rotary_sin,
                rotary_interleaved, **place)
        lengths = lengths + k.shape[1]
    elif rotary_cos is not None:
        raise refuse(
            "argument rotary_cos", "expects new keys, but got none", "give k and v, or turn q before")
    if pages is None:
        run_batch(define_slots, **views, **options, tables=[(LENGTHS, lengths)])
    else:
        run_batch(define_dense, **views, **options, page=page, pages=pages, lengths=lengths)
    return (out, lse) if return_softmax_lse else out


def _refuse_dropout(dropout):
    if dropout:
        raise refuse("argument dropout_p", f"expects 0, but got {dropout}",
                     "leave it out: there is no training yet")


def _get_span(causal, window):
    """The span and the window that run_batch takes."""
    left, right = window
    if causal:
        right = 0
    if left < 0 and right < 0:
        return dict(span="all")
    return dict(span="causal") if left < 0 and right == 0 else \
        dict(span="window", window=(left, right))


def _prepare(q, k, v, form):
    """out and lse of the caller's library, and views of all as run_batch takes them."""
    natives = [as_native(name, x) for name, x in (("q", q), ("k", k), ("v", v))]
    check_rank("[batch, queries, heads, width]", q=natives[0])
    check_rank(form, k=natives[1], v=natives[2])
    batch, queries, heads, _ = q.shape
    out = new_empty(q, (batch, queries, heads, v.shape[-1]))
    lse = new_empty(q, (batch, heads, queries), "float32")
    return out, lse, view_batch(*natives, as_native("out", out), as_native("lse", lse))


def _prepare_tokens(q, k, v, form):
    """The same of the tokens of all sequences."""
    natives = [as_native(name, x) for name, x in (("q", q), ("k", k), ("v", v))]
    check_rank("[queries, heads, width]", q=natives[0])
    check_rank(form, k=natives[1], v=natives[2])
    queries, heads, _ = q.shape
    out = new_empty(q, (queries, heads, v.shape[-1]))
    lse = new_empty(q, (heads, queries), "float32")
    sides = [x if x.ndim == 4 else x[None] for x in natives[1:]]
    return out, lse, view_tokens(
        natives[0], *sides, as_native("out", out), as_native("lse", lse))


def _check_batch(views, what):
    if views["q"].shape[0] > views["k"].shape[0] or \
            what == "keys" and views["q"].shape[0] != views["k"].shape[0]:
        raise refuse(
            "argument k", f"expects {what} of q's {views['q'].shape[0]} sequences, but got "
            f"{views['k'].shape[0]}", "give those of the same sequences")
    views["k"], views["v"] = (views[n][: views["q"].shape[0]] for n in "kv")


def _check_sums(name, sums):
    if sums.ndim != 1 or len(sums) < 2:
        raise refuse(f"argument {name}", "expects [sequences + 1], where each begins, and the end, "
                     f"but got {list(sums.shape)}", "begin with 0, and give one sequence at least")
    return sums


def _check_table(table, count, like):
    table = as_numbers("block_table", table, like)
    if table.ndim != 2 or table.shape[0] != count:
        raise refuse("argument block_table", f"expects [{count}, entries], but got "
                     f"{list(table.shape)}", "give a row of pages for each sequence")
    return table


def _spread(slopes, views, batch, heads):
    return None if slopes is None else spread_slopes(slopes, batch, heads, views["q"])


def _bound_keys(begins, ends, count, causal, window):
    """What the queries of packed sequences see, for define_packed."""
    module = get_module(begins)
    left, right = window
    if causal:
        right = 0
    at = as_numbers("queries", module.arange(count), begins)
    # Queries behind the last sequence are of nobody: of one that has no keys.
    sequence = module.searchsorted(begins[1:], at, side="right")
    own = as_numbers("ends", module.where(sequence < len(begins) - 1, sequence, 0), begins, "int64")
    place = at + ends[1:][own] - begins[1:][own]
    least = module.maximum(ends[:-1][own], place - (left if left >= 0 else UNLIMITED))
    most = module.minimum(ends[1:][own], place + 1 + (right if right >= 0 else UNLIMITED))
    return [
        (PLACE, place), (SEQUENCE, as_numbers("sequence", sequence, begins)), (LEAST, least),
        (MOST, module.where(sequence < len(begins) - 1, most, 0)),
    ]


def _view_new(k, v, views, batch):
    """New keys and values, [batch, tokens, key heads, width]."""
    if k is None or v is None:
        raise refuse("argument v" if v is None else "argument k", "expects new keys and values, "
                     "but got one of them", "give both")
    new = as_native("k", k), as_native("v", v)
    check_rank("[batch, tokens, heads, width]", k=new[0])
    heads, tokens = views["k"].shape[1], k.shape[1]
    return [check_shape(name, x, batch, tokens, heads, views[name].shape[-1])
            for name, x in zip("kv", new)]

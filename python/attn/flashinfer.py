# ===- flashinfer.py - FlashInfer's calls -------------------------------------===#
"""The calls of flashinfer, by attn.

    from attn.flashinfer import BatchDecodeWithPagedKVCacheWrapper, merge_state, ...

Arrays are NumPy's or PyTorch's, float32, float16 or bfloat16, on a CPU or a GPU, and the
results are of the same kind. What all calls share:

* `kv_layout` is "NHD", [..., keys, heads, width], or "HND", [..., heads, keys, width]. Key
  heads divide the heads, and heads that share one follow each other.
* The last query of a sequence stands at its last key. With `causal` a query sees the keys up
  to its own, and with `window_left` of those before at most so many (-1 for all).
* Scores are scaled by sm_scale (1 / sqrt(width) if it is not given), q_scale and k_scale,
  then capped: cap * tanh(score / cap), none for 0 or None. v_scale multiplies the output.
* Logarithms of sums have base 2, float32, [queries, heads]. A row that sees no key is 0, its
  logarithm -inf.
* Workspaces and backends, types in `plan` and how FlashInfer divides its work mean nothing
  here: there is one way, and types are those of the tensors.
* Keys are not turned: `pos_encoding_mode` is "NONE".
"""

import math

import numpy as np

from attn._attention import count_threads, list_options, refuse_gradients
from attn._batch import (
    BEGINS, FIRST, LAST, define_dense, define_segments, run_batch,
)
from attn._compiler import get_kernel
from attn._framework import as_host_numbers, as_native, as_numbers, get_module, new_empty, permute
from attn._shapes import check_rank, check_shape, view_batch, view_tokens
from attn._trace import refuse

# What FlashInfer chooses its kernels and the division of its work by.
_CHOICES = frozenset((
    "q_data_type", "kv_data_type", "data_type", "non_blocking", "seq_lens",
    "seq_lens_q", "block_tables", "fixed_split_size", "disable_split_kv", "enable_pdl",
    "max_token_per_sequence", "max_sequence_kv", "rope_scale", "rope_theta",
    "use_fp16_qk_reduction", "use_tensor_cores", "backend", "jit_args",
))


def single_decode_with_kv_cache(q, k, v, kv_layout="NHD", pos_encoding_mode="NONE",
                                use_tensor_cores=False, q_scale=None, k_scale=None, v_scale=None,
                                window_left=-1, logits_soft_cap=None, sm_scale=None,
                                rope_scale=None, rope_theta=None, return_lse=False):
    """Attention of one query, q [heads, width], to k, v [keys, key heads, width] (NHD).

    Returns out [heads, width of v], or with return_lse (out, lse [heads]).

    Raises attn.Error for what it cannot do, and for shapes that do not fit.
    """
    check_rank("[heads, width]", q=as_native("q", q))
    results = single_prefill_with_kv_cache(
        q[None], k, v, q_scale, k_scale, v_scale, kv_layout=kv_layout,
        pos_encoding_mode=pos_encoding_mode, sm_scale=sm_scale, window_left=window_left,
        logits_soft_cap=logits_soft_cap, return_lse=True)
    out, lse = (x[0] for x in results)
    return (out, lse) if return_lse else out


def single_prefill_with_kv_cache(q, k, v, scale_q=None, scale_k=None, scale_v=None, o_dtype=None,
                                 custom_mask=None, packed_custom_mask=None, causal=False,
                                 kv_layout="NHD", pos_encoding_mode="NONE",
                                 use_fp16_qk_reduction=False, sm_scale=None, window_left=-1,
                                 logits_soft_cap=None, rope_scale=None, rope_theta=None,
                                 backend="auto", return_lse=False):
    """Attention of one sequence: q [queries, heads, width], k, v [keys, key heads, width]
    (NHD).

    scale_q, scale_k, scale_v: numbers, not tensors by head.
    custom_mask: [queries, keys], which keys a query sees, in the place of `causal`.

    Returns out [queries, heads, width of v], or with return_lse (out, lse).

    Raises attn.Error for what it cannot do, and for shapes that do not fit.
    """
    refuse_gradients(q=q, k=k, v=v)
    _refuse_modes(pos_encoding_mode, packed_custom_mask, o_dtype=o_dtype)
    natives = [as_native(name, x) for name, x in (("q", q), ("k", k), ("v", v))]
    check_rank("[queries, heads, width]", q=natives[0])
    check_rank("[keys, heads, width]" if kv_layout == "NHD" else "[heads, keys, width]",
               k=natives[1], v=natives[2])
    natives[1:] = [_as_nhd(x[None], kv_layout) for x in natives[1:]]
    out, lse, o, sums = _allocate(q, v.shape[-1], None, None)
    views = view_batch(natives[0][None], *natives[1:], o[None], sums[None])
    chosen = None
    if custom_mask is not None:
        chosen = as_numbers("custom_mask", custom_mask, natives[0], "int8")
        check_shape("custom_mask", chosen, q.shape[0], natives[1].shape[1])
        chosen = chosen.reshape(-1)
    run_batch(
        define_dense, **views, **_get_span(causal, window_left, chosen), cap=logits_soft_cap or 0.0,
        scale=_scale(sm_scale, q, scale_q, scale_k))
    return _finish(out, lse, sums, scale_v, return_lse)


class _PagedWrapper:
    """Sequences whose keys and values lie in pages, which one list names (CSR)."""

    def __init__(self, float_workspace_buffer=None, kv_layout="NHD", use_cuda_graph=False,
                 **buffers):
        """`float_workspace_buffer` and `buffers` mean nothing here.

        Raises attn.Error for use_cuda_graph, and for an unknown layout.
        """
        if use_cuda_graph:
            raise refuse(
                "argument use_cuda_graph", "expects runs that are not captured, whose plan lies "
                "in arrays of its own", "capture a kernel of attn.load, which reads lengths and "
                "tables when it runs (docs/kv-cache.md)")
        _check_layout(kv_layout)
        self._layout, self._pages = kv_layout, None

    def _plan(self, indptr, indices, last_page_len, num_qo_heads, num_kv_heads, head_dim,
              page_size, pos_encoding_mode, window_left, logits_soft_cap, sm_scale, more):
        _refuse_modes(pos_encoding_mode, **more)
        begins, pages, last = (
            as_host_numbers(name, x) for name, x in (
                ("indptr", indptr), ("indices", indices), ("last_page_len", last_page_len)))
        self._count = len(begins) - 1
        counts = np.diff(begins)
        if self._count < 0 or begins[0] < 0 or (counts < 0).any() or begins[-1] > len(pages):
            raise refuse(
                "argument indptr", f"expects places of the {len(pages)} indices, none below the "
                f"one before, but got {begins.tolist()}", "give where the pages of each sequence "
                "begin, and the end")
        check_shape("last_page_len", last, self._count)
        wrong = np.flatnonzero((counts > 0) & ((last < 1) | (last > page_size)))
        if len(wrong):
            raise refuse(
                "argument last_page_len", f"expects 1 to {page_size} keys in a last page, but got "
                f"{last[wrong[0]]} of sequence {wrong[0]}", "leave out pages without keys")
        # A table has a row of pages for each sequence, which kernels take.
        self._table = np.full((self._count, max(counts, default=0) + 1), -1, np.int32)
        for row, begin, number in zip(self._table, begins, counts):
            row[:number] = pages[begin : begin + number]
        self._lengths = np.where(counts > 0, (counts - 1) * page_size + last, 0).astype(np.int32)
        self._heads = num_qo_heads, num_kv_heads, head_dim
        self._page, self._window = page_size, window_left
        self._options = dict(cap=logits_soft_cap or 0.0)
        self._scale = sm_scale
        self._pages = {}

    def _get_pages(self, q):
        """The plan's numbers where the native `q` is."""
        if self._pages is None:
            raise refuse("run", "expects a plan, but there is none", "call plan before")
        key = None if isinstance(q, np.ndarray) else q.device
        if key not in self._pages:
            self._pages[key] = {
                name: as_numbers(name, x, q, str(x.dtype)) for name, x in self._list_numbers()}
        return self._pages[key]

    def _list_numbers(self):
        return [("pages", self._table), ("lengths", self._lengths)]

    def _view_cache(self, cache):
        """Pages of keys and of values, [pages, keys of a page, heads, width]."""
        if isinstance(cache, (tuple, list)):
            sides = [as_native(name, x) for name, x in zip(("k_cache", "v_cache"), cache)]
        else:
            both = as_native("paged_kv_cache", cache)
            check_rank("[pages, 2, keys or heads, heads or keys, width]", paged_kv_cache=both)
            check_shape("paged_kv_cache", both, both.shape[0], 2, *both.shape[2:])
            sides = both[:, 0], both[:, 1]
        sides = [_as_nhd(x, self._layout) for x in sides]
        _, heads, width = self._heads
        check_shape("paged_kv_cache", sides[0], sides[0].shape[0], self._page, heads, width)
        return sides

    def _begin(self, q, cache, sinks, more):
        """Native q and caches, and the plan's numbers."""
        refuse_gradients(q=q)
        if sinks is not None:
            raise refuse("argument sinks", "expects sums of keys alone",
                         "use attn-compile's variant sink")
        _refuse_modes("NONE", **more)
        native = as_native("q", q)
        pages = self._get_pages(native)
        check_rank("[queries, heads, width]", q=native)
        check_shape("q", native, q.shape[0], self._heads[0], self._heads[2])
        return native, self._view_cache(cache), pages


class BatchDecodeWithPagedKVCacheWrapper(_PagedWrapper):
    """Attention of one query of each sequence to its pages."""

    def plan(self, indptr, indices, last_page_len, num_qo_heads, num_kv_heads, head_dim, page_size,
             pos_encoding_mode="NONE", window_left=-1, logits_soft_cap=None, q_data_type=None,
             kv_data_type=None, data_type=None, sm_scale=None, rope_scale=None, rope_theta=None,
             **more):
        """Takes the pages of each sequence, for runs until the next plan.

        indptr: [sequences + 1], where the pages of each begin in `indices`, and the end.
        last_page_len: [sequences], the keys of its last page, 1 to page_size.

        Raises attn.Error for numbers that do not fit each other, and for what it cannot do.
        """
        self._plan(indptr, indices, last_page_len, num_qo_heads, num_kv_heads, head_dim, page_size,
                   pos_encoding_mode, window_left, logits_soft_cap, sm_scale, more)

    def run(self, q, paged_kv_cache, *, q_scale=None, k_scale=None, v_scale=None, out=None,
            lse=None, return_lse=False, window_left=None, sinks=None, **more):
        """Attention of q, [sequences, heads, width].

        paged_kv_cache: a pair [pages, keys of a page, key heads, width] (NHD), or both sides
            in one, [pages, 2, ...].
        out, lse: what is written, or None for new ones.

        Returns out, or with return_lse (out, lse).

        Raises attn.Error without a plan, and for shapes that are not those of the plan.
        """
        native, sides, pages = self._begin(q, paged_kv_cache, sinks, more)
        check_shape("q", native, self._count, *q.shape[1:])
        out, lse, o, sums = _allocate(q, sides[1].shape[-1], out, lse)
        views = view_batch(native[:, None], *sides, o[:, None], permute(sums, 1, 0)[:, :, None])
        window = self._window if window_left is None else window_left
        run_batch(
            define_dense, **views, **self._options, **_get_span(False, window), page=self._page,
            scale=_scale(self._scale, q, q_scale, k_scale), **pages)
        return _finish(out, lse, sums, v_scale, return_lse)


class BatchPrefillWithPagedKVCacheWrapper(_PagedWrapper):
    """Attention of any number of queries of each sequence to its pages."""

    def plan(self, qo_indptr, paged_kv_indptr, paged_kv_indices, paged_kv_last_page_len,
             num_qo_heads, num_kv_heads, head_dim_qk, page_size, head_dim_vo=None,
             custom_mask=None, packed_custom_mask=None, causal=False, pos_encoding_mode="NONE",
             use_fp16_qk_reduction=False, sm_scale=None, window_left=-1, logits_soft_cap=None,
             rope_scale=None, rope_theta=None, q_data_type=None, kv_data_type=None, **more):
        """Takes the queries and the pages of each sequence, for runs until the next plan.

        qo_indptr: [sequences + 1], where the queries of each begin, and the end.
        custom_mask: of all sequences behind each other [queries, keys], in one dimension:
            which keys a query sees, in the place of `causal`.
        The others as in BatchDecodeWithPagedKVCacheWrapper.
        """
        self._plan(paged_kv_indptr, paged_kv_indices, paged_kv_last_page_len, num_qo_heads,
                   num_kv_heads, head_dim_qk, page_size, pos_encoding_mode, window_left,
                   logits_soft_cap, sm_scale, {"packed_custom_mask": packed_custom_mask, **more})
        queries = as_host_numbers("qo_indptr", qo_indptr)
        check_shape("qo_indptr", queries, self._count + 1)
        counts = np.diff(queries)
        if queries[0] != 0 or (counts < 0).any():
            raise refuse("argument qo_indptr", "expects numbers from 0, none below the one before, "
                         f"but got {queries.tolist()}", "give where the queries of each sequence begin")
        self._queries, self._causal, self._chosen = queries, causal, None
        if custom_mask is not None:
            points = counts.astype(np.int64) * self._lengths
            self._chosen = check_shape(
                "custom_mask", as_host_numbers("custom_mask", custom_mask, "int8"), int(points.sum()))
            self._begins = np.cumsum(points) - points

    def _list_numbers(self):
        numbers = [("first", self._queries[:-1]), ("last", self._queries[1:])]
        if self._chosen is not None:
            numbers += [("chosen", self._chosen), ("begins", self._begins)]
        return super()._list_numbers() + numbers

    def run(self, q, paged_kv_cache, *, q_scale=None, k_scale=None, v_scale=None, out=None,
            lse=None, return_lse=False, sinks=None, **more):
        """Attention of q, [queries of all, heads, width]; as the run of
        BatchDecodeWithPagedKVCacheWrapper."""
        native, sides, pages = self._begin(q, paged_kv_cache, sinks, more)
        check_shape("q", native, int(self._queries[-1]), *q.shape[1:])
        out, lse, o, sums = _allocate(q, sides[1].shape[-1], out, lse)
        views = view_tokens(native, *sides, o, sums)
        run_batch(
            define_segments, **views, **self._options,
            **_get_span(self._causal, self._window, pages.get("chosen")),
            scale=_scale(self._scale, q, q_scale, k_scale), page=self._page,
            pages=pages["pages"], lengths=pages["lengths"],
            tables=[(FIRST, pages["first"]), (LAST, pages["last"]), (BEGINS, pages.get("begins"))])
        return _finish(out, lse, sums, v_scale, return_lse)


def merge_state(v_a, s_a, v_b, s_b):
    """Attention to two sets of keys from that to each.

    v_a, v_b: [queries, heads, width]. s_a, s_b: [queries, heads], logarithms of base 2.

    Returns (v, s) of the same shapes.
    """
    refuse_gradients(v_a=v_a, v_b=v_b)
    sides = [as_native(name, x) for name, x in (("v_a", v_a), ("v_b", v_b))]
    sums = [as_native(name, x) for name, x in (("s_a", s_a), ("s_b", s_b))]
    check_shape("v_b", sides[1], *sides[0].shape)
    check_shape("s_b", sums[1], *sums[0].shape)
    stack = get_module(sides[0]).stack
    return _merge(v_a, stack(sides), stack(sums))


def merge_states(v, s):
    """Attention to several sets of keys from that to each.

    v: [queries, sets, heads, width]. s: [queries, sets, heads], logarithms of base 2. A set
        with -inf counts for nothing, whatever its v is.

    Returns (v, s) of [queries, heads, width] and [queries, heads].
    """
    refuse_gradients(v=v)
    native, sums = as_native("v", v), as_native("s", s)
    check_rank("[queries, sets, heads, width]", v=native)
    check_rank("[queries, sets, heads]", s=sums)
    return _merge(v, permute(native, 1, 0, 2, 3), permute(sums, 1, 0, 2))


def _merge(like, parts, sums):
    """Of parts [sets, queries, heads, width] and sums [sets, queries, heads]."""
    check_rank("[sets, queries, heads, width]", v=parts)
    check_shape("s", sums, *parts.shape[:3])
    _, queries, heads, width = parts.shape
    out = new_empty(like, (queries, heads, width))
    out, lse, o, total = _allocate(out, width, out, None)
    kernel = get_kernel(
        "merge", list_options(parts, width, width), count_threads(parts), parts)
    kernel(parts=permute(parts, 0, 2, 1, 3)[:, None],
           lses=as_numbers(
               "s", permute(sums, 0, 2, 1) * math.log(2), parts, "float32")[:, None],
           o=permute(o, 1, 0, 2)[None], lse=total[None])
    return _finish(out, lse, total, None, True)


def _check_layout(layout):
    if layout not in ("NHD", "HND"):
        raise refuse("argument kv_layout", f"expects NHD or HND, but got {layout}",
                     "say where heads stand")


def _as_nhd(side, layout):
    """[pages, keys, heads, width] of one side, a view."""
    _check_layout(layout)
    return side if layout == "NHD" else permute(side, 0, 2, 1, 3)


def _refuse_modes(pos_encoding_mode, packed_custom_mask=None, **more):
    if pos_encoding_mode != "NONE":
        raise refuse(
            "argument pos_encoding_mode", f"expects NONE, but got {pos_encoding_mode}",
            "turn keys when they are appended, or give attn.flash_attn slopes")
    if packed_custom_mask is not None:
        raise refuse("argument packed_custom_mask", "expects a mask of an element a key",
                     "give custom_mask")
    for name, value in more.items():
        if value is not None and name not in _CHOICES:
            raise refuse(f"argument {name}", "expects what attn has, which it is not",
                         "leave it out")


def _get_span(causal, left, chosen=None):
    """The span, window and choice that run_batch takes; a choice stands in for causal."""
    causal = causal and chosen is None
    if left < 0:
        return dict(span="causal" if causal else "all", chosen=chosen)
    return dict(span="window", window=(left, 0 if causal else -1), chosen=chosen)


def _scale(sm_scale, q, *factors):
    scale = 1 / math.sqrt(q.shape[-1]) if sm_scale is None else float(sm_scale)
    for name, factor in zip(("q_scale", "k_scale"), factors):
        scale *= _as_number(name, factor)
    return scale


def _as_number(name, factor):
    """A factor, or 1. Raises Error for one of each head."""
    if factor is None:
        return 1.0
    if getattr(factor, "ndim", 0) and math.prod(factor.shape) != 1:
        raise refuse(f"argument {name}", f"expects one number, but got {list(factor.shape)}",
                     "multiply q, k or the output by those of heads")
    return float(factor.item() if hasattr(factor, "item") else factor)


def _allocate(q, width, out, lse):
    """(out, lse, o, sums) of queries [queries, heads, width of q].

    out and lse are new where they are not given; o is the native out, and sums, native
    [heads, queries], as kernels write them.
    """
    shape = (*q.shape[:2], width)
    if out is not None:
        check_shape("out", out, *shape)
    if lse is not None:
        check_shape("lse", lse, *shape[:2])
    out = new_empty(q, shape) if out is None else out
    lse = new_empty(q, shape[:2], "float32") if lse is None else lse
    o = as_native("out", out)
    return out, lse, o, new_empty(o, shape[1::-1], "float32")


def _finish(out, lse, sums, v_scale, return_lse):
    """The results, out with v_scale, and lse, which is `sums` to base 2."""
    factor = _as_number("v_scale", v_scale)
    if factor != 1.0 and isinstance(out, np.ndarray) and out.dtype == np.uint16:
        raise refuse("argument v_scale", "expects a type with numbers, but got bits of bfloat16",
                     "give ml_dtypes' bfloat16, or multiply the output")
    if factor != 1.0:
        out *= factor
    if return_lse:
        as_native("lse", lse)[...] = permute(sums, 1, 0) * math.log2(math.e)
    return (out, lse) if return_lse else out

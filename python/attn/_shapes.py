# ===- _shapes.py - shapes of calls, and views as kernels take them ---------===#
"""Checks and views of native arrays whose heads come behind their tokens."""

from attn._framework import permute, split_heads
from attn._trace import refuse


def check_rank(form, **arrays):
    """Raises Error for an array without the dimensions of `form`, "[length, width]"."""
    for name, array in arrays.items():
        if array.ndim != form.count(",") + 1:
            raise refuse(f"argument {name}", f"expects {form}, but got {list(array.shape)}",
                         "add the dimensions that are missing")


def check_heads(q, k, v):
    """How many key heads there are. Raises Error where heads, widths or keys do not fit."""
    heads, keyHeads = q.shape[-2], k.shape[-2]
    if keyHeads == 0 or heads % keyHeads:
        raise refuse(
            "argument k", f"expects a number of heads that divides q's {heads}, but got {keyHeads}",
            "repeat heads, or leave some out")
    if q.shape[-1] != k.shape[-1]:
        raise refuse("argument k", f"expects the width of q, {q.shape[-1]}, but got {k.shape[-1]}",
                     "give keys of the same heads")
    if k.shape[:-1] != v.shape[:-1]:
        raise refuse("argument v", f"expects {list(k.shape[:-1])}, as k, before the width, but got "
                     f"{list(v.shape[:-1])}", "give keys and values of the same tokens")
    return keyHeads


def check_shape(name, array, *shape):
    """`array`, if it has that shape. Raises Error otherwise."""
    if tuple(array.shape) != shape:
        raise refuse(f"argument {name}", f"expects {list(shape)}, but got {list(array.shape)}",
                     "give one of that shape")
    return array


def view_batch(q, k, v, o, lse):
    """What run_batch takes of q and o [batch, queries, heads, width], lse [batch, heads,
    queries] and k, v [batch or pages, keys, key heads, width]."""
    keyHeads = check_heads(q, k, v)
    q, o = (permute(split_heads(x, 2, keyHeads), 0, 2, 3, 1, 4) for x in (q, o))
    return dict(q=q, o=o, lse=split_heads(lse, 1, keyHeads),
                k=permute(k, 0, 2, 1, 3), v=permute(v, 0, 2, 1, 3))


def view_tokens(q, k, v, o, lse):
    """The same of q and o [queries, heads, width], and lse [heads, queries]."""
    keyHeads = check_heads(q, k, v)
    q, o = (permute(split_heads(x, 1, keyHeads), 1, 2, 0, 3) for x in (q, o))
    return dict(q=q, o=o, lse=split_heads(lse, 0, keyHeads),
                k=permute(k, 0, 2, 1, 3), v=permute(v, 0, 2, 1, 3))

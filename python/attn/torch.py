# ===- torch.py - attention as an operator of PyTorch -----------------------===#
"""`attn::attention`, which torch.compile and fake tensors know.

    program = attn.trace(mask=lambda p, m: m <= p)

    @torch.compile(fullgraph=True)
    def layer(q, k, v):
        return attn.torch.attention(q, k, v, program)

An operator takes no functions: it has the program's key, and what the functions capture as
tensors. There is no backward pass: gradients are refused where they are recorded.
"""

from typing import Literal, overload

import numpy as np
import torch

from attn._attention import PROGRAMS, Attention, check_shapes, stop_gradient
from attn._trace import refuse

# Looking them up would take as long as calling them.
_is_compiling = torch.compiler.is_compiling
_count_modes = torch._C._len_torch_dispatch_stack
_is_transformed = torch._C._functorch.is_functorch_wrapped_tensor

_library = torch.library.Library("attn", "DEF")
_library.define(
    "attention(Tensor q, Tensor k, Tensor v, Tensor[] captured, str program, "
    "float? scale=None) -> (Tensor o, Tensor lse)",
    tags=(torch.Tag.pt2_compliant_tag,))


@overload
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, program: Attention, *,
              scale: float | None = None, return_lse: Literal[False] = False) -> torch.Tensor: ...


@overload
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, program: Attention, *,
              scale: float | None = None,
              return_lse: Literal[True]) -> tuple[torch.Tensor, torch.Tensor]: ...


def attention(q, k, v, program, *, scale=None, return_lse=False):
    """softmax(score(q k^T * scale)) v over the keys that `program` lets a query see.

    q, k, v: tensors as of `attn.attention`, all on a CPU or all on one GPU.
    program: of `attn.trace`, made before the function that torch.compile compiles. What it
        captures is read at each call: arrays that are changed in place are seen, others that
        take a captured one's name are not.

    Returns o, [batch, heads, queries, width of v], whose queries lie in memory before the
    heads, as models take them; with `return_lse` (o, lse).

    Raises Error as `attn.attention` does; torch.compile wraps it, with its text.
    """
    if _is_eager(q):
        results = program.run(q, k, v, program.captured, scale, allocate=_allocate,
                              return_lse=return_lse)
        return results if return_lse else results[0]
    captured = [
        torch.from_numpy(x) if isinstance(x, np.ndarray) else x for x in program.captured
    ]
    o, lse = torch.ops.attn.attention.default(q, k, v, captured, program.key, scale)
    return (o, lse) if return_lse else o


def _is_eager(q):
    """Whether nobody traces or transforms the call: the operator then only takes time."""
    return (
        type(q) is torch.Tensor and not _is_compiling() and _count_modes() == 0
        and not _is_transformed(q))


def _allocate(q, v):
    batch, heads, queries, _ = q.shape
    o = q.new_empty((batch, queries, heads, v.shape[3])).transpose(1, 2)
    return o, q.new_empty((batch, heads, queries), dtype=torch.float32)


def _find(key):
    program = PROGRAMS.get(key)
    if program is None:
        raise refuse(
            "attn::attention", f"expects a program that this process has, but got '{key}'",
            "keep what attn.trace returns as long as what was compiled with it")
    return program


def _run(q, k, v, captured, program, scale=None):
    return _find(program).run(q, k, v, captured, scale, outputs=_allocate(q, v))


def _describe(q, k, v, captured, program, scale=None):
    check_shapes({"q": tuple(q.shape), "k": tuple(k.shape), "v": tuple(v.shape)})
    return _allocate(q, v)


def _refuse_gradients(q, k, v, captured, program, scale=None):
    """Before autograd would let the outputs go without their gradients."""
    if torch.is_grad_enabled():
        for name, tensor in (("q", q), ("k", k), ("v", v)):
            stop_gradient(f"argument {name}", tensor)
        for tensor in captured:
            stop_gradient("a captured array", tensor)
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.attn.attention.default(q, k, v, captured, program, scale)


_library.impl("attention", _run, "CPU")
_library.impl("attention", _run, "CUDA")
_library.impl("attention", _refuse_gradients, "Autograd")
torch.library.register_fake("attn::attention", _describe, lib=_library)

# ===- __init__.py - runs compiled attention kernels on arrays ------------===#
"""Runs kernels that attn has compiled, without the compiler.

    kernel = attn.load("causal.attn", threads=2)
    o = kernel(q=q, k=k, v=v)

Everything that is refused raises `attn.Error`, whose text says which facts
conflict and what to change.
"""

from attn._error import Error
from attn._kernel import Kernel, Plan, load

__all__ = ["Error", "Kernel", "Plan", "load"]

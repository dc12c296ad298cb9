# ===- __init__.py - attention kernels on arrays --------------------------===#
"""Attention with masks and scores written in Python, and kernels that attn has compiled.

    o = attn.attention(q, k, v, mask=lambda p, m: m <= p)

is traced, compiled and run; it needs attn-compile. Kernels that were compiled before do
without:

    kernel = attn.load("causal.attn", threads=2)
    o = kernel(q=q, k=k, v=v)

Everything that is refused raises `attn.Error`, whose text says which facts
conflict and what to change.
"""

from attn._attention import Attention, SlowMask, attention, trace
from attn._compiler import compile, refusal
from attn._error import Error
from attn._kernel import Kernel, Plan, load

__all__ = [
    "Attention", "Error", "Kernel", "Plan", "SlowMask", "attention", "compile", "load", "refusal",
    "trace",
]

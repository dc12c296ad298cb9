# ===- peers.py - other implementations of a row's attention ---------------===#
"""cuDNN, FlashAttention-3 and FlexAttention on the tensors of a workload.

Each takes part where it has what the row asks for. What it makes of a mask before
the first call is made once and timed apart, in milliseconds from an idle GPU to an
idle GPU, warm: a mask that changes with the batch costs that.
"""

import dataclasses
import importlib
import time
from typing import Callable

import torch

# Where FlashAttention-3 has been seen: its own build, its wheels, a checkout.
FA3_MODULES = (
    "flash_attn_interface",
    "flash_attn_3.flash_attn_interface",
    "flash_attn_3",
    "hopper.flash_attn_interface",
    "flash_attention.hopper.flash_attn_interface",
)


@dataclasses.dataclass
class Peer:
    """run: one call, which gives [sequences, heads, tokens, D]."""

    run: Callable
    setup_ms: float = 0.0


def time_setup(make):
    """The result of `make` and the milliseconds that it takes."""
    make()
    result = make()
    times = []
    while len(times) < 3 or (len(times) < 15 and sum(times) < 1000):
        torch.cuda.synchronize()
        start = time.perf_counter()
        result = make()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    return result, sorted(times)[len(times) // 2]


def import_fa3():
    """The module of FlashAttention-3, or None, and why not."""
    reasons = []
    for name in FA3_MODULES:
        try:
            module = importlib.import_module(name)
            if hasattr(module, "flash_attn_func"):
                return module, ""
            reasons.append(f"{name} has no flash_attn_func")
        except Exception as error:  # a library that does not load, too
            reasons.append(f"{type(error).__name__}: {error}")
    return None, "; ".join(reasons)


def make_sdpa(bound, backend):
    """A back end of PyTorch's scaled_dot_product_attention."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    work, grouped = bound.workload, bound.q.shape[1] != bound.k.shape[1]
    if work.causal is None or work.window or work.softcap or work.ends:
        return None

    def run():
        with sdpa_kernel(getattr(SDPBackend, backend)):
            return torch.nn.functional.scaled_dot_product_attention(
                bound.q, bound.k, bound.v, is_causal=work.causal, scale=bound.scale,
                enable_gqa=grouped,
            )

    return Peer(run)


def make_cudnn(bound, _):
    return make_sdpa(bound, "CUDNN_ATTENTION")


def make_fa2(bound, _):
    return make_sdpa(bound, "FLASH_ATTENTION")


def make_fa3(bound, _):
    work = bound.workload
    module, _ = import_fa3()
    if module is None or work.causal is None:
        return None
    q, k, v = (x.transpose(1, 2).contiguous() for x in (bound.q, bound.k, bound.v))
    options = dict(softmax_scale=bound.scale, causal=work.causal)
    if work.window:
        options["window_size"] = (work.window - 1, 0)
    if work.softcap:
        options["softcap"] = work.softcap
    attend = module.flash_attn_func
    if work.ends:
        batch, tokens = q.shape[:2]
        q, k, v = (x.flatten(0, 1) for x in (q, k, v))
        ends = [0] + [i * tokens + e for i in range(batch) for e in work.ends[1:]]
        ends = torch.tensor(ends, dtype=torch.int32, device=q.device)
        longest = max(b - a for a, b in zip(work.ends, work.ends[1:]))
        attend = module.flash_attn_varlen_func
        options.update(
            cu_seqlens_q=ends, cu_seqlens_k=ends, max_seqlen_q=longest, max_seqlen_k=longest
        )

    def run():
        out = attend(q, k, v, **options)
        out = out[0] if isinstance(out, tuple) else out
        return out.view(bound.q.transpose(1, 2).shape).transpose(1, 2)

    return Peer(run)


def mask_blocks(blocks, size, mask, length):
    """FlexAttention's mask of live blocks [heads, rows, columns], all of them full.

    No element of a full block asks for `mask`, which says the same.
    """
    from torch.nn.attention.flex_attention import BlockMask

    blocks = blocks[None]
    counts = blocks.sum(-1, dtype=torch.int32)
    order = torch.argsort(blocks.int(), dim=-1, descending=True, stable=True)
    order = order.to(torch.int32)
    # Partial blocks have a tensor of their own: a kernel has one name for each.
    return BlockMask.from_kv_blocks(
        torch.zeros_like(counts), torch.zeros_like(order), counts, order,
        BLOCK_SIZE=size, mask_mod=mask, seq_lengths=(length, length),
    )


def make_flex(bound, autotune):
    from torch.nn.attention import flex_attention as flex

    work, length = bound.workload, bound.q.shape[2]
    heads, grouped = bound.q.shape[1], bound.q.shape[1] != bound.k.shape[1]
    if not work.softmax:
        return None
    mode = "max-autotune-no-cudagraphs" if autotune else None
    attend = torch.compile(flex.flex_attention, dynamic=False, fullgraph=True, mode=mode)
    mask, setup_ms = None, 0.0
    if work.blocks is not None:
        make = torch.compile(mask_blocks, dynamic=False)
        mask, setup_ms = time_setup(
            lambda: make(work.blocks, work.block_size, work.mask, length)
        )
    elif work.mask:
        make = torch.compile(flex.create_block_mask, dynamic=False)
        by_head = heads if work.mask_by_head else None
        mask, setup_ms = time_setup(
            lambda: make(work.mask, None, by_head, length, length, device=bound.q.device)
        )

    def run():
        return attend(
            bound.q, bound.k, bound.v, score_mod=work.score, block_mask=mask,
            scale=bound.scale, enable_gqa=grouped,
        )

    return Peer(run, setup_ms)


PEERS = {"cudnn": make_cudnn, "fa2": make_fa2, "fa3": make_fa3, "flex": make_flex}

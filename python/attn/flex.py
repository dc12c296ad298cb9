# ===- flex.py - functions written for FlexAttention ------------------------===#
"""The calls of torch.nn.attention.flex_attention, by attn.

    from attn.flex import create_block_mask, flex_attention

Score and mask functions are taken as they are: (score, batch, head, q_idx, kv_idx) and
(batch, head, q_idx, kv_idx). Masks are solved when the kernel is compiled, or for each
tile where it runs; nothing is made of a block mask before.
"""

from typing import Any

from attn._attention import Attention
from attn._trace import refuse
from attn._types import A, Function


class BlockMask:
    """A mask function, and the lengths that it was created for."""

    def __init__(self, mask_mod: Function, q_len: int, kv_len: int) -> None:
        self.mask_mod, self.shape = mask_mod, (q_len, kv_len)


def create_block_mask(mask_mod: Function, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int,
                      device: Any = None, BLOCK_SIZE: Any = None, **_: Any) -> BlockMask:
    """A BlockMask; all but `mask_mod` and the lengths means nothing here."""
    return BlockMask(mask_mod, Q_LEN, KV_LEN)


def flex_attention(query: A, key: A, value: A, score_mod: Function | None = None,
                   block_mask: Any = None, scale: float | None = None, enable_gqa: bool = False,
                   return_lse: bool = False, kernel_options: Any = None) -> Any:
    """As PyTorch's: [batch, heads, length, width] each.

    block_mask: of `create_block_mask` here, or PyTorch's own, whose `mask_mod` is taken.

    Raises attn.Error where heads differ without `enable_gqa`, where lengths are not
        those of the mask, and as `attn.attention` does.
    """
    if not enable_gqa and query.shape[1] != key.shape[1]:
        raise refuse(
            "argument key", f"expects {query.shape[1]} heads, but got {key.shape[1]}",
            "give enable_gqa=True")
    mask_mod = getattr(block_mask, "mask_mod", None)
    if isinstance(block_mask, BlockMask):
        lengths = query.shape[2], key.shape[2]
        if lengths != block_mask.shape:
            raise refuse(
                "argument block_mask",
                f"expects {block_mask.shape} queries and keys, for which it was created, "
                f"but got {lengths}",
                "create another one")
    mask = score = None
    if mask_mod is not None:
        def mask(b, h, p, m):
            return mask_mod(b, h, p, m)
    if score_mod is not None:
        def score(s, b, h, p, m):
            return score_mod(s, b, h, p, m)
    program: Any = Attention(mask, score)
    return program(query, key, value, scale=scale, return_lse=return_lse)

# ===- transformers.py - attention of Hugging Face's models -----------------===#
"""attn as an attention implementation of transformers.

    attn.transformers.register()
    model = AutoModelForCausalLM.from_pretrained(name, attn_implementation="attn")

A mask stays the function that transformers composes: it is traced, and nothing is made of
its points. What changes from call to call, as offsets of caches and padding, is read when
the kernel runs, so that one kernel serves all steps. Where torch.compile traces the model
itself masks are dense, as those of `sdpa` are.
"""

import itertools
import threading
from collections import OrderedDict

import torch
from torch.nn.attention.flex_attention import BlockMask
from transformers import AttentionInterface
from transformers.masking_utils import (
    AttentionMaskInterface, bidirectional_mask_function, prepare_padding_mask, sdpa_mask)

import attn.torch
from attn._attention import Attention
from attn._structure import describe
from attn._trace import refuse

# Masks and programs that are kept; models have a few.
_MOST = 256


class _Recent:
    """Entries, of which those used last are kept. Threads may share it."""

    def __init__(self):
        self._entries, self._lock = OrderedDict(), threading.Lock()

    def __len__(self):
        return len(self._entries)

    def find(self, key, make=None):
        """That of `key`, which `make` gives where there is none."""
        with self._lock:
            if key not in self._entries:
                self._entries[key] = make()
                if len(self._entries) > _MOST:
                    self._entries.popitem(last=False)
            self._entries.move_to_end(key)
            return self._entries[key]


_numbers = itertools.count()
_masks = _Recent()  # a mask's number by its structure
_functions = _Recent()  # a mask's function and arrays by its number
_programs = _Recent()


def register(name: str = "attn") -> None:
    """Makes `name` an attention implementation of transformers.

    It is one for `attn_implementation=name` and `model.set_attn_implementation(name)`.
    """
    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, make_mask)


class Mask(BlockMask):
    """A mask that is a function; models pass what is a BlockMask on as it is.

    number: that of the function without the arrays that it captures.
    captured: these arrays.
    shape: as a dense mask's.
    """

    shape = None  # in place of a property

    def __init__(self, function, shape):
        structure, self.captured = describe(function)
        self.number, self.shape = next(_numbers), shape
        if structure is not None:
            self.number = _masks.find(structure, lambda: self.number)
        _functions.find(self.number, lambda: (function, self.captured))

    def __repr__(self):
        return f"<attn.transformers.Mask {self.number} of {list(self.shape)}>"


def make_mask(batch_size, q_length, kv_length, q_offset=0, kv_offset=0, mask_function=None,
              attention_mask=None, device="cpu", **options):
    """The mask for `attend`, as transformers' mask functions make theirs."""
    if torch.compiler.is_compiling():
        return sdpa_mask(
            batch_size, q_length, kv_length, q_offset, kv_offset, mask_function, attention_mask,
            device=device, **options)
    padding = None
    if attention_mask is not None:
        # To ask whether it hides a key, a GPU's step of few queries would wait for it.
        isAsked = q_length > 1 or attention_mask.device.type == "cpu"
        if not isAsked or not attention_mask.all():
            padding = prepare_padding_mask(attention_mask, kv_length, kv_offset)
            padding = padding[:, kv_offset:kv_offset + kv_length].to(torch.int32)
    q_start = kv_start = None
    if isinstance(q_offset, torch.Tensor):
        # The cache counts in this tensor, before the kernel reads it.
        q_start, kv_start = q_offset.reshape(1).clone(), _fill(kv_offset, device)
    elif kv_offset or q_offset != kv_length - q_length:
        q_start, kv_start = _fill(q_offset, device), _fill(kv_offset, device)
    if mask_function is bidirectional_mask_function:
        mask_function = None

    def mask(b, h, p, m, P, M):
        seen = None
        if mask_function is not None:
            # Without offsets the queries are the last tokens.
            q_idx = p + (M - P) if q_start is None else p + q_start[0]
            seen = mask_function(b, h, q_idx, m if kv_start is None else m + kv_start[0])
        if padding is None:
            return (m >= 0) if seen is None else seen
        isToken = padding[b, m] != 0
        return isToken if seen is None else seen & isToken

    return Mask(mask, (batch_size, 1, q_length, kv_length))


def _fill(number, device):
    """An array of one number, which no copy from the host makes."""
    return torch.full((1,), number, dtype=torch.int64, device=device)


def attend(module, query, key, value, attention_mask=None, dropout=0.0, scaling=None,
           softcap=None, s_aux=None, position_bias=None, is_causal=None, **_):
    """(o, None) of a layer: [batch, queries, heads, width], as transformers' functions."""
    if dropout > 0:
        raise refuse(
            "dropout", f"expects no dropout, but got {dropout}",
            "call model.eval(), or set the configuration's attention dropout to 0")
    number, captured, biases = None, [], []
    if isinstance(attention_mask, Mask):
        number, captured = attention_mask.number, list(attention_mask.captured)
    elif isinstance(attention_mask, torch.Tensor) and attention_mask.dim() == 4:
        biases.append(_as_bias(attention_mask, query.dtype)[..., :key.shape[2]])
    elif attention_mask is not None:
        raise refuse(
            "attention_mask",
            "expects a mask of this implementation or one of 4 dimensions, but got "
            f"{type(attention_mask).__name__}", "let the model make its masks")
    if position_bias is not None:
        biases.append(position_bias)
    if is_causal is None:
        is_causal = getattr(module, "is_causal", True)
    # As sdpa: without a mask, queries are the first tokens.
    isCausal = attention_mask is None and query.shape[2] > 1 and bool(is_causal)
    program = _find_program(number, isCausal, softcap, tuple(
        (str(bias.dtype), bias.shape[0] == 1, bias.shape[1] == 1) for bias in biases))
    o, lse = torch.ops.attn.attention.default(
        query, key, value, [*captured, *biases], program, scaling)
    if s_aux is not None:
        # A key of score s_aux and value 0 in each row.
        share = torch.sigmoid(lse - s_aux.float().view(1, -1, 1))
        o = (o * share.unsqueeze(-1)).to(o.dtype)
    return o.transpose(1, 2).contiguous(), None


def _as_bias(mask, dtype):
    """What a dense mask adds to scores."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, float("-inf"))


@torch.compiler.assume_constant_result
def _find_program(number, isCausal, softcap, biases):
    """The key of the program for a mask's number, and biases of types that are one for all
    sequences or heads."""
    key = number, isCausal, softcap, biases
    return _programs.find(key, lambda: _make_program(*key)).key


def _make_program(number, isCausal, softcap, biases):
    mask, arrays = (None, []) if number is None else _functions.find(number)
    # Each call gives its own, of any extents.
    tables = [torch.empty((1,) * 4, dtype=getattr(torch, dtype.removeprefix("torch.")))
              for dtype, _, _ in biases]

    def causal(p, m):
        return m <= p

    def score(s, b, h, p, m):
        if softcap is not None:
            s = softcap * (s / softcap).tanh()
        for table, (_, isOfAll, isOfHeads) in zip(tables, biases):
            s = s + table[0 if isOfAll else b, 0 if isOfHeads else h, p, m]
        return s

    return Attention(
        causal if isCausal else mask, score if biases or softcap is not None else None,
        given=[*arrays, *tables])

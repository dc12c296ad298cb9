# ===- calls_check.py - calls that were written for others, on a GPU --------===#
"""Checks attn's forms of other libraries' calls on a GPU, as JSON rows.

    tools/gpu/run.sh calls_check

* `flex`: score and mask functions of FlexAttention's examples, alone and together, with and
  without grouped heads, against PyTorch's own flex_attention in f32.
* `call`: FlashAttention's and FlashInfer's calls, in bf16, against plain attention in f32,
  sequence by sequence; the largest relative difference of outputs and of lse.
* `orders`: attn, torch.compile and triton compile in one process, in each order.

The exit status is 1 if a row is wrong. ATTN_SEED repeats a draw.
"""

import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings

import torch
from torch.nn.attention import flex_attention as theirs

import attn
from attn import flash_attn, flashinfer
from attn.flex import flex_attention

DEVICE, DTYPE = "cuda", torch.bfloat16
# What bf16's rounding of outputs and weights makes, as a part of the norm.
MOST = 4e-3
HEADS, KEY_HEADS, WIDTH = 8, 2, 128


def draw(*shape):
    return torch.randn(*shape, device=DEVICE).to(DTYPE)


def get_error(got, expected):
    return ((got.float() - expected).norm() / expected.norm()).item()


# FlexAttention's examples, as its users write them.
def causal(b, h, q_idx, kv_idx):
    return q_idx >= kv_idx


def window(b, h, q_idx, kv_idx):
    return (q_idx >= kv_idx) & (q_idx - kv_idx <= 40)


def prefix(b, h, q_idx, kv_idx):
    return (kv_idx < 30) | (q_idx >= kv_idx)


def neighborhood(b, h, q_idx, kv_idx):
    """On an image of 16 by 16 points."""
    rows = (q_idx // 16 - kv_idx // 16).abs() <= 3
    return rows & ((q_idx % 16 - kv_idx % 16).abs() <= 3)


def softcap(score, b, h, q_idx, kv_idx):
    return torch.tanh(score / 20.0) * 20.0


def make_functions():
    """Those that capture tensors, which have to be of the GPU, with the others."""
    lengths = torch.tensor([50, 100, 56, 50], device=DEVICE)
    documents = torch.repeat_interleave(
        torch.arange(4, device=DEVICE, dtype=torch.int32), lengths)
    slopes = 2.0 ** -torch.arange(1, HEADS + 1, device=DEVICE)
    bias = torch.randn(HEADS, 256, 256, device=DEVICE)

    def document(b, h, q_idx, kv_idx):
        return causal(b, h, q_idx, kv_idx) & (documents[q_idx] == documents[kv_idx])

    def alibi(score, b, h, q_idx, kv_idx):
        return score + slopes[h] * (kv_idx - q_idx)

    def biased(score, b, h, q_idx, kv_idx):
        return score + bias[h, q_idx, kv_idx]

    return (None, softcap, alibi, biased), (None, causal, window, prefix, neighborhood, document)


def check_flex():
    scores, masks = make_functions()
    name = lambda f: f.__name__ if f else "none"
    for keyHeads, score, mask in itertools.product((HEADS, KEY_HEADS), scores, masks):
        q, k, v = draw(2, HEADS, 256, 64), draw(2, keyHeads, 256, 64), draw(2, keyHeads, 256, 64)
        block = theirs.create_block_mask(mask, 2, HEADS, 256, 256, device=DEVICE) if mask else None
        expected = theirs.flex_attention(
            q.float(), k.float(), v.float(), score, block, enable_gqa=True)
        error = get_error(flex_attention(q, k, v, score, block, enable_gqa=True), expected)
        yield dict(row="flex", score=name(score), mask=name(mask), key_heads=keyHeads,
                   error=round(error, 6), right=error <= MOST)


def attend(q, k, v, isCausal=False, left=-1, right=-1):
    """Of one sequence [length, heads, width], in f32: outputs, and lse [heads, queries]."""
    queries, keys = q.shape[0], k.shape[0]
    group = q.shape[1] // k.shape[1]
    k, v = (x.float().repeat_interleave(group, 1) for x in (k, v))
    s = torch.einsum("qhd,khd->hqk", q.float(), k) / math.sqrt(q.shape[-1])
    place = torch.arange(queries, device=DEVICE)[:, None] + keys - queries
    key = torch.arange(keys, device=DEVICE)
    seen = torch.ones(queries, keys, dtype=bool, device=DEVICE)
    if isCausal:
        seen &= key <= place
    if left >= 0:
        seen &= key >= place - left
    if right >= 0:
        seen &= key <= place + right
    s = s.masked_fill(~seen, -math.inf)
    return torch.einsum("hqk,khd->qhd", s.softmax(-1).nan_to_num(0), v), s.logsumexp(-1)


def check_dense(isCausal, left, right):
    q, k, v = draw(3, 200, HEADS, WIDTH), draw(3, 300, KEY_HEADS, WIDTH), draw(3, 300, KEY_HEADS, WIDTH)
    o, lse, _ = flash_attn.flash_attn_func(
        q, k, v, causal=isCausal, window_size=(left, right), return_attn_probs=True)
    expected = [attend(*x, isCausal, left, right) for x in zip(q, k, v)]
    return o, lse, *(torch.stack(x) for x in zip(*expected))


def sum_up(lengths):
    return torch.tensor([0, *itertools.accumulate(lengths)], device=DEVICE, dtype=torch.int32)


def check_packed():
    queries, keys = sum_up((5, 0, 130, 64)), sum_up((5, 40, 200, 64))
    q = draw(queries[-1], HEADS, WIDTH)
    k, v = draw(keys[-1], KEY_HEADS, WIDTH), draw(keys[-1], KEY_HEADS, WIDTH)
    o, lse, _ = flash_attn.flash_attn_varlen_func(
        q, k, v, queries, keys, 130, 200, causal=True, return_attn_probs=True)
    parts = [attend(q[a:b], k[c:d], v[c:d], True)
             for a, b, c, d in zip(queries, queries[1:], keys, keys[1:])]
    return o, lse, torch.cat([x[0] for x in parts]), torch.cat([x[1] for x in parts], 1)


def check_cache(hasPages, isNew):
    """With tokens to be appended first, or without."""
    lengths = torch.tensor([1, 64, 333, 630], device=DEVICE, dtype=torch.int32)
    shape = (64, 64) if hasPages else (4, 700)
    k_cache, v_cache = draw(*shape, KEY_HEADS, WIDTH), draw(*shape, KEY_HEADS, WIDTH)
    pages = torch.randperm(64, device=DEVICE)[:44].int().view(4, 11) if hasPages else None
    q, k, v = draw(4, 1, HEADS, WIDTH), draw(4, 1, KEY_HEADS, WIDTH), draw(4, 1, KEY_HEADS, WIDTH)
    new = dict(k=k, v=v) if isNew else {}
    o, lse = flash_attn.flash_attn_with_kvcache(
        q, k_cache, v_cache, cache_seqlens=lengths, block_table=pages, causal=True,
        return_softmax_lse=True, **new)
    expected = []
    for b, length in enumerate((lengths + int(isNew)).tolist()):
        sides = [x[pages[b].long()].flatten(0, 1) if hasPages else x[b] for x in (k_cache, v_cache)]
        if isNew and not all(torch.equal(x[length - 1], y[b, 0]) for x, y in zip(sides, (k, v))):
            raise AssertionError(f"sequence {b} has not the new token")
        expected.append(attend(q[b], *(x[:length] for x in sides)))
    return o, lse, *(torch.stack(x) for x in zip(*expected))


def check_wrapper(isDecode):
    """FlashInfer's wrappers over pages of 16; lse is of base 2."""
    queries = (1, 1, 1, 1) if isDecode else (5, 1, 130, 64)
    lengths = (1, 64, 333, 630) if isDecode else (5, 40, 333, 64)
    counts = [-(-n // 16) for n in lengths]
    qo, indptr = sum_up(queries), sum_up(counts)
    indices = torch.randperm(200, device=DEVICE)[:sum(counts)].int()
    last = torch.tensor([(n - 1) % 16 + 1 for n in lengths], device=DEVICE, dtype=torch.int32)
    cache, q = draw(200, 2, 16, KEY_HEADS, WIDTH), draw(sum(queries), HEADS, WIDTH)
    plan = indptr, indices, last, HEADS, KEY_HEADS, WIDTH, 16
    if isDecode:
        wrapper = flashinfer.BatchDecodeWithPagedKVCacheWrapper(None, "NHD")
        wrapper.plan(*plan, q_data_type=DTYPE)
    else:
        wrapper = flashinfer.BatchPrefillWithPagedKVCacheWrapper(None, "NHD")
        wrapper.plan(qo, *plan, causal=True, q_data_type=DTYPE)
    o, lse = wrapper.run(q, cache, return_lse=True)
    parts = []
    for b, length in enumerate(lengths):
        own = cache[indices[indptr[b]:indptr[b + 1]].long()]
        k, v = (own[:, side].flatten(0, 1)[:length] for side in (0, 1))
        parts.append(attend(q[qo[b]:qo[b + 1]], k, v, not isDecode))
    return o, lse.T, torch.cat([x[0] for x in parts]), \
        torch.cat([x[1] for x in parts], 1) / math.log(2)


def check_calls():
    calls = {
        "dense": (check_dense, False, -1, -1), "causal": (check_dense, True, -1, 0),
        "window": (check_dense, True, 50, 0), "both sides": (check_dense, False, 40, 30),
        "packed": (check_packed,), "slots": (check_cache, False, False),
        "pages": (check_cache, True, False), "slots, appended": (check_cache, False, True),
        "pages, appended": (check_cache, True, True), "flashinfer decode": (check_wrapper, True),
        "flashinfer prefill": (check_wrapper, False),
    }
    for name, (function, *arguments) in calls.items():
        o, lse, expected, expected_lse = function(*arguments)
        # -inf of a query that sees nothing is equal, and has no norm.
        seen = expected_lse.isfinite()
        errors = get_error(o, expected), get_error(lse[seen], expected_lse[seen])
        isRight = max(errors) <= MOST and torch.equal(lse.isfinite(), seen)
        yield dict(row="call", name=name, error=round(errors[0], 6),
                   lse_error=round(errors[1], 8), right=isRight)


COMPILING = {
    "attn": """import attn, numpy as np
x = np.random.default_rng(0).standard_normal((1, 2, 9, 32), np.float32)
o = attn.attention(x, x, x, mask=lambda p, m: m <= p)
assert abs(o[:, :, 0] - x[:, :, 0]).max() < 1e-5
""",
    "torch": """import torch
double = torch.compile(lambda x: (x * 2).sin())
assert double(torch.ones(8, device="cuda")).isfinite().all()
""",
    "triton": """import torch, triton, triton.language as tl
@triton.jit
def add_one(x, n: tl.constexpr):
    i = tl.arange(0, n)
    tl.store(x + i, tl.load(x + i) + 1)
y = torch.zeros(16, device="cuda")
add_one[(1,)](y, 16)
assert y.sum() == 16
""",
}


def check_orders(folder):
    for order in itertools.permutations(COMPILING):
        # Triton reads a kernel's text from its file.
        path = os.path.join(folder, "_".join(order) + ".py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(COMPILING[name] for name in order))
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120)
        yield dict(row="orders", order=order, right=done.returncode == 0,
                   **({"said": done.stderr[-300:]} if done.returncode else {}))


def main():
    warnings.simplefilter("ignore", attn.SlowMask)
    seed = int(os.environ.get("ATTN_SEED", time.time_ns() % 2**32))
    print(json.dumps(dict(row="seed", seed=seed)))
    torch.manual_seed(seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for row in itertools.chain(check_calls(), check_orders(folder), check_flex()):
            wrong += not row["right"]
            print(json.dumps(row), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

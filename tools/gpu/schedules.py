# ===- schedules.py - speed of scheduled variants beside their peers ------===#
"""Times variants that the compiler has scheduled, as tools/gpu/bench.py times the
programs written by hand: JSON rows, peers in the same process, interleaved.

TFLOP/s count the pairs that the mask leaves.
"""

import json
import math
import os
import random
import sys

import torch

import attn
from bench import describe_machine, get_clock, median, time_cold, time_sustained

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")
ROUNDS = int(os.environ.get("ROUNDS", 5))


def packed_documents(seed, count=32, total=16384):
    """First tokens of documents whose lengths are log-normal, and the end of the last."""
    rng = random.Random(seed)
    sizes = [rng.lognormvariate(0, 1) for _ in range(count)]
    ends, sum_ = [0], 0
    for size in sizes:
        sum_ += size
        ends.append(max(ends[-1] + 1, round(total * sum_ / sum(sizes))))
    ends[-1] = total
    return ends


def live_pairs(variant, length, window):
    causal = (
        "causal-bottom-right", "softcap", "alibi", "relative-bias", "sigmoid", "gqa", "sliding-window",
    )
    if variant not in causal:
        return length * length if variant == "full" else 0
    pairs = length * (length + 1) // 2
    if variant == "sliding-window":
        rest = max(0, length - window)
        pairs -= rest * (rest + 1) // 2
    return pairs


def peers(variant, q, k, v):
    from torch.nn.attention import SDPBackend, sdpa_kernel

    causal = variant != "full"
    if variant not in ("full", "causal-bottom-right"):
        return {}
    q, k, v = (x.flatten(1, 2) if x.ndim == 5 else x for x in (q, k, v))

    def cudnn():
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    return dict(cudnn=cudnn)


def bench(variant, dim, length, flush, scalars):
    kernel = attn.load(os.path.join(KERNELS, f"scheduled-{variant}-{dim}.attn"))
    hidden = 2048
    heads = hidden // dim
    batch = scalars.pop("batch", max(1, 16384 // length))
    pairs = live_pairs(variant, length, scalars.get("window", 0))
    grouped = variant != "full"
    shape = (batch, heads, 1, length, dim) if grouped else (batch, heads, length, dim)
    q = torch.randn(shape, device="cuda").bfloat16()
    k, v = (torch.randn(batch, heads, length, dim, device="cuda").bfloat16() for _ in "kv")
    values = dict(q=q, k=k, v=v, scale=1 / math.sqrt(dim), o=torch.empty_like(q), **scalars)
    names = {a["name"] for a in kernel.manifest["arguments"]}
    if "lse" in names:
        values["lse"] = torch.empty(shape[:-1], device="cuda")
    if "slope" in names:
        values["slope"] = torch.rand(heads, 1, device="cuda")
    if "table" in names:
        values["table"] = torch.randn(heads, 1, scalars.get("entries", length), device="cuda")
    if variant == "documents":
        ends = packed_documents(scalars["seed"], total=length)
        sizes = [b - a for a, b in zip(ends, ends[1:])]
        pairs = sum(n * (n + 1) // 2 for n in sizes)
        values["first"] = torch.tensor(ends, dtype=torch.int32, device="cuda")
        values["doc"] = torch.tensor(
            [i for i, n in enumerate(sizes) for _ in range(n)], dtype=torch.int32, device="cuda"
        )
    plan = kernel.prepare(**{n: x for n, x in values.items() if n in names})
    flops = 4 * batch * heads * dim * pairs
    functions = dict(attn=plan.launch, **peers(variant, q, k, v))
    cold = {n: [] for n in functions}
    sustained = {n: [] for n in functions}
    order = list(functions)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for n in order:
            cold[n].append(time_cold(functions[n], flush))
            sustained[n].append(time_sustained(functions[n], cold[n][-1]))
    row = dict(variant=variant, dim=dim, length=length, batch=batch, heads=heads, **get_clock())
    for n in functions:
        row[n] = [
            round(flops / median(times[n]) / 1e9, 1) for times in (cold, sustained)
        ] + [round(median(cold[n]), 4)]
    if "cudnn" in functions:
        row["ratio"] = [
            round(median(t["cudnn"]) / median(t["attn"]), 3) for t in (cold, sustained)
        ]
    return row


def main(names):
    flush = torch.empty(2**28, dtype=torch.int8, device="cuda")
    print(json.dumps(describe_machine()))
    for name in names:
        variant, dim, *rest = name.split(":")
        lengths = [int(x) for x in rest[0].split(",")] if rest else [512, 2048, 8192, 16384]
        scalars = {}
        for pair in rest[1:]:
            key, value = pair.split("=")
            scalars[key] = float(value) if "." in value else int(value)
        for length in lengths:
            try:
                print(json.dumps(bench(variant, int(dim), length, flush, dict(scalars))), flush=True)
            except Exception as error:  # one row
                print(json.dumps(dict(variant=variant, dim=dim, length=length, error=str(error)[:300])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

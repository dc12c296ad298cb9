# ===- large.py - more heads and larger offsets than 16 and 31 bits hold ---===#
"""Runs scheduled kernels on tensors of more than 2^31 elements: more sequences and
heads than a grid's second dimension has, and few heads that lie far apart.

Outputs are compared with f64 on some heads: the first, the last, those on either side
of element 2^31 and a few at random. Each case runs in a child process.
"""

import argparse
import json
import math
import random
import sys

import torch

import attn
import workloads
from children import Child, serve

DIM = 128
# 2^31 elements take so many heads of 256 rows, 65536; some more.
MANY_HEADS, ROWS = 65600, 256
# Of sums in f32 of scores of a few units.
LSE_TOLERANCE = 2**-10
# Elements between heads that lie apart.
STRIDE = 2**31 + 4096
CASES = {
    "many heads": dict(variant="full", apart=False),
    "many heads, causal": dict(variant="causal-bottom-right", apart=False),
    "many heads, any strides": dict(variant="full", kernel="full-128-strided", apart=False),
    "heads apart": dict(variant="full", apart=True),
    "heads apart, causal": dict(variant="causal-bottom-right", apart=True),
    "heads apart, any strides": dict(variant="full", kernel="full-128-strided", apart=True),
}


def allocate(heads, apart, fill):
    """[1, heads, ROWS, DIM] of bf16."""
    if not apart:
        tensor = torch.empty(1, heads, ROWS, DIM, dtype=torch.bfloat16, device="cuda")
    else:
        size = (heads - 1) * STRIDE + ROWS * DIM
        memory = torch.empty(size, dtype=torch.bfloat16, device="cuda")
        tensor = memory.as_strided((1, heads, ROWS, DIM), (size, STRIDE, DIM, 1))
    for head in range(0, heads, 4096):
        fill(tensor[:, head : head + 4096])
    return tensor


def compute(q, k, v, is_causal):
    """One head in f64, the same computed by rounding where a kernel does, and its
    log-sum-exp."""
    scores = q.double() @ k.double().T / math.sqrt(DIM)
    if is_causal:
        scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -math.inf)
    top = scores.amax(-1, keepdim=True)
    weights = (scores - top).exp()
    total = weights.sum(-1, keepdim=True)
    exact = weights @ v.double() / total
    rounded = (weights.bfloat16().double() @ v.double() / total).bfloat16().double()
    return exact, rounded, (top + total.log())[:, 0]


def run(case):
    heads = 3 if case["apart"] else MANY_HEADS
    torch.manual_seed(case["seed"])
    q, k, v = (allocate(heads, case["apart"], lambda t: t.normal_()) for _ in "qkv")
    o = allocate(heads, case["apart"], lambda t: t.fill_(math.nan))
    lse = torch.full((1, heads, ROWS), math.nan, device="cuda")
    problem = workloads.make_problem(case["variant"], DIM, ROWS, heads=1)
    problem.kernel = case.get("kernel", problem.kernel)
    kernel = attn.load(workloads.find_kernel(problem))
    values = dict(q=q, k=k, v=v, o=o, lse=lse, scale=1 / math.sqrt(DIM))
    for a in kernel.manifest["arguments"]:
        if len(a.get("shape", ())) == 5:  # groups of one head
            values[a["name"]] = values[a["name"]].unsqueeze(2)
        elif a["name"] == "lse" and len(a["shape"]) == 4:
            values["lse"] = lse.unsqueeze(2)
    kernel.prepare(**values).launch()
    torch.cuda.synchronize()
    border = 2**31 // (ROWS * DIM)
    checked = {0, heads - 1, *(h for h in (border - 1, border) if h < heads)}
    checked.update(random.Random(case["seed"]).sample(range(heads), min(heads, 8)))
    worst = 0.0
    for head in checked:
        exact, rounded, log_sum = compute(
            *(t[0, head] for t in (q, k, v)), case["variant"] != "full"
        )
        allowed = 2 * (rounded - exact).norm(dim=-1) + 2**-7 * exact.abs().amax(-1)
        error = (o[0, head].double() - exact).norm(dim=-1)
        worst = max(worst, (error / allowed).max().item())
        lse_error = (lse[0, head].double() - log_sum).abs() / LSE_TOLERANCE
        worst = max(worst, lse_error.max().item())
    nans = sum(int(o[:, h : h + 4096].isnan().sum()) for h in range(0, heads, 4096))
    return dict(heads=heads, checked=len(checked), worst=round(worst, 3),
                unwritten=nans + int(lse.isnan().sum()))


def answer(case):
    try:
        result = run(case)
    except Exception as error:  # reported as this case's result
        return dict(error=f"{type(error).__name__}: {error}"[:400])
    result["right"] = result["worst"] <= 1 and result["unwritten"] == 0
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=float, default=120, help="seconds of a case")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    right = True
    for name, case in CASES.items():
        child = Child([sys.executable, __file__, "--serve"], options.timeout)
        result = child.run({**case, "seed": options.seed})
        child.kill()
        result = result or dict(error=f"crashed, or ran over {options.timeout:g} s")
        right &= bool(result.get("right"))
        print(json.dumps(dict(case=name, seed=options.seed, **result)), flush=True)
    return 0 if right else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve(answer)
    else:
        sys.exit(main())

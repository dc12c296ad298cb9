# ===- steps.py - bits of decoding steps ----------------------------------===#
"""Whether decoding steps that blocks share have the same bits again.

    tools/gpu/run.sh steps [KERNEL=ROW...]

KERNELs and ROWs are those of decode.py. Each is launched 1000 times (LAUNCHES in the
environment) while products run on another stream, outputs poisoned before, and fails
if any differs from the first in a bit. A kernel that takes pages is also captured once
and replayed with other lengths, 0 among them: the graph has to do what a launch does.
"""

import os
import sys

import torch

import attn
import decode

LAUNCHES = int(os.environ.get("LAUNCHES", 1000))
CASES = (
    "gqa-128-page16=32:8:5:3000", "gqa-128=32:8:1:8192", "gqa-64-page64=32:8:17:1000",
    "causal-128=32:8:3:5000:9", "gqa-128-page64-invariant=32:8:5:3000",
    "gqa-e4m3-page16=32:8:7:600", "gqa-e4m3-token-page64=32:8:7:600",
    "causal-e4m3-page64-invariant=32:8:7:600:8",
)


def bits(bound):
    return [bound[n].view(torch.int16).clone() for n in ("o", "lse")]


def poison(bound):
    for name in ("o", "lse"):
        bound[name].fill_(float("nan"))


def launch(plan, bound):
    poison(bound)
    plan.launch()
    torch.cuda.synchronize()
    return bits(bound)


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b))


def count_differences(plan, bound):
    """Of launches beside a load, those that differ from the first."""
    side = torch.cuda.Stream()
    matrix = torch.randn(2048, 2048, device="cuda").bfloat16()
    first, different = launch(plan, bound), 0
    for i in range(LAUNCHES):
        if i % 3 == 0:
            with torch.cuda.stream(side):
                matrix @ matrix
        different += not equal(first, launch(plan, bound))
    return different


def count_replays(row, plan, bound):
    """Of replays with other lengths, those that differ from a launch, and all."""
    replay = decode.capture(lambda stream: plan.launch(stream.cuda_stream))
    most, different, count = row.lengths[0], 0, 0
    for length in range(0, most + 1, max(1, most // 100)):
        lengths = [(length, max(length - 5, 0), length // 2, 0, 1)[b % 5] for b in range(row.batch)]
        bound["lengths"].copy_(torch.tensor(lengths, dtype=torch.int32))
        poison(bound)
        replay()
        torch.cuda.synchronize()
        replayed = bits(bound)
        isWritten = not any(bound[n].isnan().any().item() for n in ("o", "lse"))
        different += not (isWritten and equal(replayed, launch(plan, bound)))
        count += 1
    return different, count


def main():
    failed = False
    for case in sys.argv[1:] or CASES:
        name, _, rowname = case.partition("=")
        row = decode.Row(rowname)
        kernel = attn.load(os.path.join(decode.KERNELS, f"decode-{name}.attn"))
        queries, *tensors = decode.make_sequences(row)
        plan, bound, tensors = decode.bind(kernel, row, queries, *tensors)
        different = count_differences(plan, bound)
        exact = decode.attend(row, queries, *tensors, row.queries > 1 and "causal" in name)
        error = ((bound["o"].float() - exact).norm() / exact.norm()).item()
        failed |= not error <= decode.TOLERANCE
        text = f"{name} {rowname}: error {error:.4f}, {different} of {LAUNCHES} launches differ"
        if "lengths" in bound:
            replays, count = count_replays(row, plan, bound)
            different += replays
            text += f", {replays} of {count} replays"
        print(text, flush=True)
        failed |= different != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())

# ===- repeat.py - bitwise equal outputs beside another load ---------------===#
"""Launches scheduled variants again and again on the same inputs while another stream
keeps the GPU busy, and checks that all outputs have the first ones' bits.

The load is matrix products of changing size, so that a kernel's blocks start and run
at other times in each launch. Outputs are poisoned before each launch. A row runs in
a child process with a time limit.
"""

import argparse
import dataclasses
import json
import random
import sys

import torch

import workloads
from children import Child, serve

SIZES = (256, 512, 1024, 2048, 4096)
# Launches between waits of the host, which keep the load from running ahead.
CHUNK = 20


def time_ms(function):
    """Milliseconds of a call that has run before."""
    function()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    function()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


class Load:
    """Products on a stream of their own, about as long as launches of `ms`."""

    def __init__(self, seed, ms):
        self.rng = random.Random(seed)
        self.ms = ms
        self.stream = torch.cuda.Stream()
        self.count = 0
        self.matrices = {n: torch.randn(n, n, device="cuda").bfloat16() for n in SIZES}
        self.results = {n: torch.empty_like(m) for n, m in self.matrices.items()}
        self.costs = {n: time_ms(lambda: self.multiply(n)) for n in SIZES}

    def multiply(self, size):
        torch.matmul(self.matrices[size], self.matrices[size], out=self.results[size])

    def start(self):
        rest = self.ms * self.rng.uniform(0, 2)
        with torch.cuda.stream(self.stream):
            while rest > 0:
                size = self.rng.choice(SIZES)
                self.multiply(size)
                self.count += 1
                rest -= self.costs[size]


def as_bits(tensor):
    return tensor.view(torch.int16 if tensor.element_size() == 2 else torch.int32)


def repeat(problem, launches):
    bound = workloads.bind(problem)
    bound.plan.launch()
    torch.cuda.synchronize()
    first = {n: as_bits(t).clone() for n, t in bound.outputs.items()}
    unwritten = {n: int(t.isnan().sum()) for n, t in bound.outputs.items()}
    load = Load(problem.seed, time_ms(bound.plan.launch))
    torch.cuda.synchronize()
    # Counted on the GPU: the host does not wait for each launch.
    different = {n: torch.zeros(launches, dtype=torch.int64, device="cuda") for n in first}
    for i in range(launches):
        load.start()
        bound.poison()
        bound.plan.launch()
        for name, tensor in bound.outputs.items():
            different[name][i] = (as_bits(tensor) != first[name]).sum()
        if i % CHUNK == CHUNK - 1:
            torch.cuda.synchronize()
    torch.cuda.synchronize()
    counts = {n: t.tolist() for n, t in different.items()}
    row = problem.describe()
    row.update(
        launches=launches, products_beside=load.count,
        different_launches={n: sum(c > 0 for c in x) for n, x in counts.items()},
        different_elements={n: max(x, default=0) for n, x in counts.items()},
        nan=unwritten,
    )
    row["right"] = not any([*row["different_launches"].values(), *unwritten.values()])
    return row


def answer(request):
    try:
        return repeat(workloads.Problem(**request["problem"]), request["launches"])
    except Exception as error:  # reported as this row's result
        return dict(right=False, error=f"{type(error).__name__}: {error}"[:500])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", metavar="VARIANT:D[:LENGTHS[:NAME=VALUE...]]")
    parser.add_argument("--launches", type=int, default=1000)
    parser.add_argument("--timeout", type=float, default=120, help="seconds of a row")
    options = parser.parse_args()
    try:
        problems = [p for name in options.rows for p in workloads.parse(name)]
    except ValueError as error:
        parser.error(str(error))
    child = Child([sys.executable, __file__, "--serve"], options.timeout)
    wrong = 0
    for problem in problems:
        request = dict(problem=dataclasses.asdict(problem), launches=options.launches)
        row = child.run(request)
        if row is None:
            row = dict(right=False, error=f"crashed, or ran over {options.timeout:g} s")
        if "error" in row:
            # What has failed may have left the GPU's context unusable.
            child.kill()
            row = {**problem.describe(), **row}
        wrong += not row["right"]
        print(json.dumps(row), flush=True)
    child.kill()
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve(answer)
    else:
        sys.exit(main())

# ===- sweep.py - random cases of variants on the GPU, against f64 --------===#
"""Runs attn-run on random cases and compares with its f64 interpreter.

Processes that serve runs take the cases, with a time limit each; one that fails ends
its process. A case that is refused counts as a failure: a sweep is over what is
covered. But kernels that copy and store rows in bulk refuse tensors whose rows cannot
be: such a case runs again by a kernel for any strides. And what fits the largest shared
memory need not fit that of other GPUs: such cases are counted apart. A failure is
printed with the command that runs it again.
"""

import argparse
import collections
import concurrent.futures
import functools
import json
import os
import random
import re
import shlex
import subprocess
import sys
import threading
import time

import cases
from children import Child

TIMEOUT = 120
ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ATTN_RUN = os.environ.get("ATTN_RUN", os.path.join(ROOT, "build", "bin", "attn-run"))
OUTCOMES = {0: "right", 1: "wrong", 2: "refused"}
# Those that tell nothing.
OTHERS = ("not run", "does not fit")
# The GPU that cases are drawn for.
LARGEST = "--target=sm_90a"
ROOM = re.compile("has no lowering to threads for this target")
# What means nothing for a CPU.
OF_GPUS = ("--specialize", "--pack=", "--schedule=")
# How the runtime refuses rows that are no whole units, or whose elements are apart.
LAYOUT = re.compile(
    r"argument \w+: expects (data aligned to|strides of 0 to|a stride of 1 in|rows at)"
)


def list_variants():
    done = subprocess.run([ATTN_RUN, "--list"], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines()]


class Worker(threading.local):
    """The process that runs a thread's cases."""

    def __init__(self):
        self.child = Child([ATTN_RUN, "--serve"], TIMEOUT)

    def run(self, args, deadline):
        """The arguments, the outcome, and the report or what was printed instead."""
        if deadline and time.monotonic() > deadline:
            return args, "not run", ""
        outcome, report = self.run_once(args)
        if outcome == "refused" and LAYOUT.search(report):
            args = [*args, "--any-strides"]
            outcome, report = self.run_once(args)
        if outcome == "refused" and LARGEST not in args and ROOM.search(report):
            outcome = "does not fit"
        if outcome != "right":
            # A launch that has failed leaves a context that refuses all others.
            self.child.kill()
        return args, outcome, report

    def run_once(self, args):
        answer = self.child.run(args)
        if answer is None:
            return "crashes", f"or runs over {TIMEOUT} s"
        outcome = OUTCOMES[answer["status"]]
        if outcome == "right":
            return outcome, json.loads(answer["output"].splitlines()[-1])
        return outcome, (answer["output"] + answer["errors"]).strip()


class Tally:
    """What the cases of one variant came to."""

    def __init__(self):
        self.outcomes = collections.Counter()
        self.ways = collections.Counter()
        self.worst = 0.0

    def add(self, args, outcome, report):
        self.outcomes[outcome] += 1
        if outcome == "right":
            self.worst = max(self.worst, report["error"]["max_ratio"])
            way = "scheduled" if "schedule" in report else "by threads"
            if "--any-strides" in args:
                way += " for any strides"
            if not any(a.startswith("--target=sm_") for a in args):
                way = "on a CPU"
            self.ways[way] += 1

    def describe(self):
        ran = sum(n for outcome, n in self.outcomes.items() if outcome not in OTHERS)
        failed = ran - self.outcomes["right"]
        ways = ", ".join(f"{n} {way}" for way, n in sorted(self.ways.items()))
        return (
            f"{ran} cases ({ways or 'none right'}), {failed} failures, "
            f"largest error {self.worst:.2f} of what is allowed"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="*")
    parser.add_argument("--all", action="store_true", help="all shipped variants")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, help="begin no case after that time")
    parser.add_argument("--head-dims", help="some of them, by commas (32, 40, ..., 256)")
    parser.add_argument("--targets", default="sm_90a", help="each case runs on all of them, by commas")
    parser.add_argument(
        "--decoding", action="store_true",
        help="few queries over a cache, also in pages, whose steps blocks share",
    )
    parser.add_argument(
        "--invariant", action="store_true",
        help="the same, of rows whose bits depend on themselves alone",
    )
    options = parser.parse_args()
    if options.all == bool(options.variants):
        parser.error("expects names of variants or --all")
    variants = list_variants() if options.all else options.variants
    dims = range(32, 257, 8)
    if options.head_dims:
        dims = [int(x) for x in options.head_dims.split(",")]
    rng = random.Random(options.seed)
    draw = cases.draw
    if options.decoding or options.invariant:
        draw = functools.partial(cases.draw_decoding, invariant=options.invariant)
    drawn = [draw(rng, variants, dims) for _ in range(options.cases)]
    drawn = [
        [*(a for a in args if target.startswith("sm_") or not a.startswith(OF_GPUS)),
         f"--target={target}", "--check", "--json"]
        for args in drawn for target in options.targets.split(",")
    ]
    print(f"seed {options.seed}", flush=True)
    start = shown = time.monotonic()
    deadline = options.seconds and start + options.seconds
    tallies = collections.defaultdict(Tally)
    outcomes = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        worker = Worker()
        futures = [pool.submit(worker.run, args, deadline) for args in drawn]
        for future in concurrent.futures.as_completed(futures):
            args, outcome, report = future.result()
            outcomes[outcome] += 1
            tallies[args[0]].add(args, outcome, report)
            if outcome not in ("right", *OTHERS):
                command = shlex.join([os.path.relpath(ATTN_RUN), *args])
                print(f"{outcome.upper()} {command}\n    {report[-400:]}", flush=True)
            if time.monotonic() > shown + 10:
                shown = time.monotonic()
                print(
                    f"{sum(outcomes.values())} of {len(drawn)} cases, "
                    f"{shown - start:.0f} s: {dict(outcomes)}",
                    file=sys.stderr, flush=True,
                )
    for variant, tally in sorted(tallies.items()):
        print(f"{variant}: {tally.describe()}")
    missing, unfit = (outcomes.pop(name, 0) for name in OTHERS)
    ran = sum(outcomes.values())
    print(
        f"{outcomes['right']} of {ran} cases right in {time.monotonic() - start:.0f} s; "
        f"{dict(outcomes)}" + (f"; {missing} not run for want of time" if missing else "")
        + (f"; {unfit} do not fit shared memory" if unfit else "")
    )
    return 0 if ran and outcomes["right"] == ran else 1


if __name__ == "__main__":
    sys.exit(main())

# ===- sweep.py - random cases of variants on the GPU, against f64 --------===#
"""Runs attn-run on random cases and compares with its f64 interpreter.

Each case is a process of its own with a time limit, several at a time. A case
that is refused counts as such and is printed: a sweep is over what is covered.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import random
import subprocess
import sys

TIMEOUT = 120
ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
ATTN_RUN = os.environ.get("ATTN_RUN", os.path.join(ROOT, "build", "bin", "attn-run"))

# Parameters that a case draws, by variant.
PARAMETERS = {
    "sliding-window": {"window": [1, 7, 64, 130, 1000]},
    "streaming": {"window": [0, 5, 128, 300], "sinks": [0, 4, 130]},
    "prefix-lm": {"prefix": [0, 5, 128, 400]},
    "softcap": {"softcap": [3, 30]},
    "duo": {"sinks": [0, 4], "recent": [1, 100]},
    "neighborhood-1d": {"window": [1, 9, 33, 200], "dilation": [1, 2]},
    "neighborhood-2d": {
        "width": [8, 16], "window_y": [1, 3, 7], "window_x": [1, 5, 7],
        "causal_x": [0, 1], "dilation_y": [1, 1, 2],
    },
    "s2": {"block": [16, 64], "local": [0, 1, 4], "vertical": [2, 8], "head_step": [0, 1]},
    "s2-bidirectional": {"block": [16, 64], "before": [1, 3], "vertical": [2, 5]},
    "varlen": {"causal": [0, 1]},
    "dilated-window": {"window": [0, 6, 100], "dilation": [1, 2, 7]},
    "tri-shape": {"sinks": [0, 4, 130], "window": [0, 9, 200], "dense": [0, 64]},
}
# Extents of tables that a case draws, by variant.
EXTENTS = {"relative-bias": {"N": [0, 1, 7, 128, 1000]}}
NEEDS_KEYS_OF_QUERIES = {"neighborhood-1d"}
CANVASES = {"neighborhood-2d"}
WITHOUT_GROUPS = {"full", "cross", "bias"}


def draw(rng, variants):
    variant = rng.choice(variants)
    heads = rng.choice([1, 2, 3])
    group = 1 if variant in WITHOUT_GROUPS else rng.choice([1, 1, 2, 3, 8])
    queries = rng.choice([1, 17, 64, 127, 128, 129, 200, 300, 513])
    keys = rng.choice([0, 1, 16, 100, 127, 128, 129, 255, 384, 700, 1025])
    if variant in CANVASES:
        queries = rng.choice([64, 128, 208, 256, 528])
    if variant in NEEDS_KEYS_OF_QUERIES | CANVASES:
        keys = queries
    args = [
        variant, "--target=sm_90a", "--check", "--json",
        f"--dtype={rng.choice(['bf16', 'f16'])}",
        f"--batch={rng.choice([1, 2])}", f"--kv-heads={heads}",
        f"--heads={heads * group}", f"--q-len={queries}", f"--kv-len={keys}",
        f"--head-dim={rng.choice(HEAD_DIMS)}", f"--seed={rng.randrange(10**6)}",
        f"--input={rng.choice(["normal", "normal", "outliers", "rising"])}",
        f"--nan={rng.choice(['none', 'none', 'hidden', 'value'])}",
    ]
    for name, values in PARAMETERS.get(variant, {}).items():
        args.append(f"--set={name}={rng.choice(values)}")
    for rank, values in EXTENTS.get(variant, {}).items():
        args.append(f"--extent={rank}={rng.choice(values)}")
    return args


def run(args):
    try:
        done = subprocess.run(
            [ATTN_RUN, *args], capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        return args, "hangs", f"runs over {TIMEOUT} s"
    outcome = {0: "right", 1: "wrong", 2: "refused"}.get(done.returncode, "crashes")
    text = (done.stdout + done.stderr).strip()
    return args, outcome, text


def main():
    global HEAD_DIMS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--workers", type=int, default=12)
    parser.add_argument("--head-dims", default="64,128")
    options = parser.parse_args()
    HEAD_DIMS = [int(x) for x in options.head_dims.split(",")]
    print(f"seed {options.seed}")
    rng = random.Random(options.seed)
    cases = [draw(rng, options.variants) for _ in range(options.cases)]
    counts = collections.Counter()
    by_variant = collections.defaultdict(collections.Counter)
    worst = collections.Counter()
    shown = 0
    with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
        for args, outcome, text in pool.map(run, cases):
            counts[outcome] += 1
            by_variant[args[0]][outcome] += 1
            if outcome == "right":
                error = json.loads(text.splitlines()[-1])["error"]
                worst[args[0]] = max(worst[args[0]], error["max_ratio"])
            elif shown < 12:
                shown += 1
                print(outcome.upper(), " ".join(args), "\n   ", text[-400:], flush=True)
    for variant, outcomes in sorted(by_variant.items()):
        print(f"{variant}: {dict(outcomes)}, largest error {worst[variant]:.2f} of what is allowed")
    print(f"{counts['right']} of {len(cases)} cases right; {dict(counts)}")
    return 0 if counts["right"] == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Does the work follow the mask? Times masks on one thread beside full attention.

    tools/benchmarks/mask-work.py [--attn-run build/bin/attn-run] [--rounds 5]

A mask whose tiles of 64 queries and 64 keys hold a visible pair in a share s of
all tiles should take the share s of full attention's time. The table gives the
time's share over s, required to be at most 1.25; the script fails above that.
Tiles are counted from a formula, pair by pair, not by the compiler. Cases take
turns, and each has its fastest round, since other processes only add time.
"""

import argparse
import json
import subprocess
import sys

import numpy as np

TILE = 64
REQUIRED = 1.25


def sliding_window(p, m):
    return (m <= p) & (m > p - 256)


def neighborhood(p, m):
    def sees(at, key):
        start = np.clip(at - 6, 0, 64 - 13)
        return (key >= start) & (key < start + 13)

    return sees(p // 64, m // 64) & sees(p % 64, m % 64)


def local_and_vertical(p, m):
    row, column = p // 64, m // 64
    return (m <= p) & ((row == column) | (column % 10 == 0))


# What the table says, the variant's arguments, the length and the formula.
CASES = [
    ("sliding-window 256 in 8192", ["sliding-window", "--set", "window=256"], 8192, sliding_window),
    (
        "neighborhood-2d 13x13 on 64x64",
        ["neighborhood-2d", "--set", "width=64", "--set", "window_y=13", "--set", "window_x=13"],
        4096,
        neighborhood,
    ),
    (
        "s2, blocks of 64, own and each 10th, in 8192",
        ["s2", "--set", "block=64", "--set", "local=1", "--set", "vertical=10", "--set", "head_step=0"],
        8192,
        local_and_vertical,
    ),
]


def share_of_tiles(length, visible):
    keys, live = np.arange(length)[None, :], 0
    for start in range(0, length, TILE):
        seen = visible(np.arange(start, start + TILE)[:, None], keys).any(axis=0)
        live += np.count_nonzero(seen.reshape(-1, TILE).any(axis=1))
    return live / (length // TILE) ** 2


def measure(attn_run, arguments, length, width):
    command = [attn_run, *arguments, "--q-len", str(length), "--head-dim", str(width)]
    command += ["--heads", "1", "--dtype", "f32", "--threads", "1", "--bench", "--json"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)["ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attn-run", default="build/bin/attn-run", help="the tool to time")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each case (5)")
    options = parser.parse_args()
    shares = {name: share_of_tiles(length, visible) for name, _, length, visible in CASES}
    widths = [64, 128]
    runs = [(name, arguments, length, width) for name, arguments, length, _ in CASES for width in widths]
    runs += [(f"full {length}", ["full"], length, width) for length in (4096, 8192) for width in widths]
    best = {}
    for _ in range(options.rounds):
        for name, arguments, length, width in runs:
            ms = measure(options.attn_run, arguments, length, width)
            best[name, width] = min(ms, best.get((name, width), ms))

    print("| mask | D | tiles | mask, ms | full, ms | time | time over tiles | required |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    failed = False
    for name, _, length, _ in CASES:
        for width in widths:
            ms, full = best[name, width], best[f"full {length}", width]
            ratio = ms / full / shares[name]
            failed |= ratio > REQUIRED
            print(
                f"| {name} | {width} | {shares[name]:.2%} | {ms:.2f} | {full:.1f} "
                f"| {ms / full:.2%} | {ratio:.2f} | {REQUIRED} |"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

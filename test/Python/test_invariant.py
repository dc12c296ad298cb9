# ===- test_invariant.py - bits of rows in a batch and alone on a CPU ------===#
"""Kernels compiled with --invariant for a CPU: rows of random calls have the bits that
they have alone, whatever the pages, the threads and the queries beside them."""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

HEADS, GROUP, DIM, PAGE = 2, 3, 32, 16
LENGTHS = (1, 2, 15, 64, 65, 257, 700, 1500)


def to_bf16(x):
    """Its bits."""
    return (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


CONVERSIONS = {"f32": np.float32, "f16": np.float16, "bf16": to_bf16}


# Windows begin within steps of several pages, and have several of both.
WINDOW = ["--tile-rows=16", "--tile-keys=64"]
VARIANTS = {
    "causal-bottom-right": ([], {}),
    "sliding-window": (WINDOW, {"window": 300}),
    "streaming": (WINDOW, {"window": 300, "sinks": 5}),
}


def compile_kernel(path, *options, variant="causal-bottom-right"):
    """For one thread and for three."""
    subprocess.run(
        [os.environ["ATTN_COMPILE"], variant, f"--head-dim={DIM}", f"--page={PAGE}",
         *VARIANTS[variant][0], *options, "-o", str(path)],
        check=True,
    )
    return [attn.load(path, threads) for threads in (1, 3)]


class Sequences:
    """Queries, keys and values [N, H, ...] of some sequences."""

    def __init__(self, rng, convert, scalars):
        self.convert, self.scalars = convert, scalars

        def make(*shape):
            for i, n in enumerate(LENGTHS):
                # Scores of some are nearly even, those of others far apart.
                yield convert(rng.standard_normal((n, *shape)) * (1 + i % 4))

        self.q = list(make(HEADS, GROUP, DIM))
        self.k, self.v = list(make(HEADS, DIM)), list(make(HEADS, DIM))

    def call(self, kernel, requests, queries, heads=slice(0, HEADS), rng=None):
        """o [B, H, G, P, D] and lse as bits; requests are sequences and lengths."""
        counts = [-(-n // PAGE) for _, n in requests]
        order = np.arange(sum(counts), dtype=np.int32)
        if rng:
            rng.shuffle(order)
        count = heads.stop - heads.start
        k = self.convert(np.full((len(order), count, PAGE, DIM), np.nan))
        v = k.copy()
        pages = np.full((len(requests), max(counts)), -7, np.int32)
        at = 0
        for b, (s, n) in enumerate(requests):
            own = pages[b, : counts[b]] = order[at : at + counts[b]]
            at += counts[b]
            for pool, x in ((k, self.k), (v, self.v)):
                for i in range(n):
                    pool[own[i // PAGE], :, i % PAGE] = x[s][i, heads]
        q = np.stack([self.q[s][n - queries : n, heads].transpose(1, 2, 0, 3) for s, n in requests])
        out = kernel(
            q=np.ascontiguousarray(q), k=k, v=v, pages=pages, scale=DIM**-0.5,
            lengths=np.array([n for _, n in requests], np.int32), **self.scalars,
        )
        assert not np.isnan(out["lse"]).any()
        return [x.view(np.int16) for x in (out["o"], out["lse"][..., None])]


def count_differences(kernels, seed, dtype="f32", calls=40, variant="causal-bottom-right"):
    """Of rows of random calls, those that differ from the rows alone, and all."""
    rng = np.random.default_rng(seed)
    sequences, alone = Sequences(rng, CONVERSIONS[dtype], VARIANTS[variant][1]), {}
    different = total = 0
    for _ in range(calls):
        queries = int(rng.choice([1, 1, 2, 5, 16]))
        requests = []
        for _ in range(rng.integers(1, 5)):
            s = int(rng.integers(len(LENGTHS)))
            if LENGTHS[s] >= queries:
                requests.append((s, int(rng.integers(queries, LENGTHS[s] + 1))))
        if not requests:
            continue
        first = int(rng.integers(HEADS))
        heads = slice(0, HEADS) if rng.integers(2) else slice(first, first + 1)
        o, lse = sequences.call(kernels[rng.integers(2)], requests, queries, heads, rng)
        for b, (s, n) in enumerate(requests):
            for p in range(queries):
                row = (s, n - queries + p + 1)
                if row not in alone:
                    alone[row] = sequences.call(kernels[0], [row], 1)
                own_o, own_lse = alone[row]
                total += 1
                different += not (
                    np.array_equal(o[b, :, :, p], own_o[0, heads, :, 0])
                    and np.array_equal(lse[b, :, :, p], own_lse[0, heads, :, 0])
                )
    return different, total


@pytest.mark.parametrize("target", ["host", "portable"])
@pytest.mark.parametrize("dtype", CONVERSIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_are_those_of_rows_alone(tmp_path, variant, dtype, target):
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    kernels = compile_kernel(
        tmp_path / "invariant.attn", "--invariant", f"--dtype={dtype}", f"--target={target}",
        variant=variant,
    )
    assert kernels[0].manifest["numerics"]["invariant"] is True
    different, total = count_differences(kernels, seed, dtype, variant=variant)
    assert total > 0 and different == 0, f"{different} of {total} rows differ"


@pytest.mark.parametrize("keys", [8, 16, 40, 128, 256])
def test_sums_do_not_show_where_masks_end(tmp_path, keys):
    """Alone, a row's last step ends with its keys; among others it goes on."""
    kernels = compile_kernel(
        tmp_path / "invariant.attn", "--invariant", "--tile-rows=16", f"--tile-keys={keys}"
    )
    assert count_differences(kernels, seed=3)[0] == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_kernels_have_other_bits(tmp_path, variant):
    """The calls show what they are for: without the option rows differ."""
    kernels = compile_kernel(tmp_path / "other.attn", variant=variant)
    assert kernels[0].manifest["numerics"]["invariant"] is False
    assert count_differences(kernels, seed=1, variant=variant)[0] > 0

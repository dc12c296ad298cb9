# ===- test_check_pages.py - what is wrong with tables and ranges ----------===#
"""`check-pages` names the first fault of each sequence, as a loop over its entries does,
and `check-ranges` that of each range.
"""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn


def find_fault(table, length, page, pages):
    if length < 0:
        return -1
    for entry, number in enumerate(table):
        if entry * page < length and not 0 <= number < pages:
            return entry
    return len(table) if length > len(table) * page else np.inf


def test_first_fault_is_named(tmp_path):
    path = tmp_path / "check.attn"
    subprocess.run([os.environ["ATTN_COMPILE"], "check-pages", "-o", str(path)], check=True)
    kernel = attn.load(path)
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    rng = np.random.default_rng(seed)
    named = 0
    for _ in range(30):
        page, pages, width = int(rng.integers(1, 40)), int(rng.integers(0, 50)), int(rng.integers(0, 40))
        table = rng.integers(0, max(pages, 1), (9, width)).astype(np.int32)
        # Some entries are of no page, behind the ends of sequences among them.
        strange = rng.random(table.shape) < 0.05
        table[strange] = rng.choice([-1, pages, 2**31 - 1, -(2**31)], strange.sum())
        lengths = rng.integers(-5, width * page + 5, 9).astype(np.int32)
        fault = kernel(pages=table, lengths=lengths, page=page, num_pages=pages)
        exact = [find_fault(t, n, page, pages) for t, n in zip(table, lengths)]
        np.testing.assert_array_equal(fault, np.array(exact, np.float32))
        named += np.isfinite(exact).sum()
    assert named > 0


def test_first_fault_of_ranges_is_named(tmp_path):
    path = tmp_path / "check.attn"
    subprocess.run([os.environ["ATTN_COMPILE"], "check-ranges", "-o", str(path)], check=True)
    kernel = attn.load(path)
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    rng = np.random.default_rng(seed)
    seen = set()
    for _ in range(30):
        size = int(rng.integers(0, 300))
        # Views of cumulative lengths, some of which decrease or lie outside.
        sums = np.sort(rng.integers(0, size + 1, 20)).astype(np.int32)
        strange = rng.random(20) < 0.1
        sums[strange] = rng.choice([-1, size + 1, 0, 2**31 - 1, -(2**31)], strange.sum())
        fault = kernel(begin=sums[:-1], end=sums[1:], size=size)
        exact = [1 if a < 0 else 2 if b < a else 3 if b > size else 0
                 for a, b in zip(sums, sums[1:])]
        np.testing.assert_array_equal(fault, np.array(exact, np.float32))
        seen.update(exact)
    assert seen == {0, 1, 2, 3}

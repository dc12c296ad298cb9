# ===- test_check_pages.py - what is wrong with tables of pages ------------===#
"""`check-pages` names the first fault of each sequence, as a loop over its entries does."""

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

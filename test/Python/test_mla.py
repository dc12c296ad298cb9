# ===- test_mla.py - decoding over a cache of latent vectors ---------------===#
"""Multi-head latent attention as it decodes: one key head of 576 features for all heads,
of which the first 512 are the values, in pages. Keys and values are views of one tensor."""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

HEADS, LATENT, ROPE, PAGE = 16, 512, 64, 16


@pytest.mark.parametrize("queries", [1, 3])
def test_latent_cache(tmp_path, queries):
    path = tmp_path / "mla.attn"
    subprocess.run(
        [os.environ["ATTN_COMPILE"], "causal-bottom-right", f"--page={PAGE}",
         f"--head-dim={LATENT + ROPE}", f"--value-dim={LATENT}", "-o", str(path)],
        check=True,
    )
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    rng = np.random.default_rng(seed)
    lengths = np.array([queries, 77, 300, 0 if queries == 1 else 4], np.int32)
    counts = -(-lengths // PAGE)
    order = rng.permutation(counts.sum() + 2)
    cache = np.full((len(order), PAGE, LATENT + ROPE), np.nan, np.float32)
    table = np.full((len(lengths), counts.max()), -1, np.int32)
    rows, at = [], 0
    for b, n in enumerate(lengths):
        table[b, : counts[b]] = order[at : at + counts[b]]
        at += counts[b]
        rows.append(rng.standard_normal((n, LATENT + ROPE)).astype(np.float32))
        for m, row in enumerate(rows[-1]):
            cache[table[b, m // PAGE], m % PAGE] = row
    q = rng.standard_normal((len(lengths), 1, HEADS, queries, LATENT + ROPE)).astype(np.float32)
    k = cache[:, None]
    scale = 192**-0.5
    outputs = attn.load(path)(q=q, k=k, v=k[..., :LATENT], pages=table, lengths=lengths, scale=scale)
    for b, n in enumerate(lengths):
        for p in range(queries):
            seen = rows[b][: n - queries + p + 1].astype(np.float64)
            if len(seen) == 0:
                assert not outputs["o"][b, 0, :, p].any()
                continue
            scores = q[b, 0, :, p].astype(np.float64) @ seen.T * scale
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            exact = weights / weights.sum(-1, keepdims=True) @ seen[:, :LATENT]
            np.testing.assert_allclose(outputs["o"][b, 0, :, p], exact, atol=5e-6)

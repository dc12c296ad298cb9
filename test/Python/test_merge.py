# ===- test_merge.py - attention over parts, merged, is attention over all ----===#
"""`full` over parts of the keys, as shards of a context, and what `merge` and `rescale`
make of its outputs."""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

BATCH, HEADS, QUERIES, DIM, KEYS = 2, 3, 5, 32, 300
SCALE = DIM**-0.5


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merge")
    paths = {name: folder / f"{name}.attn" for name in ("full", "merge", "rescale")}
    for name, path in paths.items():
        width = "--head-dim" if name == "full" else "--value-dim"
        subprocess.run(
            [os.environ["ATTN_COMPILE"], name, f"{width}={DIM}", "-o", str(path)], check=True
        )
    return {name: attn.load(path) for name, path in paths.items()}


@pytest.fixture
def tensors():
    seed = np.random.SeedSequence().entropy % 2**32
    print("seed", seed)
    rng = np.random.default_rng(seed)
    q = rng.standard_normal((BATCH, HEADS, QUERIES, DIM), np.float32)
    k, v = (rng.standard_normal((BATCH, HEADS, KEYS, DIM), np.float32) for _ in "kv")
    return rng, q, k, v


def attend(q, k, v):
    """Outputs and lse in f64, where there is a key."""
    scores = np.einsum("bhpe,bhme->bhpm", q, k, dtype=np.float64) * SCALE
    top = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - top)
    total = weights.sum(axis=-1, keepdims=True)
    return np.einsum("bhpm,bhmf->bhpf", weights / total, v), (top + np.log(total))[..., 0]


def attend_parts(kernels, q, k, v, cuts):
    parts = [(0, 0), *zip([0, *cuts], [*cuts, KEYS])]
    outs = np.empty((len(parts), *q.shape), np.float32)
    lses = np.empty(outs.shape[:-1], np.float32)
    for i, (first, last) in enumerate(parts):
        keys = slice(first, last)
        kernels["full"](
            q=q, k=k[:, :, keys], v=v[:, :, keys], scale=SCALE, o=outs[i], lse=lses[i]
        )
    return outs, lses


def merge(kernels, outs, lses):
    outputs = kernels["merge"](parts=outs, lses=lses)
    return outputs["o"], outputs["lse"]


def check(result, expected):
    for actual, wanted in zip(result, expected):
        np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 40])
def test_equals_unsplit(kernels, tensors, count):
    rng, q, k, v = tensors
    cuts = sorted(rng.integers(0, KEYS, count - 1, endpoint=True))
    outs, lses = attend_parts(kernels, q, k, v, cuts)
    assert (lses[0] == -np.inf).all()
    check(merge(kernels, outs, lses), attend(q, k, v))


@pytest.mark.parametrize("count", [1, 3, 8])
def test_rescaled_parts_add_up(kernels, tensors, count):
    rng, q, k, v = tensors
    cuts = sorted(rng.integers(0, KEYS, count - 1, endpoint=True))
    outs, lses = attend_parts(kernels, q, k, v, cuts)
    outs[0] = np.nan  # A part without keys.
    ranks = [
        kernels["rescale"](part=part, own=own, lses=lses) for part, own in zip(outs, lses)
    ]
    expected = attend(q, k, v)
    check((sum(rank["o"] for rank in ranks), ranks[0]["lse"]), expected)
    assert all((rank["lse"] == ranks[0]["lse"]).all() for rank in ranks)


def test_merges_what_is_merged(kernels, tensors):
    _, q, k, v = tensors
    outs, lses = attend_parts(kernels, q, k, v, [70, 71, 200])
    halves = [merge(kernels, outs[part], lses[part]) for part in (slice(0, 3), slice(3, None))]
    check(merge(kernels, *map(np.stack, zip(*halves))), attend(q, k, v))


@pytest.mark.parametrize("none", [-np.inf, np.inf])
def test_reads_no_output_of_a_part_without_keys(kernels, tensors, none):
    _, q, k, v = tensors
    outs, lses = attend_parts(kernels, q, k, v, [100])
    outs[0], lses[0] = np.nan, none
    check(merge(kernels, outs, lses), attend(q, k, v))


@pytest.mark.parametrize("none", [-np.inf, np.inf])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_rows_that_no_part_has(kernels, count, none):
    shape = (count, BATCH, HEADS, QUERIES)
    o, lse = merge(
        kernels, np.full((*shape, DIM), np.nan, np.float32), np.full(shape, none, np.float32)
    )
    assert (o == 0).all() and (lse == -np.inf).all()


def test_keeps_large_denominators(kernels):
    """Weights come from differences: an lse of 1000 does not overflow."""
    outs = np.stack([np.full((1, 1, 1, DIM), x, np.float32) for x in (1, 3)])
    o, lse = merge(kernels, outs, np.full((2, 1, 1, 1), 1000, np.float32))
    check((o, lse), (np.full(o.shape, 2.0), np.full(lse.shape, 1000 + np.log(2))))


def test_passes_nan_of_a_part_on(kernels):
    outs = np.zeros((2, 1, 1, 2, DIM), np.float32)
    outs[1, 0, 0, 1, 3] = np.nan
    o, _ = merge(kernels, outs, np.zeros((2, 1, 1, 2), np.float32))
    assert np.argwhere(np.isnan(o)).tolist() == [[0, 0, 1, 3]]

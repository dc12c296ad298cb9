# ===- test_repeat.py - calls of one layout again --------------------------===#
"""Later calls take the plan of the first one of their layout: nothing else may differ."""

import gc
import os
import subprocess
import threading
import weakref

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    path = tmp_path_factory.mktemp("repeat") / "full.attn"
    subprocess.run(
        [os.environ["ATTN_COMPILE"], "full", "--head-dim=16", "-o", str(path)], check=True)
    return attn.load(path, threads=2)


def draw(rng, queries=9, keys=13):
    q, k, v = (np.float32(rng.standard_normal((2, 3, n, 16))) for n in (queries, keys, keys))
    return dict(q=q, k=k, v=v)


def exact(q, k, v, scale):
    s = np.einsum("bhpe,bhme->bhpm", q, k).astype(np.float64) * scale
    w = np.exp(s - s.max(-1, keepdims=True))
    return np.einsum("bhpm,bhmf->bhpf", w / w.sum(-1, keepdims=True), v)


def check(kernel, scale=0.25, **arrays):
    got = kernel(**arrays, scale=scale)["o"]
    np.testing.assert_allclose(got, exact(**arrays, scale=scale), rtol=0, atol=2e-6)
    return got


def test_other_data_shapes_strides_and_scalars(kernel):
    rng = np.random.default_rng()
    before = len(kernel._repetitions._plans)
    results = []
    for _ in range(3):
        for queries in (9, 4):
            results.append(check(kernel, **draw(rng, queries)))
        check(kernel, scale=0.5, **draw(rng))
        arrays = draw(rng)
        arrays["k"] = np.ascontiguousarray(arrays["k"].transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
        check(kernel, **arrays)
    assert len(kernel._repetitions._plans) == before + 4
    # Each call has outputs of its own.
    assert len({x.ctypes.data for x in results}) == len(results)


def test_outputs_that_are_given(kernel):
    rng = np.random.default_rng()
    for _ in range(2):
        arrays, o = draw(rng), np.full((2, 3, 9, 16), np.nan, np.float32)
        returned = kernel(**arrays, scale=0.25, o=o)
        assert returned["o"] is o
        np.testing.assert_allclose(o, exact(**arrays, scale=0.25), rtol=0, atol=2e-6)


def test_refusals_are_those_of_the_first_call(kernel):
    arrays = draw(np.random.default_rng(), keys=9)
    for _ in range(2):
        with pytest.raises(attn.Error, match="expects an output apart"):
            kernel(**arrays, scale=0.25, o=arrays["q"])
        kernel(**arrays, scale=0.25, o=np.empty((2, 3, 9, 16), np.float32))
        with pytest.raises(attn.Error, match="read-only"):
            o = np.empty((2, 3, 9, 16), np.float32)
            o.flags.writeable = False
            kernel(**arrays, scale=0.25, o=o)


def test_nothing_stays_alive(kernel):
    rng = np.random.default_rng()
    for _ in range(2):  # the first call, and one that repeats it
        arrays = draw(rng, 5, 5)
        kept = [weakref.ref(x) for x in arrays.values()]
        kept.append(weakref.ref(kernel(**arrays, scale=0.25)["o"]))
        del arrays
        gc.collect()
        assert [x() for x in kept] == [None] * 4


def test_few_plans_are_kept(kernel):
    rng = np.random.default_rng()
    for n in range(1, 40):
        check(kernel, **draw(rng, n, 3))
    assert len(kernel._repetitions._plans) <= 16


def test_threads_have_plans_of_their_own(kernel):
    failures = []

    def work(seed):
        rng = np.random.default_rng(seed)
        try:
            for _ in range(200):
                check(kernel, **draw(rng))
        except BaseException as error:  # reported by the test's thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures

# ===- test_tvm_ffi.py - kernels as functions of TVM-FFI -------------------===#
"""The library's exports as TVM-FFI's own Python loads and calls them."""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")
tvm_ffi = pytest.importorskip("tvm_ffi", reason="the exports are for TVM-FFI")


@pytest.fixture(scope="module")
def module():
    return tvm_ffi.load_module(os.environ["ATTN_RUNTIME_LIBRARY"])


def check(function, rng, queries):
    q, k, v = (np.float32(rng.standard_normal((2, 3, n, 16))) for n in (queries, 9, 9))
    o, lse = np.full_like(q, np.nan), np.full(q.shape[:3], np.nan, np.float32)
    q, o, lse = q[:, :, None], o[:, :, None], lse[:, :, None]
    function(*map(tvm_ffi.from_dlpack, (q, k, v)), 0.25, *map(tvm_ffi.from_dlpack, (o, lse)))
    s = 0.25 * np.einsum("bhgpe,bhme->bhgpm", q, k, dtype=np.float64)
    s[..., ~(np.arange(9) <= np.arange(queries)[:, None] + 9 - queries)] = -np.inf
    w = np.exp(s - s.max(-1, keepdims=True))
    np.testing.assert_allclose(
        o, np.einsum("bhgpm,bhmf->bhgpf", w / w.sum(-1, keepdims=True), v), rtol=0, atol=2e-6)
    np.testing.assert_allclose(lse, np.log(np.exp(s).sum(-1)), rtol=0, atol=2e-6)


def test_compile_and_call(module):
    rng = np.random.default_rng()
    function = module.compile("causal", "--dtype=f32", "--head-dim=16")
    for queries in (9, 4, 9):
        check(function, rng, queries)


def test_load_and_call(module, tmp_path):
    path = tmp_path / "causal.attn"
    subprocess.run([os.environ["ATTN_COMPILE"], "causal", "--head-dim=16", "-o", str(path)],
                   check=True)
    check(module.load_kernel(str(path), 2), np.random.default_rng(), 7)


def test_refusals_are_exceptions(module):
    function = module.compile("causal", "--dtype=f32", "--head-dim=16")
    with pytest.raises(ValueError, match=r"expects 6 arguments \(q, k, v, scale, o, lse\)"):
        function(1, 2)
    with pytest.raises(ValueError, match="argument q: expects a tensor"):
        function(*range(6))
    with pytest.raises(ValueError, match="expects a variant's name or a cascade's text"):
        module.compile("no such variant")
    with pytest.raises(RuntimeError, match="expects to open it"):
        module.load_kernel("/no/such/file")

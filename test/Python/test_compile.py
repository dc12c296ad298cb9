# ===- test_compile.py - kernels by attn-compile's options -----------------===#
"""attn.compile over the real compiler: kernels, refusals as data, limits, the cache."""

import os
import signal
import subprocess
import sys
import threading

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

# A cascade whose fourth line reads a tensor of two ranks by one.
WRONG = """\
!T = !cascade.tensor<[B, N], f32, empty = 0.0>
!U = !cascade.tensor<[B], f32, empty = 0.0>
cascade.func @sum(%x: !T) -> (o: !U) {
  %o = cascade.einsum [b] = %x[b] reduce add : !T -> !U
  cascade.return %o : !U
}
"""


def exact(q, k, v):
    s = np.einsum("bhpe,bhme->bhpm", q, k).astype(np.float64) / np.sqrt(q.shape[-1])
    w = np.exp(s - s.max(-1, keepdims=True))
    return np.einsum("bhpm,bhmf->bhpf", w / w.sum(-1, keepdims=True), v)


def test_a_variant_by_its_name():
    kernel = attn.compile("full", "--head-dim=16", threads=2)
    q, k, v = (np.random.default_rng().standard_normal((2, 3, n, 16), np.float32) for n in (5, 9, 9))
    o = kernel(q=q, k=k, v=v, scale=0.25)["o"]
    np.testing.assert_allclose(o, exact(q, k, v), rtol=0, atol=2e-6)


def test_refusals_say_where_and_why():
    with pytest.raises(attn.Error) as caught:
        attn.compile(WRONG)
    assert caught.value.feature.endswith(":4:8") and caught.value.alternative
    assert attn.refusal(WRONG).reason == caught.value.reason
    assert attn.refusal("full", "--dtype=f8").feature == "--dtype"
    assert attn.refusal("none-such").code == attn.Error.IO
    assert attn.refusal("full", "--emit=so").code == attn.Error.INVALID_ARGUMENT
    # Of a machine that need not be here.
    assert attn.refusal("full", "--target=sm_90a", "--dtype=bf16", "--head-dim=64") is None


def test_time_is_limited():
    with pytest.raises(attn.Error, match="expects to end within 1 ms") as caught:
        attn.compile("full", "--head-dim=24", time_limit=0.001)
    assert caught.value.code == attn.Error.RESOURCE_EXHAUSTED
    attn.compile("full", "--head-dim=24")


def test_many_threads_and_processes_compile_once(tmp_path):
    """The compiler is one that counts its calls."""
    program = tmp_path / "attn-compile"
    program.write_text(
        f'#!/bin/sh\necho >> {tmp_path}/calls\nexec {os.environ["ATTN_COMPILE"]} "$@"\n')
    program.chmod(0o755)
    text = (
        "import threading, attn\n"
        "done = []\n"
        "work = lambda: done.append(attn.compile('full', '--head-dim=40'))\n"
        "threads = [threading.Thread(target=work) for _ in range(16)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]; print(len(done))\n")
    environment = {**os.environ, "ATTN_COMPILE": str(program), "ATTN_CACHE_DIR": str(tmp_path / "c")}
    children = [
        subprocess.Popen([sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [child.communicate()[0].split() for child in children] == [[b"16"]] * 4
    assert (tmp_path / "calls").read_text() == "\n"


def test_a_signal_does_not_end_the_host():
    """Python's own handlers run while it waits for the compiler."""
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        attn.compile("full", "--head-dim=56")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen and threading.active_count() == 1

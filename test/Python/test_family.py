# ===- test_family.py - kernels of one list --------------------------------===#

import json
import os
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")
pytest.importorskip("tomllib", reason="needs Python 3.11")

import attn
from attn.family import build, list_kernels, read_manifests

LIST = """
[lists]
dtype = ["f32", "bf16"]
width = [16, 32]
[kernels]
"full-{dtype}-{width}" = "full --dtype={dtype} --head-dim={width}"
"gpu-{dtype}" = "causal --target=sm_90a --dtype={dtype} --head-dim=64"
append = "append-plain --head-dim=16 --page=16"
both = "causal --target=sm_90a,portable --head-dim=16"
"""


def test_all_are_written_and_the_index_says_what(tmp_path):
    lines = []
    index = build(LIST, tmp_path, lines.append)
    assert set(index) == {
        "full-f32-16", "full-f32-32", "full-bf16-16", "full-bf16-32", "gpu-f32", "gpu-bf16", "append",
        "both"}
    assert len(lines) == 8 and json.loads((tmp_path / "index.json").read_text()) == index
    assert sorted(os.listdir(tmp_path)) == sorted([f"{n}.attn" for n in index] + ["index.json"])
    assert index["gpu-bf16"]["target"] == "sm_90a" and index["append"]["target"] == "x86-64"
    for name, entry in index.items():
        assert os.path.getsize(tmp_path / f"{name}.attn") == entry["bytes"]
    assert index["both"]["target"] == "sm_90a,x86-64"
    assert [m["target"]["cpu"] for m in read_manifests((tmp_path / "both.attn").read_bytes())] == [
        "", "x86-64-v2"]
    kernel = attn.load(tmp_path / "full-f32-16.attn")
    assert {a["name"] for a in kernel.manifest["arguments"]} == set(index["full-f32-16"]["arguments"])
    x = np.random.default_rng().standard_normal((1, 2, 1, 16), np.float32)
    np.testing.assert_allclose(kernel(q=x, k=x, v=x, scale=1.0)["o"], x, atol=1e-6)


@pytest.mark.parametrize("text, said", [
    ("[kernels", "expects TOML"),
    ('[kernels]\n"a-{x}" = "full"', "expects a list 'x', but there is none"),
    ('[lists]\nx = [1, 2]\n[kernels]\na = "full --head-dim={x}"', "expects lists that its name has"),
    ('[lists]\nx = [1, 1]\n[kernels]\n"a-{x}" = "full"', "but two have it"),
    ('[kernels]\na = ""', "expects a file's name and a variant"),
    ('[kernels]\n"../a" = "full"', "expects a file's name and a variant"),
    ('[kernels]\na = "full --dtype=f8"', "kernel a, --dtype: 'f8' is not an input type"),
    ('[kernels]\na = "full -o x"', "kernel a, option -o"),
])
def test_refusals(tmp_path, text, said):
    with pytest.raises(attn.Error) as caught:
        build(text, tmp_path / "out", str)
    assert said in str(caught.value)
    assert not (tmp_path / "out" / "index.json").exists()


def test_one_file_for_two_machines(tmp_path, monkeypatch):
    build('[kernels]\na = "full --target=sm_90a,host --head-dim=16"', tmp_path, str)
    x = np.random.default_rng().standard_normal((1, 2, 1, 16), np.float32)
    # Without a driver it is the CPU's.
    monkeypatch.setenv("ATTN_CUDA_DRIVER", str(tmp_path / "none.so"))
    for kernel in (attn.load(tmp_path / "a.attn"),
                   attn.compile("full", "--target=sm_90a,host", "--head-dim=16")):
        assert kernel.manifest["target"]["arch"] == "x86-64"
        np.testing.assert_allclose(kernel(q=x, k=x, v=x, scale=1.0)["o"], x, atol=1e-6)
    for target in ("cpu", "x86-64"):
        kernel = attn.load(tmp_path / "a.attn", target=target)
        assert kernel.manifest["target"]["arch"] == "x86-64"
    for target in ("cuda", "sm_90a", "sm_80"):
        with pytest.raises(attn.Error, match="none.so|sm_80"):
            attn.load(tmp_path / "a.attn", target=target)
    with pytest.raises(attn.Error, match="expects .* bytes of|are left"):
        read_manifests((tmp_path / "a.attn").read_bytes()[:-1])


def test_one_file_for_several_lengths(tmp_path):
    index = build(
        '[kernels]\na = "causal --target=sm_90a --dtype=bf16 --head-dim=64 --q-len=1,any"',
        tmp_path, str)
    assert index["a"]["target"] == "sm_90a"
    first, second = read_manifests((tmp_path / "a.attn").read_bytes())
    assert {"name": "P", "most": 1} in first["ranks"] and {"name": "P"} in second["ranks"]


def test_the_command(tmp_path):
    (tmp_path / "list.toml").write_text('[kernels]\none = "full --head-dim=16"\n')
    run = lambda *words: subprocess.run(
        [sys.executable, "-m", "attn.family", *map(str, words)], capture_output=True, text=True)
    done = run(tmp_path / "list.toml", tmp_path / "out")
    assert done.returncode == 0 and done.stdout.startswith("one: x86-64, "), done.stderr
    assert (tmp_path / "out" / "one.attn").exists()
    done = run(tmp_path / "none.toml", tmp_path / "out")
    assert done.returncode == 1 and "none.toml" in done.stderr
    assert list_kernels("") == {}

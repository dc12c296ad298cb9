# ===- test_library.py - what libattn_runtime shows and needs ------------===#

import os
import subprocess

import pytest

LIBRARY = os.environ["ATTN_RUNTIME_LIBRARY"]


def readelf(option):
    command = [os.environ["ATTN_READELF"], option, LIBRARY]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_exports_the_c_interface_and_tvm_ffis_functions_only():
    defined = {
        line.split()[-1].split("@")[0]
        for line in readelf("--dyn-syms").splitlines()
        if " GLOBAL " in line and " UND " not in line
    }
    assert "attn_plan_run" in defined
    others = sorted(name for name in defined if not name.startswith("attn_"))
    assert others == ["__tvm_ffi_compile", "__tvm_ffi_load_kernel"]


def test_needs_no_llvm():
    needed = [line for line in readelf("--dynamic").splitlines() if "(NEEDED)" in line]
    assert any("libc.so" in line for line in needed)
    allowed = ("libc.", "libm.", "libz.", "libstdc++.", "libgcc_s.", "ld-linux")
    assert [line for line in needed if not any(a in line for a in allowed)] == []


def test_reports_a_library_that_cannot_be_loaded(monkeypatch, tmp_path):
    pytest.importorskip("numpy", reason="the attn package needs numpy")
    import attn
    from attn import _library

    monkeypatch.setattr(_library, "_library", None)
    monkeypatch.setenv("ATTN_RUNTIME_LIBRARY", str(tmp_path / "absent.so"))
    with pytest.raises(attn.Error, match="set ATTN_RUNTIME_LIBRARY to its path"):
        attn.load("x.attn")

"""Kernels for gfx1100 in an emulator of the instruction set, and the script that runs them there."""

import json
import os
import subprocess
import sys

import pytest

FOLDER = os.environ.get("ATTN_RDNA_EMULATOR")
COMPILER = os.environ.get("ATTN_COMPILE")
SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "amd", "emulate.py")
pytestmark = pytest.mark.skipif(not COMPILER, reason="ATTN_COMPILE names no compiler")
in_emulator = pytest.mark.skipif(
    not FOLDER, reason="ATTN_RDNA_EMULATOR names no folder with tinygrad and its emulator of RDNA3; "
                       "docs/runtime.md, 'AMD GPUs', says how to set one up")

# An emulator that notes what it is to run and whether the code's end lies in it, and runs nothing.
STUB = """
import ctypes, json, os
S_CODE_END = b"\\x00\\x00\\x9f\\xbf"
def run_asm(lib, lib_sz, gx, gy, gz, lx, ly, lz, args_ptr, rsrc2, scratch_size, arch, user_data):
    code = ctypes.string_at(lib, lib_sz)
    note = {"grid": [gx, gy, gz], "threads": [lx, ly, lz], "scratch": scratch_size, "arch": arch,
            "shared": (rsrc2 >> 15) * 512, "ends": code.endswith(S_CODE_END),
            "registers": len(user_data), "given": rsrc2 >> 1 & 31,
            "tensor": int.from_bytes(ctypes.string_at(args_ptr, 8), "little")}
    with open(os.environ["STUB_NOTES"], "a") as notes:
        notes.write(json.dumps(note) + "\\n")
"""


def emulate(*arguments, **environment):
    build = os.path.dirname(os.path.dirname(COMPILER))
    return subprocess.run([sys.executable, SCRIPT, "--build", build, *arguments], timeout=300,
                          capture_output=True, text=True, env={**os.environ, **environment})


def test_launches_reach_the_emulator(tmp_path):
    folder = tmp_path / "test" / "mockgpu" / "amd"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent, folder.parent.parent):
        (package / "__init__.py").touch()
    (folder / "emu.py").write_text(STUB)
    notes = tmp_path / "notes"
    done = emulate("--emulator", str(tmp_path), "full-split", STUB_NOTES=str(notes))
    # What no kernel has written is not what it should be.
    assert done.returncode == 1 and "full-split           WRONG" in done.stdout, done.stderr
    first, again = map(json.loads, notes.read_text().splitlines())
    assert first == again
    assert first["grid"][1:] == [1, 1] and 1 <= first["grid"][0] <= 4
    assert first["threads"] == [128, 1, 1]
    assert first["scratch"] == 0 and first["arch"] == "rdna3" and first["ends"]
    assert 25600 <= first["shared"] < 25600 + 1024
    # LLVM has more set up than are used: hardware of gfx1100 wants 16 (its "init 16 bug").
    assert first["registers"] <= first["given"]
    # The first argument is a tensor, in the stand-in's memory.
    assert first["tensor"] >= 1 << 45


def test_unknown_cases_are_refused():
    done = emulate("--emulator", "nowhere", "nothing")
    assert done.returncode == 2 and "there is no case nothing, but: full, " in done.stderr


@in_emulator
def test_are_right():
    done = emulate("full-split", "decode", "threads")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" right ") == 3


@in_emulator
def test_a_wrong_instruction_is_found():
    done = emulate("full-split", "--flip", "0xffff0000:0xcc410000:16")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "full-split           WRONG" in done.stdout

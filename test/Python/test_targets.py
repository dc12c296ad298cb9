"""Every shipped variant has code for every GPU, of AMD's without spills."""

import concurrent.futures
import os
import re
import subprocess

import pytest

COMPILER = os.environ.get("ATTN_COMPILE")
pytestmark = pytest.mark.skipif(not COMPILER, reason="ATTN_COMPILE names no compiler")

PTX = ["--emit=ptx"]  # an assembler need not be there
OBJECT = ["--emit=artifact", "--report=resources"]
TARGETS = {
    "sm_90a": PTX, "sm_89": PTX, "sm_80": PTX,
    "gfx942": OBJECT, "gfx90a": OBJECT, "gfx1100": OBJECT,
}


def run(*arguments):
    return subprocess.run([COMPILER, *arguments], capture_output=True, text=True, timeout=300)


def list_variants():
    return [line.split()[0] for line in run("--list").stdout.splitlines() if line.strip()]


@pytest.mark.parametrize("target", TARGETS)
def test_every_variant_compiles(target, tmp_path):
    def compile_one(variant, dim):
        done = run(variant, f"--target={target}", "--dtype=bf16", f"--head-dim={dim}",
                   *TARGETS[target], "--no-cache", "-o", str(tmp_path / f"{variant}-{dim}"))
        spilled = sum(int(n) for n in re.findall(r"(\d+) bytes spilled", done.stdout + done.stderr))
        if done.returncode or spilled:
            return f"{variant}, D={dim}: {spilled} bytes spilled; {done.stderr[-300:]}"
        return None

    cases = [(variant, dim) for variant in list_variants() for dim in (64, 128)]
    assert len(cases) > 80
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [w for w in pool.map(lambda case: compile_one(*case), cases) if w]
    assert not wrong, "\n".join(wrong)

# ===- test_wheel.py - the package as it is installed ----------------------===#
"""The wheel has all that README's Python lines need: they run beside nothing of the
source tree, its environment variables included."""

import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the installed wheel."""
    setuptools = pytest.importorskip("setuptools")
    if int(setuptools.__version__.split(".")[0]) < 77:
        pytest.skip("wheels need setuptools of version 77 or later")
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    subprocess.run([os.path.join(ROOT, "tools", "wheel.sh"), str(dist)], check=True)
    (wheel,) = dist.glob("attn-*.whl")
    assert re.search(r"-cp311-abi3-manylinux_2_\d+_x86_64\.whl$", wheel.name)
    assert wheel.stat().st_size < 50e6
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--disable-pip-version-check", "--target", str(site), str(wheel)], check=True)
    return site


def run(site, text):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(site)}
    done = subprocess.run([sys.executable, "-c", text], cwd=site, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme_runs_as_printed(site):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        (lines, output) = re.search(
            r"```python\n(.*?)```\n\n```\n(.*?)```", file.read(), re.DOTALL).groups()
    assert run(site, lines) == output


def test_what_is_loaded_is_the_wheels_own(site):
    text = "import attn._library as l; l.library(); print(l._find())"
    assert os.path.dirname(run(site, text).strip()) == str(site / "attn")
    assert os.access(site / "attn" / "attn-compile", os.X_OK)
    assert run(site, "import attn._library as l; print(l.exchange())").strip() == \
        f"<module 'attn._exchange' from '{site}/attn/_exchange.abi3.so'>"


def test_licences_of_what_is_in_it(site):
    assert {"attn"} < set(os.listdir(site / "attn" / "licenses"))

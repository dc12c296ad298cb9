# ===- test_documentation.py - docs/python.md's lines and their output --------===#
"""What the guide says that its lines print is what they print."""

import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("numpy", reason="the attn package needs numpy")

GUIDE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "python.md")


def list_snippets():
    with open(GUIDE, encoding="utf-8") as file:
        return re.findall(r"```python\n([^`]*)```\n\n```\n([^`]*)```", file.read())


@pytest.mark.parametrize("lines,output", list_snippets())
def test_guide_runs_as_printed(lines, output):
    for library in ("torch", "transformers"):
        if re.search(rf"^(import|from) .*\b{library}\b", lines, re.MULTILINE):
            pytest.importorskip(library, reason=f"needs {library}")
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.stdout == output, done.stderr


def test_guide_has_snippets():
    assert len(list_snippets()) >= 2

# ===- test_support.py - docs/support.md says what is compiled -------------===#

import os
import subprocess
import sys

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "support.py")


def test_the_page():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "entries asked, 0 wrong" in done.stdout

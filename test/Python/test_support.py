# ===- test_support.py - docs/support.md says what is compiled -------------===#

import os
import subprocess
import sys

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "support.py")


def test_a_sample_of_the_page():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check", "16"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 of" in done.stdout

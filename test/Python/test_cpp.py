# ===- test_cpp.py - programs of Python and of C++ are the same ------------===#
"""The text that `attn-cpp/Attention.h` writes is that of the same functions in Python."""

import os
import re
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

from attn._capture import Capture
from attn._variant import Variant

PRINTER = os.environ.get("ATTN_CPP_TEXTS")
SLOPES = np.zeros(4, np.float32)
DOCUMENTS = np.zeros(64, np.int32)

PROGRAMS = {
    "causal": dict(mask=lambda p, m: m <= p),
    "window": dict(mask=lambda p, m: (m <= p) & (p - m < 64)),
    "softcap": dict(score=lambda x: 20.0 * np.tanh(x / 20)),
    "alibi": dict(mask=lambda p, m: m <= p, score=lambda x, p, m, h: x + (m - p) * SLOPES[h]),
    "documents": dict(mask=lambda p, m: (m <= p) & (DOCUMENTS[m] == DOCUMENTS[p])),
    "mixed": dict(
        score=lambda x, p, m: np.where(m % 2 == 0, np.maximum(x, 0), abs(p - m) * -0.5) + 1e-5),
}


# Of a grouped program Python computes the query head where it is asked for, C++ where it is used.
NAMES = [*PROGRAMS, *(f"grouped-{name}" for name in PROGRAMS if name != "alibi")]


@pytest.mark.skipif(not PRINTER, reason="needs ATTN_CPP_TEXTS, the program AttnCppTexts")
@pytest.mark.parametrize("name", NAMES)
def test_both_write_one_text(name):
    done = subprocess.run([PRINTER, name], capture_output=True, text=True, check=True)
    capture, functions = Capture(), PROGRAMS[name.removeprefix("grouped-")]
    text = Variant(capture, **{n: capture.function(f) for n, f in functions.items()},
                   grouped=name.startswith("grouped-")).text
    bare = lambda text: re.sub(r" loc\(.*\)$", "", text, flags=re.M)
    assert bare(done.stdout) == bare(text)

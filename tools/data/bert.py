"""A BERT encoder in numpy, f64 throughout: WordPiece, layers, projections.

It serves to make test inputs, so it is short and slow, and takes one sequence
without padding. Weights come from a folder with `model.safetensors`,
`config.json` and `vocab.txt`.
"""

import json
import math
import struct
import unicodedata
from pathlib import Path

import numpy as np


def read_safetensors(path):
    """All f32 tensors of a safetensors file, by name, as f64 arrays."""
    data = Path(path).read_bytes()
    (header_bytes,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + header_bytes])
    payload = memoryview(data)[8 + header_bytes :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(payload[begin:end], dtype="<f4")
        tensors[name] = flat.reshape(entry["shape"]).astype(np.float64)
    return tensors


def _is_punctuation(char):
    # BERT counts all ASCII symbols as punctuation, `$` and `^` among them.
    ascii_symbol = char.isascii() and not char.isalnum() and not char.isspace()
    return ascii_symbol or unicodedata.category(char).startswith("P")


def _words(text):
    """Lower-case words and single punctuation marks, accents stripped."""
    text = unicodedata.normalize("NFD", text.lower())
    spaced = []
    for char in text:
        if unicodedata.category(char) == "Mn":
            continue
        spaced.append(f" {char} " if _is_punctuation(char) else char)
    return "".join(spaced).split()


class Bert:
    """An uncased BERT encoder."""

    def __init__(self, folder):
        folder = Path(folder)
        config = json.loads((folder / "config.json").read_text())
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise ValueError(
                "expects a BERT model with gelu, but got "
                f"{config['model_type']} with {config['hidden_act']}"
            )
        self.heads = config["num_attention_heads"]
        self.layers = config["num_hidden_layers"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = read_safetensors(folder / "model.safetensors")
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self.ids = {token: i for i, token in enumerate(lines)}

    def tokenize(self, text, max_tokens):
        """Ids of `[CLS] text [SEP]`, the text cut to fit `max_tokens`."""
        ids = []
        for word in _words(text):
            ids += self._word_pieces(word)
        ids = ids[: max_tokens - 2]
        return [self.ids["[CLS]"], *ids, self.ids["[SEP]"]]

    def _word_pieces(self, word):
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self.ids.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return [self.ids["[UNK]"]]
            pieces.append(piece)
            start = end
        return pieces

    def _norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(variance + self.epsilon)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def embed(self, ids):
        """The encoder's input [tokens, width]."""
        table = {
            kind: self.weights[f"embeddings.{kind}_embeddings.weight"]
            for kind in ("word", "position", "token_type")
        }
        x = table["word"][ids] + table["position"][: len(ids)] + table["token_type"][0]
        return self._norm(x, "embeddings.LayerNorm")

    def projections(self, x, layer):
        """Q, K and V of `layer` for its input `x`, each [heads, tokens, head]."""
        base = f"encoder.layer.{layer}.attention.self"
        split = (len(x), self.heads, -1)
        return tuple(
            self._linear(x, f"{base}.{name}").reshape(split).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )

    def layer(self, x, layer):
        """The output of `layer` for its input `x`, both [tokens, width]."""
        base = f"encoder.layer.{layer}"
        context = attention(*self.projections(x, layer))
        context = context.transpose(1, 0, 2).reshape(x.shape)
        x = self._norm(
            x + self._linear(context, f"{base}.attention.output.dense"),
            f"{base}.attention.output.LayerNorm",
        )
        inner = _gelu(self._linear(x, f"{base}.intermediate.dense"))
        return self._norm(
            x + self._linear(inner, f"{base}.output.dense"), f"{base}.output.LayerNorm"
        )

    def encode(self, ids, layers=None):
        """What the first `layers` layers (all, if None) make of `ids`."""
        x = self.embed(ids)
        for layer in range(self.layers if layers is None else layers):
            x = self.layer(x, layer)
        return x

    def sentence(self, text, max_tokens=128):
        """The unit vector of a text: the mean over its tokens, normalised."""
        mean = self.encode(self.tokenize(text, max_tokens)).mean(0)
        return mean / np.linalg.norm(mean)


_erf = np.vectorize(math.erf, otypes=[np.float64])


def _gelu(x):
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)))


def attention(q, k, v):
    """softmax(q k' / sqrt(d)) v for each head, unmasked."""
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v

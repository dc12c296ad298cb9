# ===- test_server.py - the example of a server, as an application ---------===#
"""tools/examples/server is built against an installed attn alone and serves a small random model:
its tokens are those of a plain decoder, whatever is served beside them."""

import os
import re
import shutil
import struct
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LAYERS, HEADS, KEY_HEADS, WIDTH, INNER, WORDS, MOST = 2, 6, 2, 16, 64, 50, 256
EMBEDDING = HEADS * WIDTH
BASE, EPSILON = 1000.0, 1e-5


@pytest.fixture
def rng():
    seed = int(np.random.SeedSequence().entropy % 2**32)
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The program, built against what is installed."""
    compiler = shutil.which("clang++-22") or shutil.which("c++")
    if not shutil.which("cmake") or not compiler:
        pytest.skip("needs CMake and a C++ compiler")
    folder = tmp_path_factory.mktemp("server")
    build = os.path.dirname(os.path.dirname(os.environ["ATTN_COMPILE"]))
    run = lambda *words: subprocess.run(["cmake", *words], check=True, stdout=subprocess.DEVNULL)
    run("--install", build, "--prefix", str(folder / "attn"), "--component", "attn")
    run("-S", os.path.join(ROOT, "tools", "examples", "server"), "-B", str(folder / "build"),
        f"-DCMAKE_PREFIX_PATH={folder / 'attn'}", f"-DCMAKE_CXX_COMPILER={compiler}")
    run("--build", str(folder / "build"))
    return folder / "build" / "attn-server"


def quantize(rng, shape, kind):
    """Random bytes of a kind of ggml's blocks of 32, and their values."""
    count = int(np.prod(shape))
    if kind == 0:  # F32
        values = np.float32(rng.standard_normal(count) / 8)
        return values.tobytes(), values.reshape(shape)
    scales = np.float16(rng.uniform(0.5, 1, count // 32) / (400 if kind == 8 else 30))
    if kind == 8:  # Q8_0
        numbers = rng.integers(-127, 128, (count // 32, 32), np.int8)
        data = b"".join(s.tobytes() + n.tobytes() for s, n in zip(scales, numbers))
        return data, (np.float32(scales)[:, None] * numbers).astype(np.float32).reshape(shape)
    leasts = np.float16(-8 * np.float32(scales))  # Q4_1
    numbers = rng.integers(0, 16, (count // 32, 32), np.uint8)
    pairs = numbers[:, :16] | numbers[:, 16:] << 4
    data = b"".join(s.tobytes() + m.tobytes() + p.tobytes()
                    for s, m, p in zip(scales, leasts, pairs))
    values = np.float32(scales)[:, None] * numbers + np.float32(leasts)[:, None]
    return data, values.astype(np.float32).reshape(shape)


def write_model(path, rng):
    """A GGUF file with all that a reader has to pass over. Returns the weights."""
    text = lambda s: struct.pack("<Q", len(s)) + s.encode()
    numbers = {
        "block_count": LAYERS, "attention.head_count": HEADS, "attention.head_count_kv": KEY_HEADS,
        "embedding_length": EMBEDDING, "context_length": MOST}
    fields = [text(f"llama.{n}") + struct.pack("<II", 4, x) for n, x in numbers.items()]
    fields += [text(f"llama.{n}") + struct.pack("<If", 6, x) for n, x in (
        ("rope.freq_base", BASE), ("attention.layer_norm_rms_epsilon", EPSILON))]
    fields += [text("general.name") + struct.pack("<I", 8) + text("random"),
               text("words") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("bc")]
    side = KEY_HEADS * WIDTH
    shapes = {"token_embd": (WORDS, EMBEDDING), "output_norm": (EMBEDDING,)}
    for layer in range(LAYERS):
        shapes.update({f"blk.{layer}.{n}": shape for n, shape in {
            "attn_norm": (EMBEDDING,), "attn_q": (EMBEDDING, EMBEDDING), "attn_k": (side, EMBEDDING),
            "attn_v": (side, EMBEDDING), "attn_output": (EMBEDDING, EMBEDDING),
            "ffn_norm": (EMBEDDING,), "ffn_gate": (INNER, EMBEDDING), "ffn_up": (INNER, EMBEDDING),
            "ffn_down": (EMBEDDING, INNER)}.items()})
    weights, infos, data = {}, [], b""
    for name, shape in shapes.items():
        kind = 0 if len(shape) == 1 else 8 if name == "token_embd" else int(rng.choice([0, 3, 8]))
        part, weights[name] = quantize(rng, shape, kind)
        if len(shape) == 1:
            weights[name] = np.float32(1 + weights[name])
            part = weights[name].tobytes()
        infos.append(text(f"{name}.weight") + struct.pack("<I", len(shape))
                     + struct.pack(f"<{len(shape)}Q", *shape[::-1]) + struct.pack("<IQ", kind, len(data)))
        data += part + bytes(-len(part) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(fields)) + b"".join(fields + infos)
    path.write_bytes(head + bytes(-len(head) % 32) + data)
    return weights


def compute_scores(weights, tokens):
    """Of the token behind each of `tokens`, in f64, by the definition."""
    w = {name: np.float64(x) for name, x in weights.items()}
    norm = lambda x, g: x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * g
    angles = np.arange(len(tokens))[:, None] * BASE ** (-np.arange(0, WIDTH, 2) / WIDTH)

    def turn(x):
        """Pairs of neighbours of [tokens, heads, width], by their positions."""
        c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
        a, b = x[..., ::2], x[..., 1::2]
        return np.stack([a * c - b * s, a * s + b * c], -1).reshape(x.shape)

    x = w["token_embd"][tokens]
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        y = norm(x, w[name + "attn_norm"])
        q, k, v = ((y @ w[f"{name}attn_{n}"].T).reshape(len(tokens), -1, WIDTH) for n in "qkv")
        q = turn(q)
        k, v = (z.repeat(HEADS // KEY_HEADS, 1) for z in (turn(k), v))
        s = np.einsum("phe,mhe->hpm", q, k) / np.sqrt(WIDTH)
        s = np.where(np.tri(len(tokens), dtype=bool), s, -np.inf)
        p = np.exp(s - s.max(-1, keepdims=True))
        o = np.einsum("hpm,mhf->phf", p / p.sum(-1, keepdims=True), v)
        x = x + o.reshape(len(tokens), -1) @ w[name + "attn_output"].T
        y = norm(x, w[name + "ffn_norm"])
        gate, up = (y @ w[f"{name}ffn_{n}"].T for n in ("gate", "up"))
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[name + "ffn_down"].T
    return norm(x, w["output_norm"]) @ w["token_embd"].T


def draw_requests(rng):
    """(most, samples, prompt), of which half begin alike."""
    common = rng.integers(0, WORDS, 20).tolist()
    return [
        (int(rng.integers(1, 20)), int(rng.integers(1, 4)),
         common * (i % 2) + rng.integers(0, WORDS, rng.integers(1, 40)).tolist())
        for i in range(10)
    ]


def serve(server, path, requests, *options):
    """The tokens of all samples in order, and what was counted."""
    lines = "".join(f"{most} {samples} {' '.join(map(str, prompt))}\n"
                    for most, samples, prompt in requests)
    done = subprocess.run([server, path, *map(str, options)], input=lines, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = {n: int(x) for n, x in re.findall(r"(\w+) (\d+)", done.stderr)}
    return [[int(x) for x in line.split()] for line in done.stdout.splitlines()], counts


def test_tokens_are_those_of_each_request_alone(rng, server, tmp_path):
    path = tmp_path / "model.gguf"
    weights = write_model(path, rng)
    requests = draw_requests(rng)
    alone, _ = serve(server, path, requests, "--alone")
    together, counts = serve(server, path, requests)
    assert together == alone and counts["forked"] == sum(s - 1 for _, s, _ in requests)
    # Prompts in pieces, prefixes that others have left, and too few pages for all.
    tight, counts = serve(server, path, requests, "--pages", 8, "--budget", 24)
    assert tight == alone and counts["preempted"] > 0 and counts["found"] > 0
    # And each token is the likeliest one, but for rounding.
    results = iter(alone)
    for most, samples, prompt in requests:
        for sample in range(samples):
            tokens = next(results)
            assert len(tokens) == most
            scores = compute_scores(weights, prompt + tokens)[len(prompt) - 1:-1]
            ranks = [sample] + [0] * (most - 1)
            expected = [np.sort(row)[-1 - rank] for row, rank in zip(scores, ranks)]
            got = scores[np.arange(most), tokens]
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-3)


def test_refusals(rng, server, tmp_path):
    path = tmp_path / "model.gguf"
    write_model(path, rng)
    short = tmp_path / "short.gguf"
    short.write_bytes(path.read_bytes()[:-100])
    for model, line, options, said in (
            (path, "5 1 7 99", [], "token 99 is none of the model's"),
            (path, "5 1", [], "request 0 has no prompt"),
            (path, "90 1 " + "3 " * 60, ["--pages", "2"], "the pages do not suffice"),
            (path, "5 1 3", ["--pages", "0"], "at least one page"),
            (short, "5 1 3", [], "the file ends too early"),
            (tmp_path / "none", "5 1 3", [], "cannot be read")):
        done = subprocess.run([server, model, *options], input=line + "\n", capture_output=True,
                              text=True, check=False)
        assert done.returncode == 1 and said in done.stderr, (said, done.stderr)

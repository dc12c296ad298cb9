# ===- append.py - writing to a cache: checked, captured and timed ---------===#
"""Checks and times the kernels of `append`, `append-plain` and of caches of 8 bits, as
JSON rows.

    tools/gpu/run.sh append [TOKENS:HEADS...]

Keys and values of bf16 and 128 features go to pages of 16 tokens in random order, laid
out as FlashInfer's NHD and HND and as vLLM's packed ones; some tokens have slots of
none: -1, behind the cache, and beyond 32 bits. What no token names has to keep its bits, and so
has the memory around the cache; values have to be equal, keys within two units of
f32's turned ones. What elements of 8 bits and their scales stand for has to be the
number that they are of, within half a unit of the type. A cache of more than 2^32 elements is appended to at its end. Then a
captured launch follows slots that change, and is timed, cold: `gbps` counts keys and
values once read and once written, `copy_us` is a plain copy of as many bytes. The exit
status is 1 if anything is wrong.
"""

import json
import os
import random
import sys

import torch

import attn
from bench import describe_machine, median, time_cold
from decode import capture

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")
DIM, PAGE, GUARD, POSITIONS = 128, 16, 2, 4096
ROUNDS = int(os.environ.get("ROUNDS", 3))
ROWS = ("1:8", "7:1", "64:8", "256:8", "1000:3", "8192:8")
NONE = (-1, -2, 2**31, 2**32, 2**32 + 5, 2**63 - 1, -(2**63))
NAMES = ("append", "append-interleaved", "append-plain")
QUANTIZED = ("append-e4m3-head", "append-e4m3-token", "append-e5m2-channel", "append-i8-token")

LAYOUTS = {
    "nhd": lambda n, h: [noise(n, PAGE, h, DIM).transpose(1, 2) for _ in "kv"],
    "hnd": lambda n, h: [noise(n, h, PAGE, DIM) for _ in "kv"],
    "packed": lambda n, h: list(noise(n, h, PAGE, 2 * DIM).split(DIM, -1)),
}


def noise(*shape, dtype=torch.bfloat16):
    item = torch.int16 if dtype.itemsize == 2 else torch.int8
    top = 2 ** (8 * item.itemsize - 1)
    return torch.randint(-top, top, shape, device="cuda", dtype=item).view(dtype)


def make_batch(tokens, heads, pages, none=0.1):
    qkv = torch.randn(tokens, 3 * heads * DIM, device="cuda").bfloat16()
    _, k, v = (x.view(tokens, heads, DIM) for x in qkv.chunk(3, 1))
    angles = torch.rand(POSITIONS, DIM // 2, device="cuda") * 6.3
    slots = torch.randperm(pages * PAGE, device="cuda")[:tokens]
    others = torch.tensor(random.choices((*NONE, pages * PAGE), k=tokens), device="cuda")
    isNone = torch.rand(tokens, device="cuda") < none
    return dict(
        k=k, v=v, cos=angles.cos(), sin=angles.sin(),
        positions=torch.randint(0, POSITIONS, (tokens,), device="cuda"),
        slots=torch.where(isNone, others, slots),
    )


def rotate(batch, name):
    """Keys as the kernel called `name` has them, in f32."""
    k = batch["k"].float()
    if name == "append-plain":
        return k
    c, s = (batch[t][batch["positions"]][:, None] for t in ("cos", "sin"))
    if name == "append-interleaved":
        a, b = k[..., ::2], k[..., 1::2]
        return torch.stack([a * c - b * s, b * c + a * s], -1).flatten(-2)
    a, b = k.chunk(2, -1)
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def bind(kernel, batch, caches):
    known = {**batch, "k_cache": caches[0], "v_cache": caches[1]}
    return {a["name"]: known[a["name"]] for a in kernel.manifest["arguments"]}


def check(name, batch, caches, before):
    """What is wrong with the caches [pages, heads, page, width] after a launch, if anything."""
    slots = batch["slots"]
    named = (slots >= 0) & (slots < caches[0].shape[0] * PAGE)
    page, place = slots[named] // PAGE, slots[named] % PAGE
    k, v = (cache[page, :, place] for cache in caches)
    expected = rotate(batch, name)[named]
    if not torch.equal(v.view(torch.int16), batch["v"][named].view(torch.int16)):
        return "values differ"
    allowed = 2**-7 * expected.abs() + 2**-12
    if not ((k.float() - expected).abs() <= allowed).all():
        return "keys differ"
    for side, cache, old in zip("kv", caches, before):
        restored = cache.clone()
        restored[page, :, place] = old[page, :, place]
        if not torch.equal(restored.view(torch.int16), old.view(torch.int16)):
            return f"{side}_cache has changed where no token goes"
    return ""


class Quantized:
    """A cache of 8 bits, [pages, heads, page, width], and its scales."""

    # What rounding errs by at the most: relative, and of the least normal number.
    TYPES = {"e4m3": (torch.float8_e4m3fn, 448, 2**-4, 2**-10),
             "e5m2": (torch.float8_e5m2, 57344, 2**-3, 2**-17),
             "i8": (torch.int8, 127, 0, 0.5)}

    def __init__(self, kernel, name, pages, heads):
        self.kernel, self.name = kernel, name
        _, kind, self.scales = name.split("-")
        self.dtype, self.largest, self.relative, self.absolute = self.TYPES[kind]
        shape = (pages, PAGE, heads)
        self.known = {}
        for side in "kv":
            self.known[f"{side}_cache"] = noise(*shape, DIM, dtype=self.dtype).transpose(1, 2)
            scale = torch.rand(shape, device="cuda").transpose(1, 2) + 0.5
            if self.scales == "head":
                scale = torch.rand(heads, device="cuda") / 50 + 0.01
            self.known[f"{side}_cache_scale"] = scale
            if self.scales == "channel":
                self.known[f"{side}_cache_channel_scale"] = torch.rand(heads, DIM, device="cuda") + 0.5

    def bind(self, batch):
        known = {**batch, **self.known}
        return {a["name"]: known[a["name"]] for a in self.kernel.manifest["arguments"]}

    def check(self, batch, before):
        """What is wrong after a launch, if anything."""
        slots = batch["slots"]
        page = self.known["k_cache"].shape[0]
        named = (slots >= 0) & (slots < page * PAGE)
        page, place = slots[named] // PAGE, slots[named] % PAGE
        for side, rows in (("k", rotate(batch, "append")), ("v", batch["v"].float())):
            rows = rows[named]
            if self.scales == "channel":
                rows = rows / self.known[f"{side}_cache_channel_scale"]
            cache, scale = self.known[f"{side}_cache"], self.known[f"{side}_cache_scale"]
            if self.scales == "head":
                scales = scale[None, :, None]
            else:
                scales = scale[page, :, place][..., None]
                expected = rows.abs().amax(-1, keepdim=True) / self.largest
                if not ((scales - expected).abs() <= 1e-5 * expected).all():
                    return f"scales of {side} differ"
            got = cache[page, :, place].float() * scales
            exact = rows.clamp(-self.largest * scales, self.largest * scales)
            allowed = exact.abs() * self.relative + scales * self.absolute
            if not ((got - exact).abs() <= 1.01 * allowed + 1e-5 * exact.abs()).all():
                return f"{side} differs"
            for name, old in before.items():
                if name.startswith(f"{side}_cache") and old.dim() > 2:
                    restored = self.known[name].clone()
                    restored[page, :, place] = old[page, :, place]
                    same = torch.int8 if old.dtype.itemsize == 1 else torch.int32
                    if not torch.equal(restored.view(same), old.view(same)):
                        return f"{name} has changed where no token goes"
        return ""


def run_quantized(name, kernel, tokens, heads, flush):
    pages = -(-tokens // PAGE) + 5
    cache, batch = Quantized(kernel, name, pages, heads), make_batch(tokens, heads, pages)
    before = {n: x.clone() for n, x in cache.known.items()}
    plan = kernel.prepare(**cache.bind(batch))
    plan.launch()
    torch.cuda.synchronize()
    wrong = cache.check(batch, before)
    replay = capture(lambda stream: plan.launch(stream.cuda_stream))
    ms = median([time_cold(replay, flush, 0.05) for _ in range(ROUNDS)])
    return wrong, dict(row=f"{tokens}:{heads}", kernel=name, us=round(ms * 1e3, 2))


def check_layouts(kernels, tokens, heads):
    pages = -(-tokens // PAGE) + 5
    for name, kernel in kernels.items():
        for layout, make in LAYOUTS.items():
            batch = make_batch(tokens, heads, pages)
            around = make(pages + 2 * GUARD, heads)
            caches = [x[GUARD:-GUARD] for x in around]
            before = [x.clone() for x in around]
            kernel(**bind(kernel, batch, caches))
            torch.cuda.synchronize()
            wrong = check(name, batch, caches, [x[GUARD:-GUARD] for x in before])
            for x, old in zip(around, before):
                for at in (slice(None, GUARD), slice(-GUARD, None)):
                    if not torch.equal(x[at].view(torch.int16), old[at].view(torch.int16)):
                        wrong = wrong or "memory around the cache has changed"
            if wrong:
                yield f"{name}, {layout}, {tokens} tokens, {heads} heads: {wrong}"


def check_large(kernel):
    """Slots whose elements begin beyond 2^31 and 2^32."""
    heads, pages = 8, 2**32 // (8 * PAGE * DIM) + 64
    caches = [torch.zeros(pages, heads, PAGE, DIM, device="cuda", dtype=torch.bfloat16) for _ in "kv"]
    batch = make_batch(200, heads, pages, none=0)
    batch["slots"] = pages * PAGE - 1 - torch.arange(200, device="cuda") * (pages * PAGE // 250)
    kernel(**bind(kernel, batch, caches))
    page, place = batch["slots"] // PAGE, batch["slots"] % PAGE
    if not torch.equal(caches[1][page, :, place], batch["v"]):
        yield "a cache of more than 2^32 elements: values differ"
    if sum(int(x.view(torch.int16).count_nonzero(dim=(1, 2, 3)).gt(0).sum()) for x in caches) \
            > 2 * len(page.unique()):
        yield "a cache of more than 2^32 elements: other pages have changed"


def measure(name, kernel, tokens, heads, flush):
    pages = -(-tokens // PAGE) + 5
    batch, caches = make_batch(tokens, heads, pages, none=0), LAYOUTS["nhd"](pages, heads)
    plan = kernel.prepare(**bind(kernel, batch, caches))
    replay = capture(lambda stream: plan.launch(stream.cuda_stream))
    # The graph reads slots as they are when it runs.
    batch["slots"].copy_(torch.randperm(pages * PAGE, device="cuda")[:tokens])
    before = [x.clone() for x in caches]
    replay()
    torch.cuda.synchronize()
    wrong = check(name, batch, caches, before)
    source, target = torch.empty(2, 2, tokens, heads, DIM, device="cuda", dtype=torch.bfloat16)
    copy = capture(lambda _: target.copy_(source))
    times = {replay: [], copy: []}
    for _ in range(ROUNDS):
        for function in random.sample(list(times), 2):
            times[function].append(time_cold(function, flush, 0.05))
    ms, copied = median(times[replay]), median(times[copy])
    moved = 2 * source.numel() * 2
    return wrong, dict(
        row=f"{tokens}:{heads}", kernel=name, us=round(ms * 1e3, 2),
        gbps=round(moved / ms / 1e6), copy_us=round(copied * 1e3, 2),
    )


def main(rows):
    seed = random.SystemRandom().randrange(2**31)
    torch.manual_seed(seed)
    random.seed(seed)
    print(json.dumps(dict(describe_machine(), seed=seed)), flush=True)
    load = lambda name: attn.load(os.path.join(KERNELS, f"cache-{name}.attn"))
    kernels, quantized = ({name: load(name) for name in list_} for list_ in (NAMES, QUANTIZED))
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    failures = list(check_large(kernels["append"]))
    torch.cuda.empty_cache()
    for row in rows or ROWS:
        tokens, heads = (int(x) for x in row.split(":"))
        failures += check_layouts(kernels, tokens, heads)
        for name, kernel in kernels.items():
            wrong, result = measure(name, kernel, tokens, heads, flush)
            if wrong:
                failures.append(f"{name}, captured, {row}: {wrong}")
            print(json.dumps(result), flush=True)
        for name, kernel in quantized.items():
            wrong, result = run_quantized(name, kernel, tokens, heads, flush)
            if wrong:
                failures.append(f"{name}, {row}: {wrong}")
            print(json.dumps(result), flush=True)
    for failure in failures:
        print("FAILED", failure)
    print("right" if not failures else f"{len(failures)} WRONG")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

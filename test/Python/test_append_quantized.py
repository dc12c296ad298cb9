# ===- test_append_quantized.py - appending to caches of 8 bits an element -===#
"""`append` and `append-plain` with --kv-dtype against numpy: the bits of elements, and
scales. Numbers of 8 bits are looked up in the list of all that a format has.
"""

import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from test_pages import attend
from test_quantized import decode

TOKENS, HEADS, DIM, PAGE, PAGES = 29, 3, 32, 16, 5
TYPES = ["e4m3", "e5m2", "i8"]
LARGEST = {"e4m3": 448, "e5m2": 57344, "i8": 127}


def encode(values, dtype):
    """The nearest numbers of 8 bits, ties to the even code, cut to the largest; uint8."""
    values = np.asarray(values, np.float64)
    if dtype == "i8":
        return np.clip(np.rint(values), -127, 127).astype(np.int8).view(np.uint8)
    codes = np.arange(128, dtype=np.uint8)
    numbers = decode(codes, dtype)
    codes = codes[np.isfinite(numbers) & (numbers <= LARGEST[dtype])]
    numbers = decode(codes, dtype)
    size = np.minimum(np.abs(values), LARGEST[dtype])
    upper = np.minimum(np.searchsorted(numbers, size), len(codes) - 1)
    lower = np.maximum(upper - 1, 0)
    up, down = numbers[upper] - size, size - numbers[lower]
    takes = (up < down) | ((up == down) & (codes[upper] % 2 == 0))
    bits = np.where(takes, codes[upper], codes[lower])
    bits = np.where(np.isnan(values), 0x7F, bits)
    return (bits | np.where(np.signbit(values), 0x80, 0)).astype(np.uint8)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder, known = tmp_path_factory.mktemp("append_quantized"), {}

    def get(variant, *options):
        key = (variant, *options)
        if key not in known:
            path = folder / f"{len(known)}.attn"
            subprocess.run(
                [os.environ["ATTN_COMPILE"], variant, f"--head-dim={DIM}", *options,
                 "-o", str(path)], check=True)
            known[key] = attn.load(path, threads=2)
        return known[key]

    return get


def typed(bits, dtype):
    return bits.view(np.int8) if dtype == "i8" else bits


def noise(rng, dtype, *shape):
    return typed(rng.integers(0, 256, shape, np.uint8), dtype)


class Cache:
    """Both sides of a cache, with noise in it, and what is to be appended."""

    def __init__(self, dtype, scales, page=PAGE):
        seed = np.random.SeedSequence().entropy % 2**32
        print("seed", seed)
        self.rng = rng = np.random.default_rng(seed)
        self.dtype, self.scales, self.page = dtype, scales, page
        # Sizes of many orders, so that small elements of a row become subnormal.
        self.rows = {
            side: np.float32(rng.standard_normal((TOKENS, HEADS, DIM))
                             * 10.0 ** rng.uniform(-3, 2, (TOKENS, HEADS, DIM)))
            for side in "kv"
        }
        self.slots = rng.permutation(PAGES * PAGE)[:TOKENS].astype(np.int64)
        self.slots[rng.integers(0, TOKENS, 3)] = -1
        shape = (PAGES, HEADS, PAGE) if page else (PAGES * PAGE, HEADS)
        self.arguments = {"slots": self.slots}
        for side in "kv":
            self.arguments[side] = self.rows[side]
            self.arguments[f"{side}_cache"] = noise(rng, dtype, *shape, DIM)
            scale = f"{side}_cache_scale"
            if scales == "head":
                self.arguments[scale] = np.float32(rng.uniform(0.01, 0.3, HEADS))
            else:
                self.arguments[scale] = np.float32(rng.standard_normal(shape))
            if scales == "channel":
                self.arguments[f"{side}_cache_channel_scale"] = np.float32(
                    rng.uniform(0.5, 2, (HEADS, DIM)))

    def expected(self, side):
        """Scales [tokens, heads, 1] and bits, in f32 as the kernel computes."""
        rows = self.rows[side]
        if self.scales == "channel":
            rows = rows / self.arguments[f"{side}_cache_channel_scale"]
        if self.scales == "head":
            scale = self.arguments[f"{side}_cache_scale"][None, :, None]
        else:
            most = np.abs(rows).max(-1, keepdims=True)
            scale = np.maximum(most * np.float32(1 / LARGEST[self.dtype]), np.float32(1e-30))
        with np.errstate(invalid="ignore"):
            quotients = rows / scale
        if self.dtype == "i8":
            quotients = np.nan_to_num(quotients, nan=127)
        return np.broadcast_to(scale, (*rows.shape[:2], 1)), encode(quotients, self.dtype)

    def check(self, kernel):
        before = {name: array.copy() for name, array in self.arguments.items()}
        kernel(**self.arguments)
        for side in "kv":
            scales, bits = self.expected(side)
            names = [f"{side}_cache"]
            if self.scales != "head":
                names.append(f"{side}_cache_scale")
            for name, rows in zip(names, (typed(bits, self.dtype), scales[..., 0])):
                cache, old = self.arguments[name], before[name]
                for slot, row in zip(self.slots, rows):
                    if slot < 0:
                        continue
                    page = self.page
                    at = (slot // page, slice(None), slot % page) if page else (slot,)
                    np.testing.assert_array_equal(cache[at], row, err_msg=name)
                    cache[at] = old[at]
                # Whatever is left is as it was.
                assert cache.tobytes() == old.tobytes()


@pytest.mark.parametrize("page", [PAGE, 0])
@pytest.mark.parametrize("scales", ["head", "token", "channel"])
@pytest.mark.parametrize("dtype", TYPES)
def test_elements_and_scales(kernels, dtype, scales, page):
    options = [f"--kv-dtype={dtype}", f"--kv-scales={scales}"]
    if page:
        options.append(f"--page={page}")
    Cache(dtype, scales, page).check(kernels("append-plain", *options))


@pytest.mark.parametrize("dtype", TYPES)
def test_numbers_at_the_edges(kernels, dtype):
    """All numbers of the type, those between two, beyond the largest, and what is none."""
    if dtype == "i8":
        numbers = np.arange(-127, 128) / 1.0
    else:
        numbers = decode(np.arange(256, dtype=np.uint8), dtype)
        numbers = np.unique(numbers[np.isfinite(numbers)])
    between = (numbers[1:] + numbers[:-1]) / 2
    near = np.float32(between)
    edges = np.concatenate([
        numbers, between, np.nextafter(near, np.float32(np.inf)),
        np.nextafter(near, np.float32(-np.inf)),
        [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30, 1e-42, numbers[-1] * 1.03],
    ]).astype(np.float32)
    tokens = -(-len(edges) // DIM)
    rows = np.zeros((tokens, 1, DIM), np.float32)
    rows.reshape(-1)[: len(edges)] = edges
    cache = typed(np.zeros((tokens, 1, DIM), np.uint8), dtype)
    one = np.ones(1, np.float32)
    kernels("append-plain", f"--kv-dtype={dtype}")(
        k=rows, v=rows, slots=np.arange(tokens), k_cache=cache, k_cache_scale=one,
        v_cache=cache.copy(), v_cache_scale=one)
    expected = np.nan_to_num(rows, nan=127) if dtype == "i8" else rows
    np.testing.assert_array_equal(cache.view(np.uint8), encode(expected, dtype))


@pytest.mark.parametrize("dtype", TYPES)
def test_rows_of_zeros_and_of_nan(kernels, dtype):
    """A row of zeros stays one; a NaN is in all of its row, by the scale if need be."""
    cache = Cache(dtype, "token")
    rows, slots = cache.rows["k"], cache.slots
    token = int(np.flatnonzero(slots >= 0)[0])
    rows[token, 0] = 0
    rows[token, 1, 5] = np.nan
    kernel = kernels("append-plain", f"--page={PAGE}", f"--kv-dtype={dtype}",
                     "--kv-scales=token")
    kernel(**cache.arguments)
    at = slots[token] // PAGE, slice(None), slots[token] % PAGE
    bits = cache.arguments["k_cache"][at].view(np.uint8)
    scale = cache.arguments["k_cache_scale"][at]
    assert np.isfinite(scale[0]) and not (decode(bits[0], dtype) * scale[0]).any()
    assert np.isnan(decode(bits[1], dtype) * scale[1]).all()
    assert np.isfinite(decode(bits[2], dtype) * scale[2]).all()


@pytest.mark.parametrize("scales", ["head", "token", "channel"])
def test_append_then_attend(kernels, scales):
    """Attention over what was appended is that over the numbers that the bytes stand for."""
    dtype, length, width = "e4m3", 50, DIM
    cache = Cache(dtype, scales)
    rng, pages = cache.rng, -(-length // PAGE)
    table = rng.permutation(PAGES).astype(np.int32)[None, :pages]
    tokens = np.arange(length)
    angles = tokens[:, None] * 10000 ** (-np.arange(DIM // 2) / (DIM // 2))
    arguments = dict(
        cache.arguments, slots=table[0, tokens // PAGE].astype(np.int64) * PAGE + tokens % PAGE,
        positions=tokens, cos=np.float32(np.cos(angles)), sin=np.float32(np.sin(angles)))
    for side in "kv":
        arguments[side] = rng.standard_normal((length, HEADS, width), np.float32)
        if scales == "head":
            arguments[f"{side}_cache_scale"] = np.full(HEADS, 0.01, np.float32)
    options = f"--page={PAGE}", f"--kv-dtype={dtype}", f"--kv-scales={scales}"
    kernels("append", *options)(**arguments)
    given = {name.replace("_cache", ""): array for name, array in arguments.items()
             if "_cache" in name}
    q = rng.standard_normal((1, HEADS, 2, 1, DIM), np.float32)
    got = kernels("causal-bottom-right", *options)(
        q=q, pages=table, lengths=np.int32([length]), scale=DIM**-0.5, **given)
    sides = []
    for side in "kv":
        numbers = decode(given[side], dtype)
        scale = given[f"{side}_scale"].astype(np.float64)
        numbers = numbers * (scale[:, None, None] if scales == "head" else scale[..., None])
        if scales == "channel":
            numbers = numbers * given[f"{side}_channel_scale"][:, None]
        sides.append(numbers[table[0]].transpose(0, 2, 1, 3).reshape(-1, HEADS, DIM)[:length])
    exact = attend(q[0], *sides, DIM**-0.5)
    np.testing.assert_allclose(got["o"][0], exact, rtol=0, atol=2e-5)
    # What the bytes stand for is what was appended, within the type's rounding.
    error = np.abs(sides[1] - arguments["v"]) / np.abs(arguments["v"]).max()
    assert error.max() < 2**-4

# ===- test_quantized.py - caches of 8 bits an element and their scales ---===#
"""Kernels compiled with --kv-dtype against numpy, in pages of random order.

The numbers that bytes stand for are decoded here by the formats' definitions (OCP
8-bit floating point specification, revision 1.0), not by ml_dtypes.
"""

import itertools
import os
import subprocess

import pytest

np = pytest.importorskip("numpy", reason="the attn package needs numpy")

import attn
from test_pages import attend

HEADS, GROUP, DIM, PAGE = 2, 3, 40, 16
LENGTHS = [0, 1, 15, 16, 130]
QUERIES = 2


def decode(bits, dtype):
    """The numbers of an array of uint8."""
    if dtype == "i8":
        return bits.view(np.int8).astype(np.float64)
    exponent_bits, fraction_bits = {"e4m3": (4, 3), "e5m2": (5, 2)}[dtype]
    bias = 2 ** (exponent_bits - 1) - 1
    sign = np.where(bits >> 7, -1.0, 1.0)
    exponent = (bits & 0x7F).astype(np.int64) >> fraction_bits
    fraction = (bits & (2**fraction_bits - 1)).astype(np.float64) / 2**fraction_bits
    normal = np.ldexp(1 + fraction, exponent - bias)
    value = sign * np.where(exponent > 0, normal, np.ldexp(fraction, 1 - bias))
    special = (bits & 0x7F) == 0x7F if dtype == "e4m3" else exponent == 31
    return np.where(special, np.nan, value)


def draw_bits(rng, shape, dtype):
    """Bytes of all numbers that are no more than 16 in size, subnormal ones too."""
    codes = np.arange(256, dtype=np.uint8)
    numbers = np.abs(decode(codes, dtype))
    return rng.choice(codes[numbers <= (127 if dtype == "i8" else 16)], shape)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    folder, known = tmp_path_factory.mktemp("quantized"), {}

    def get(*options):
        if options not in known:
            path = folder / f"{len(known)}.attn"
            subprocess.run(
                [os.environ["ATTN_COMPILE"], "causal-bottom-right",
                 f"--head-dim={DIM}", *options, "-o", str(path)],
                check=True,
            )
            known[options] = attn.load(path)
        return known[options]

    return get


class Pool:
    """Pages of random bytes in random order, and scales."""

    def __init__(self, dtype, scales):
        seed = np.random.SeedSequence().entropy % 2**32
        print("seed", seed)
        self.rng = rng = np.random.default_rng(seed)
        self.dtype, self.scales = dtype, scales
        used = [-(-n // PAGE) for n in LENGTHS]
        self.num_pages = sum(used) + 2
        order = iter(rng.permutation(self.num_pages).astype(np.int32))
        self.table = np.full((len(LENGTHS), max(used) + 1), -1, np.int32)
        for b, n in enumerate(used):
            self.table[b, :n] = list(itertools.islice(order, n))
        self.arguments = {
            "pages": self.table,
            "lengths": np.array(LENGTHS, np.int32),
            "q": rng.standard_normal((len(LENGTHS), HEADS, GROUP, QUERIES, DIM), np.float32),
            "scale": DIM**-0.5,
        }
        self.numbers = {side: self.add(side) for side in "kv"}

    def add(self, side):
        """The numbers of all slots, [pages, heads, keys of a page, width]."""
        rng, shape = self.rng, (self.num_pages, HEADS, PAGE)
        bits = draw_bits(rng, (*shape, DIM), self.dtype)
        self.arguments[side] = bits.view(np.int8) if self.dtype == "i8" else bits
        numbers = decode(bits, self.dtype)

        def draw(suffix, shape):
            scale = rng.uniform(0.02, 0.1, shape).astype(np.float32)
            self.arguments[side + suffix] = scale
            return scale.astype(np.float64)

        if self.scales == "head":
            return numbers * draw("_scale", (HEADS,))[:, None, None]
        numbers = numbers * draw("_scale", shape)[..., None]
        if self.scales == "channel":
            numbers = numbers * (10 * draw("_channel_scale", (HEADS, DIM)))[:, None]
            self.arguments[side + "_channel_scale"] *= np.float32(10)
        return numbers

    def spoil(self):
        """Makes NaN of what no sequence has: rows behind its last, and their scales."""
        isUsed = np.zeros((self.num_pages, PAGE), bool)
        for b, n in enumerate(LENGTHS):
            for m in range(n):
                isUsed[self.table[b, m // PAGE], m % PAGE] = True
        for side in "kv":
            if self.dtype != "i8":
                self.arguments[side].transpose(0, 2, 1, 3)[~isUsed] = 0x7F
            if self.scales != "head":
                self.arguments[side + "_scale"].transpose(0, 2, 1)[~isUsed] = np.nan

    def gather(self, side, b):
        pages = self.numbers[side][self.table[b, : -(-LENGTHS[b] // PAGE)]]
        return pages.transpose(0, 2, 1, 3).reshape(-1, HEADS, DIM)[: LENGTHS[b]]

    def check(self, kernel, tolerance):
        o = kernel(**self.arguments)
        o = o["o"] if isinstance(o, dict) else o
        for b in range(len(LENGTHS)):
            k, v = self.gather("k", b), self.gather("v", b)
            exact = attend(self.arguments["q"][b], k, v, DIM**-0.5)
            np.testing.assert_allclose(o[b], exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize("scales", ["head", "token", "channel"])
@pytest.mark.parametrize("dtype", ["e4m3", "e5m2", "i8"])
def test_agrees_with_numpy(kernels, dtype, scales):
    pool = Pool(dtype, scales)
    pool.spoil()
    kernel = kernels(f"--page={PAGE}", f"--kv-dtype={dtype}", f"--kv-scales={scales}")
    pool.check(kernel, 2e-5)


def test_one_scale_for_all_heads_is_a_stride_of_zero(kernels):
    pool = Pool("e4m3", "head")
    for side in "kv":
        shared = np.float32(0.05)
        pool.arguments[side + "_scale"] = np.broadcast_to(shared, (HEADS,))
        bits = pool.arguments[side]
        pool.numbers[side] = decode(bits, "e4m3") * np.float64(shared)
    pool.check(kernels(f"--page={PAGE}", "--kv-dtype=e4m3"), 2e-5)


def test_nan_of_a_visible_key_reaches_its_row(kernels):
    pool = Pool("e4m3", "token")
    b = LENGTHS.index(130)
    pool.arguments["v"][pool.table[b, 0], 1, 3, 5] = 0x7F
    kernel = kernels(f"--page={PAGE}", "--kv-dtype=e4m3", "--kv-scales=token")
    o = kernel(**pool.arguments)
    o = o["o"] if isinstance(o, dict) else o
    assert np.isnan(o[b, 1, :, :, 5]).all()
    assert not np.isnan(o[b, 0]).any()


def test_manifest_names_the_types(kernels):
    kernel = kernels(f"--page={PAGE}", "--kv-dtype=e5m2")
    dtypes = {a["name"]: a["dtype"] for a in kernel.manifest["arguments"]}
    assert dtypes["k"] == dtypes["v"] == "e5m2"
    assert dtypes["k_scale"] == "f32"


def test_bytes_of_another_type_are_refused(kernels):
    pool = Pool("i8", "head")
    kernel = kernels(f"--page={PAGE}", "--kv-dtype=e4m3")
    with pytest.raises(attn.Error, match="expects elements of e4m3, but got int8"):
        kernel(**pool.arguments)

# ===- programs.py - inputs and references of the device programs ---------===#
"""What each program of test/Device/programs computes, by PyTorch.

A program gives inputs for a case, the exact result in f64, and the result of the
same computation unfused in the input type, from which the error rule follows
(docs/numerics.md): row by row, at most twice the unfused computation's error, and
two units in the last place of the row's largest value.
"""

import math
import os

import torch

import attn
from threads import get_programs

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")
_loaded = {}

# Where inputs are drawn and references computed. On the CPU nothing but the
# program itself runs on the GPU, as sanitizers want it.
DEVICE = "cuda"


def load(name):
    """The compiled program, once a process."""
    if name not in _loaded:
        _loaded[name] = attn.load(os.path.join(KERNELS, name + ".attn"))
    return _loaded[name]


def poisoned(shape, dtype):
    return torch.full(shape, float("nan"), dtype=dtype, device=DEVICE)


class Attention:
    """softmax(Q K^T / sqrt(D) + mask) V and its log-sum-exp, D = 128."""

    def __init__(self, name, causal):
        self.name, self.causal = name, causal

    def cases(self):
        shapes = [
            (1, 1, 1), (1, 1, 500), (1, 64, 1), (1, 128, 128), (2, 127, 129),
            (2, 128, 384), (3, 200, 64), (1, 1000, 777), (5, 640, 125),
            (2, 513, 2065), (64, 512, 512), (32, 1024, 1024), (4, 4096, 4096),
            (24, 2048, 2065), (640, 128, 128), (2, 2065, 333), (7, 384, 1),
        ]
        for heads, queries, keys in shapes:
            for family in ("gaussian", "scaled", "outliers"):
                yield dict(heads=heads, queries=queries, keys=keys, family=family)

    def small(self):
        yield dict(heads=2, queries=200, keys=300, family="gaussian")

    def repeats(self):
        yield dict(heads=32, queries=2048, keys=2048, family="scaled")
        yield dict(heads=256, queries=512, keys=512, family="scaled")

    def inputs(self, case, seed):
        g = torch.Generator(device=DEVICE).manual_seed(seed)

        def draw(rows):
            shape = (case["heads"], rows, 128)
            x = torch.randn(shape, device=DEVICE, generator=g)
            if case["family"] == "outliers":
                rare = torch.rand(shape, device=DEVICE, generator=g) < 0.002
                x = torch.where(rare, x * 30, x)
            return x

        q, k, v = draw(case["queries"]), draw(case["keys"]), draw(case["keys"])
        if case["family"] == "scaled":
            q = q * 8
        values = dict(q=q.bfloat16(), k=k.bfloat16(), v=v.bfloat16())
        values["scale"] = 1 / math.sqrt(128)
        if self.causal:
            values["section"] = case.get("section") or section(
                case["heads"], case["keys"]
            )
        return values

    def outputs(self, values):
        return dict(
            o=poisoned(values["q"].shape, torch.bfloat16),
            lse=poisoned(values["q"].shape[:2], torch.float32),
        )

    def _mask(self, queries, keys):
        if not self.causal:
            return None
        ones = torch.ones(queries, keys, dtype=torch.bool, device=DEVICE)
        return ones.triu(1 + keys - queries)

    def exact(self, values, head):
        q, k, v = (values[n][head].double() for n in "qkv")
        s = q @ k.T * values["scale"]
        mask = self._mask(*s.shape)
        if mask is not None:
            s = s.masked_fill(mask, -math.inf)
        lse = torch.logsumexp(s, 1)
        p = torch.exp(s - lse[:, None]).nan_to_num(0.0)
        return dict(o=p @ v, lse=lse)

    def unfused(self, values, head):
        q, k, v = (values[n][head] for n in "qkv")
        s = (q @ k.T).float() * values["scale"]
        s = s.bfloat16().float()
        mask = self._mask(*s.shape)
        if mask is not None:
            s = s.masked_fill(mask, -math.inf)
        p = torch.softmax(s, 1).nan_to_num(0.0).bfloat16()
        return dict(o=p @ v)

    def heads(self, values):
        """Heads to compare: all of a few, some of many."""
        count = values["q"].shape[0]
        return range(count) if count <= 8 else [0, 1, count // 2, count - 1]


def section(heads, keys):
    """Heads whose keys and values together fit the L2 cache, for `section`."""
    bytes_of_head = 2 * 2 * 128 * max(keys, 1)
    budget = (16 if keys <= 512 else 32) * 2**20
    return max(1, min(heads, budget // bytes_of_head, 32))


class Gemm:
    """max(alpha A B^T, 0)."""

    name = "gemm"

    def cases(self):
        for m, n, k in [(128, 256, 64), (128, 256, 512), (300, 520, 200), (1, 8, 8),
                        (1000, 1000, 1000), (2048, 4096, 1024), (4096, 256, 4096)]:
            yield dict(m=m, n=n, k=k)

    def small(self):
        yield dict(m=300, n=520, k=200)

    def repeats(self):
        yield dict(m=2048, n=2048, k=2048)

    def inputs(self, case, seed):
        g = torch.Generator(device=DEVICE).manual_seed(seed)
        a = torch.randn(case["m"], case["k"], device=DEVICE, generator=g)
        b = torch.randn(case["n"], case["k"], device=DEVICE, generator=g)
        return dict(a=a.bfloat16(), b=b.bfloat16(), alpha=0.5)

    def outputs(self, values):
        shape = (values["a"].shape[0], values["b"].shape[0])
        return dict(c=poisoned(shape, torch.bfloat16))

    def heads(self, values):
        return [None]

    def exact(self, values, _):
        c = values["a"].double() @ values["b"].double().T
        return dict(c=torch.relu(c * values["alpha"]))

    def unfused(self, values, _):
        c = values["a"] @ values["b"].T
        return dict(c=torch.relu(c * values["alpha"]))


class ChainedGemms:
    """(A B^T C) E, each of 64 columns."""

    name = "chained-gemms"

    def cases(self):
        for m, n in [(64, 64), (1, 1), (100, 70), (640, 1024), (8192, 512), (64, 4096)]:
            yield dict(m=m, n=n)

    def small(self):
        yield dict(m=100, n=200)

    def repeats(self):
        yield dict(m=8192, n=1024)

    def inputs(self, case, seed):
        g = torch.Generator(device=DEVICE).manual_seed(seed)

        def draw(rows):
            x = torch.randn(rows, 64, device=DEVICE, generator=g)
            return (x / 4).bfloat16()

        n = case["n"]
        return dict(a=draw(case["m"]), b=draw(n), c=draw(n), e=draw(64))

    def outputs(self, values):
        return dict(o=poisoned(values["a"].shape, torch.bfloat16))

    def heads(self, values):
        return [None]

    def exact(self, values, _):
        a, b, c, e = (values[n].double() for n in "abce")
        return dict(o=a @ b.T @ c @ e)

    def unfused(self, values, _):
        a, b, c, e = (values[n] for n in "abce")
        return dict(o=a @ b.T @ c @ e)


PROGRAMS = {
    p.name: p
    for p in (
        Attention("attention-full", causal=False),
        Attention("attention-long", causal=False),
        Attention("attention-causal", causal=True),
        Gemm(),
        ChainedGemms(),
        *get_programs(),
    )
}


def compare(program, values, outputs):
    """The largest error as a multiple of what the rule allows, and its place."""
    worst = (0.0, "")
    for head in program.heads(values):
        exact = program.exact(values, head)
        unfused = program.unfused(values, head)
        for name, wanted in exact.items():
            got = outputs[name] if head is None else outputs[name][head]
            got = got.double().to(wanted.device)
            if name in unfused:
                error = (got - wanted).abs().amax(1)
                allowed = 2 * (unfused[name].double() - wanted).abs().amax(1)
                allowed += 2 * 2**-8 * wanted.abs().amax(1)
            else:
                same = (got == wanted) & wanted.isinf()
                error = torch.where(same, 0.0, (got - wanted).abs())
                size = wanted.abs().nan_to_num(posinf=0.0)
                if size.numel() and size.ndim > 1:
                    size = size.amax(-1, keepdim=True)
                absolute, relative = getattr(program, "tolerance", (1e-4, 1e-5))
                allowed = absolute + relative * size
            ratio = torch.where(error == 0, 0.0, error / allowed)
            ratio = ratio.nan_to_num(nan=math.inf).flatten()
            if not ratio.numel():
                continue
            value, row = ratio.max(0)
            if value.item() > worst[0]:
                worst = (value.item(), f"{name}, head {head}, row {row.item()}")
    return worst

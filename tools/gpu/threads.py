# ===- threads.py - programs that ordinary threads run ---------------------===#
"""Inputs and references of test/Device/programs/threads and of the variants.

The small kernels have exact results by PyTorch. A variant is compared with the
same variant compiled for the CPU, which shares no lowering with the GPU's; both
compute in f32.
"""

import glob
import math
import os

import torch

import attn

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")


class Threads:
    """What the programs have in common: one result, whole, and no repeats."""

    # Absolute, and relative to the largest value of a row.
    tolerance = (0.0, 0.0)

    def repeats(self):
        return ()

    def small(self):
        yield next(iter(self.cases()))

    def heads(self, values):
        return [None]

    def unfused(self, values, _):
        return {}


class Append(Threads):
    """cache[slots[t]] = new[t]; a negative slot is dropped."""

    name = "append"

    def cases(self):
        for tokens, heads, slots in [(3, 2, 8), (1, 1, 1), (257, 8, 4096)]:
            yield dict(tokens=tokens, heads=heads, slots=slots)

    def inputs(self, case, seed):
        g = torch.Generator().manual_seed(seed)
        new = torch.randn(case["tokens"], case["heads"], 128, generator=g)
        slots = torch.randperm(case["slots"], generator=g)[: case["tokens"]]
        slots = torch.where(torch.rand(slots.shape, generator=g) < 0.2, -1, slots)
        self.slots = case["slots"]
        return dict(new=new.bfloat16(), slots=slots)

    def outputs(self, values):
        shape = (self.slots, *values["new"].shape[1:])
        return dict(cache=torch.full(shape, 7.0, dtype=torch.bfloat16))

    def exact(self, values, _):
        cache = self.outputs(values)["cache"]
        kept = values["slots"] >= 0
        cache[values["slots"][kept]] = values["new"][kept]
        return dict(cache=cache.double())


class Quantise(Threads):
    """Codes of 8 bits and a scale a row."""

    name = "quantise"

    def cases(self):
        for rows in (5, 1, 16, 1000):
            yield dict(rows=rows)

    def inputs(self, case, seed):
        g = torch.Generator().manual_seed(seed)
        x = torch.randn(case["rows"], 128, generator=g) * 3
        x[case["rows"] // 2] = 0
        return dict(x=x.bfloat16())

    def outputs(self, values):
        rows = values["x"].shape[0]
        return dict(
            codes=torch.full((rows, 128), 99, dtype=torch.int8),
            scales=torch.full((rows,), math.nan),
        )

    def exact(self, values, _):
        x = values["x"].float()
        scales = x.abs().amax(1) / 127
        divisor = torch.where(scales == 0, 1.0, scales)
        return dict(codes=torch.round(x / divisor[:, None]).double(), scales=scales.double())


class Merge(Threads):
    """Partial results of attention combined by their log-sum-exps."""

    name = "merge"
    tolerance = (1e-6, 4e-6)

    def cases(self):
        for splits, rows in [(3, 4), (1, 1), (0, 2), (17, 300)]:
            yield dict(splits=splits, rows=rows)

    def inputs(self, case, seed):
        g = torch.Generator().manual_seed(seed)
        parts = torch.randn(case["splits"], case["rows"], 128, generator=g)
        lses = torch.randn(case["splits"], case["rows"], generator=g) * 20
        unseen = torch.rand(lses.shape, generator=g) < 0.3
        lses[unseen], parts[unseen] = -math.inf, math.nan
        return dict(parts=parts, lses=lses)

    def outputs(self, values):
        rows = values["parts"].shape[1]
        return dict(o=torch.full((rows, 128), math.nan), lse=torch.full((rows,), math.nan))

    def exact(self, values, _):
        parts, lses = values["parts"].double(), values["lses"].double()
        parts = torch.where(lses[..., None] == -math.inf, 0.0, parts)
        if lses.shape[0] == 0:
            rows = lses.shape[1]
            return dict(o=torch.zeros(rows, 128).double(), lse=torch.full((rows,), -math.inf).double())
        lse = torch.logsumexp(lses, 0)
        weights = torch.exp(lses - lse).nan_to_num(0.0)
        return dict(o=(weights[..., None] * parts).sum(0), lse=lse)


class BuildList(Threads):
    """Numbers of the set flags of each row, ascending, then -1; and their count."""

    name = "build-list"

    def cases(self):
        for rows, tiles in [(4, 9), (1, 1), (130, 257)]:
            yield dict(rows=rows, tiles=tiles)

    def inputs(self, case, seed):
        g = torch.Generator().manual_seed(seed)
        shape = (case["rows"], case["tiles"])
        return dict(flags=torch.randint(0, 2, shape, generator=g, dtype=torch.int8))

    def outputs(self, values):
        shape = values["flags"].shape
        return dict(
            list=torch.full(shape, 99, dtype=torch.int32),
            counts=torch.full(shape[:1], 99, dtype=torch.int32),
        )

    def exact(self, values, _):
        flags = values["flags"]
        numbers = torch.full(flags.shape, -1.0).double()
        for row, set_flags in zip(numbers, flags):
            found = set_flags.nonzero().flatten()
            row[: len(found)] = found.double()
        return dict(list=numbers, counts=flags.sum(1).double())


class Variant(Threads):
    """A shipped variant, for head dimension 64."""

    tolerance = (2e-6, 2e-5)
    # Parameters of masks are small, so that every part of a predicate decides
    # somewhere in the small cases.
    scalars = dict(
        scale=0.125, window=7, prefix=5, softcap=3.0, shift=0.25, eps=1e-5,
        sinks=2, recent=9, dense=3, local=1, offset=1, extra=2, before=2, after=1,
        width=4, height=2, window_x=3, window_y=3, window_z=2,
    )

    def __init__(self, name):
        self.name = "variant-" + name

    def cases(self):
        for b, h, g, p, m in [(1, 2, 1, 20, 37), (2, 1, 3, 1, 65), (1, 1, 2, 129, 129)]:
            yield dict(B=b, H=h, G=g, P=p, M=m)

    def small(self):
        # A sanitizer takes its time: one variant of one kernel, one of two, and those
        # whose sweeps read tables, run through lists and step over boxes.
        if self.name in (
            "variant-gqa", "variant-linear-chunked", "variant-documents",
            "variant-selected-blocks", "variant-neighborhood-2d",
        ):
            yield dict(B=1, H=1, G=2, P=5, M=19)

    def _cpu(self):
        return attn.load(os.path.join(KERNELS, self.name + ".cpu"))

    def _arguments(self, access):
        for argument in self._cpu().manifest["arguments"]:
            if argument.get("access", "read") == access:
                yield argument

    def _shape(self, argument):
        # Ranks of tables alone.
        return [x if isinstance(x, int) else self.case.get(x, 9) for x in argument["shape"]]

    def _draw_numbers(self, argument, generator):
        """What tables say is free: out of range and in no order too."""
        dtype = getattr(torch, argument["dtype"].replace("i", "int", 1))
        shape = self._shape(argument)
        if any(self._arguments("update")):
            # But rows that are written differ.
            count = math.prod(shape)
            numbers = torch.randperm(count + 3, generator=generator)[:count] - 2
            return numbers.view(shape).to(dtype)
        return torch.randint(-1, 12, shape, generator=generator, dtype=dtype)

    def inputs(self, case, seed):
        self.case = case
        g = torch.Generator().manual_seed(seed)
        values = {}
        for argument in self._arguments("read"):
            name = argument["name"]
            if argument["kind"] == "scalar":
                values[name] = self.scalars[name]
            elif argument["dtype"].startswith("i"):
                values[name] = self._draw_numbers(argument, g)
            else:
                values[name] = torch.randn(self._shape(argument), generator=g)
        return values

    def outputs(self, values):
        return {
            a["name"]: torch.full(self._shape(a), value)
            for access, value in (("write", math.nan), ("update", 7.0))
            for a in self._arguments(access)
        }

    def exact(self, values, _):
        outputs = self.outputs(values)
        self._cpu().prepare(**values, **outputs).run()
        return {name: tensor.double() for name, tensor in outputs.items()}


def get_programs():
    names = glob.glob(os.path.join(KERNELS, "variant-*.attn"))
    variants = sorted(os.path.basename(n)[len("variant-") : -len(".attn")] for n in names)
    return [Append(), Quantise(), Merge(), BuildList()] + [Variant(n) for n in variants]

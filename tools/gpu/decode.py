# ===- decode.py - decoding over a cache, beside cuDNN and the read rate ---===#
"""Times kernels that read a cache once for few queries, as JSON rows.

    tools/gpu/run.sh decode [--kernels NAME,...] [ROW...]

A ROW is HEADS:KEY_HEADS:SEQUENCES:LENGTH[:QUERIES]; a LENGTH of `ragged` is one
sequence of 131072 keys, the others of 2048. NAME is .carry/kernels/decode-NAME.attn;
a kernel that takes pages gets them in random order (in order with IN_ORDER=1 in the
environment; with HEAD_MAJOR=1 those of a head beside each other), one that does not a tensor,
and their lengths if it takes them. Keys and values of 8 bits are made from those
of the others, by the largest of what shares a scale.

Times are of captured calls, cold: the L2 cache is flushed before each. `gbps` counts the keys and
values that there are, in the kernel's types and with its scales, `of_read` is that over the rate of a plain sum of as many bytes
in the same run. Before a row is timed its output is compared with f32 on the device
(`error`, relative, of the whole tensor; allowed 5e-3), over outputs that nobody has
written; the exit status is 1 if one is wrong.
"""

import argparse
import json
import math
import os
import random
import sys

import torch

import attn
from bench import describe_machine, median, time_cold

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")
DIM = 128
ROUNDS = int(os.environ.get("ROUNDS", 3))
TOLERANCE = 5e-3
# Pages of a sequence follow each other in memory.
IN_ORDER = bool(os.environ.get("IN_ORDER"))
# Pages of a head do.
HEAD_MAJOR = bool(os.environ.get("HEAD_MAJOR"))
# From caches that many tiles share to ones of some gigabytes.
ROWS = (
    "32:8:1:1024", "32:8:1:8192", "32:8:1:65536", "32:8:1:524288",
    "32:8:17:8192", "32:8:17:32768", "32:8:32:8192", "32:8:64:2048",
    "32:32:17:32768", "32:8:32:ragged",
)


class Row:
    def __init__(self, name):
        heads, key_heads, batch, length, *rest = name.split(":")
        self.name = name
        self.heads, self.key_heads, self.batch = int(heads), int(key_heads), int(batch)
        self.queries = int(rest[0]) if rest else 1
        self.is_ragged = length == "ragged"
        self.lengths = [int(length)] * self.batch if not self.is_ragged else (
            [131072] + [2048] * (self.batch - 1)
        )

    def bytes(self, row_bytes=2 * DIM):
        """Of keys and values whose rows have so many, with those of their scales."""
        return sum(self.lengths) * self.key_heads * row_bytes * 2


def make_sequences(row):
    """Queries [B, H, G, P, D], and the keys and values [H, N, D] of each sequence."""
    torch.manual_seed(0)
    shape = (row.batch, row.key_heads, row.heads // row.key_heads, row.queries, DIM)
    q = torch.randn(shape, device="cuda").bfloat16()
    keys, values = (
        torch.randn(row.key_heads, sum(row.lengths), DIM, device="cuda").bfloat16()
        for _ in "kv"
    )
    return q, keys.split(row.lengths, 1), values.split(row.lengths, 1)


# The largest number of each type of 8 bits.
LARGEST = {"e4m3": 448, "e5m2": 57344, "i8": 127}
WIDE_TYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
TORCH_TYPES = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2, "i8": torch.int8}


class Format:
    """The type of a kernel's keys and values, and what shares a scale."""

    def __init__(self, manifest):
        shapes = {a["name"]: a.get("shape") for a in manifest["arguments"]}
        dtypes = {a["name"]: a["dtype"] for a in manifest["arguments"]}
        self.dtype = dtypes["k"] if dtypes["k"] in LARGEST else None
        self.is_by_head = self.dtype and len(shapes["k_scale"]) == 1
        self.has_channels = "k_channel_scale" in shapes

    def row_bytes(self):
        if not self.dtype:
            return 2 * DIM
        return DIM if self.is_by_head else DIM + 4

    def quantize(self, tensors):
        """Of [H, N, D] each: their elements, scales, scales of channels, and products."""
        if not self.dtype:
            return tensors, None, None, tensors
        channels = torch.ones(tensors[0].shape[0], DIM, device="cuda")
        if self.has_channels:
            channels = torch.rand_like(channels) + 0.5
        rows = [x.float() / channels[:, None] for x in tensors]
        largest = [x.abs().amax(-1, keepdim=True) for x in rows]
        if self.is_by_head:
            all_ = torch.cat([x.amax(1, keepdim=True) for x in largest], 1).amax(1)
            largest = [all_[:, None]] * len(rows)
        scales = [x.clamp(min=1e-30) / LARGEST[self.dtype] for x in largest]
        elements = [x / s for x, s in zip(rows, scales)]
        if self.dtype == "i8":
            elements = [x.round() for x in elements]
        elements = [x.to(TORCH_TYPES[self.dtype]) for x in elements]
        products = [
            x.float() * s * channels[:, None] for x, s in zip(elements, scales)
        ]
        scales = scales[0].flatten() if self.is_by_head else [s[..., 0] for s in scales]
        return elements, scales, channels, products


def attend(row, q, keys, values, causal):
    """In f32, a sequence and head at a time."""
    out = torch.empty(q.shape, device="cuda")
    for b, (k, v) in enumerate(zip(keys, values)):
        for h in range(row.key_heads):
            flat = q[b, h].float().flatten(0, 1)
            scores = flat @ k[h].float().T / math.sqrt(DIM)
            if causal and row.queries > 1:
                at = torch.arange(row.queries, device="cuda") + k.shape[1] - row.queries
                seen = torch.arange(k.shape[1], device="cuda")[None] <= at[:, None]
                seen = seen.repeat(q.shape[2], 1)
                scores = scores.masked_fill(~seen, float("-inf"))
            out[b, h] = (scores.softmax(-1) @ v[h].float()).view(q.shape[2:])
    return out


def make_pages(row, tensors, size):
    """Pools [pages, H, size, ...] of each in random order, their table and lengths."""
    counts = [-(-n // size) for n in row.lengths]
    order = list(range(sum(counts)))
    if not IN_ORDER:
        random.Random(0).shuffle(order)
    order = torch.tensor(order, device="cuda", dtype=torch.int32)
    pools = {}
    for name, sequences in tensors.items():
        rest = sequences[0].shape[2:]
        # What lies behind the last key of a sequence is nobody's.
        outer = (row.key_heads, len(order)) if HEAD_MAJOR else (len(order), row.key_heads)
        unused = 99 if sequences[0].dtype == torch.int8 else float("nan")
        pool = torch.full((*outer, size, *rest), float(unused), device="cuda")
        pool = pool.to(sequences[0].dtype)
        if HEAD_MAJOR:
            pool = pool.transpose(0, 1)
        at = 0
        for x, count in zip(sequences, counts):
            where = order[at : at + count].long()
            for h in range(row.key_heads):  # a head at a time: less memory
                whole = pool[where, h].view(torch.uint8).reshape(count * size, -1)
                own = x[h].contiguous().view(torch.uint8)
                whole[: x.shape[1]] = own.view(x.shape[1], -1)
                pool[where, h] = whole.flatten().view(pool.dtype).view(count, size, *rest)
            at += count
        pools[name] = pool
    table = torch.full((row.batch, max(counts)), -7, dtype=torch.int32, device="cuda")
    at = 0
    for b, count in enumerate(counts):
        table[b, :count] = order[at : at + count]
        at += count
    lengths = torch.tensor(row.lengths, dtype=torch.int32, device="cuda")
    return dict(pools, pages=table, lengths=lengths)


def bind(kernel, row, q, keys, values):
    """A plan, what it is bound to, and the keys and values that it has."""
    shapes = {a["name"]: a.get("shape") for a in kernel.manifest["arguments"]}
    dtypes = {a["name"]: a["dtype"] for a in kernel.manifest["arguments"]}
    q = q.to(WIDE_TYPES[dtypes["q"]])
    bound = dict(
        q=q, scale=1 / math.sqrt(DIM),
        o=torch.full(q.shape, float("nan"), device="cuda", dtype=q.dtype),
        lse=torch.full(q.shape[:-1], float("nan"), device="cuda"),
    )
    if row.is_ragged and "pages" not in shapes:
        return None, None, None
    form = Format(kernel.manifest)
    paged, products = {}, []
    for name, tensors in (("k", keys), ("v", values)):
        elements, scales, channels, product = form.quantize(tensors)
        products.append(product)
        paged[name] = elements
        if form.has_channels:
            bound[f"{name}_channel_scale"] = channels
        if form.is_by_head:
            bound[f"{name}_scale"] = scales
        elif form.dtype:
            paged[f"{name}_scale"] = scales
    if "pages" in shapes:
        bound.update(make_pages(row, paged, shapes["k"][2]))
    else:
        bound.update((name, torch.stack(tensors)) for name, tensors in paged.items())
    if "k_lengths" in shapes:  # of `varlen`
        count = lambda numbers: torch.tensor(numbers, dtype=torch.int32, device="cuda")
        bound.update(q_lengths=count([row.queries] * row.batch), k_lengths=count(row.lengths))
    plan = kernel.prepare(**{n: x for n, x in bound.items() if n in shapes})
    return plan, bound, products


def make_cudnn(row, q, keys, values):
    from torch.nn.attention import SDPBackend, sdpa_kernel

    if row.is_ragged or row.queries != 1:
        return None
    k, v = torch.stack(keys), torch.stack(values)
    flat = q.flatten(1, 2)

    def run():
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            return torch.nn.functional.scaled_dot_product_attention(
                flat, k, v, enable_gqa=k.shape[1] != flat.shape[1]
            )

    run()
    return run


def capture(function):
    """`function` as a graph: of a call of few microseconds Python takes more."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        function(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            function(stream)
    torch.cuda.current_stream().wait_stream(stream)
    return graph.replay


def measure(row, kernels, flush):
    """The row of each kernel and peer; whether all are right."""
    q, keys, values = make_sequences(row)
    exact = {c: attend(row, q, keys, values, c) for c in (False, True)}
    functions, results, plans, isRight = {}, {}, [], True
    sizes = {n: row.bytes(Format(k.manifest).row_bytes()) for n, k in kernels.items()}
    for name, kernel in kernels.items():
        result = results[name] = {"row": row.name, "kernel": name}
        try:
            plan, bound, products = bind(kernel, row, q, keys, values)
            if plan is None:
                del results[name]
                continue
            for _ in range(2):
                bound["o"].fill_(float("nan"))
                plan.launch()
                torch.cuda.synchronize()
            causal = row.queries > 1 and "causal" in kernel.manifest["name"]
            expected = exact[causal]
            if products[0] is not keys:
                expected = attend(row, q, *products, causal)
            del products
            error = ((bound["o"].float() - expected).norm() / expected.norm()).item()
            result["error"] = round(error, 6)
            isRight &= error <= TOLERANCE
            functions[name] = capture(lambda s, p=plan: p.launch(s.cuda_stream))
            plans.append(plan)
        except Exception as error:  # the others are timed without it
            result["error"] = f"{type(error).__name__}: {error}"[:400]
            isRight = False
    del exact
    try:
        peer = make_cudnn(row, q, keys, values)
        if peer:
            functions["cudnn"] = capture(lambda _: peer())
            results["cudnn"] = {"row": row.name, "kernel": "cudnn"}
    except Exception as error:
        results["cudnn"] = {"row": row.name, "kernel": "cudnn", "error": str(error)[:200]}
    read = torch.empty(max(row.bytes() // 4, 1), device="cuda", dtype=torch.float32)
    read.normal_()
    functions["read"] = capture(lambda _: read.sum())
    results["read"] = {"row": row.name, "kernel": "read"}
    times = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name in random.sample(list(functions), len(functions)):
            times[name].append(time_cold(functions[name], flush, 0.05))
    rate = row.bytes() / median(times["read"]) / 1e6
    for name, list_ in times.items():
        ms = median(list_)
        size = sizes.get(name, row.bytes())
        results[name].update(
            us=round(ms * 1e3, 2), gbps=round(size / ms / 1e6),
            of_read=round(size / ms / 1e6 / rate, 3),
        )
        if "cudnn" in times and name != "cudnn":
            results[name]["over_cudnn"] = round(median(times["cudnn"]) / ms, 3)
    return list(results.values()), isRight


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--kernels", default="gqa-128")
    options = parser.parse_args()
    kernels = {
        name: attn.load(os.path.join(KERNELS, f"decode-{name}.attn"))
        for name in options.kernels.split(",")
    }
    print(json.dumps(describe_machine()), flush=True)
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    isRight = True
    for name in options.rows:
        results, right = measure(Row(name), kernels, flush)
        isRight &= right
        for result in results:
            print(json.dumps(result), flush=True)
        torch.cuda.empty_cache()
    return 0 if isRight else 1


if __name__ == "__main__":
    sys.exit(main())

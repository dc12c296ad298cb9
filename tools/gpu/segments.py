# ===- segments.py - batches of prompts, decodes and shared prefixes -------===#
"""Checks and times kernels of `segments`: one launch for a whole batch, as JSON rows.

    tools/gpu/run.sh segments [--kernels NAME,...] [--cases N] [ROW...]

A ROW is HEADS:KEY_HEADS:PART[+PART...], where a PART is COUNTxQUERIES@KEYS, sequences whose
last QUERIES of KEYS keys are asked, or PREFIX/COUNTxQUERIES@KEYS, which share a prefix of so
many keys before their own. NAME is .carry/kernels/segments-NAME.attn, whose keys and values are in pages, given in random
order.

First N random batches are compared with f32 on the device (allowed: 5e-3 of the whole output's
norm), with prefixes of prefixes, sequences of no keys and of no queries, NaN in what nobody has, and garbage behind the
ends of tables. Of each batch, and of one in which sequences share a prefix of whole steps, some queries are called alone, in other
pages, the latter with all keys in one segment: `rows_differ` are those of `rows` with other bits, of which a kernel compiled with
--invariant has none, and others show what the calls are for. Times are of captured calls, cold. `floor_us` is the time of the row's prompts alone in the same kernel plus
that of a plain sum of as many bytes as all other keys and values have, each once; `over_floor` is the
ratio. The exit status is 1 if anything is wrong.
"""

import argparse
import json
import math
import os
import random
import re
import sys

import torch

import attn
from bench import describe_machine, median, time_cold
from decode import capture

KERNELS = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "kernels")
DIM, TOLERANCE = 128, 5e-3
ROUNDS = int(os.environ.get("ROUNDS", 3))
ROWS = (
    # Decoding alone; with prompts, or chunks of such; with a prefix.
    "32:8:32x1@8192", "32:8:32x1@8192+1x2048@2048", "32:8:64x1@2048+2x1024@8192",
    "32:8:32768/32x1@128", "32:8:32768/32x1@1024", "32:8:8192/16x1@512+8192/16x1@512",
)


class Batch:
    """Sequences by their numbers of queries and chains of (pool of keys) segments."""

    def __init__(self, heads, key_heads):
        self.heads, self.key_heads = heads, key_heads
        self.segments = []  # keys, first and last query, whether causal
        self.queries = 0
        self.decoded_keys = 0

    def add_part(self, count, queries, keys, prefix=0):
        first = self.queries
        for _ in range(count):
            self.segments.append((keys, self.queries, self.queries + queries, 1))
            self.queries += queries
        if prefix:
            self.segments.append((prefix, first, self.queries, 0))
        if queries == 1 or prefix:
            self.decoded_keys += count * keys + prefix

    def see(self, query):
        """Segments that a query sees, and how many keys of each."""
        for s, (n, first, last, causal) in enumerate(self.segments):
            seen = max(min(n, query + n - last + 1), 0) if causal else n
            if first <= query < last and seen:
                yield s, seen

    def bytes_decoded(self):
        return self.decoded_keys * self.key_heads * DIM * 4


def parse_row(name, only_prompts=False):
    heads, key_heads, parts = name.split(":")
    batch = Batch(int(heads), int(key_heads))
    for part in parts.split("+"):
        prefix, count, queries, keys = re.fullmatch(r"(?:(\d+)/)?(\d+)x(\d+)@(\d+)", part).groups()
        if not only_prompts or (int(queries) > 1 and not prefix):
            batch.add_part(int(count), int(queries), int(keys), int(prefix or 0))
    return batch


def draw_batch(rng):
    key_heads = rng.choice((1, 2, 3, 8))
    batch = Batch(key_heads * rng.choice((1, 2, 3, 4)), key_heads)
    for _ in range(rng.randint(1, 4)):  # groups, each with prefixes of its own
        first = batch.queries
        for _ in range(rng.randint(1, 6)):
            inner = batch.queries
            for _ in range(rng.randint(1, 3)):
                queries = rng.choice((0, 1, 1, 1, 2, 5, 17, 90))
                keys = rng.choice((queries, queries + rng.randint(0, 400), 0))
                batch.segments.append((keys, batch.queries, batch.queries + queries, 1))
                batch.queries += queries
            if rng.random() < 0.4:
                batch.segments.append((rng.randint(0, 700), inner, batch.queries, 0))
        if rng.random() < 0.5:
            batch.segments.append((rng.randint(0, 1500), first, batch.queries, 0))
    rng.shuffle(batch.segments)
    batch.queries += rng.choice((0, 0, 3))  # some that see nothing
    return batch


def draw_shared_prefix(rng):
    """Sequences behind one prefix of whole steps of 64, 128 or 192 keys."""
    key_heads = rng.choice((1, 8))
    batch = Batch(key_heads * rng.choice((1, 3, 4)), key_heads)
    for _ in range(rng.randint(1, 12)):
        queries = rng.choice((1, 1, 1, 2, 17))
        keys = queries + rng.randint(0, 300)
        batch.segments.append((keys, batch.queries, batch.queries + queries, 1))
        batch.queries += queries
    batch.segments.insert(0, (384 * rng.randint(1, 20), 0, batch.queries, 0))
    return batch


def make_tensors(batch, size, rng, seed):
    """The kernel's arguments, and keys and values [S][H, n, D]."""
    generator = torch.Generator(device="cuda").manual_seed(seed)
    noise = lambda *shape: torch.randn(shape, device="cuda", generator=generator).bfloat16()
    group = batch.heads // batch.key_heads
    # As engines have them: tokens first.
    q = noise(batch.queries, batch.key_heads, group, DIM).permute(1, 2, 0, 3)
    counts = [-(-n // size) for n, *_ in batch.segments]
    total = sum(counts) + 3
    order = list(range(total))
    rng.shuffle(order)
    pools = [torch.full((total, batch.key_heads, size, DIM), float("nan"), device="cuda",
                        dtype=torch.bfloat16) for _ in "kv"]
    table = torch.randint(-2**31, 2**31 - 1, (len(counts), max(counts + [0]) + 2), device="cuda",
                          dtype=torch.int64, generator=generator).int()
    sides, at = ([], []), 0
    for s, (n, *_) in enumerate(batch.segments):
        pages = torch.tensor(order[at : at + counts[s]], device="cuda", dtype=torch.int64)
        table[s, : counts[s]] = pages.int()
        at += counts[s]
        for pool, side in zip(pools, sides):
            x = noise(batch.key_heads, n, DIM)
            side.append(x)
            for h in range(batch.key_heads):
                whole = torch.full((counts[s] * size, DIM), float("nan"), device="cuda",
                                   dtype=torch.bfloat16)
                whole[:n] = x[h]
                pool[pages, h] = whole.view(counts[s], size, DIM)
    column = lambda i: torch.tensor([s[i] for s in batch.segments], device="cuda", dtype=torch.int32)
    # Outputs as engines want them, too.
    o = torch.full((batch.queries, batch.key_heads, group, DIM), float("nan"), device="cuda",
                   dtype=torch.bfloat16).permute(1, 2, 0, 3)
    lse = torch.full(q.shape[:-1], float("nan"), device="cuda")
    return dict(q=q, k=pools[0], v=pools[1], pages=table, lengths=column(0), first=column(1),
                last=column(2), causal=column(3), scale=1 / math.sqrt(DIM), o=o, lse=lse), sides


def attend(batch, bound, sides):
    """Outputs and sums in f32: of each run of queries that see the same segments."""
    out = torch.zeros(bound["q"].shape, device="cuda")
    lse = torch.full(out.shape[:-1], -math.inf, device="cuda")
    edges = sorted({0, batch.queries, *(e for s in batch.segments for e in s[1:3])})
    for begin, end in zip(edges, edges[1:]):
        seen = [s for s, (_, first, last, _) in enumerate(batch.segments) if first <= begin and end <= last]
        if not any(batch.segments[s][0] for s in seen):
            continue
        masks = []
        for s in seen:
            n, _, last, causal = batch.segments[s]
            at = torch.arange(begin, end, device="cuda")[:, None] + (n - last if causal else n)
            masks.append(torch.arange(n, device="cuda")[None] <= at)
        mask = torch.cat(masks, 1)
        for h in range(batch.key_heads):
            k, v = (torch.cat([side[s][h] for s in seen]).float() for side in sides)
            scores = bound["q"][h, :, begin:end].float() @ k.T / math.sqrt(DIM)
            scores = scores.masked_fill(~mask, -math.inf)
            lse[h, :, begin:end] = scores.logsumexp(-1)
            out[h, :, begin:end] = scores.softmax(-1).nan_to_num(0) @ v
    return out, lse


def compare(batch, bound, sides):
    """What is wrong with the outputs, if anything, and the error."""
    out, lse = attend(batch, bound, sides)
    isEmpty = lse == -math.inf
    if not torch.equal(bound["lse"] == -math.inf, isEmpty) or bound["o"][isEmpty].any():
        return "rows without keys", math.inf
    error = ((bound["o"].float() - out).norm() / out.norm().clamp(min=1e-30)).item()
    sums = (bound["lse"][~isEmpty] - lse[~isEmpty]).abs().max().item() if (~isEmpty).any() else 0
    return ("" if error <= TOLERANCE and sums <= 1e-2 else "outputs"), max(error, sums / 2)


def take_query(batch, bound, size, query, joins):
    """The arguments for one query alone, its keys in other pages, and in one segment if it `joins`."""
    segments, seen = zip(*batch.see(query))
    order = torch.randperm(len(bound["k"]), device="cuda")
    pools = {}
    for name in "kv":
        pools[name] = torch.empty_like(bound[name])
        pools[name][order] = bound[name]
    rows = [order[bound["pages"][s, : -(-n // size)].long()] for s, n in zip(segments, seen)]
    if joins:
        rows, seen = [torch.cat(rows)], [sum(seen)]
    table = torch.full((len(rows), max(map(len, rows))), -7, device="cuda", dtype=torch.int32)
    for to, row in zip(table, rows):
        to[: len(row)] = row
    column = lambda x: torch.tensor(x, device="cuda", dtype=torch.int32)
    q = bound["q"][:, :, query : query + 1].contiguous()
    return dict(q=q, **pools, pages=table, lengths=column(seen), first=column([0] * len(rows)),
                last=column([1] * len(rows)), causal=column([1] * len(rows)), scale=bound["scale"],
                o=torch.empty_like(q), lse=torch.empty(q.shape[:-1], device="cuda"))


def count_differences(kernel, batch, bound, size, rng, joins=False):
    """Of some queries, how many there are and how many have other bits alone."""
    kernel.prepare(**bound).launch()
    torch.cuda.synchronize()
    seeing = [p for p in range(batch.queries) if any(batch.see(p))]
    some = rng.sample(seeing, min(3, len(seeing)))
    different = 0
    for p in some:
        own = take_query(batch, bound, size, p, joins)
        kernel.prepare(**own).launch()
        torch.cuda.synchronize()
        different += not (
            torch.equal(own["o"][:, :, 0].view(torch.int16), bound["o"][:, :, p].contiguous().view(torch.int16))
            and torch.equal(own["lse"][..., 0], bound["lse"][..., p])
        )
    return len(some), different


def check(name, kernel, cases, seed):
    size = next(a for a in kernel.manifest["arguments"] if a["name"] == "k")["shape"][2]
    wrong, worst, rows, different = [], 0, 0, 0
    for case in range(cases):
        rng = random.Random(seed + case)
        batch = draw_batch(rng)
        if batch.queries == 0:
            continue
        bound, sides = make_tensors(batch, size, rng, seed + case)
        plan = kernel.prepare(**bound)
        for _ in range(2):
            bound["o"].fill_(float("nan"))
            bound["lse"].fill_(float("nan"))
            plan.launch()
            torch.cuda.synchronize()
        what, error = compare(batch, bound, sides)
        worst = max(worst, error)
        if what:
            wrong.append(f"seed {seed + case}: {what}, {error:.2g}")
        shared = draw_shared_prefix(rng)
        for own, joins in ((batch, False), (shared, True)):
            if joins:
                bound, _ = make_tensors(own, size, rng, seed + case)
            some, others = count_differences(kernel, own, bound, size, rng, joins)
            rows += some
            different += others
    print(json.dumps(dict(kernel=name, cases=cases, seed=seed, wrong=len(wrong),
                          worst=round(worst, 6), first=wrong[:3], rows=rows, rows_differ=different)), flush=True)
    isInvariant = kernel.manifest["numerics"].get("invariant", False)
    return not wrong and not (isInvariant and (different or (cases and not rows)))


def measure(row, kernels, flush):
    functions, kept, wrong = {}, [], {}
    for name, kernel in kernels.items():
        size = next(a for a in kernel.manifest["arguments"] if a["name"] == "k")["shape"][2]
        for prompts in (False, True):
            batch = parse_row(row, prompts)
            if not batch.segments:
                continue
            bound, sides = make_tensors(batch, size, random.Random(0), 0)
            plan = kernel.prepare(**bound)
            plan.launch()
            torch.cuda.synchronize()
            if not prompts:
                wrong[name] = compare(batch, bound, sides)
            del sides
            functions[name, prompts] = capture(lambda s, p=plan: p.launch(s.cuda_stream))
            kept.append((plan, bound))
    batch = parse_row(row)
    read = torch.empty(max(batch.bytes_decoded() // 4, 1), device="cuda").normal_()
    functions["read"] = capture(lambda _: read.sum())
    times = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name in random.sample(list(functions), len(functions)):
            times[name].append(time_cold(functions[name], flush, 0.05))
    us = {name: median(list_) * 1e3 for name, list_ in times.items()}
    for name in kernels:
        prompts = us.get((name, True), 0)
        floor = prompts + us["read"]
        yield dict(row=row, kernel=name, error=round(wrong[name][1], 6), us=round(us[name, False], 1),
                   prompts_us=round(prompts, 1), read_us=round(us["read"], 1), floor_us=round(floor, 1),
                   over_floor=round(us[name, False] / floor, 3)), not wrong[name][0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--kernels", default="rows64-page16,rows128-page16,rows64-page64,rows128-page64")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    kernels = {name: attn.load(os.path.join(KERNELS, f"segments-{name}.attn"))
               for name in options.kernels.split(",")}
    print(json.dumps(describe_machine()), flush=True)
    isRight = True
    for name, kernel in kernels.items():
        isRight &= check(name, kernel, options.cases, options.seed)
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    for row in options.rows:
        for result, right in measure(row, kernels, flush):
            isRight &= right
            print(json.dumps(result), flush=True)
        torch.cuda.empty_cache()
    return 0 if isRight else 1


if __name__ == "__main__":
    sys.exit(main())

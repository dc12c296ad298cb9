# ===- invariant.py - bits of rows in a batch and alone, and what that costs ===#
"""Whether kernels of invariant functions keep their promise, and their speed.

    tools/gpu/run.sh invariant [--batches N] [--timed N] [--seed N] [--bits|--times] [ROW...]

First the bits: N random calls (1000) with 1 to 12 requests of 1 to 16 queries over
sequences of 1 to 20000 keys, their pages in an order that changes. Of each call 16 rows
(a query, all its heads) are compared with calls for that row alone, whose pages lie in
order; of one call in ten also all rows with those of 2 and of 8 shards of heads. A
kernel without `--invariant` is run the same way: it has to fail, or the calls show
nothing.

Then the times, beside kernels that are alike but for the option, captured and cold: of
calls drawn as those are (100), for whose times together `ratio` is the invariant kernel's
over the other's (allowed 1.15), `median` and `worst` those of single calls; and of ROWs of
decode.py. The exit status is 1 if a bit differs or a ratio is larger.
"""

import argparse
import json
import os
import random
import sys

import torch

import attn
import decode
from bench import describe_machine, median, time_cold

KERNELS = (
    "causal-128-page64-invariant", "causal-64-page64-invariant",
    "causal-e4m3-page64-invariant", "sliding-window-128-page64-invariant",
)
CONTROL = "causal-64-page64-rows64"
PAIRS = tuple(
    (name, f"{name}-invariant") for name in ("causal-128-page64", "causal-e4m3-page64")
)
TIMED = tuple(
    (name, f"{name}-invariant") for name in ("gqa-128", "gqa-128-page64", "gqa-e4m3")
)
HEADS, GROUP, DIM = 8, 4, decode.DIM
# A window of no whole number of pages.
SCALARS = {"scale": DIM**-0.5, "window": 777}
ALLOWED = 1.15
# A whole part, one key more, and what many blocks share.
LENGTHS = (1, 2, 63, 64, 65, 127, 129, 511, 512, 513, 1024, 1500, 3000, 4097, 8192, 20000)


class Sequences:
    """Queries [H, G, N, D], keys and values of sequences, in pages of one pool."""

    def __init__(self, page):
        torch.manual_seed(0)
        self.page = page
        self.counts = [-(-n // page) for n in LENGTHS]
        # Scores of some sequences are nearly even, those of others far apart.
        self.queries = [
            (torch.randn(HEADS, GROUP, n, DIM, device="cuda") * (1 + i % 4)).bfloat16()
            for i, n in enumerate(LENGTHS)
        ]
        shape = (sum(self.counts), HEADS, page, DIM)
        self.keys, self.values = (
            torch.randn(shape, device="cuda").bfloat16() for _ in "kv"
        )
        self.order = torch.arange(shape[0], device="cuda")

    def shuffled(self):
        """The same sequences, their pages elsewhere."""
        other = object.__new__(Sequences)
        other.__dict__.update(self.__dict__)
        order = torch.randperm(len(self.order), device="cuda")
        other.keys, other.values = torch.empty_like(self.keys), torch.empty_like(self.values)
        other.keys[order], other.values[order] = self.keys, self.values
        other.order = order
        return other

    def table(self, numbers, width):
        rows = torch.full((len(numbers), width), -7, dtype=torch.int32, device="cuda")
        for row, number in zip(rows, numbers):
            first = sum(self.counts[:number])
            own = self.order[first : first + self.counts[number]]
            row[: len(own)] = own
        return rows


def bits(tensor):
    return tensor.view(torch.int16)


class Kernel:
    def __init__(self, name):
        path = os.path.join(decode.KERNELS, f"decode-{name}.attn")
        self.kernel = attn.load(path)
        arguments = {a["name"]: a for a in self.kernel.manifest["arguments"]}
        self.page = arguments["k"]["shape"][2]
        self.scalars = {n: value for n, value in SCALARS.items() if n in arguments}
        self.narrow = decode.TORCH_TYPES.get(arguments["k"]["dtype"])

    def prepare(self, sequences, requests, queries, shards=1):
        """A plan a shard, o [B, H, G, P, D] and lse; a request is a sequence and a length."""
        q = torch.stack(
            [sequences.queries[s][:, :, n - queries : n] for s, n in requests]
        )
        o = torch.full_like(q, float("nan"))
        lse = torch.full(q.shape[:-1], float("nan"), device="cuda")
        table = sequences.table([s for s, _ in requests], max(sequences.counts))
        lengths = torch.tensor([n for _, n in requests], dtype=torch.int32, device="cuda")
        keys, values = sequences.keys, sequences.values
        scales = {}
        if self.narrow:
            keys, values = keys.to(self.narrow), values.to(self.narrow)
            each = torch.arange(HEADS, device="cuda") / HEADS + 0.5
            scales = {"k_scale": each, "v_scale": each}
        plans = []
        for some in torch.arange(HEADS).chunk(shards):
            own = slice(int(some[0]), int(some[-1]) + 1)
            values_of = dict(
                q=q[:, own], k=keys[:, own], v=values[:, own],
                **{name: scale[own] for name, scale in scales.items()}, pages=table,
                lengths=lengths, **self.scalars, o=o[:, own], lse=lse[:, own],
            )
            plans.append((self.kernel.prepare(**values_of), values_of))
        return plans, o, lse

    def call(self, sequences, requests, queries, shards=1):
        """The bits of o and lse."""
        plans, o, lse = self.prepare(sequences, requests, queries, shards)
        for plan, _ in plans:
            plan.launch()
            torch.cuda.synchronize()
        assert not (o.isnan().any() or lse.isnan().any()), "a result was not written"
        return bits(o), bits(lse)


def draw(rng):
    queries = rng.choice((1, 1, 1, 2, 3, 5, 8, 16))
    requests = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 12))):
        number = rng.randrange(len(LENGTHS))
        if LENGTHS[number] >= queries:
            requests.append((number, rng.randint(queries, LENGTHS[number])))
    return queries, requests or [(len(LENGTHS) - 1, rng.randint(queries, LENGTHS[-1]))]


def compare(name, batches, seed):
    """Of random calls and rows, how many there were and how many differ."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    kernel = Kernel(name)
    ordered = Sequences(kernel.page)
    now, alone = ordered, {}
    result = dict(kernel=name, calls=batches, rows=0, rows_differ=0, shards=0, shards_differ=0)
    for i in range(batches):
        if i % 50 == 0:
            now = ordered.shuffled()
        queries, requests = draw(rng)
        o, lse = kernel.call(now, requests, queries)
        for _ in range(16):
            b, p = rng.randrange(len(requests)), rng.randrange(queries)
            number, length = requests[b]
            row = (number, length - queries + p + 1)
            if row not in alone:
                alone[row] = kernel.call(ordered, [row], 1)
            own_o, own_lse = alone[row]
            same = torch.equal(o[b, :, :, p], own_o[0, :, :, 0]) and torch.equal(
                lse.view(*o.shape[:-1], 2)[b, :, :, p], own_lse.view(*own_o.shape[:-1], 2)[0, :, :, 0]
            )
            result["rows"] += 1
            result["rows_differ"] += not same
        if i % 10 == 0:
            for shards in (2, 8):
                other = kernel.call(now, requests, queries, shards)
                result["shards"] += 1
                result["shards_differ"] += not (
                    torch.equal(o, other[0]) and torch.equal(lse, other[1])
                )
    return result


def check_bits(options):
    failed = False
    for name in KERNELS:
        result = compare(name, options.batches, options.seed)
        failed |= result["rows_differ"] + result["shards_differ"] != 0
        print(json.dumps(result), flush=True)
    control = compare(CONTROL, 100, options.seed)
    control["is_control"] = True
    failed |= control["rows_differ"] == 0
    print(json.dumps(control), flush=True)
    return failed


def check_batch_times(options):
    """Of the same random calls of two kernels."""
    failed = False
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    for names in PAIRS:
        kernels = [Kernel(name) for name in names]
        sequences = Sequences(kernels[0].page).shuffled()
        rng = random.Random(options.seed)
        times = []
        for _ in range(options.timed):
            queries, requests = draw(rng)
            pair = []
            for kernel in kernels:
                [(plan, kept)], _, _ = kernel.prepare(sequences, requests, queries)
                run = decode.capture(lambda s, plan=plan: plan.launch(s.cuda_stream))
                pair.append(time_cold(run, flush, 0.01) * 1e3)
                del kept
            times.append(pair)
        plain, invariant = (sum(column) for column in zip(*times))
        ratios = sorted(own / other for other, own in times)
        failed |= invariant > ALLOWED * plain
        print(json.dumps(dict(
            kernel=names[1], calls=options.timed, us=round(invariant / options.timed, 2),
            plain_us=round(plain / options.timed, 2), ratio=round(invariant / plain, 3),
            median=round(median(ratios), 3), worst=round(ratios[-1], 3),
        )), flush=True)
        del sequences
        torch.cuda.empty_cache()
    return failed


def check_times(options):
    failed = False
    flush = torch.empty(256 << 20, dtype=torch.int8, device="cuda")
    for rowname in options.rows:
        for names in TIMED:
            kernels = {
                name: attn.load(os.path.join(decode.KERNELS, f"decode-{name}.attn"))
                for name in names
            }
            results, isRight = decode.measure(decode.Row(rowname), kernels, flush)
            failed |= not isRight
            by_name = {r["kernel"]: r for r in results}
            plain, invariant = (by_name.get(name, {}) for name in names)
            if "us" in plain and "us" in invariant:
                ratio = invariant["us"] / plain["us"]
                invariant["ratio"] = round(ratio, 3)
                failed |= ratio > ALLOWED
            for result in results:
                print(json.dumps(result), flush=True)
            torch.cuda.empty_cache()
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="*", default=decode.ROWS)
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--timed", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--bits", action="store_true", help="no times")
    parser.add_argument("--times", action="store_true", help="no bits")
    options = parser.parse_args()
    print(json.dumps({**describe_machine(), "seed": options.seed}), flush=True)
    failed = False
    if not options.times:
        failed |= check_bits(options)
        torch.cuda.empty_cache()
    if not options.bits:
        failed |= options.timed > 0 and check_batch_times(options)
        failed |= check_times(options)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

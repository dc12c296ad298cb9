# ===- schedules.py - speed of scheduled variants beside their peers ------===#
"""Times variants that the compiler has scheduled, as tools/gpu/bench.py times the
programs written by hand: JSON rows, peers in the same process, interleaved.

TFLOP/s count the pairs that the mask leaves. What a kernel's lists take is timed with
it, one after the other on the device (attn-with-lists), and by the host's clock
(setup_ms). Before a row is timed, attn's output is
compared with each peer's. Rows are run by a child process with a time limit, so that
one that hangs or runs out of memory costs itself alone; before, several processes at
a time compile what PyTorch compiles, so that rows find it in its cache on the disk.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import random
import sys
import threading

import torch

import workloads
from bench import describe_machine, get_clock, median, time_cold, time_sustained
from children import Child, serve
from peers import PEERS, Peer, import_fa3, time_setup

# Of the largest value of a peer's output: both round weights and outputs to bf16.
TOLERANCE = 2e-2


def compare(ours, theirs):
    """The largest difference, relative to `theirs`, head by head to save memory."""
    worst, scale = 0.0, 0.0
    for a, b in zip(ours.flatten(0, 1), theirs.flatten(0, 1)):
        difference = (a.float() - b.float()).abs().max().item()
        if difference != difference:
            return float("inf")
        worst = max(worst, difference)
        scale = max(scale, b.float().abs().max().item())
    return worst / scale if scale else worst


def make_functions(problem, request, errors):
    """What is timed and its flops, by name; attn comes first."""
    bound = workloads.bind(problem)
    setup_ms = 0.0
    if bound.workload.lists:
        setup_ms = time_setup(bound.workload.lists)[1]
    functions = {"attn": (Peer(bound.plan.launch, setup_ms), bound.flops())}
    if bound.workload.lists:
        def run_with_lists():
            bound.workload.lists()
            bound.plan.launch()

        functions["attn-with-lists"] = (Peer(run_with_lists), bound.flops())
    reference = bound.workload.reference
    if reference and not os.path.exists(workloads.find_kernel(reference)):
        errors[f"attn-{reference.variant}"] = f"there is no scheduled-{reference.kernel}.attn"
    elif reference:
        other = workloads.bind(reference)
        functions[f"attn-{reference.variant}"] = (Peer(other.plan.launch), other.flops())
    for name in request["peers"]:
        try:
            peer = PEERS[name](bound, request["autotune"])
            if peer:
                peer.run()
                torch.cuda.synchronize()
                functions[name] = (peer, bound.flops())
        except Exception as error:  # the others are timed without it
            errors[name] = f"{type(error).__name__}: {error}"[:300]
            torch.cuda.empty_cache()
    return bound, functions


def time_row(problem, request):
    # Without this, rows of other lengths and masks count as recompilations of one
    # function, and after a few of them PyTorch falls back to all N x N scores.
    torch._dynamo.reset()
    errors = {}
    bound, functions = make_functions(problem, request, errors)
    if request["warm"]:
        return {}
    functions["attn"][0].run()
    ours = bound.outputs["o"].reshape(bound.q.shape)
    unwritten = sum(int(t.isnan().sum()) for t in bound.outputs.values())
    check = {
        n: round(compare(ours, functions[n][0].run()), 5) for n in PEERS if n in functions
    }
    flush = torch.empty(2**28, dtype=torch.int8, device=workloads.DEVICE)
    cold = {n: [] for n in functions}
    sustained = {n: [] for n in functions}
    order = list(functions)
    for _ in range(request["rounds"]):
        for times, time in ((cold, time_cold), (sustained, time_sustained)):
            random.shuffle(order)
            for n in order:
                run = functions[n][0].run
                by = flush if times is cold else cold[n][-1]
                times[n].append(time(run, by))
    row = problem.describe()
    row.update(
        pairs=bound.workload.pairs, **get_clock(), check=check,
        unwritten=unwritten,
        # Where all peers have failed nothing was compared.
        right=unwritten == 0 and (bool(check) or not errors)
        and all(error <= TOLERANCE for error in check.values()),
    )
    for n, (peer, flops) in functions.items():
        row[n] = dict(setup_ms=round(peer.setup_ms, 4))
        for way, times in (("cold", cold), ("sustained", sustained)):
            ms = median(times[n])
            row[n][f"{way}_ms"] = round(ms, 4)
            row[n][f"{way}_tflops"] = round(flops / ms / 1e9, 1)
    for n, (peer, flops) in functions.items():
        if n in ("attn", "attn-with-lists"):
            continue
        work = bound.flops() / flops
        row[f"over_{n}"] = compare_rates(row, n, work)
        if n in PEERS and "attn-with-lists" in row:
            row[f"over_{n}_with_lists"] = compare_rates(
                {**row, "attn": row["attn-with-lists"]}, n, work
            )
        if peer.setup_ms or row["attn"]["setup_ms"]:
            row[f"over_{n}_with_setup"] = compare_rates(
                row, n, work, peer.setup_ms, row["attn"]["setup_ms"]
            )
    row.update({n: dict(error=text) for n, text in errors.items()})
    return row


def compare_rates(row, name, work, their_setup=0.0, our_setup=0.0):
    """Attn's rate over another's, cold and sustained; `work` is attn's over its."""
    return [
        round(work * (row[name][way] + their_setup) / (row["attn"][way] + our_setup), 3)
        for way in ("cold_ms", "sustained_ms")
    ]


def answer(request):
    torch.set_grad_enabled(False)  # peers need not keep what a gradient takes
    problem = workloads.Problem(**request["problem"])
    try:
        return time_row(problem, request)
    except Exception as error:  # reported as this row's result
        return dict(error=f"{type(error).__name__}: {error}"[:500])


def warm(requests, workers, timeout):
    """Has children compile what the requests need, `workers` at a time."""
    local, children = threading.local(), []

    def run(request):
        if not hasattr(local, "child"):
            local.child = Child([sys.executable, __file__, "--serve"], timeout)
            children.append(local.child)
        result = local.child.run({**request, "warm": True})
        if result is None or "error" in result:
            local.child.kill()

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, requests))
    for child in children:
        child.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", metavar="VARIANT:D[:LENGTHS[:NAME=VALUE...]]")
    parser.add_argument("--peers", default="cudnn,fa3,flex", help="some of these, or none")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", 5)))
    parser.add_argument("--timeout", type=float, default=240, help="seconds of a row")
    parser.add_argument("--warm", type=int, default=4, metavar="N",
                        help="processes that compile FlexAttention before; 0 for none")
    parser.add_argument("--autotune", action="store_true",
                        help="compile FlexAttention by max-autotune-no-cudagraphs")
    options = parser.parse_args()
    peers = [n for n in options.peers.split(",") if n not in ("", "none")]
    if unknown := set(peers) - set(PEERS):
        parser.error(f"expects peers of {', '.join(PEERS)}, but got {', '.join(unknown)}")
    try:
        problems = [p for name in options.rows for p in workloads.parse(name)]
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps(describe_machine()), flush=True)
    if "fa3" in peers:
        module, reason = import_fa3()
        print(json.dumps(dict(fa3=getattr(module, "__name__", f"cannot be imported: {reason}"))))
    requests = [
        dict(problem=dataclasses.asdict(p), peers=peers, rounds=options.rounds,
             autotune=options.autotune, warm=False)
        for p in problems
    ]
    if options.warm and "flex" in peers:
        warm(requests, options.warm, options.timeout)
    child = Child([sys.executable, __file__, "--serve"], options.timeout)
    rows = []
    for problem, request in zip(problems, requests):
        row = child.run(request)
        if row is None:
            row = dict(error=f"crashed, or ran over {options.timeout:g} s")
        if "error" in row:
            # What has failed may have left the GPU's context or memory unusable.
            child.kill()
            row = {**problem.describe(), **row}
        rows.append(row)
        print(json.dumps(row), flush=True)
    child.kill()
    if target := os.environ.get("OUT"):
        with open(os.path.join(target, "schedules.json"), "w") as file:
            json.dump(dict(machine=describe_machine(), rows=rows), file, indent=1)
    return 0 if all(row.get("right") for row in rows) else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve(answer)
    else:
        sys.exit(main())

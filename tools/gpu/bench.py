# ===- bench.py - speed of the device programs beside their peers ---------===#
"""Times programs and peers in one process, interleaved, and prints JSON rows.

Two ways: `cold`, single calls with the L2 cache flushed between, by events; and
`sustained`, calls back to back, which runs into the card's power limit. Each is
the median of shuffled rounds. A GPU's clock follows its load: ratios between rows
of one run mean something, times of different runs do not.
"""

import json
import os
import random
import subprocess
import sys

import torch

from programs import PROGRAMS, load, section

ROUNDS = int(os.environ.get("ROUNDS", 5))
SUSTAINED_SECONDS = 0.3


def median(values):
    return sorted(values)[len(values) // 2]


def time_cold(function, flush, seconds=0.12):
    """Milliseconds of one call, the median over about `seconds`."""
    function()
    torch.cuda.synchronize()
    pairs = []
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    function()
    end.record()
    torch.cuda.synchronize()
    count = max(5, int(seconds * 1e3 / (start.elapsed_time(end) + 0.1)))
    for _ in range(count):
        flush.zero_()
        pair = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        pair[0].record()
        function()
        pair[1].record()
        pairs.append(pair)
    torch.cuda.synchronize()
    return median([a.elapsed_time(b) for a, b in pairs])


def time_sustained(function, ms):
    count = max(3, int(SUSTAINED_SECONDS * 1e3 / ms))
    for _ in range(count // 2):
        function()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(count):
        function()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / count


def attention_peers(values, causal):
    """The peers that are importable, by name."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v = (values[n][None] for n in "qkv")

    def cudnn():
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    peers = dict(cudnn=cudnn)
    try:
        import flash_attn_interface

        qt, kt, vt = (x.transpose(1, 2).contiguous() for x in (q, k, v))
        peers["fa3"] = lambda: flash_attn_interface.flash_attn_func(
            qt, kt, vt, causal=causal
        )
    except ImportError:
        pass
    return peers


def attention_jobs(program):
    lengths = (512, 1024, 2048, 4096, 8192, 16384)
    for length in lengths[4:] if program.name == "attention-long" else lengths:
        heads = 16 * max(1, 16384 // length)
        case = dict(heads=heads, queries=length, keys=length, family="gaussian")
        if program.causal:
            case["section"] = section(heads, length)
        flops = 4 * heads * length * length * 128 / (2 if program.causal else 1)
        yield case, flops


def gemm_jobs(_):
    for size in (2048, 4096, 8192):
        yield dict(m=size, n=size, k=size), 2 * size**3


def gemm_peers(values, _):
    a, b = values["a"], values["b"].T
    return dict(cublas=lambda: torch.matmul(a, b))


JOBS = {
    "attention-full": (attention_jobs, attention_peers, False),
    "attention-long": (attention_jobs, attention_peers, False),
    "attention-causal": (attention_jobs, attention_peers, True),
    "gemm": (gemm_jobs, gemm_peers, None),
}


def query_gpu(fields, form="csv,noheader"):
    """What nvidia-smi says of the GPU that runs here, of which there may be others."""
    uuid = torch.cuda.get_device_properties(torch.cuda.current_device()).uuid
    return subprocess.run(
        ["nvidia-smi", f"--id=GPU-{uuid}", f"--query-gpu={fields}", f"--format={form}"],
        capture_output=True, text=True,
    ).stdout.strip()


def describe_machine():
    text = query_gpu("name,driver_version,power.limit,clocks.max.sm")
    version = os.path.join(os.path.dirname(__file__), "..", "..", ".carry", "version")
    return dict(
        gpu=text, torch=torch.__version__, cudnn=torch.backends.cudnn.version(),
        attn=open(version).read().strip(),
    )


def get_clock():
    try:
        clock, power = query_gpu("clocks.sm,power.draw", "csv,noheader,nounits").split(",")
        return dict(sm_mhz=float(clock), watts=float(power))
    except ValueError:  # a container may not be told
        return {}


def bench(name, case, flops, peers_of, causal, flush):
    program = PROGRAMS[name]
    values = program.inputs(case, seed=1)
    plan = load(name).prepare(**values, **program.outputs(values))
    functions = dict(attn=plan.launch, **peers_of(values, causal))
    cold = {n: [] for n in functions}
    sustained = {n: [] for n in functions}
    order = list(functions)
    for _ in range(ROUNDS):
        random.shuffle(order)
        for n in order:
            cold[n].append(time_cold(functions[n], flush))
        random.shuffle(order)
        for n in order:
            sustained[n].append(time_sustained(functions[n], cold[n][-1]))
    row = dict(program=name, **case, **get_clock())
    for n in functions:
        row[n] = dict(
            cold_ms=round(median(cold[n]), 4),
            cold_tflops=round(flops / median(cold[n]) / 1e9, 1),
            sustained_ms=round(median(sustained[n]), 4),
            sustained_tflops=round(flops / median(sustained[n]) / 1e9, 1),
        )
    for n in functions:
        if n != "attn":
            row[f"over_{n}"] = [
                round(median(times[n]) / median(times["attn"]), 3)
                for times in (cold, sustained)
            ]
    return row


def main(names):
    flush = torch.empty(2**28, dtype=torch.int8, device="cuda")
    print(json.dumps(describe_machine()))
    rows = []
    for name, (jobs, peers_of, causal) in JOBS.items():
        if names and name not in names:
            continue
        for case, flops in jobs(PROGRAMS[name]):
            rows.append(bench(name, case, flops, peers_of, causal, flush))
            print(json.dumps(rows[-1]), flush=True)
    target = os.environ.get("OUT")
    if target:
        with open(os.path.join(target, "bench.json"), "w") as file:
            json.dump(dict(machine=describe_machine(), rows=rows), file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

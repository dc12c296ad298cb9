# ===- cycles.py - in-kernel cycles of programs and peers ------------------===#
"""Counts the cycles of each kernel by Nsight Compute, which fixes the clock.

Cycles say what a kernel's code costs, without the power limit that sets the clock
of a run. One JSON row a job: the cycles of one call of attn and of each peer.
"""

import csv
import io
import json
import shutil
import subprocess
import sys

METRIC = "sm__cycles_elapsed.max"


def run_one(request):
    """Calls attn, then a peer, between marks, in a process that ncu watches."""
    import torch

    from bench import JOBS
    from programs import PROGRAMS, load

    name, case = request["program"], request["case"]
    program = PROGRAMS[name]
    _, peers_of, causal = JOBS[name]
    values = program.inputs(case, seed=1)
    plan = load(name).prepare(**values, **program.outputs(values))
    peer = peers_of(values, causal)[request["peer"]]
    for function in (plan.launch, peer):
        function()
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    plan.launch()
    peer()
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()


def count(request):
    """Cycles of attn's kernel and of all kernels of the peer."""
    ncu = shutil.which("ncu") or "/usr/local/cuda/bin/ncu"
    command = [
        ncu, "--profile-from-start", "off", "--metrics", METRIC, "--csv",
        sys.executable, __file__, "--one", json.dumps(request),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    begin = next((i for i, x in enumerate(lines) if x.startswith('"ID"')), None)
    if done.returncode or begin is None:
        raise RuntimeError((done.stdout + done.stderr)[-1000:])
    rows = csv.DictReader(io.StringIO("\n".join(lines[begin:])))
    cycles = [int(row["Metric Value"].replace(",", "")) for row in rows]
    return cycles[0], sum(cycles[1:])


def main(names):
    if names[:1] == ["--one"]:
        run_one(json.loads(names[1]))
        return 0
    from bench import JOBS, describe_machine
    from programs import PROGRAMS

    print(json.dumps(describe_machine()))
    for name, (jobs, _, _) in JOBS.items():
        if names and name not in names:
            continue
        peer = "cublas" if name == "gemm" else "cudnn"
        for case, _ in jobs(PROGRAMS[name]):
            attn, other = count(dict(program=name, case=case, peer=peer))
            row = dict(program=name, **case, attn_cycles=attn)
            row[f"{peer}_cycles"] = other
            row[f"over_{peer}"] = round(other / attn, 3)
            print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# ===- sanitize.py - compute-sanitizer on small cases ---------------------===#
"""Runs each program's small case, and one of each kind of scheduled kernel, under
memcheck, initcheck, synccheck and racecheck."""

import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ATTN_RUN = os.environ.get("ATTN_RUN", os.path.join(ROOT, "build", "bin", "attn-run"))
CHECKS = ("memcheck", "initcheck", "synccheck", "racecheck")
# At once: small kernels leave most of the GPU to others.
WORKERS = 6
SMALL = "--dtype=bf16 --heads=2 --head-dim=64 --q-len=200 --kv-len=300"
TOKENS = "--dtype=bf16 --heads=2 --head-dim=64 --q-len=256 --kv-len=256"
CANVAS = "--dtype=bf16 --heads=1 --head-dim=64 --specialize --nan=value"
# Arguments of attn-run, by what the schedule of the variant is about.
VARIANTS = {
    "full": f"full {SMALL}",
    "clusters": f"full {SMALL} --schedule=rows=128,keys=64,cluster=2",
    "partial-steps": f"causal-bottom-right {SMALL}",
    "bias-on-coordinates": f"alibi {SMALL}",
    "gathered-bias": f"bias {SMALL} --schedule=rows=128,keys=64",
    "gathered-table": f"relative-bias {SMALL} --extent=N=77",
    "unseen-rows": f"tri-shape {SMALL} --schedule=rows=128,keys=64 --nan=value",
    "located-steps": f"s2 {TOKENS}",
    "documents": f"documents {TOKENS}",
    "boxes-2d": f"neighborhood-2d {CANVAS} --q-len=1024 --kv-len=1024 --set=width=64"
    " --set=window_y=5 --set=window_x=5",
    "boxes-3d": f"neighborhood-3d {CANVAS} --q-len=1024 --kv-len=1024 --set=height=8"
    " --set=width=16 --set=window_z=3 --set=window_y=5 --set=window_x=9",
    "block-lists": f"block-sparse {TOKENS} --set=block_rows=128 --set=block_cols=64",
    "any-strides": f"full {SMALL} --any-strides --layout=transposed"
    " --output-layout=strided",
}


def list_runs(names):
    """What is run, by the name that it is asked for by."""
    from programs import PROGRAMS

    runs = []
    for name, program in PROGRAMS.items():
        for case in program.small():
            request = dict(program=name, case=case, seed=1, repeats=0, device="cpu")
            command = [sys.executable, __file__, "--one", json.dumps(request)]
            runs.append((name, command))
    for name, arguments in VARIANTS.items():
        command = [ATTN_RUN, *arguments.split(), "--target=sm_90a", "--json"]
        runs.append((name, command))
    known = {name for name, _ in runs}
    if unknown := set(names) - known:
        sys.exit(f"expects some of {', '.join(sorted(known))}, but got {', '.join(unknown)}")
    return [run for run in runs if not names or run[0] in names]


def check(run, tool):
    name, command = run
    sanitizer = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    command = [sanitizer, "--target-processes", "all", "--tool", tool,
               "--error-exitcode", "3", *command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=150)
        text, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired:
        text, code = "ran over 150 s", 124
    lines = [f"{name} {tool}: {'clean' if code == 0 else f'exit {code}'}"]
    if code:
        lines.append(shlex.join(command))
        lines += [x for x in text.splitlines() if "Host Frame" not in x][:25]
    return code, "\n".join(lines)


def main(names):
    if "--one" in names:
        from check import run_case

        answer = run_case(json.loads(names[-1]))
        print(json.dumps(answer))
        return 0 if answer["ok"] else 1
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(check, run, tool) for run in list_runs(names) for tool in CHECKS]
        for future in concurrent.futures.as_completed(futures):
            code, text = future.result()
            failed += code != 0
            print(text, flush=True)
    print(f"{len(futures) - failed} of {len(futures)} runs are clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

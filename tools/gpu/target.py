# ===- target.py - code for another GPU, checked and timed on this one -----===#
"""Code for one NVIDIA GPU that runs on later ones, as these see it.

    tools/gpu/run.sh target --target=sm_80 [--seconds N] [--schedule=FIELDS]

Compiles kernels with .carry/attn-compile on this machine, then runs, each in a process
with a time limit: random cases of all variants against f64 (sweep.py), prompts and
decoding; dense forward in bf16, D=128, of 8192 keys, full and causal, beside PyTorch's
FlashAttention-2 and cuDNN (schedules.py); decoding beside the read rate (decode.py).
The exit status is 1 if one of them is wrong or fails.
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(FOLDER, "..", ".."))
KERNELS = os.path.join(ROOT, ".carry", "kernels")
ATTN_COMPILE = os.environ.get("ATTN_COMPILE", os.path.join(ROOT, "build", "bin", "attn-compile"))
PROMPTS = ("full", "causal-bottom-right")
# By how decode.py names them: the kernel of its file.
DECODE = ("gqa", "gqa-page64")
COMPILE_SECONDS = 100


def compile_kernel(name, arguments, target):
    """What went wrong, or nothing."""
    path = os.path.join(KERNELS, f"{name}.attn")
    command = [ATTN_COMPILE, *arguments, f"--target={target}", "--dtype=bf16",
               "--head-dim=128", "-o", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS)
    except subprocess.TimeoutExpired:
        return f"{name}: compiles longer than {COMPILE_SECONDS} s"
    return f"{name}: {done.stderr.strip()}" if done.returncode else ""


def run(what, command, seconds):
    """Whether it succeeds."""
    print(f"## {what}", flush=True)
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = f"over {seconds:g} s"
    print(f"## {what}: exit {code} after {time.monotonic() - start:.0f} s", flush=True)
    return code == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--seconds", type=float, default=20, help="of each sweep")
    parser.add_argument("--schedule", help="of the prompts' kernels")
    parser.add_argument("--seed", default="1", help="of the sweeps")
    options = parser.parse_args()
    target = options.target
    os.makedirs(KERNELS, exist_ok=True)
    schedule = [f"--schedule={options.schedule}"] if options.schedule else []
    kernels = {f"scheduled-{v}-128-{target}": [v, *schedule] for v in PROMPTS}
    heads = ["gqa", "--q-len=1", "--heads=32", "--kv-heads=8"]
    kernels[f"decode-gqa-{target}"] = heads
    kernels[f"decode-gqa-page64-{target}"] = [*heads, "--page=64"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        errors = [e for e in pool.map(
            lambda item: compile_kernel(*item, target), kernels.items()) if e]
    for error in errors:
        print(error, flush=True)

    def script(name):
        return os.path.join(FOLDER, name)

    sweep = [script("sweep.py"), "--all", "--cases=400", f"--targets={target}",
             f"--seconds={options.seconds:g}", f"--seed={options.seed}"]
    rows = [f"{v}:128:8192:kernel={v}-128-{target}" for v in PROMPTS]
    names = ",".join(f"{n}-{target}" for n in DECODE)
    # What is timed comes first: a fault in a sweep costs the others nothing.
    right = [
        run("prompts", [script("schedules.py"), "--peers=fa2,cudnn", "--rounds=2",
                        "--timeout=40", "--warm=0", *rows], 80),
        run("decoding", [script("decode.py"), f"--kernels={names}",
                         "32:8:17:8192", "32:8:32:8192"], 60),
        run("sweep", sweep, options.seconds + 60),
        run("sweep of decoding", [*sweep, "--decoding"], options.seconds + 60),
    ]
    return 0 if all(right) and not errors else 1


if __name__ == "__main__":
    sys.exit(main())

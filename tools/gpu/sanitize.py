# ===- sanitize.py - compute-sanitizer on small cases ---------------------===#
"""Runs each program's small case under memcheck, initcheck, synccheck, racecheck."""

import json
import shutil
import subprocess
import sys


def main(names):
    if "--one" in names:
        from check import run_case

        answer = run_case(json.loads(names[-1]))
        print(json.dumps(answer))
        return 0 if answer["ok"] else 1
    from programs import PROGRAMS

    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    failed = 0
    for name, program in PROGRAMS.items():
        if names and name not in names:
            continue
        for check in ("memcheck", "initcheck", "synccheck", "racecheck"):
            for case in program.small():
                request = dict(program=name, case=case, seed=1, repeats=0, device="cpu")
                command = [
                    tool, "--tool", check, "--error-exitcode", "3",
                    sys.executable, __file__, "--one", json.dumps(request),
                ]
                try:
                    done = subprocess.run(
                        command, capture_output=True, text=True, timeout=120
                    )
                    text, code = done.stdout + done.stderr, done.returncode
                except subprocess.TimeoutExpired:
                    text, code = "ran over 120 s", 124
                failed += code != 0
                print(f"{name} {check}: {'clean' if code == 0 else f'exit {code}'}")
                if code:
                    lines = [x for x in text.splitlines() if "Host Frame" not in x]
                    print("\n".join(lines)[:1500], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

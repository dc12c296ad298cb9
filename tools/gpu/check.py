# ===- check.py - correctness of the device programs ----------------------===#
"""Runs every case in a child process and compares with f64.

A child takes cases one after the other and is replaced where one crashes or takes
too long, so that a hang costs seconds and the others are still run.
"""

import json
import random
import subprocess
import sys

TIMEOUT = 60


def run_case(request):
    import torch

    import programs
    from programs import PROGRAMS, compare, load

    programs.DEVICE = request.get("device", "cuda")

    program = PROGRAMS[request["program"]]
    kernel = load(program.name)
    values = program.inputs(request["case"], request["seed"])
    outputs = program.outputs(values)
    bound = {
        name: value.cuda() if isinstance(value, torch.Tensor) else value
        for name, value in {**values, **outputs}.items()
    }
    plan = kernel.prepare(**bound)
    plan.launch()
    torch.cuda.synchronize()
    outputs = {name: bound[name].to(programs.DEVICE) for name in outputs}
    if not request["repeats"]:
        worst, place = compare(program, values, outputs)
        return dict(ok=worst <= 1, worst=round(worst, 4), place=place)
    first = {n: t.clone() for n, t in outputs.items()}
    for _ in range(request["repeats"]):
        for tensor in outputs.values():
            tensor.fill_(float("nan"))
        plan.launch()
        for name, tensor in outputs.items():
            same = torch.equal(tensor.view(torch.uint8), first[name].view(torch.uint8))
            if not same:
                return dict(ok=False, worst=0, place=f"{name} differs between runs")
    return dict(ok=True, worst=0, place="")


def serve():
    for line in sys.stdin:
        try:
            answer = run_case(json.loads(line))
        except Exception as error:  # reported as this case's result
            answer = dict(ok=False, worst=0, place=f"{type(error).__name__}: {error}")
        print(json.dumps(answer), flush=True)


class Child:
    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def run(self, request):
        import select

        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        line = self.process.stdout.readline() if ready else ""
        return json.loads(line) if line else None

    def kill(self):
        self.process.kill()
        self.process.wait()


def main(names):
    from programs import PROGRAMS

    seed = random.SystemRandom().randrange(2**31)
    print(f"seed {seed}")
    requests = []
    for name, program in PROGRAMS.items():
        if names and name not in names:
            continue
        for case in program.cases():
            requests.append(dict(program=name, case=case, seed=seed, repeats=0))
        for case in program.repeats():
            requests.append(dict(program=name, case=case, seed=seed, repeats=20))
    child, failed, worst = Child(), 0, {}
    for request in requests:
        answer = child.run(request)
        if answer is None:
            child.kill()
            child = Child()
            answer = dict(ok=False, worst=0, place=f"crashed, or ran over {TIMEOUT} s")
        name = request["program"]
        worst[name] = max(worst.get(name, 0), answer["worst"])
        if not answer["ok"]:
            failed += 1
            print("FAILED", json.dumps({**request, **answer}), flush=True)
    child.kill()
    for name, value in worst.items():
        print(f"{name}: largest error {value} of what is allowed")
    print(f"{len(requests) - failed} of {len(requests)} cases right")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        sys.exit(main(sys.argv[1:]))

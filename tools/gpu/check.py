# ===- check.py - correctness of the device programs ----------------------===#
"""Runs every case in a child process and compares with f64."""

import json
import random
import sys

from children import Child, serve

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


def answer(request):
    try:
        return run_case(request)
    except Exception as error:  # reported as this case's result
        return dict(ok=False, worst=0, place=f"{type(error).__name__}: {error}")


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
    child = Child([sys.executable, __file__, "--serve"], TIMEOUT)
    failed, worst = 0, {}
    for request in requests:
        result = child.run(request)
        if result is None:
            result = dict(ok=False, worst=0, place=f"crashed, or ran over {TIMEOUT} s")
        name = request["program"]
        worst[name] = max(worst.get(name, 0), result["worst"])
        if not result["ok"]:
            failed += 1
            print("FAILED", json.dumps({**request, **result}), flush=True)
    child.kill()
    for name, value in worst.items():
        print(f"{name}: largest error {value} of what is allowed")
    print(f"{len(requests) - failed} of {len(requests)} cases right")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve(answer)
    else:
        sys.exit(main(sys.argv[1:]))

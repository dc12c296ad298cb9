"""Calls the phases of an artifact's shared object by its manifest alone.

call_payload.py ARTIFACT SHARED_OBJECT, which is written

The kernel is full attention. Its queries are zero, so that each row of the
output is the mean of the values, and the LSE the logarithm of their number.
"""

import ctypes
import json
import math
import struct
import sys

QUERIES, KEYS, WIDTH = 9, 5, 16


def evaluate(expr, names):
    """An integer expression of a manifest."""
    if isinstance(expr, int):
        return expr
    if isinstance(expr, str):
        return names[expr]
    op, *operands = expr
    x = [evaluate(operand, names) for operand in operands]
    return {
        "add": lambda: x[0] + x[1],
        "sub": lambda: x[0] - x[1],
        "mul": lambda: x[0] * x[1],
        "floordiv": lambda: x[0] // x[1],
        "ceildiv": lambda: -(-x[0] // x[1]),
        "mod": lambda: x[0] % x[1],
        "min": lambda: min(x),
        "max": lambda: max(x),
        "eq": lambda: int(x[0] == x[1]),
        "lt": lambda: int(x[0] < x[1]),
        "le": lambda: int(x[0] <= x[1]),
        "select": lambda: x[1] if x[0] else x[2],
    }[op]()


def read_artifact(path):
    """The manifest, and the bytes of the one payload."""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack_from("<I", data, 8)[0]
    begin = 16 + size + 4
    _, payload = struct.unpack_from("<IQ", data, begin)
    return json.loads(data[16 : 16 + size]), data[begin + 12 : begin + 12 + payload]


def make_buffer(size):
    """Bytes at a boundary of 64, and what keeps them."""
    owner = ctypes.create_string_buffer(size + 64)
    return (ctypes.addressof(owner) + 63) & ~63, owner


def main():
    manifest, payload = read_artifact(sys.argv[1])
    with open(sys.argv[2], "wb") as file:
        file.write(payload)
    library = ctypes.CDLL(sys.argv[2])
    names = {"B": 1, "H": 1, "P": QUERIES, "M": KEYS}
    values = [[k + f / 16 for f in range(WIDTH)] for k in range(KEYS)]
    tensors = {
        "q": [0.0] * (QUERIES * WIDTH),
        "k": [1.0] * (KEYS * WIDTH),
        "v": [x for row in values for x in row],
        "o": [math.nan] * (QUERIES * WIDTH),
        "lse": [math.nan] * QUERIES,
    }
    tensors = {n: (ctypes.c_float * len(x))(*x) for n, x in tensors.items()}
    shapes = {
        argument["name"]: [
            evaluate(extent, {**names, "E": WIDTH, "F": WIDTH})
            for extent in argument["shape"]
        ]
        for argument in manifest["arguments"]
        if argument["kind"] == "tensor"
    }
    workspace, keep = make_buffer(evaluate(manifest["workspace_bytes"], names))
    scratch, keep_too = make_buffer(evaluate(manifest["scratch_bytes"], names))

    def word(parameter):
        (kind, what), = parameter.items()
        if kind == "pointer":
            return ctypes.addressof(tensors[what])
        if kind == "stride":
            return math.prod(shapes[what[0]][what[1] + 1 :])
        if kind == "scalar":
            assert what == "scale"
            return struct.unpack("<i", struct.pack("<f", 0.25))[0]
        if kind == "workspace":
            return workspace
        return evaluate(what, names)

    words = [word(parameter) for parameter in manifest["parameters"]]
    params = (ctypes.c_int64 * len(words))(*words)
    for phase in manifest["phases"]:
        function = getattr(library, phase["symbol"])
        function.restype = None
        function.argtypes = [ctypes.c_void_p] + [ctypes.c_int64] * 2
        function.argtypes += [ctypes.c_void_p]
        # Items one by one: a call may get any part of them.
        for item in range(evaluate(phase["items"], names)):
            function(params, item, item + 1, scratch)

    for row in range(QUERIES):
        for f in range(WIDTH):
            mean = sum(value[f] for value in values) / KEYS
            assert abs(tensors["o"][row * WIDTH + f] - mean) < 1e-5, (row, f)
        assert abs(tensors["lse"][row] - math.log(KEYS)) < 1e-5, row
    print("right")


main()

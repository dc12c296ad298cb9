#!/usr/bin/env python3
"""Runs mutated .mlir files through attn-opt and fails if one harms it.

    tools/fuzz/mutate_inputs.py                  500 inputs, as the tests do
    tools/fuzz/mutate_inputs.py --count 10000    the whole
    tools/fuzz/mutate_inputs.py --only 4711 -v   one input again

The corpus is the tree's own .mlir files, cut at `// -----`, and each input runs
with the flags of a RUN line, its own file's or another's. An input is harmful if attn-opt
ends by a signal, takes longer than 5 s or wants more than 1 GiB. Refusing it
with a diagnostic is right. Harmful inputs are kept in build/fuzz with their
flags in a first line; input number i of a seed depends on the seed, i and the
corpus alone.
"""

import argparse
import multiprocessing
import os
import random
import re
import resource
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 5
LIMIT_BYTES = 1 << 30
# Inputs are cut to this many bytes.
LIMIT_INPUT = 2 << 20

TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|->|[%#!@^]?[\w$.]+|\s+|.', re.DOTALL)
INTEGER = re.compile(r"[0-9]+")
HUGE = [
    "0", "-1", "255", "65536", "2147483647", "2147483648", "4294967296",
    "16777215", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "18446744073709551615", "18446744073709551616",
    "9" * 40, "9" * 3000, "0x" + "f" * 3000, "1e999999", "0.0", "-0.0",
]  # fmt: skip
# Brackets, and the constructs that a parser follows all the way down, by where
# they fit.
ANYWHERE = [
    ("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ("-", ""), ("- ", ""),
    ("2x", ""), ("#", ""), ("!", ""), ("@a::", ""), ("loc(", ")"),
]  # fmt: skip
AROUND_TYPE = [
    ("tuple<", ">"), ("vector<2x", ">"), ("memref<2x", ">"), ("(", ")"),
    ("() -> (", ")"), ("!llvm.struct<(", ")>"), ("tensor<2x", ">"),
]  # fmt: skip
AROUND_NUMBER = [
    ("[", "]"), ("{a = ", "}"), ("dense<[", "]>"), ("distinct[0]<", ">"),
    ("affine_map<(d0) -> (", ")>"), ("-", ""), ("1 + ", ""), ("(", ")"),
]  # fmt: skip
AROUND_ALL = [
    ("module {", "}"), ('"x"() ({', "}) : () -> ()"), ("func.func @f() {", "}"),
]  # fmt: skip
# Flags that are tried whether a test has them or not: all folders.
ALWAYS = {("--canonicalize", "--cse")}
TYPE = re.compile(r"(b?f|i|index)[0-9]*$|!")


def flag_sets(text):
    """The attn-opt flags of each RUN line of a test, without lit's own words."""
    sets = {()}
    for command in re.findall(r"attn-opt\b([^|>\n]*)", text):
        try:
            words = shlex.split(command)
        except ValueError:
            continue
        flags = tuple(
            word
            for word in words
            if word.startswith("-")
            and not re.search(r"%|verify-diagnostics|split-input-file|^-o|^--$", word)
        )
        sets.add(flags)
    return sorted(sets)


def pieces(chunk):
    """A chunk's text, and each of its top-level operations with its aliases."""
    # A mutation of a comment would be wasted.
    chunk = re.sub(r"//.*", "", chunk).strip() + "\n"
    aliases = "".join(re.findall(r"^[#!].*\n", chunk, re.MULTILINE))
    operations = re.findall(r"^[^\s#!}].*?^}\n", chunk, re.MULTILINE | re.DOTALL)
    return [chunk] + ([aliases + op for op in operations] if operations[1:] else [])


def read_corpus(folders):
    """Per .mlir file, in fixed order: its pieces' tokens and its flag sets."""
    files = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.mlir")):
        text = path.read_text(encoding="utf-8")
        runs = "\n".join(re.findall(r"RUN:(.*)", text))
        texts = [piece for chunk in text.split("// -----") for piece in pieces(chunk)]
        tokens = [TOKEN.findall(text) for text in texts if text.strip()]
        if tokens:
            files.append((tokens, flag_sets(runs)))
    return files


def swap(tokens, at, rng, other):
    to = rng.randrange(len(tokens))
    tokens[at], tokens[to] = tokens[to], tokens[at]


def delete(tokens, at, rng, other):
    del tokens[at : at + rng.choice(SPANS)]


def duplicate(tokens, at, rng, other):
    times = rng.choice([1, 1, 2, 10, 1000])
    tokens[at:at] = tokens[at : at + rng.choice(SPANS)] * times


def nest(tokens, at, rng, other):
    """Wraps some tokens in many brackets, which now and then stay open."""
    to = at + rng.choice([0, 1, 1, 3])
    if rng.random() < 0.2:
        at, to, nests = 0, len(tokens), AROUND_ALL
    elif TYPE.match(tokens[at]):
        nests = AROUND_TYPE
    elif tokens[at].isalnum() and rng.random() < 0.5:
        nests = AROUND_NUMBER
    else:
        nests = ANYWHERE
    opener, closer = rng.choice(nests)
    depth = rng.choice([1, 2, 10, 200, 255, 1000, 20000, 100000])
    tokens[to:to] = [closer * depth if rng.random() < 0.7 else ""]
    tokens[at:at] = [opener * depth]


def change_integer(tokens, at, rng, other):
    integers = [i for i, token in enumerate(tokens) if INTEGER.search(token)]
    if integers:
        at = rng.choice(integers)
        number = rng.choice(HUGE)
        tokens[at] = INTEGER.sub(lambda _: number, tokens[at], count=1)


def change_word(tokens, at, rng, other):
    """Puts a like token in a token's place: a value, a word, a bracket."""
    like = [t for t in tokens + other if _class(t) == _class(tokens[at])]
    tokens[at] = rng.choice(like)


def _class(token):
    return "word" if token[:1].isalpha() else token[:1]


def truncate(tokens, at, rng, other):
    del tokens[at + 1 :]


def splice(tokens, at, rng, other):
    span, start = rng.choice(SPANS), rng.randrange(len(other))
    tokens[at : at + rng.choice([0, span])] = other[start : start + span]


def repeat(tokens, at, rng, other):
    # Of a nest what is beyond the limit would be cut off.
    most = LIMIT_INPUT // max(len(tokens[at]), 1) + 1
    tokens[at] *= min(rng.choice([2, 10, 5000]), most)


SPANS = [1, 1, 2, 5, 20]
# The gentle ones come more often: they get past the parser.
MUTATIONS = [
    swap, delete, duplicate, nest, truncate, splice, repeat,
    change_integer, change_integer, change_word, change_word, change_word,
]  # fmt: skip


def mutate(tokens, other, rng):
    """A mutated copy of a list of tokens; `other` is another text's tokens."""
    tokens = list(tokens)
    visible = [i for i, token in enumerate(tokens) if not token.isspace()] or [0]
    rng.choice(MUTATIONS)(tokens, rng.choice(visible), rng, other)
    return tokens


def flip_bytes(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 2, 8])):
        at = rng.randrange(len(data))
        data[at] = rng.choice([data[at] ^ (1 << rng.randrange(8)), rng.randrange(256)])
    return bytes(data)


def make_input(seed, index):
    """The bytes and flags of one input."""
    rng = random.Random(f"{seed}/{index}")
    texts, runs = rng.choice(CORPUS)
    tokens = rng.choice(texts)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        tokens = mutate(tokens, rng.choice(rng.choice(CORPUS)[0]), rng) or [" "]
        if sum(map(len, tokens)) > LIMIT_INPUT:
            break
    data = "".join(tokens).encode()[:LIMIT_INPUT]
    if rng.random() < 0.15 and data:
        data = flip_bytes(data, rng)
    # The flags of any test: shipped variants have none of their own, and a pass
    # has to bear the IR of another's tests.
    if rng.random() < 0.5:
        runs = ALL_RUNS
    return data, rng.choice(runs)


def run_one(job):
    """Runs one input. Returns (index, harm or None, exit status, seconds)."""
    tool, seed, index, save, verbose = job
    data, flags = make_input(seed, index)
    command = [tool, *flags, "-", "-o", os.devnull]
    start = time.monotonic()
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=LIMIT_SECONDS, check=False
        )
        status, errors = done.returncode, done.stderr
    except subprocess.TimeoutExpired as expired:
        status, errors = None, expired.stderr or b""
    seconds = time.monotonic() - start
    harm = None
    if status is None:
        harm = f"took more than {LIMIT_SECONDS} s"
    elif status < 0:
        harm = f"ended by signal {-status}"
    elif status > 1:
        harm = f"ended with status {status}"
    elif status == 1 and not errors.strip():
        harm = "refused the input without a diagnostic"
    if harm or verbose:
        save.mkdir(parents=True, exist_ok=True)
        kept = save / f"seed{seed}-{index}.mlir"
        kept.write_bytes(f"// RUN: attn-opt {shlex.join(flags)}\n".encode() + data)
        if harm:
            first = errors.split(b"Stack dump")[0][-300:].decode(errors="replace")
            harm += f": {shlex.join(command)} < {kept}\n    {first.strip()}"
        else:
            print(f"{kept}: status {status}\n{errors.decode(errors='replace')}")
    return index, harm, status, seconds


def limit_memory():
    """Limits this worker and what it starts; a crash dump would only be slow."""
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ["LLVM_DISABLE_SYMBOLIZATION"] = "1"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tool", default=str(ROOT / "build/bin/attn-opt"))
    parser.add_argument("--corpus", type=Path, nargs="+", default=[ROOT / "test", ROOT / "lib"])
    parser.add_argument("--count", type=int, default=500, help="inputs to run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run this input alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--save", type=Path, default=ROOT / "build/fuzz")
    parser.add_argument("-v", "--verbose", action="store_true", help="keep and show all")
    arguments = parser.parse_args()

    global CORPUS, ALL_RUNS
    CORPUS = read_corpus(arguments.corpus)
    if not CORPUS:
        sys.exit("fuzz: expects .mlir files in the corpus, but found none")
    ALL_RUNS = sorted({flags for _, runs in CORPUS for flags in runs} | ALWAYS)
    indices = range(arguments.count) if arguments.only is None else [arguments.only]
    jobs = [
        (arguments.tool, arguments.seed, index, arguments.save, arguments.verbose)
        for index in indices
    ]
    accepted = refused = harmful = 0
    slowest = (0.0, None)
    # The workers inherit the corpus.
    context = multiprocessing.get_context("fork")
    with context.Pool(arguments.jobs, limit_memory) as pool:
        for index, harm, status, seconds in pool.imap_unordered(run_one, jobs, 8):
            slowest = max(slowest, (seconds, index))
            if harm:
                harmful += 1
                print(f"fuzz: seed {arguments.seed} input {index} {harm}", flush=True)
            elif status == 0:
                accepted += 1
            else:
                refused += 1
    print(
        f"fuzz: seed {arguments.seed}, {len(CORPUS)} files, {len(jobs)} inputs: "
        f"{accepted} accepted, {refused} refused, {harmful} harmful; "
        f"slowest {slowest[0]:.2f} s (input {slowest[1]})"
    )
    if harmful:
        sys.exit(1)
    if arguments.only is None and not (accepted and refused):
        sys.exit("fuzz: expects some inputs to be accepted and some refused")


if __name__ == "__main__":
    main()

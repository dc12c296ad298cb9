# ===- family.py - kernels of one list, ahead of time ----------------------===#
"""Writes the artifacts of a list of kernels, which engines load without a compiler.

    python -m attn.family LIST.toml FOLDER

    [lists]
    dtype = ["bf16", "f16"]
    width = [64, 128]

    [kernels]
    "decode-{dtype}-{width}" = "gqa --target=sm_90a --dtype={dtype} --head-dim={width} --page=16"
    "append-{dtype}-{width}" = "append --target=sm_90a --dtype={dtype} --head-dim={width} --page=16"

A kernel is what `attn-compile` compiles by these words, for each value of the lists that its
name has; of several targets, as --target=sm_90a,x86-64-v4, one file. FOLDER then has NAME.attn
for each, and index.json: by name the words, the size and the manifests' target, divided by
commas, and arguments. The index is written last, so that all that it names is there.
"""

import argparse
import ctypes
import itertools
import json
import os
import string
import sys
import tomllib

from attn._error import Error
from attn._library import CompileOptions, Receiver, check, library
from attn._trace import refuse


def list_kernels(text):
    """The words of each kernel of a list, by name.

    Raises Error for a list that is none, and for names that two kernels have.
    """
    try:
        table = tomllib.loads(text)
    except ValueError as error:
        raise refuse("the list", f"expects TOML, but got: {error}", "correct it") from None
    lists, kernels = table.get("lists", {}), {}
    for pattern, words in table.get("kernels", {}).items():
        used = [name for _, name, _, _ in string.Formatter().parse(pattern) if name]
        for name in used:
            if not isinstance(lists.get(name), list):
                raise refuse(f"kernel {pattern}", f"expects a list '{name}', but there is none",
                             "write it under [lists]")
        for values in itertools.product(*(lists[name] for name in used)):
            given = dict(zip(used, values))
            name = pattern.format(**given)
            if name in kernels:
                raise refuse(f"kernel {name}", "expects a name of its own, but two have it",
                             "put all its lists into the name")
            try:
                kernels[name] = words.format(**given).split()
            except KeyError as error:
                raise refuse(f"kernel {pattern}", f"expects lists that its name has, but got {error}",
                             "put it into the name") from None
    return kernels


def compile_artifact(words):
    """The artifact's bytes of a variant and its options. Raises Error as `attn.compile`."""
    size, options = ctypes.c_size_t(), CompileOptions(words[1:])
    ask = lambda buffer, capacity: check(library().attn_compile_artifact(
        words[0].encode(), ctypes.byref(options), buffer, capacity, ctypes.byref(size)))
    ask(None, 0)
    buffer = ctypes.create_string_buffer(size.value)
    ask(buffer, size.value)
    return buffer.raw


def read_manifests(artifact):
    """The manifests of an artifact's bytes, one a target. Raises Error for other bytes."""
    texts = []
    receive = Receiver(lambda _, text, size: texts.append(text[:size]))
    check(library().attn_artifact_print(artifact, len(artifact), receive, None))
    return json.loads(texts[0])


def describe(words, artifact):
    """What the index says of an artifact."""
    manifests = read_manifests(artifact)
    return {"words": words, "bytes": len(artifact),
            # One target may have several kernels, by the number of queries.
            "target": ",".join(dict.fromkeys(m["target"]["arch"] for m in manifests)),
            "arguments": {a["name"]: [a["dtype"], *a.get("shape", [])]
                          for a in manifests[0]["arguments"]}}


def _write(path, data):
    """The whole file, or nothing."""
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.replace(path + ".part", path)


def build(text, folder, report=print):
    """Writes the kernels of a list to a folder, and returns the index.

    report: called with a line for each.

    Raises Error for the first kernel that is refused, its name before the reason; those
    that were written before stay, without an index.
    """
    index = {}
    os.makedirs(folder, exist_ok=True)
    for name, words in list_kernels(text).items():
        if not words or os.path.basename(name) != name or name in ("", ".", ".."):
            raise refuse(f"kernel {name}", "expects a file's name and a variant", "correct it")
        try:
            artifact = compile_artifact(words)
        except Error as error:
            raise Error(error.code, f"kernel {name}, {error.feature}", error.reason,
                        error.alternative) from None
        _write(os.path.join(folder, f"{name}.attn"), artifact)
        index[name] = describe(words, artifact)
        report(f"{name}: {index[name]['target']}, {len(artifact)} bytes")
    _write(os.path.join(folder, "index.json"), json.dumps(index, indent=1).encode())
    return index


def main():
    """The command; its status is 1 where something is refused."""
    parser = argparse.ArgumentParser(prog="python -m attn.family", description="kernels of one list")
    parser.add_argument("list")
    parser.add_argument("folder")
    options = parser.parse_args()
    try:
        with open(options.list, encoding="utf-8") as file:
            build(file.read(), options.folder)
    except (Error, OSError) as error:
        print(f"attn.family: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Compares the C interface, as it is built, with the one that was released.

    check_abi.py --library LIB --compiler CC --nm NM --include DIR...
    check_abi.py ... --update     writes the baseline anew

Inputs/abi-N.txt, for the N of ATTN_API_VERSION, has the symbols that the library
exports, the declarations of functions, the size of every struct in the headers
with the offset and size of every member, and the value of every enumerator. What
only adds to it breaks no compiled caller: --update, and look at the difference.
What changes or removes a line does: raise ATTN_API_VERSION in attn-c/Attn.h
first, so that the old file stays and a new one is written.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HEADERS = ["attn-c/Attn.h", "attn-c/Compile.h", "attn-c/KvCache.h"]
HERE = Path(__file__).resolve().parent


def read_headers(folders):
    text = ""
    for header in HEADERS:
        found = [Path(f) / header for f in folders if (Path(f) / header).exists()]
        if not found:
            sys.exit(f"check_abi: error: {header} is in none of {folders}")
        text += found[0].read_text()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    # The version is a fact that the baseline's name has.
    version = re.search(r"#define ATTN_API_VERSION (\d+)", text)[1]
    return re.sub(r"^#.*", " ", text, flags=re.M), version


def list_members(body):
    """The names that `type a, *b, c[4];` and its like declare."""
    for declaration in filter(None, map(str.strip, body.split(";"))):
        for declarator in declaration.split(","):
            yield re.search(r"(\w+)\s*(?:\[[^]]*\])*$", declarator.strip())[1]


def make_program(text):
    """C that prints a line for every fact."""
    lines = ["#include <stdio.h>"]
    lines += [f'#include "{header}"' for header in HEADERS]
    lines += ["int main(void) {"]

    def fact(name, value):
        lines.append(f'  printf("{name} %lld\\n", (long long)({value}));')

    structs = re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S)
    enums = re.findall(r"typedef enum (\w+) \{(.*?)\} \1;", text, flags=re.S)
    if len(structs) + len(enums) != len(re.findall(r"\b(?:struct|enum)\b", text)):
        sys.exit("check_abi: error: expects each struct and enum as "
                 "typedef struct NAME { ... } NAME;, but one is not")
    for name, body in structs:
        fact(f"struct {name} size", f"sizeof({name})")
        fact(f"struct {name} alignment", f"_Alignof({name})")
        for member in list_members(body):
            fact(f"member {name}.{member} offset", f"offsetof({name}, {member})")
            fact(f"member {name}.{member} size", f"sizeof((({name} *)0)->{member})")
    for name, body in enums:
        fact(f"enum {name} size", f"sizeof({name})")
        for enumerator in re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip()):
            fact(f"enumerator {enumerator}", enumerator)
    return "\n".join(lines + ["  return 0;", "}", ""])


def get_facts(arguments, text):
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "abi.c", Path(folder) / "abi"
        source.write_text(make_program(text))
        includes = [f"-I{folder}" for folder in arguments.include]
        subprocess.run([arguments.compiler, "-std=c11", "-Werror", *includes,
                        str(source), "-o", str(program)], check=True)
        facts = subprocess.run([str(program)], check=True, capture_output=True,
                               text=True).stdout.splitlines()
    declarations = re.findall(r"[\w\s]+[\s*]attn_\w+\s*\([^;{}]*\);", text)
    facts += ["function " + re.sub(r"\s+", " ", d).strip() for d in declarations]
    symbols = subprocess.run([arguments.nm, "-D", "--defined-only",
                              arguments.library], check=True,
                             capture_output=True, text=True).stdout
    symbols = sorted(line.split()[-1] for line in symbols.splitlines())
    declared = sorted(re.search(r"\battn_\w+(?=\s*\()", d)[0] for d in declarations)
    # TVM-FFI's functions are of one type, and have no header.
    if [s for s in symbols if not s.startswith("__tvm_ffi_")] != declared:
        sys.exit("check_abi: error: expects to export what the headers declare, but "
                 f"these differ: {sorted(set(symbols) ^ set(declared))}")
    return facts + [f"symbol {symbol}" for symbol in symbols]


def breaks_nobody(fact, known):
    """A struct that begins with its size may grow at its end."""
    words = fact.split()
    return (words[0] == "struct" and words[2] == "size"
            and f"member {words[1]}.struct_size offset 0" in known)


def main():
    parser = argparse.ArgumentParser()
    for name in ("library", "compiler", "nm"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--include", nargs="+", required=True)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    text, version = read_headers(arguments.include)
    baseline = HERE / "Inputs" / f"abi-{version}.txt"
    facts = get_facts(arguments, text)
    if arguments.update:
        baseline.write_text("\n".join(facts) + "\n")
        print(f"check_abi: {baseline.name} has {len(facts)} facts")
        return 0
    if not baseline.exists():
        sys.exit(f"check_abi: error: {baseline.name} is not there; write it by "
                 "--update when the version is released")
    known = baseline.read_text().splitlines()
    gone = [fact for fact in known if fact not in set(facts)]
    added = [fact for fact in facts if fact not in set(known)]
    for sign, changed in ("-", gone), ("+", added):
        for fact in changed:
            print(sign, fact)
    if any(not breaks_nobody(fact, known) for fact in gone):
        print("check_abi: this breaks compiled callers: raise ATTN_API_VERSION, "
              "then --update")
    elif gone or added:
        print("check_abi: this breaks nobody: write it down by --update")
    else:
        print(f"check_abi: {len(facts)} facts are as in {baseline.name}")
    return 1 if gone or added else 0


if __name__ == "__main__":
    sys.exit(main())

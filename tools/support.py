#!/usr/bin/env python3
# ===- support.py - what is compiled for which machine ----------------------===#
"""Writes docs/support.md by asking the compiler.

    tools/support.py            writes it (some minutes)
    tools/support.py --check    asks again, and compares

An entry is asked with `attn.refusal`, and for a GPU its PTX or LLVM IR is read: kernels with
wgmma, mma.sync, mfma or wmma are scheduled for tensor cores, others run on ordinary threads.
For an AMD GPU the code object is made first.
"""

import argparse
import collections
import concurrent.futures
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "python"))

import attn
from attn._compiler import run_compiler

PAGE = os.path.join(ROOT, "docs", "support.md")
GPU, AMPERE, ADA = (f"--target={name}" for name in ("sm_90a", "sm_80", "sm_89"))
AMD = tuple(f"--target={name}" for name in ("gfx942", "gfx90a", "gfx1100"))

# What a column is called, and its options.
COLUMNS = (
    ("CPU f32", ()),
    ("CPU bf16", ("--dtype=bf16",)),
    ("GPU bf16", (GPU, "--dtype=bf16")),
    ("GPU f16", (GPU, "--dtype=f16")),
    ("GPU f32", (GPU,)),
    ("sm_80 bf16", (AMPERE, "--dtype=bf16")),
    ("sm_89 bf16", (ADA, "--dtype=bf16")),
    *((f"{name.removeprefix('--target=')} bf16", (name, "--dtype=bf16")) for name in AMD),
)
WIDTHS = (16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 512)
CACHES = (
    ("pages of 1", "--page=1"), ("pages of 16", "--page=16"), ("pages of 64", "--page=64"),
    ("e4m3 by head", "--kv-dtype=e4m3"), ("e5m2 by head", "--kv-dtype=e5m2"),
    ("i8 by head", "--kv-dtype=i8"), ("i8 by token", "--kv-dtype=i8 --kv-scales=token"),
    ("i8 by channel", "--kv-dtype=i8 --kv-scales=channel"),
    ("e4m3 in pages of 16", "--kv-dtype=e4m3 --page=16"),
    ("invariant", "--invariant"),
)
READERS = (
    ("prompts", "gqa", ()), ("decoding", "gqa", ("--q-len=1", "--heads=4", "--kv-heads=1")),
    ("mixed batches", "segments", ("--heads=4", "--kv-heads=1")),
)
CACHE_COLUMNS = [
    (f"{machine}, {what}", variant, (*options, *more))
    for what, variant, options in READERS
    for machine, more in (("CPU", ()), ("GPU", (GPU, "--dtype=bf16")),
                          ("sm_80", (AMPERE, "--dtype=bf16")))
]

Entry = collections.namedtuple("Entry", "table row column program options")


def is_gpu(options):
    return any(option in (GPU, AMPERE, ADA, *AMD) for option in options)


def list_variants():
    folder = os.path.join(ROOT, "lib", "Variants")
    return sorted(n.removesuffix(".mlir") for n in os.listdir(folder) if n.endswith(".mlir"))


def list_entries():
    for variant in list_variants():
        for column, options in COLUMNS:
            yield Entry("variants", variant, column, variant, (*options, "--head-dim=64"))
    for width in WIDTHS:
        for column, options in COLUMNS:
            yield Entry("widths", str(width), column, "causal", (*options, f"--head-dim={width}"))
    for row, given in CACHES:
        for column, variant, options in CACHE_COLUMNS:
            # A CPU's kernels have no schedule that would depend on lengths.
            kept = [o for o in options if is_gpu(options) or not o.startswith("--q-len")]
            yield Entry("caches", row, column, variant,
                        (*kept, *given.split(), "--head-dim=128"))


def refuse(error):
    """The cell of an entry that is refused. Raises what says nothing of the entry, or
    that no diagnostic does."""
    if error.code == attn.Error.IO or "but ended by" in error.reason:
        raise error
    return "no", f"{error.feature}: {error.reason}"


def ask(entry):
    """What a cell says, and the reason of one that says no."""
    if is_gpu(entry.options):
        is_amd = any(option in AMD for option in entry.options)
        if is_amd and (error := attn.refusal(entry.program, *entry.options)):
            return refuse(error)
        try:
            form = "llvm" if is_amd else "ptx"
            text = run_compiler(entry.program, (*entry.options, f"--emit={form}"))
        except attn.Error as error:
            return refuse(error)
        products = ("wgmma", "mma.sync", "amdgcn.mfma", "amdgcn.wmma")
        return ("yes" if any(name in text for name in products) else "threads"), None
    error = attn.refusal(entry.program, *entry.options)
    return refuse(error) if error else ("yes", None)


def ask_all(entries):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(entries, pool.map(ask, entries)))


def format_table(name, answers, notes):
    rows, columns = [], []
    for entry in answers:
        if entry.table == name:
            rows += [entry.row] if entry.row not in rows else []
            columns += [entry.column] if entry.column not in columns else []
    cells = {(e.row, e.column): a for e, a in answers.items() if e.table == name}
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for row in rows:
        words = []
        for column in columns:
            word, reason = cells[row, column]
            if reason:
                if reason not in notes:
                    notes.append(reason)
                word += f" ({notes.index(reason) + 1})"
            words.append(word)
        lines.append(f"| {row} | " + " | ".join(words) + " |")
    return "\n".join(lines)


TEXT = """\
# What is supported

Written by `tools/support.py`, which asks the compiler (`attn.refusal` in Python, `attn_compile_artifact` in C); a test asks all
again. A *GPU* is one of compute capability 9.0, a *CPU* one of x86-64;
*sm_80* and *sm_89* is code for those GPUs, which later ones run too; *gfx942*, *gfx90a* and *gfx1100* are AMD's.

* **yes**: on a GPU by a schedule for its tensor cores.
* **threads**: on a GPU right, but by ordinary threads: slow, save for kernels that only move data.
* **no** (n): refused, for the reason with that number.

Evidence: what a CPU runs *ran* in CI against the f64 interpreter (`test/unit/Execution`: `SweepTest`, `PagesTest`, `QuantizedTest`, `InvariantTest`,
`SegmentsTest`; `test/Python`). What a GPU runs *ran* on an H100 or H200 (`tools/gpu/run.sh sweep`, `decode`, `segments`, `invariant`; figures and dates in
[performance](performance.md)), and is *simulated* in CI by the `pipe` interpreter. Widths that no such run has drawn are *assembled* only: the
sweeps draw 64, 80, 96, 128, 192 and 256. Code for sm_80 *ran* on an H200 (`tools/gpu/run.sh target`), and is *simulated* in CI as well (`SchedulesTest`, `PagesTest`, `QuantizedTest`, `SegmentsTest`,
`MmaSyncTest`); neither it nor that for sm_89, which is *assembled* only, has run on such a GPU.
Code for *gfx942*, *gfx90a* and *gfx1100* is *simulated*: no AMD GPU has run it. Its `pipe` programs run in the interpreter (`SchedulesTest`, `PagesTest`,
`QuantizedTest`, `SegmentsTest`, `AmdFaultsTest`), its LLVM IR lane by lane (`test/unit/Target/AMD`: `EmulatedTest`), and its code objects are linked and their
metadata compared with the manifest. Machine code for *gfx1100* of every variant was run in a public
[emulator of the instruction set](runtime.md#in-an-emulator-of-the-instruction-set). A *yes* or *threads* there says that the code object was made without scratch memory or spills.

## Variants, of width 64

{variants}

## Widths, of `causal`

{widths}

## Caches, of width 128

{caches}

## Reasons

{reasons}
"""


def write(answers):
    notes = []
    tables = {n: format_table(n, answers, notes) for n in ("variants", "widths", "caches")}
    reasons = "\n".join(f"{i}. {reason}" for i, reason in enumerate(notes, 1))
    reasons = reasons or "None of these is refused."
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(TEXT.format(**tables, reasons=reasons))


def read():
    """The words of the page's cells, by table, row and column."""
    cells, table, columns = {}, None, []
    with open(PAGE, encoding="utf-8") as file:
        for line in file:
            parts = [part.strip() for part in line.strip().strip("|").split("|")]
            if line.startswith("## "):
                table = line[3:].split(",")[0].strip().lower()
            elif line.startswith("| | "):
                columns = parts[1:]
            elif line.startswith("|") and not line.startswith("| ---"):
                for column, word in zip(columns, parts[1:]):
                    cells[table, parts[0], column] = word.split()[0]
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if error := attn.refusal("full"):
        raise error  # nothing can be asked
    entries = list(list_entries())
    answers = ask_all(entries)
    if not options.check:
        write(answers)
        return 0
    page, wrong = read(), 0
    for entry, (word, _) in answers.items():
        said = page.get((entry.table, entry.row, entry.column))
        if said != word:
            wrong += 1
            print(f"{entry.table}, {entry.row}, {entry.column}: the page says {said}, the "
                  f"compiler {word}; run tools/support.py")
    for cell in sorted(page.keys() - {entry[:3] for entry in entries}):
        wrong += 1
        print(f"{', '.join(cell)}: nothing is asked for it; run tools/support.py")
    print(f"{len(entries)} entries asked, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

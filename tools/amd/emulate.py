#!/usr/bin/env python3
# ===- emulate.py - code objects in an emulator of the instruction set ------===#
"""Runs kernels for gfx1100 in an emulator of RDNA3's instructions, and checks them.

    tools/amd/emulate.py --emulator DIR             runs all cases
    tools/amd/emulate.py --emulator DIR NAME...     runs cases, or shipped variants, of these names
    tools/amd/emulate.py --emulator DIR --variants  runs every shipped variant
    tools/amd/emulate.py --emulator DIR -- ARGS...  runs attn-run with ARGS
    tools/amd/emulate.py --list                     prints the cases

DIR holds tinygrad as a checkout has it: the package `tinygrad`, whose decoder the emulator uses,
and `test/mockgpu/amd/emu.py`, whose `run_asm` runs machine code over this machine's memory. Waves
of a group have to take turns in it, at `s_sleep` at least: attn's wait for words that others
write, and tinygrad's own run one after another from barrier to barrier. docs/runtime.md says what
was used. NumPy is all that is needed besides.

Everything else is what runs on hardware: attn-run compiles, its runtime loads the artifact and
launches through HIP's interface, and results are compared with the interpreter in f64 by the rule
of docs/numerics.md. HIP's library is a stand-in, test/unit/Runtime/FakeHip/EmulatedHip.cpp, which
sends launches to this script (--serve). It does here what AMD's runtime does there: it loads the
code object, lays out the kernel's arguments by its metadata, and sets up registers by its
descriptor.

--flip MASK:VALUE:BIT turns a bit of the first 32 bits of code that have VALUE under MASK, to see
that the check can fail: 0xffff0000:0xcc410000:16 takes the first product of bf16 for one of f16.
"""

import argparse
import ctypes
import importlib
import json
import os
import shlex
import struct
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# An address that nothing has.
NOWHERE = 0xDEAD << 32
# What launches say that their grids have.
DIMENSIONS = 3

SMALL = ("--heads=2", "--q-len=70", "--kv-len=90", "--nan=hidden")
GROUPS = ("--heads=4", "--kv-heads=2")
BF16, F16 = ("--dtype=bf16",), ("--dtype=f16",)
# Of a shipped variant; some have as many queries as keys.
VARIANT = ("--heads=2", "--q-len=70", "--nan=hidden", *BF16, "--head-dim=64")
TILES = "rows=64,keys=32"
# What a case is called, and attn-run's arguments.
CASES = {
    "full": ("full", *SMALL, *BF16, "--head-dim=32"),
    "full-64": ("full", *SMALL, *F16, "--head-dim=64"),
    "full-128": ("full", "--heads=1", "--q-len=40", "--kv-len=50", *BF16, "--head-dim=128"),
    "full-split": ("full", *SMALL, *BF16, "--head-dim=64", f"--schedule={TILES},split=1"),
    "full-roles": ("full", *SMALL, *BF16, "--head-dim=64", f"--schedule={TILES},split=0"),
    "causal": ("causal-bottom-right", *SMALL, *BF16, "--head-dim=64"),
    "gqa": ("gqa", *GROUPS, "--q-len=33", "--kv-len=75", *F16, "--head-dim=32"),
    "window": ("sliding-window", *SMALL, *BF16, "--head-dim=32"),
    "softcap": ("softcap", *SMALL, *F16, "--head-dim=32"),
    "alibi": ("alibi", *SMALL, *BF16, "--head-dim=32"),
    "decode": ("gqa", *GROUPS, "--q-len=1", "--kv-len=200", *BF16, "--head-dim=64"),
    "decode-pages": ("gqa", *GROUPS, "--q-len=1", "--kv-len=200", *F16, "--head-dim=64",
                     "--page=16"),
    "decode-i8": ("gqa", *GROUPS, "--q-len=1", "--kv-len=100", *BF16, "--head-dim=64",
                  "--kv-dtype=i8"),
    "pages": ("causal-bottom-right", *SMALL, *BF16, "--head-dim=64", "--page=16"),
    "threads": ("full", "--heads=1", "--q-len=9", "--kv-len=20", "--dtype=f32", "--head-dim=32"),
}


class MessagePack:
    """Reads what code objects' metadata is written in, as far as it occurs there."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, form):
        (value,) = struct.unpack_from(">" + form, self.data, self.place)
        self.place += struct.calcsize(form)
        return value

    def text(self, length):
        self.place += length
        return self.data[self.place - length:self.place].decode()

    def pairs(self, count):
        return dict((self.read(), self.read()) for _ in range(count))

    def read(self):
        kind = self.take("B")
        if kind < 0x80:
            return kind
        if kind < 0x90:
            return self.pairs(kind & 15)
        if kind < 0xA0:
            return [self.read() for _ in range(kind & 15)]
        if kind < 0xC0:
            return self.text(kind & 31)
        if kind in (0xC2, 0xC3):
            return kind == 0xC3
        if 0xCC <= kind <= 0xD3:
            return self.take("BHIQbhiq"[kind - 0xCC])
        if 0xD9 <= kind <= 0xDB:
            return self.text(self.take("BHI"[kind - 0xD9]))
        if kind in (0xDC, 0xDD):
            return [self.read() for _ in range(self.take("HI"[kind - 0xDC]))]
        if kind in (0xDE, 0xDF):
            return self.pairs(self.take("HI"[kind - 0xDE]))
        raise ValueError(f"metadata of kind {kind:#x}")


class Kernel:
    """A kernel of a loaded code object: its metadata and its descriptor.

    The descriptor's fields are those of "Kernel Descriptor" in LLVM's AMDGPU usage.
    """

    def __init__(self, metadata, descriptor, address):
        self.name = metadata[".name"]
        self.arguments = metadata.get(".args", [])
        self.argument_bytes = metadata[".kernarg_segment_size"]
        self.address = address
        self.shared_bytes, self.scratch_bytes = struct.unpack_from("<II", descriptor)
        (self.entry,) = struct.unpack_from("<q", descriptor, 16)
        (self.resources,) = struct.unpack_from("<I", descriptor, 52)
        self.properties, preloaded = struct.unpack_from("<HH", descriptor, 56)
        if not self.properties >> 10 & 1 or preloaded:
            raise ValueError(f"{self.name}: expects waves of 32 lanes and no preloaded arguments")

    def lay_out(self, parameters, grid, threads):
        """The kernel's arguments, those that no launch gives included."""
        segment = bytearray(self.argument_bytes)
        given = iter(parameters)
        for argument in self.arguments:
            kind, size = argument[".value_kind"], argument[".size"]
            if not kind.startswith("hidden_"):
                data = next(given)
            elif kind.startswith("hidden_block_count_"):
                data = grid["xyz".index(kind[-1])].to_bytes(size, "little")
            elif kind.startswith("hidden_group_size_"):
                data = (threads, 1, 1)["xyz".index(kind[-1])].to_bytes(size, "little")
            elif kind == "hidden_grid_dims":
                data = DIMENSIONS.to_bytes(size, "little")
            else:  # Offsets and remainders, of which there are none, and no services.
                data = bytes(size)
            if len(data) != size:
                raise ValueError(f"{self.name}: got {len(data)} bytes for an argument of {size}")
            segment[argument[".offset"]:argument[".offset"] + size] = data
        return bytes(segment)

    def describe_dispatch(self, segment, grid, threads):
        """The packet that a queue is given for a launch (HSA, "Kernel dispatch packet")."""
        kind = 2
        return struct.pack("<HH3HHIIIIIQQQQ", kind, DIMENSIONS, threads, 1, 1, 0,
                           threads * grid[0], grid[1], grid[2], self.scratch_bytes,
                           self.shared_bytes, self.address, segment, 0, 0)

    def scalar_registers(self, segment, packet):
        """What the first scalar registers hold, by the descriptor's flags; queues are not there."""
        pairs = {0x2: packet, 0x4: NOWHERE, 0x8: segment, 0x10: 0}
        if unknown := self.properties & 0x7F & ~sum(pairs):
            raise ValueError(f"{self.name}: asks for scalar registers by {unknown:#x}")
        return [half for flag, value in pairs.items() if self.properties & flag
                for half in (value & 0xFFFFFFFF, value >> 32)]


class CodeObject:
    """A code object in this process's memory."""

    def __init__(self, image, flip=None):
        if image[:4] != b"\x7fELF" or struct.unpack_from("<H", image, 18) != (224,):
            raise ValueError("no code object of AMD's")
        headers, = struct.unpack_from("<Q", image, 32)
        size, count = struct.unpack_from("<HH", image, 54)
        segments = [struct.unpack_from("<IIQQQQQQ", image, headers + i * size)
                    for i in range(count)]
        end = max(place + bytes for kind, _, _, place, _, _, bytes, _ in segments if kind == 1)
        # Code lies to pages as the linker has it.
        self.memory = ctypes.create_string_buffer(end + 4096)
        self.base = (ctypes.addressof(self.memory) + 4095) // 4096 * 4096
        self.size = end
        note = None
        for kind, flags, offset, place, _, bytes, _, _ in segments:
            if kind == 1:
                ctypes.memmove(self.base + place, image[offset:offset + bytes], bytes)
                if flags & 1:
                    self.code = place, bytes
            elif kind == 4:
                note = image[offset:offset + bytes]
        if flip:
            mask, value, bit = (int(number, 0) for number in flip.split(":"))
            start, bytes = self.code
            words = (ctypes.c_uint32 * (bytes // 4)).from_address(self.base + start)
            place = next((i for i, word in enumerate(words) if word & mask == value), None)
            if place is None:
                raise ValueError(f"no code is like {flip}")
            words[place] ^= 1 << bit
        name_bytes, bytes, _ = struct.unpack_from("<III", note)
        start = 12 + (name_bytes + 3) // 4 * 4
        metadata = MessagePack(note[start:start + bytes]).read()
        symbols = self.read_symbols(image)
        self.kernels = {}
        for entry in metadata["amdhsa.kernels"]:
            address = self.base + symbols[entry[".symbol"]]
            kernel = Kernel(entry, ctypes.string_at(address, 64), address)
            self.kernels[kernel.name] = kernel

    @staticmethod
    def read_symbols(image):
        """Values of the dynamic symbols."""
        table, = struct.unpack_from("<Q", image, 40)
        size, count = struct.unpack_from("<HH", image, 58)
        sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + i * size)
                    for i in range(count)]
        symbols = {}
        for _, kind, _, _, offset, bytes, link, _, _, _ in sections:
            if kind != 11:
                continue
            for at in range(offset, offset + bytes, 24):
                name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", image, at)
                start = sections[link][4] + name
                symbols[image[start:image.index(0, start)].decode()] = value
        return symbols

    def launch(self, emulator, name, grid, threads, parameters, memory):
        """Runs a kernel over `memory`, which is pairs of an address and a number of bytes."""
        kernel = self.kernels[name]
        data = kernel.lay_out(parameters, grid, threads)
        segment = ctypes.create_string_buffer(data, len(data) + 16)
        address = ctypes.addressof(segment)
        packet = ctypes.create_string_buffer(kernel.describe_dispatch(address, grid, threads), 64)
        known = {(address, len(data)), (ctypes.addressof(packet), 64), (self.base, self.size)}
        if hasattr(emulator, "set_valid_mem_ranges"):
            emulator.set_valid_mem_ranges({*memory, *known})
        # Hardware is told of shared memory in blocks of 512 bytes, and not by the descriptor.
        resources = kernel.resources | (kernel.shared_bytes + 511) // 512 << 15
        code = kernel.address + kernel.entry
        emulator.run_asm(code, self.base + sum(self.code) - code, *grid, threads, 1, 1, address,
                         resources, kernel.scratch_bytes, "rdna3",
                         kernel.scalar_registers(address, ctypes.addressof(packet)))


def serve(folder, flip):
    """Answers EmulatedHip.cpp, which says what lines mean."""
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.path.insert(0, folder)
    emulator = importlib.import_module("test.mockgpu.amd.emu")
    objects = []
    for line in sys.stdin:
        what, *words = line.split()
        try:
            if what == "arena":
                map_arena(*map(int, words))
                continue
            if what == "load":
                objects.append(CodeObject(bytes.fromhex(words[0]), flip))
                kernels = objects[-1].kernels.values()
                answer = f"functions {len(kernels)}"
                for kernel in kernels:
                    sizes = [str(a[".size"]) for a in kernel.arguments
                             if not a[".value_kind"].startswith("hidden_")]
                    answer += "\n" + " ".join([kernel.name, *sizes])
            else:
                name, *sizes, parameters, memory = words
                code = next(o for o in reversed(objects) if name in o.kernels)
                ranges = [tuple(map(int, part.split(":"))) for part in memory.split(",") if part]
                code.launch(emulator, name, list(map(int, sizes[:3])), int(sizes[3]),
                            list(map(bytes.fromhex, parameters.split(","))), ranges)
                answer = "done"
        except Exception as error:  # Whatever it is, the other side waits for an answer.
            answer = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(answer, file=answers, flush=True)


def map_arena(descriptor, address, size):
    """Maps the device's memory where the other process has it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                          ctypes.c_int, ctypes.c_long]
    read_write, shared_fixed = 3, 0x100001
    if libc.mmap(address, size, read_write, shared_fixed, descriptor, 0) != address:
        raise OSError(ctypes.get_errno(), "cannot map the device's memory")


def run(options, arguments, **settings):
    """Runs attn-run with its launches in the emulator."""
    build = os.path.join(ROOT, options.build)
    serving = [sys.executable, os.path.abspath(__file__), "--emulator", options.emulator, "--serve"]
    if options.flip:
        serving += ["--flip", options.flip]
    environment = {
        **os.environ,
        "ATTN_HIP_DRIVER": os.path.join(build, "test", "unit", "Runtime", "libAttnEmulatedHip.so"),
        "ATTN_EMULATED_HIP": "exec " + shlex.join(serving),
    }
    program = os.path.join(build, "bin", "attn-run")
    return subprocess.run([program, *arguments, "--target=gfx1100"], env=environment, **settings)


def list_variants(options):
    done = subprocess.run([os.path.join(ROOT, options.build, "bin", "attn-run"), "--list"],
                          capture_output=True, text=True, check=True)
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()]


def run_case(options, name, arguments):
    """Whether attn-run finds a case right; prints a line that says so."""
    began = time.time()
    done = run(options, [*arguments, "--check", "--json"], capture_output=True, text=True)
    seconds = time.time() - began
    try:
        report = json.loads(done.stdout)
    except ValueError:
        report = {}
    # attn-run ends with 0 where everything is right, and says what is not.
    right = done.returncode == 0 and report.get("right") is True
    ratios = ", ".join(f"{output} {error['max_ratio']:.3f}"
                       for output, error in report.get("error", {}).get("outputs", {}).items())
    print(f"{name:20} {'right' if right else 'WRONG'}  {seconds:6.1f} s  {ratios}", flush=True)
    for line in done.stderr.splitlines():
        print("    " + line, flush=True)
    return right


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emulator", default=os.environ.get("ATTN_RDNA_EMULATOR"),
                        help="the folder with tinygrad and its emulator (ATTN_RDNA_EMULATOR)")
    parser.add_argument("--build", default="build", help="the build folder (build)")
    parser.add_argument("--list", action="store_true", help="print the cases")
    parser.add_argument("--variants", action="store_true", help="run every shipped variant")
    parser.add_argument("--flip", metavar="MASK:VALUE:BIT", help="turn a bit of the code")
    parser.add_argument("--serve", action="store_true", help="answer a stand-in of HIP's library")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="cases; after -- attn-run's arguments")
    own, others = sys.argv[1:], None
    if "--" in own:
        own, others = own[:own.index("--")], own[own.index("--") + 1:]
    options = parser.parse_args(own)
    if options.list:
        for name, arguments in CASES.items():
            print(f"{name:20} {' '.join(arguments)}")
        return 0
    if not options.emulator:
        parser.error("--emulator or ATTN_RDNA_EMULATOR has to name a folder; see --help")
    if options.serve:
        serve(options.emulator, options.flip)
        return 0
    if others is not None:
        return run(options, others).returncode
    variants = list_variants(options)
    if unknown := [name for name in options.names if name not in CASES and name not in variants]:
        parser.error(f"there is no case {unknown[0]}, but: {', '.join(CASES)}")
    cases = {name: (name, *VARIANT) for name in variants}
    if not options.variants:
        cases = {name: CASES.get(name, cases.get(name)) for name in options.names or CASES}
    wrong = [name for name, arguments in cases.items() if not run_case(options, name, arguments)]
    if wrong:
        print(f"wrong: {', '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

# ===- _compiler.py - kernels from programs --------------------------------===#
"""The library's compiler: attn-compile in a process of its own, its kernels kept on disk."""

import ctypes
import sys
import threading

from attn._error import Error
from attn._kernel import Kernel
from attn._library import CompileOptions, Handle, Receiver, check, library

_lock = threading.Lock()
# Of this process, loaded, by all that they depend on.
_kernels: dict[tuple, Kernel] = {}


def compile(program: str, *options: str, threads: int = 1, time_limit: float = 0,
            memory_limit: int = 0) -> Kernel:
    """A Kernel for what `attn-compile PROGRAM OPTIONS` compiles.

    program: the name of a variant that attn ships, or a cascade's text.
    options: which kernel is wanted, such as "--dtype=bf16", "--head-dim=128".
    threads: as in `load`.
    time_limit: seconds that the compiler may take; memory_limit: bytes; 0 for any.

    Of all threads and processes that ask for one kernel one compiles; it is kept for
    later ones where ATTN_CACHE_DIR says, else in ~/.cache/attn.

    Raises Error for a program that is none or that the target cannot run; its feature
    is the place in the program, file:line:column, where there is one.
    """
    given = CompileOptions(options, round(time_limit * 1000), memory_limit)
    return Kernel(
        Handle("attn_kernel_release", "attn_compile", program.encode(), ctypes.byref(given)),
        threads)


def refusal(program: str, *options: str) -> Error | None:
    """Why `compile` would refuse this, for any target: an Error, or None if it would not."""
    size = ctypes.c_size_t()
    try:
        check(library().attn_compile_artifact(
            program.encode(), ctypes.byref(CompileOptions(options)), None, 0, ctypes.byref(size)))
    except Error as error:
        return error
    return None


def run_compiler(program, options):
    """What attn-compile prints for a program, such as a report.

    Raises Error as `compile` does.
    """
    texts = []
    receive = Receiver(lambda _, text, size: texts.append(ctypes.string_at(text, size)))
    check(library().attn_compile_print(
        program.encode(), ctypes.byref(CompileOptions(options)), receive, None))
    return texts[0].decode()


def get_kernel(program, options, threads, like):
    """The kernel of `compile`, loaded once a process and device.

    like: an array of where it is to run.
    """
    torch = sys.modules.get("torch")
    isTensor = torch is not None and isinstance(like, torch.Tensor) and like.is_cuda
    device = like.device if isTensor else None
    key = program, tuple(options), threads, device
    with _lock:
        if key not in _kernels:
            if isTensor:
                # Kernels are loaded for the current device.
                with torch.cuda.device(device):
                    _kernels[key] = compile(program, *options, threads=threads)
            else:
                _kernels[key] = compile(program, *options, threads=threads)
        return _kernels[key]

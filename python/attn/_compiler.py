# ===- _compiler.py - attn-compile as a library ---------------------------===#

import atexit
import os
import re
import shutil
import subprocess
import tempfile
import threading

from attn._error import Error
from attn._kernel import Kernel

_lock = threading.Lock()
_kernels = {}
_folder = None


def find_compiler():
    """The path of attn-compile: ATTN_COMPILE, beside the package, or on PATH.

    Raises Error if there is none.
    """
    own = os.path.join(os.path.dirname(__file__), "attn-compile")
    for path in (os.environ.get("ATTN_COMPILE"), own, shutil.which("attn-compile")):
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise Error(
        Error.UNSUPPORTED, "attn-compile",
        "expects the compiler, but it is neither beside the package nor on PATH",
        "install it, or set ATTN_COMPILE to its path")


def run_compiler(source, options, output=None):
    """What attn-compile prints, its stderr's notes apart.

    source: the text of a cascade, or the name of a variant that attn ships.
    output: the path to write to, or None for none.

    Raises Error with the compiler's first error.
    """
    isText = "\n" in source
    with tempfile.TemporaryDirectory(prefix="attn-") as folder:
        if isText:
            text, source = source, os.path.join(folder, "attention.mlir")
            with open(source, "w", encoding="utf-8") as file:
                file.write(text)
        command = [find_compiler(), source, *options]
        if output:
            command += ["-o", output]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    errors = [line for line in done.stderr.splitlines() if "error: " in line]
    ended = f"attn-compile ended with status {done.returncode}"
    reason = (errors or done.stderr.strip().splitlines()[-1:] or [ended])[0]
    place, _, what = reason.partition("error: ")
    # As it is printed: file:line:column, or "name"("file":line:column).
    found = re.search(r'([^"()]+)"?:(\d+):(\d+)', place)
    raise Error(
        Error.UNSUPPORTED, ":".join(found.groups()) if found else "compile", what or reason,
        "write the mask and the score in another way" if isText else
        "give what the variant is compiled for")


def get_kernel(source, options, threads):
    """The kernel of a cascade or of a shipped variant, compiled once a process.

    source: as in `run_compiler`.
    """
    global _folder
    key = (source, tuple(options), threads)
    with _lock:
        if key not in _kernels:
            if _folder is None:
                _folder = tempfile.mkdtemp(prefix="attn-kernels-")
                atexit.register(shutil.rmtree, _folder, ignore_errors=True)
            path = os.path.join(_folder, f"{len(_kernels)}.attn")
            run_compiler(source, options, path)
            _kernels[key] = Kernel(path, threads)
        return _kernels[key]

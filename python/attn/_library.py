# ===- _library.py - libattn_runtime through ctypes -----------------------===#
"""The declarations of attn-c/Attn.h and DLPack's DLTensor."""

import ctypes
import ctypes.util
import os
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_int64
from ctypes import c_size_t, c_uint8, c_uint16, c_uint64, c_void_p

from attn._error import Error

# ATTN_API_VERSION of the header that this file transcribes.
API_VERSION = 2


class DLDevice(ctypes.Structure):
    _fields_ = [("device_type", c_int32), ("device_id", c_int32)]


class DLDataType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device", DLDevice),
        ("ndim", c_int32),
        ("dtype", DLDataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


class Argument(ctypes.Structure):
    """attn_argument; `kind` is one of the three constants."""

    TENSOR, INTEGER, REAL = range(3)
    _fields_ = [
        ("name", c_char_p),
        ("kind", c_int),
        ("tensor", POINTER(DLTensor)),
        ("integer", c_int64),
        ("real", c_double),
    ]


class PlanOptions(ctypes.Structure):
    """attn_plan_options."""

    _fields_ = [("struct_size", c_size_t), ("pool", c_uint64), ("sm_margin", c_int32)]

    def __init__(self, pool=0, sm_margin=0):
        super().__init__(ctypes.sizeof(PlanOptions), pool, sm_margin)


class CompileOptions(ctypes.Structure):
    """attn_compile_options."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("words", POINTER(c_char_p)),
        ("num_words", c_size_t),
        ("compiler", c_char_p),
        ("cache_directory", c_char_p),
        ("time_limit_ms", c_int64),
        ("memory_limit_bytes", c_int64),
        ("cancellation", c_uint64),
    ]

    def __init__(self, words, time_limit_ms=0, memory_limit_bytes=0):
        encoded = (c_char_p * len(words))(*(os.fsencode(word) for word in words))
        super().__init__(
            ctypes.sizeof(CompileOptions), encoded, len(words), None, None,
            time_limit_ms, memory_limit_bytes, 0)


# attn_compile_print's `receive`.
Receiver = ctypes.CFUNCTYPE(None, c_void_p, POINTER(ctypes.c_char), c_size_t)

# Handles are structs of one 64-bit integer, which are passed as that integer is.
_SIGNATURES = {
    "attn_api_version": (c_int, []),
    "attn_last_error_code": (c_int, []),
    "attn_last_error_feature": (c_char_p, []),
    "attn_last_error_reason": (c_char_p, []),
    "attn_last_error_alternative": (c_char_p, []),
    "attn_kernel_load_file": (c_int, [c_char_p, POINTER(c_uint64)]),
    "attn_kernel_manifest": (c_char_p, [c_uint64]),
    "attn_kernel_release": (c_int, [c_uint64]),
    "attn_pool_create": (c_int, [c_int, POINTER(c_uint64)]),
    "attn_pool_release": (c_int, [c_uint64]),
    "attn_plan_prepare": (
        c_int,
        [c_uint64, POINTER(Argument), c_size_t, POINTER(PlanOptions), POINTER(c_uint64)],
    ),
    "attn_plan_rebind": (c_int, [c_uint64, POINTER(Argument), c_size_t]),
    "attn_plan_move": (c_int, [c_uint64, POINTER(c_void_p), c_size_t]),
    "attn_plan_run": (c_int, [c_uint64]),
    "attn_plan_launch": (c_int, [c_uint64, c_void_p]),
    "attn_plan_launch_at": (c_int, [c_uint64, POINTER(c_void_p), c_size_t, c_void_p]),
    "attn_plan_release": (c_int, [c_uint64]),
    "attn_compile": (c_int, [c_char_p, POINTER(CompileOptions), POINTER(c_uint64)]),
    "attn_compile_artifact": (
        c_int,
        [c_char_p, POINTER(CompileOptions), c_void_p, c_size_t, POINTER(c_size_t)],
    ),
    "attn_compile_print": (c_int, [c_char_p, POINTER(CompileOptions), Receiver, c_void_p]),
}

_library = None


def _find():
    """The library's path: ATTN_RUNTIME_LIBRARY, the package's own, the system's."""
    named = os.environ.get("ATTN_RUNTIME_LIBRARY")
    if named:
        return named
    beside = os.path.join(os.path.dirname(__file__), "libattn_runtime.so")
    if os.path.exists(beside):
        return beside
    return ctypes.util.find_library("attn_runtime")


def library():
    """The loaded library. Raises Error where there is none of this version."""
    global _library
    if _library is not None:
        return _library
    path = _find()
    if path is None:
        raise Error(
            Error.IO,
            "libattn_runtime",
            "expects the library beside this package, but it is not there",
            "set ATTN_RUNTIME_LIBRARY to its path",
        )
    try:
        loaded = ctypes.CDLL(path)
        for name, (result, parameters) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = parameters
    except (OSError, AttributeError) as error:
        raise Error(
            Error.IO,
            "libattn_runtime",
            f"expects a library to load, but got: {error}",
            "set ATTN_RUNTIME_LIBRARY to its path",
        ) from None
    version = loaded.attn_api_version()
    if version != API_VERSION:
        raise Error(
            Error.UNSUPPORTED,
            path,
            f"expects interface version {API_VERSION}, but got {version}",
            "use the library of this package's version",
        )
    _library = loaded
    return loaded


def check(status):
    """Raises the thread's last error if `status` is not ATTN_OK."""
    if status == 0:
        return
    lib = library()
    parts = (
        lib.attn_last_error_feature(),
        lib.attn_last_error_reason(),
        lib.attn_last_error_alternative(),
    )
    raise Error(status, *(part.decode(errors="replace") for part in parts))


class Handle:
    """An object of the library, released with this one."""

    def __init__(self, release, create, *arguments):
        """Calls `create(*arguments, &handle)`; both are functions' names."""
        self._release = getattr(library(), release)
        handle = c_uint64()
        check(getattr(library(), create)(*arguments, byref(handle)))
        self.value = handle.value

    def __del__(self):
        # Without a value where creation failed.
        if getattr(self, "value", None):
            self._release(self.value)
            self.value = None

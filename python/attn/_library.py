# ===- _library.py - libattn_runtime through ctypes -----------------------===#
"""The declarations of attn-c/Attn.h, Compile.h and KvCache.h, and DLPack's DLTensor."""

import ctypes
import ctypes.util
import importlib.machinery
import importlib.util
import os
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_int64
from ctypes import c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p

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


class LoadOptions(ctypes.Structure):
    """attn_load_options."""

    _fields_ = [("struct_size", c_size_t), ("target", c_char_p)]

    def __init__(self, target):
        super().__init__(ctypes.sizeof(LoadOptions), target and target.encode())


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


class SequenceId(ctypes.Structure):
    """attn_sequence."""

    _fields_ = [("number", c_uint32), ("generation", c_uint32)]


class PageCopy(ctypes.Structure):
    """attn_page_copy; `from` is a word of Python's."""

    _fields_ = [("from_", c_int32), ("to", c_int32), ("num_tokens", c_int64)]


class PagedCacheOptions(ctypes.Structure):
    """attn_paged_cache_options."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("num_pages", c_int32),
        ("page_tokens", c_int64),
        ("forgets_prefixes", c_int32),
    ]

    def __init__(self, num_pages, page_tokens, forgets_prefixes):
        super().__init__(
            ctypes.sizeof(PagedCacheOptions), num_pages, page_tokens, forgets_prefixes)


class HeadBudget(ctypes.Structure):
    """attn_head_budget."""

    _fields_ = [("sink_tokens", c_int64), ("window_tokens", c_int64)]


class StreamingCacheOptions(ctypes.Structure):
    """attn_streaming_cache_options."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("num_slots", c_int32),
        ("capacity", c_int64),
        ("max_append", c_int64),
        ("heads", POINTER(HeadBudget)),
        ("num_heads", c_size_t),
    ]

    def __init__(self, num_slots, capacity, max_append, budgets):
        heads = (HeadBudget * len(budgets))(*budgets)
        super().__init__(
            ctypes.sizeof(StreamingCacheOptions), num_slots, capacity, max_append, heads,
            len(budgets))


class KvSegment(ctypes.Structure):
    """attn_kv_segment."""

    _fields_ = [("first", c_int64), ("count", c_int64), ("position", c_int64)]


class CacheStats(ctypes.Structure):
    """attn_cache_stats."""

    _fields_ = [
        ("struct_size", c_size_t),
        *((name, c_int64) for name in (
            "num_sequences", "num_tokens", "num_pages", "num_free", "num_idle", "num_used",
            "num_shared", "num_unused")),
        ("sharing", c_double),
    ]

    def __init__(self):
        super().__init__(ctypes.sizeof(CacheStats))


# `receive` of attn_compile_print and attn_artifact_print.
Receiver = ctypes.CFUNCTYPE(None, c_void_p, POINTER(ctypes.c_char), c_size_t)

# Handles are structs of one 64-bit integer, which are passed as that integer is.
_SIGNATURES = {
    "attn_api_version": (c_int, []),
    "attn_last_error_code": (c_int, []),
    "attn_last_error_feature": (c_char_p, []),
    "attn_last_error_reason": (c_char_p, []),
    "attn_last_error_alternative": (c_char_p, []),
    "attn_kernel_load_file_for": (
        c_int, [c_char_p, POINTER(LoadOptions), POINTER(c_uint64)]),
    "attn_artifact_print": (c_int, [c_char_p, c_size_t, Receiver, c_void_p]),
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
    "attn_paged_cache_create": (c_int, [POINTER(PagedCacheOptions), POINTER(c_uint64)]),
    "attn_dense_cache_create": (c_int, [c_int32, c_int64, POINTER(c_uint64)]),
    "attn_streaming_cache_create": (
        c_int, [POINTER(StreamingCacheOptions), POINTER(c_uint64)]),
    "attn_cache_release": (c_int, [c_uint64]),
    "attn_sequence_create": (
        c_int,
        [c_uint64, POINTER(c_int32), c_size_t, POINTER(SequenceId), POINTER(c_int64)],
    ),
    "attn_sequence_append": (
        c_int,
        [c_uint64, SequenceId, POINTER(c_int32), c_size_t, POINTER(c_int64), POINTER(PageCopy)],
    ),
    "attn_sequence_commit": (c_int, [c_uint64, SequenceId]),
    "attn_sequence_fork": (
        c_int, [c_uint64, SequenceId, POINTER(SequenceId), POINTER(PageCopy)]),
    "attn_sequence_truncate": (c_int, [c_uint64, SequenceId, c_int64]),
    "attn_sequence_free": (c_int, [c_uint64, SequenceId]),
    "attn_sequence_length": (c_int, [c_uint64, SequenceId, POINTER(c_int64)]),
    "attn_sequence_table": (
        c_int, [c_uint64, SequenceId, c_int32, POINTER(c_int32), c_size_t]),
    "attn_sequence_segments": (
        c_int,
        [c_uint64, SequenceId, c_int32, c_int64, POINTER(KvSegment), c_size_t,
         POINTER(c_size_t)],
    ),
    "attn_streaming_cache_place": (c_int, [c_uint64, c_int32, c_int64, POINTER(c_int64)]),
    "attn_streaming_cache_rows": (c_int, [c_uint64, POINTER(c_int64)]),
    "attn_cache_get_stats": (c_int, [c_uint64, POINTER(CacheStats)]),
}

_library = None
# attn._exchange, once `exchange` has loaded it.
loaded_exchange = None


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
    _load_exchange(os.path.dirname(path))
    _library = loaded
    return loaded


def _load_exchange(folder):
    """Loads the module that has tensors described in C, if it is beside the library."""
    global loaded_exchange
    path = os.path.join(folder, "_exchange.abi3.so")
    if os.path.exists(path):
        loader = importlib.machinery.ExtensionFileLoader("attn._exchange", path)
        loaded_exchange = importlib.util.module_from_spec(
            importlib.util.spec_from_loader("attn._exchange", loader))
        loader.exec_module(loaded_exchange)


def exchange():
    """attn._exchange, or None where it is not beside the library."""
    library()
    return loaded_exchange


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

    _isHeld = False  # nor is it where creation fails

    def __init__(self, release, create, *arguments):
        """Calls `create(*arguments, &handle)`; both are functions' names."""
        self._release = getattr(library(), release)
        handle = c_uint64()
        check(getattr(library(), create)(*arguments, byref(handle)))
        self.value, self._isHeld = handle.value, True

    def release(self):
        """Releases the object now; `value` stays, and every call refuses it."""
        if self._isHeld:
            self._isHeld = False
            self._release(self.value)

    def __del__(self):
        self.release()

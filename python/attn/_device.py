# ===- _device.py - tensors of GPUs as DLPack views ------------------------===#

import ctypes
import sys
from ctypes import POINTER, c_char_p, c_void_p, py_object

from attn._error import Error
from attn._library import Argument, DLTensor

_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.restype = c_void_p
_get_pointer.argtypes = [py_object, c_char_p]

# DLPack's stream argument that asks for no synchronisation.
_NO_SYNCHRONISATION = -1

_TORCH_TYPES = {
    "f32": "float32",
    "f64": "float64",
    "f16": "float16",
    "bf16": "bfloat16",
    "e4m3": "float8_e4m3fn",
    "e5m2": "float8_e5m2",
    "i64": "int64",
    "i32": "int32",
    "i8": "int8",
    "u8": "uint8",
    "i1": "bool",
}


class DeviceTensor:
    """A framework's tensor that is not in CPU memory.

    value: that tensor.
    shape: its extents.
    """

    def __init__(self, name, value):
        """Raises Error where the framework does not hand the tensor over."""
        self.value = value
        try:
            # Keeps the tensor's description alive, and is never consumed.
            self._capsule = value.__dlpack__(stream=_NO_SYNCHRONISATION)
            address = _get_pointer(self._capsule, b"dltensor")
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise Error(
                Error.INVALID_ARGUMENT,
                f"argument {name}",
                f"expects a tensor to share by DLPack, but got: {error}",
                "detach it or copy it",
            ) from None
        # A managed tensor begins with its DLTensor.
        self._tensor = ctypes.cast(address, POINTER(DLTensor))
        view = self._tensor.contents
        self.shape = tuple(view.shape[d] for d in range(view.ndim))

    def argument(self, name):
        """The attn_argument of that name."""
        return Argument(name.encode(), Argument.TENSOR, self._tensor)

    def empty(self, shape, dtype):
        """A new tensor on the same device, or None where it is not PyTorch's."""
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(self.value, torch.Tensor):
            return None
        return self.value.new_empty(shape, dtype=getattr(torch, _TORCH_TYPES[dtype]))

    def current_stream(self):
        """The handle of PyTorch's current stream, or 0 for others' tensors."""
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(self.value, torch.Tensor):
            return 0
        return torch.cuda.current_stream(self.value.device).cuda_stream


def stream_handle(stream):
    """The CUstream of an integer, or of a stream of PyTorch or CuPy."""
    for attribute in ("cuda_stream", "ptr"):
        stream = getattr(stream, attribute, stream)
    if isinstance(stream, int) and 0 <= stream < 2**64:
        return stream
    raise Error(
        Error.INVALID_ARGUMENT,
        "stream",
        f"expects a stream or its handle, but got {type(stream).__name__}",
        "give torch.cuda.current_stream() or an integer",
    )

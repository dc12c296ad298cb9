# ===- _tensor.py - NumPy arrays as DLPack views --------------------------===#

import ctypes
import numbers

import numpy as np

from attn._device import DeviceTensor
from attn._error import Error
from attn._library import Argument, DLDataType, DLDevice, DLTensor

try:
    import ml_dtypes as _ml_dtypes
except ImportError:
    _ml_dtypes = None  # type: ignore[assignment]

# The manifest's name: DLPack's code and bits, NumPy's type; None for those of
# ml_dtypes (`_NARROW`).
TYPES = {
    "f32": (2, 32, np.float32),
    "f64": (2, 64, np.float64),
    "f16": (2, 16, np.float16),
    "bf16": (4, 16, None),
    "e4m3": (10, 8, None),
    "e5m2": (12, 8, None),
    "i64": (0, 64, np.int64),
    "i32": (0, 32, np.int32),
    "i8": (0, 8, np.int8),
    "u8": (1, 8, np.uint8),
    "i1": (6, 8, np.bool_),
}

# Types that NumPy has not: their name in ml_dtypes, and that of their bits.
_NARROW = {
    "bf16": ("bfloat16", np.uint16),
    "e4m3": ("float8_e4m3fn", np.uint8),
    "e5m2": ("float8_e5m2", np.uint8),
}

CPU = 1


def numpy_type(dtype):
    """NumPy's type for outputs of `dtype`; without ml_dtypes that of its bits."""
    if dtype in _NARROW:
        name, bits = _NARROW[dtype]
        return np.dtype(getattr(_ml_dtypes, name, bits))
    return np.dtype(TYPES[dtype][2])


def _refuse(name, reason, alternative):
    return Error(Error.INVALID_ARGUMENT, f"argument {name}", reason, alternative)


def _holds(array, dtype):
    """Whether the array's elements are those of `dtype` in this machine's order."""
    if not array.dtype.isnative:
        return False
    if dtype in _NARROW:
        # NumPy's own types have none of these: bits come as integers or void.
        name, bits = _NARROW[dtype]
        return array.dtype.name == name or array.dtype in (
            np.dtype(bits),
            np.dtype(f"V{np.dtype(bits).itemsize}"),
        )
    return array.dtype == numpy_type(dtype)


def as_array(name, value):
    """`value` as an array, or a DeviceTensor where it is on another device.

    Copies nothing. Raises Error for what is neither.
    """
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__"):
        if value.__dlpack_device__()[0] != CPU:
            return DeviceTensor(name, value)
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise _refuse(
                name,
                f"expects a tensor that NumPy can view, but got: {error}",
                "convert it to an array",
            ) from None
    raise _refuse(
        name,
        f"expects an array, but got {type(value).__name__}",
        "convert it with numpy.asarray",
    )


def tensor_argument(declared, array):
    """The attn_argument for `array`, and what has to live as long as it."""
    name, dtype = declared["name"], declared["dtype"]
    if isinstance(array, DeviceTensor):
        return array.argument(name), array
    if not _holds(array, dtype):
        raise _refuse(
            name,
            f"expects elements of {dtype}, but got {array.dtype}",
            f"convert it with array.astype('{numpy_type(dtype).name}')",
        )
    if declared["access"] != "read" and not array.flags.writeable:
        raise _refuse(
            name, "expects an array to write, but got a read-only one", "copy it"
        )
    if any(stride % array.itemsize for stride in array.strides):
        raise _refuse(
            name,
            f"expects strides of whole elements of {array.itemsize} bytes, but "
            f"got {array.strides}",
            "copy it with numpy.ascontiguousarray",
        )
    extents = ctypes.c_int64 * array.ndim
    shape = extents(*array.shape)
    strides = extents(*(stride // array.itemsize for stride in array.strides))
    code, bits, _ = TYPES[dtype]
    tensor = DLTensor(
        array.ctypes.data,
        DLDevice(CPU, 0),
        array.ndim,
        DLDataType(code, bits, 1),
        shape,
        strides,
        0,
    )
    argument = Argument(name.encode(), Argument.TENSOR, ctypes.pointer(tensor))
    return argument, (array, tensor, shape, strides)


def scalar_argument(declared, value):
    """The attn_argument for the number `value`."""
    name = declared["name"]
    if isinstance(value, (numbers.Integral, np.bool_)):
        if not -(2**63) <= int(value) < 2**63:
            raise _refuse(
                name, f"expects a 64-bit integer, but got {value}", "give a smaller one"
            )
        return Argument(name.encode(), Argument.INTEGER, None, int(value))
    if isinstance(value, numbers.Real):
        return Argument(name.encode(), Argument.REAL, None, 0, float(value))
    raise _refuse(
        name,
        f"expects a number, but got {type(value).__name__}",
        "give an int or a float",
    )

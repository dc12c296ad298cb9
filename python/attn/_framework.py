# ===- _framework.py - arrays of NumPy and tensors of PyTorch, alike --------===#
"""What calls do with the arrays that they are given.

Kernels run on *native* arrays: those of NumPy on a CPU, of PyTorch on a GPU. A tensor of
PyTorch on a CPU is viewed by NumPy, bfloat16 as its bits, and nothing is copied.
"""

import sys

import numpy as np

from attn._tensor import CPU, as_array
from attn._trace import refuse


def _is_torch(value):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_viewed(value):
    """Whether `value` is a tensor of PyTorch on a CPU, which NumPy views."""
    return _is_torch(value) and value.device.type == "cpu"


def as_native(name, value):
    """`value` as a native array, a view of it.

    Raises Error for what is no array, and for a GPU's that is not PyTorch's.
    """
    if not _is_torch(value):
        if not isinstance(value, np.ndarray) and hasattr(value, "__dlpack__") \
                and value.__dlpack_device__()[0] != CPU:
            raise refuse(
                f"argument {name}", "expects a GPU's tensor to be PyTorch's, but got "
                f"{type(value).__name__}", "convert it with torch.from_dlpack")
        return as_array(name, value)
    value = value.detach()
    if not is_viewed(value):
        return value
    torch = sys.modules["torch"]
    return value.view(torch.uint16).numpy() if value.dtype == torch.bfloat16 else value.numpy()


def as_numbers(name, value, like, dtype="int32"):
    """Numbers as a contiguous native array of `dtype` where the native `like` is.

    value: an array, or a list of Python numbers.
    """
    if isinstance(like, np.ndarray):
        if not isinstance(value, (list, tuple)):
            value = as_native(name, value)
        if not isinstance(value, (list, tuple, np.ndarray)):
            value = value.cpu().numpy()
        return np.ascontiguousarray(value, dtype)
    torch = sys.modules["torch"]
    return torch.as_tensor(value, dtype=getattr(torch, dtype), device=like.device).contiguous()


def as_host_numbers(name, value, dtype="int32"):
    """Numbers as an array of NumPy, wherever they are."""
    return as_numbers(name, value, np.empty(0), dtype)


def new_empty(like, shape, dtype=None):
    """A new array of the library and place of `like`, which the caller gave.

    dtype: "float32", or None for that of `like`.
    """
    if _is_torch(like):
        torch = sys.modules["torch"]
        return like.new_empty(shape, dtype=getattr(torch, dtype) if dtype else None)
    return np.empty(shape, dtype or like.dtype)


def permute(array, *dims):
    """A view of a native array with its dimensions in the order `dims`."""
    return array.transpose(dims) if isinstance(array, np.ndarray) else array.permute(dims)


def split_heads(array, dim, count):
    """A view of a native array: dimension `dim` as `count` groups of members."""
    shape = array.shape
    parts = (count, shape[dim] // max(count, 1))
    if isinstance(array, np.ndarray):
        strides = array.strides
        return np.lib.stride_tricks.as_strided(
            array, shape[:dim] + parts + shape[dim + 1:],
            (*strides[:dim], strides[dim] * parts[1], *strides[dim:]))
    return array.unflatten(dim, parts)


def join_rows(array):
    """A view of a native array [n, m, ...] as [n * m, ...], or None if there is none."""
    if not isinstance(array, np.ndarray):
        return array.flatten(0, 1) if array.stride(0) == array.shape[1] * array.stride(1) else None
    if array.strides[0] != array.shape[1] * array.strides[1]:
        return None
    return np.lib.stride_tricks.as_strided(
        array, (array.shape[0] * array.shape[1], *array.shape[2:]), array.strides[1:])


def get_module(array):
    """numpy or torch, whose functions of the same names compute with the native `array`."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]

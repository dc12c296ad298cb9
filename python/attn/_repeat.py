# ===- _repeat.py - calls with other data of the same layout ---------------===#
"""What a call does again in microseconds: a plan whose tensors get other addresses.

A plan is found by all that it was made from but addresses: shapes, strides, types,
devices and scalars. The library checks the new addresses as it did the first ones.
"""

import ctypes
import sys
import threading
from collections import OrderedDict

import numpy as np

from attn._library import Argument, DLDataType, DLDevice, DLTensor, check, library
from attn._tensor import TYPES

# Plans of a thread and kernel; each has its own workspace.
_MOST_PLANS = 16


def get_signature(values):
    """What a call's plan depends on, or None where that is not known."""
    torch = sys.modules.get("torch")
    parts = []
    for name, value in values.items():
        kind = type(value)
        if kind is np.ndarray:
            parts.append((name, value.shape, value.strides, value.dtype, value.flags.writeable))
        elif kind is int:
            parts.append((name, value))
        elif kind is float:
            parts.append((name, value.hex()))  # zeros of both signs, and NaN
        elif torch is not None and kind is torch.Tensor:
            if value.device.type == "cpu" or value.requires_grad:
                return None
            parts.append((name, value.shape, value.stride(), value.dtype, value.device))
        else:
            return None
    return tuple(parts)


class Repeated:
    """A plan and descriptions of its tensors, whose addresses are exchanged."""

    def __init__(self, plan, values):
        """`plan` is that of a call with `values`."""
        self._plan, self._isDevice = plan, plan._device is not None
        declared = plan._declared
        self._tensors, self._outputs, self._kept = {}, [], []
        names = [n for n, a in declared.items() if a["kind"] == "tensor"]
        self._arguments = (Argument * len(names))()
        for i, name in enumerate(names):
            isGiven = name in values
            value = values[name] if isGiven else plan.outputs[name]
            tensor = self._describe(value, declared[name]["dtype"])
            self._tensors[name] = tensor
            self._arguments[i] = Argument(name.encode(), Argument.TENSOR, ctypes.pointer(tensor))
            if not isGiven:
                device = value.device if self._isDevice else None
                self._outputs.append((name, tuple(value.shape), value.dtype, device))
        self._given = [n for n in names if n in values]
        self._updated = [n for n in self._given if declared[n].get("access", "read") != "read"]
        # Nobody's arrays stay alive by a plan that waits for its next call.
        plan._alive.clear()
        plan.outputs.clear()

    def _describe(self, value, dtype):
        code, bits, _ = TYPES[dtype]
        if isinstance(value, np.ndarray):
            device = DLDevice(1, 0)
            strides = [s // value.itemsize for s in value.strides]
        else:
            device = DLDevice(2, value.device.index or 0)
            strides = value.stride()
        extents = ctypes.c_int64 * len(value.shape)
        shape, strides = extents(*value.shape), extents(*strides)
        self._kept += [shape, strides]
        return DLTensor(0, device, len(value.shape), DLDataType(code, bits, 1), shape, strides, 0)

    def run(self, values):
        """The outputs by name, as the call that `values` are of gives them."""
        results = {name: values[name] for name in self._updated}
        if self._isDevice:
            torch = sys.modules["torch"]
            for name, shape, dtype, device in self._outputs:
                results[name] = torch.empty(shape, dtype=dtype, device=device)
            for name, tensor in self._tensors.items():
                tensor.data = (values[name] if name in values else results[name]).data_ptr()
        else:
            for name, shape, dtype, _ in self._outputs:
                results[name] = np.empty(shape, dtype)
            for name, tensor in self._tensors.items():
                array = values[name] if name in values else results[name]
                tensor.data = array.__array_interface__["data"][0]
        handle = self._plan._handle.value
        check(library().attn_plan_rebind(handle, self._arguments, len(self._arguments)))
        if self._isDevice:
            stream = torch.cuda.current_stream(next(iter(results.values())).device).cuda_stream
            check(library().attn_plan_launch(handle, stream))
        else:
            check(library().attn_plan_run(handle))
        return results


class Repetitions(threading.local):
    """The plans that a thread has used of one kernel, those used last at the end."""

    def __init__(self):
        self._plans = OrderedDict()

    def find(self, signature):
        plan = self._plans.get(signature)
        if plan is not None:
            self._plans.move_to_end(signature)
        return plan

    def add(self, signature, plan, values):
        self._plans[signature] = Repeated(plan, values)
        if len(self._plans) > _MOST_PLANS:
            self._plans.popitem(last=False)

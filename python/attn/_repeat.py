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

from attn._library import check, library

# Plans of a thread and kernel; each has its own workspace.
_MOST_PLANS = 16

# Plans that a graph has captured: it may be replayed at any time.
_captured = []


class Call:
    """What a call's plan depends on of its arrays and scalars.

    isKnown: whether all of that is known.
    """

    def __init__(self, values, names=()):
        torch = sys.modules.get("torch")
        parts, device = [], None
        self.isKnown = True
        for value in values:
            kind = type(value)
            if torch is not None and kind is torch.Tensor:
                self.isKnown &= value.is_cuda and not value.requires_grad
                device = value.device
                parts.append((value.shape, value.stride(), value.dtype, device))
            elif kind is np.ndarray:
                parts.append((value.shape, value.strides, value.dtype, value.flags.writeable))
            elif kind is int or value is None:
                parts.append(value)
            elif kind is float:
                parts.append(value.hex())  # zeros of both signs, and NaN
            else:
                self.isKnown = False
        self.layout = names, tuple(parts)
        # Runs of one plan may not overlap: each stream has its own, and each capture.
        self.stream, self.isCapturing = None, False
        if device is not None and self.isKnown:
            self.stream = torch.cuda.current_stream(device).cuda_stream
            self.isCapturing = torch.cuda.is_current_stream_capturing()

    def get_key(self):
        return self.layout, "captured" if self.isCapturing else self.stream


def _get_address(array):
    if isinstance(array, np.ndarray):
        return array.__array_interface__["data"][0]
    return array.data_ptr()


class Repeated:
    """A plan whose tensors are exchanged for others of their layout."""

    def __init__(self, plan, names, allocated):
        """names: what runs are given, in this order; the kernel need not know all.

        allocated: the outputs that are not among them, by name: runs allocate such arrays.
        """
        self.outputs, self.allocated = list(plan.outputs), list(allocated)
        self._handle = plan._handle
        tensors = [n for n, a in plan._declared.items() if a["kind"] == "tensor"]
        order = [*names, *allocated]
        self._places = [order.index(name) for name in tensors]
        self._addresses = (ctypes.c_void_p * len(tensors))()
        self._device = plan._device.value.device if plan._device else None
        arrays = allocated.values()
        if self._device is None:
            self._layouts = [(x.shape, x.dtype) for x in arrays]
        else:
            self._layouts = [(x.shape, x.stride(), x.dtype) for x in arrays]

    def run(self, arrays, stream):
        """Runs over `arrays`, and returns those that it has allocated."""
        device = self._device
        if device is None:
            new = [np.empty(shape, dtype) for shape, dtype in self._layouts]
        else:
            empty = sys.modules["torch"].empty_strided
            new = [empty(shape, strides, dtype=dtype, device=device)
                   for shape, strides, dtype in self._layouts]
        arrays += new
        addresses = self._addresses
        for i, place in enumerate(self._places):
            addresses[i] = _get_address(arrays[place])
        lib, handle = library(), self._handle.value
        check(lib.attn_plan_move(handle, addresses, len(addresses)))
        if device is None:
            check(lib.attn_plan_run(handle))
        else:
            check(lib.attn_plan_launch(handle, stream))
        return new


class Repetitions(threading.local):
    """What a thread repeats, by the calls' keys; those used last are at the end."""

    def __init__(self):
        self._plans = OrderedDict()

    def find(self, call):
        """The Repeated of a call, or None."""
        if not call.isKnown:
            return None
        key = call.get_key()
        plan = self._plans.get(key)
        if plan is None and call.isCapturing:
            # None can be made now: one of another stream becomes the graph's.
            other = next((k for k in reversed(self._plans) if k[0] == call.layout), None)
            if other is not None:
                plan = self._plans[key] = self._plans.pop(other)
                _captured.append(plan)
        if plan is not None:
            self._plans.move_to_end(key)
        return plan

    def add(self, call, plan):
        """Keeps a Repeated of a call that is known."""
        self._plans[call.get_key()] = plan
        if len(self._plans) > _MOST_PLANS:
            self._plans.popitem(last=False)

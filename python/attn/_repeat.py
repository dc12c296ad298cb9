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

from attn import _library
from attn._library import check, library

# Plans of a thread and kernel; each has its own workspace.
_MOST_PLANS = 16

# Plans that a graph has captured: it may be replayed at any time.
_captured: list["Repeated"] = []


def describe_call(values, names=()):
    """What the plan of a call with these arrays and scalars depends on, or None where one
    is of an unknown kind: (layout, stream, whether a graph captures, how it is launched).

    values: a tuple. names: what else it depends on.
    """
    torch = sys.modules.get("torch")
    module = _library.loaded_exchange or _library.exchange()
    if module is not None:
        call = module.describe(values, names, _find_query(torch))
        if call is not None:
            return call
    return _describe_call(values, names, torch)


def _find_query(torch):
    """What tells whether a graph captures PyTorch's current stream."""
    if torch is None or not getattr(torch._C, "_has_cuda", True):
        return bool
    # A tenth of a microsecond less than the public function, which calls it.
    query = getattr(torch._C, "_cuda_isCurrentStreamCapturing", None)
    return query or torch.cuda.is_current_stream_capturing


def _describe_call(values, names, torch):
    """As describe_call, of NumPy's arrays and where tensors are not exchanged in C."""
    tensor = None if torch is None else torch.Tensor
    layout, device = [names], -1
    for value in values:
        kind = type(value)
        if kind is tensor:
            device = value.get_device()
            if device < 0 or value.requires_grad:
                return None
            layout += value.shape, value.stride(), value.dtype, device
        elif kind is np.ndarray:
            layout += value.shape, value.strides, value.dtype, value.flags.writeable
        elif kind is int or value is None:
            layout.append(value)
        elif kind is float:
            layout.append(value.hex())  # zeros of both signs, and NaN
        else:
            return None
    if device < 0:
        return tuple(layout), None, False, None
    return tuple(layout), get_stream(torch, device), _find_query(torch)(), _launch


def _launch(function, plan, arrays, places, stream):
    """As attn._exchange.launch."""
    addresses = (ctypes.c_void_p * len(places))(*[arrays[p].data_ptr() for p in places])
    return library().attn_plan_launch_at(plan, addresses, len(places), stream)


def get_stream(torch, device):
    """The handle of PyTorch's current stream of a device, its number."""
    # A tenth of the time of current_stream, which makes an object.
    get = getattr(torch._C, "_cuda_getCurrentRawStream", None)
    return get(device) if get else torch.cuda.current_stream(device).cuda_stream


class Repeated:
    """A plan whose tensors are exchanged for others of their layout."""

    def __init__(self, plan, names, allocated, unread=None):
        """names: what runs are given, in this order; the kernel need not know all.

        allocated: the outputs that are not among them, by name: runs allocate such arrays.
        unread: outputs by name that nobody reads, so that all runs may write the same.
        """
        self.outputs, self.allocated = list(plan.outputs), list(allocated)
        self._handle = plan._handle
        tensors = [n for n, a in plan._declared.items() if a["kind"] == "tensor"]
        unread = unread or {}
        order = [*names, *allocated, *unread]
        self._unread = list(unread.values())
        self._places = tuple(order.index(name) for name in tensors)
        # A tensor that makes others where it is.
        self._like = next(i for i, name in enumerate(order) if name in tensors)
        if plan._device is None:
            self._layouts = [(x.shape, x.dtype) for x in allocated.values()]
        else:
            self._layouts = [(x.shape, x.stride(), {"dtype": x.dtype}) for x in allocated.values()]
        self._function = ctypes.cast(library().attn_plan_launch_at, ctypes.c_void_p).value

    def run(self, arrays, call):
        """Runs over the list `arrays` of that call, and returns those that it allocates."""
        _, stream, _, launch = call
        if launch is None:
            return self._run_on_cpu(arrays)
        empty = arrays[self._like].new_empty_strided
        new = [empty(shape, strides, **options) for shape, strides, options in self._layouts]
        arrays += new
        arrays += self._unread
        status = launch(self._function, self._handle.value, arrays, self._places, stream)
        if status:
            check(status)
        return new

    def _run_on_cpu(self, arrays):
        new = [np.empty(shape, dtype) for shape, dtype in self._layouts]
        arrays += new
        arrays += self._unread
        addresses = (ctypes.c_void_p * len(self._places))(*[
            arrays[place].__array_interface__["data"][0] for place in self._places])
        check(library().attn_plan_move(self._handle.value, addresses, len(addresses)))
        check(library().attn_plan_run(self._handle.value))
        return new


class Repetitions(threading.local):
    """What a thread repeats, by the calls' descriptions; those used last are at the end.

    Runs of one plan may not overlap: each stream has its own, and each capture.
    """

    def __init__(self):
        self._plans = OrderedDict()

    def find(self, call):
        """The Repeated of a described call, or None."""
        if call is None:
            return None
        plan = self._plans.get(call)
        if plan is not None:
            self._plans.move_to_end(call)
        elif call[2]:
            # None can be made now: one of another stream becomes the graph's.
            other = next((k for k in reversed(self._plans) if k[0] == call[0]), None)
            if other is not None:
                plan = self._plans[call] = self._plans.pop(other)
                _captured.append(plan)
        return plan

    def add(self, call, plan):
        """Keeps a Repeated of a described call."""
        self._plans[call] = plan
        if len(self._plans) > _MOST_PLANS:
            self._plans.popitem(last=False)

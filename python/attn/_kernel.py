# ===- _kernel.py - kernels and plans -------------------------------------===#

import json
import os
from ctypes import byref
from typing import Any

import numpy as np

from attn._device import DeviceTensor, stream_handle
from attn._error import Error
from attn._library import Argument, Handle, LoadOptions, PlanOptions, check, library
from attn._repeat import Repeated, Repetitions, describe_call
from attn._tensor import as_array, numpy_type, scalar_argument, tensor_argument
from attn._types import Array


def load(path: str | os.PathLike[str], threads: int = 1, target: str | None = None) -> "Kernel":
    """Loads the artifact at `path` and returns a Kernel.

    An artifact is executable code: load only what you trust.

    threads: how many threads its runs use, 1 to 1024; results have the same
        bits for every number.
    target: of an artifact for several targets which one: "cuda", "hip" or "cpu", or its name,
        such as "sm_90a" or "x86-64-v4"; the best that this machine has if it is not given.

    A kernel for a GPU is loaded for the current device (of PyTorch, once that
    has used it), else for the first.

    Raises Error for a damaged file and for a machine without the features that
    the kernel needs.
    """
    return Kernel(
        Handle("attn_kernel_release", "attn_kernel_load_file_for", os.fsencode(path),
               byref(LoadOptions(target))), threads)


class Kernel:
    """A compiled kernel. Calling it runs it; threads may share it.

    manifest: the contract as a dict: arguments with types and shapes, numerics.
    """

    manifest: dict[str, Any]

    def __init__(self, handle, threads):
        """Of what `load` and `compile` made."""
        self._handle = handle
        self._pool = Handle("attn_pool_release", "attn_pool_create", threads)
        text = library().attn_kernel_manifest(self._handle.value)
        self.manifest = json.loads(text)
        self._repetitions = Repetitions()

    def __repr__(self):
        shapes = (
            f"{a['name']}: {a['dtype']}{a.get('shape', '')}".replace("'", "")
            for a in self.manifest["arguments"]
        )
        return f"<attn.Kernel {self.manifest['name']}({', '.join(shapes)})>"

    def __call__(self, **values: Any) -> Any:
        """Runs once. Returns the output, or a dict of the outputs by name.

        values: an array for each input tensor, of the manifest's type and
            shape, with any strides; a number for each scalar. bf16 is
            ml_dtypes' bfloat16, or its bits as uint16. Outputs that are not
            given are allocated, save those that the kernel updates in place.
            A kernel for a GPU takes tensors of its device
            with `__dlpack__`; it allocates where they are PyTorch's.

        A GPU's run is started on the stream that `Plan.launch` chooses.

        Raises Error where arguments do not fit the kernel or each other.
        """
        call = describe_call(tuple(values.values()), tuple(values))
        known = self._repetitions.find(call)
        if known is not None:
            new = dict(zip(known.allocated, known.run(list(values.values()), call)))
            outputs = {n: values[n] if n in values else new[n] for n in known.outputs}
        else:
            plan = self.prepare(**values)
            plan.start()
            outputs = dict(plan.outputs)
            if call is not None:
                self._repetitions.add(call, Repeated(
                    plan, values, {n: x for n, x in outputs.items() if n not in values}))
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs

    def prepare(self, *, sm_margin: int = 0, **values: Any) -> "Plan":
        """A Plan for these arguments, which are those of a call.

        sm_margin: how many of a GPU's multiprocessors its runs leave to others.

        Raises Error as a call does, and for a margin that leaves none or that the
            kernel cannot keep: it has a block for each item, or runs on a CPU.
        """
        return Plan(self, values, sm_margin)


class Plan:
    """A kernel bound to arrays, for many runs. One thread may use it at a time.

    outputs: the output arrays by name, given or allocated.
    """

    outputs: dict[str, Any]

    def __init__(self, kernel, values, sm_margin=0):
        self._kernel = kernel
        self._declared = {a["name"]: a for a in kernel.manifest["arguments"]}
        arrays = {
            name: as_array(name, value)
            for name, value in values.items()
            if self._declared.get(name, {}).get("kind") == "tensor"
        }
        self._allocate(arrays)
        self.outputs = {
            name: _unwrap(arrays[name])
            for name, a in self._declared.items()
            if a.get("access", "read") != "read" and name in arrays
        }
        self._device = next(
            (a for a in arrays.values() if isinstance(a, DeviceTensor)), None
        )
        scalars = {n: v for n, v in values.items() if n not in arrays}
        arguments, self._alive = self._convert(arrays, scalars)
        self._handle = Handle(
            "attn_plan_release",
            "attn_plan_prepare",
            kernel._handle.value,
            arguments,
            len(arguments),
            byref(PlanOptions(kernel._pool.value, sm_margin)),
        )

    def start(self) -> None:
        """Runs on a CPU, and starts a run on a GPU's current stream."""
        if "launches" in self._kernel.manifest:
            self.launch()
        else:
            self.run()

    def run(self) -> None:
        """Runs; the outputs are written when it returns."""
        check(library().attn_plan_run(self._handle.value))

    def launch(self, stream: Any = None) -> None:
        """Starts a run on a GPU's stream and returns; it may be captured.

        stream: its handle, or a stream of PyTorch or CuPy. None is PyTorch's
            current stream for its tensors, else the default one.

        Runs of one plan share memory: they may not overlap. The plan has to
        outlive a graph that has captured it.
        """
        if stream is None:
            stream = self._device.current_stream() if self._device else 0
        check(library().attn_plan_launch(self._handle.value, stream_handle(stream)))

    def rebind(self, **arrays: Array) -> None:
        """Exchanges arrays for others of the same shapes, inputs or outputs."""
        arrays = {name: as_array(name, value) for name, value in arrays.items()}
        arguments, alive = self._convert(arrays, {})
        check(
            library().attn_plan_rebind(self._handle.value, arguments, len(arguments))
        )
        self._alive.update(alive)
        self.outputs.update(
            (n, _unwrap(a)) for n, a in arrays.items() if n in self.outputs
        )

    def _convert(self, arrays, scalars):
        """The call's attn_arguments, and by name what keeps them alive."""
        arguments, alive = [], {}
        for name in [*arrays, *scalars]:
            if name not in self._declared:
                raise Error(
                    Error.INVALID_ARGUMENT,
                    f"kernel {self._kernel.manifest['name']}",
                    f"expects arguments that it has, but got '{name}'",
                    f"use {', '.join(self._declared)}",
                )
        for name, array in arrays.items():
            argument, alive[name] = tensor_argument(self._declared[name], array)
            arguments.append(argument)
        for name, value in scalars.items():
            arguments.append(scalar_argument(self._declared[name], value))
        return (Argument * len(arguments))(*arguments), alive

    def _allocate(self, arrays):
        """Adds the outputs that are absent, of the shape that the others bind.

        Shapes that disagree are left for the library to refuse.
        """
        extents = {
            rank["name"]: rank["extent"]
            for rank in self._kernel.manifest["ranks"]
            if "extent" in rank
        }
        for name, array in arrays.items():
            for rank, extent in zip(self._declared[name]["shape"], array.shape):
                if isinstance(rank, str):
                    extents.setdefault(rank, extent)
        for name, declared in self._declared.items():
            if declared.get("access") != "write" or name in arrays:
                continue
            unknown = [
                rank
                for rank in declared["shape"]
                if isinstance(rank, str) and rank not in extents
            ]
            if unknown:
                raise Error(
                    Error.INVALID_ARGUMENT,
                    f"argument {name}",
                    f"expects inputs that bind its rank {unknown[0]}, but none does",
                    "give all inputs, or the output itself",
                )
            shape = [extents.get(rank, rank) for rank in declared["shape"]]
            arrays[name] = _empty_like(arrays, name, shape, declared["dtype"])


def _unwrap(array):
    """What the caller gave for an array."""
    return array.value if isinstance(array, DeviceTensor) else array


def _empty_like(arrays, name, shape, dtype):
    """A new array where the given ones are."""
    like = next((a for a in arrays.values() if isinstance(a, DeviceTensor)), None)
    if like is None:
        return np.empty(shape, numpy_type(dtype))
    value = like.empty(shape, dtype)
    if value is None:
        raise Error(
            Error.INVALID_ARGUMENT,
            f"argument {name}",
            "expects an output, since only PyTorch's can be allocated on a device",
            f"give a tensor of shape {list(shape)} and type {dtype}",
        )
    return DeviceTensor(name, value)

# ===- _capture.py - functions with tables for their arrays ---------------===#
"""Copies of functions in which captured arrays are replaced.

NumPy and PyTorch index an array by asking the index for a number, which a traced
coordinate has not. So a function is called through a copy that finds `Table`s where it has
arrays: in its closure, its globals, its defaults, and in helper functions of the same kind.
"""

import functools
import sys
import types

import numpy as np

from attn._trace import Table, refuse

_TYPES = {
    "float32": "f32", "float16": "f16", "bfloat16": "bf16",
    "int64": "i64", "int32": "i32", "int8": "i8", "bool": "i1",
}


def is_array(value):
    """Whether `value` is an array of NumPy, PyTorch or the like, with dimensions."""
    shape = getattr(value, "shape", None)
    return (
        not isinstance(value, (np.generic, type)) and isinstance(shape, tuple)
        and len(shape) > 0 and hasattr(value, "dtype")
    )


class Capture:
    """What the functions of one kernel capture.

    tables: the Tables, in the order in which they were found.
    """

    def __init__(self):
        self.tables = []
        self._copies = {}
        self._of_array = {}

    def table(self, array, name):
        """The Table for `array`, which the caller calls `name`."""
        if id(array) in self._of_array:
            return self._of_array[id(array)]
        dtype = _TYPES.get(str(array.dtype).replace("torch.", ""))
        if dtype is None:
            raise refuse(
                f"captured array '{name}'",
                f"expects elements of {', '.join(_TYPES)}, but got {array.dtype}",
                "convert it")
        table = Table(f"t{len(self.tables)}", array, dtype)
        self.tables.append(table)
        self._of_array[id(array)] = table
        return table

    def replace(self, value, name):
        """`value`, or what stands for it."""
        if is_array(value):
            return self.table(value, name)
        if isinstance(value, functools.partial):
            return functools.partial(
                self.function(value.func),
                *(self.replace(v, name) for v in value.args),
                **{n: self.replace(v, n) for n, v in value.keywords.items()})
        if isinstance(value, types.FunctionType) and not is_library(value):
            return self.function(value)
        if type(value) in (tuple, list):
            items = [self.replace(v, name) for v in value]
            if any(new is not old for new, old in zip(items, value)):
                return type(value)(items)
        return value

    def function(self, function):
        """A copy of a Python function; others are given back."""
        if not isinstance(function, types.FunctionType):
            return function
        if function in self._copies:
            return self._copies[function]
        code = function.__code__
        scope = {}
        copy = types.FunctionType(
            code, scope, function.__name__, None,
            tuple(types.CellType() for _ in code.co_freevars) or None)
        self._copies[function] = copy  # before its helpers, which may call it
        scope.update(function.__globals__)
        for name in list_names(code):
            if name in function.__globals__:
                scope[name] = self.replace(function.__globals__[name], name)
        for cell, own, name in zip(
                copy.__closure__ or (), function.__closure__ or (), code.co_freevars):
            try:
                cell.cell_contents = self.replace(own.cell_contents, name)
            except ValueError:  # not assigned yet
                pass
        if function.__defaults__:
            copy.__defaults__ = tuple(
                self.replace(v, function.__name__) for v in function.__defaults__)
        if function.__kwdefaults__:
            copy.__kwdefaults__ = {
                n: self.replace(v, n) for n, v in function.__kwdefaults__.items()}
        return copy


def list_names(code):
    """The global names of a function and of those inside it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= list_names(constant)
    return names


def is_library(function):
    """Whether a library has `function`, which is none of this package: its own masks
    capture arrays, and call the user's. What a library's functions return, closures, are
    others'."""
    name = (function.__module__ or "").split(".")[0]
    if function.__closure__ or name == __name__.split(".", maxsplit=1)[0]:
        return False
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None) or ""
    return "site-packages" in path or "lib/python" in path

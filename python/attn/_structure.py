# ===- _structure.py - what functions are made of ---------------------------===#
"""Whether two functions are traced to one program: their code, constants and arrays' types.

Functions that other functions return, as masks of libraries are, are new at each call. Their
structure is not, and the arrays apart from it are what a program gets anew.
"""

import functools
import types

import numpy as np

from attn._capture import is_array, is_library, list_names

_CONSTANTS = (type(None), bool, int, str, bytes)
_NAMED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, np.ufunc)


def describe(*functions):
    """(structure, arrays) of functions. Arrays that are one stand there once.

    structure: hashable; None where a function has what may change unseen, as objects do.
    """
    walk = _Walk()
    parts = tuple(walk.describe(function) for function in functions)
    return parts if walk.isKnown else None, walk.arrays


class _Walk:
    """arrays: those that have been met. isKnown: whether nothing else was."""

    def __init__(self):
        self.arrays, self.isKnown = [], True
        self._arrays, self._functions = {}, {}

    def describe(self, value):
        """A hashable description of `value`."""
        if is_array(value):
            if id(value) not in self._arrays:
                self._arrays[id(value)] = len(self.arrays)
                self.arrays.append(value)
            return "array", self._arrays[id(value)], str(value.dtype), len(value.shape)
        if type(value) is float:
            return float, value.hex()
        if type(value) in _CONSTANTS:
            return type(value), value
        if type(value) in (tuple, list):
            return (type(value), *map(self.describe, value))
        if isinstance(value, functools.partial):
            named = sorted(value.keywords.items())
            return ("partial", self.describe(value.func), *map(self.describe, value.args),
                    *((name, self.describe(v)) for name, v in named))
        if isinstance(value, types.FunctionType) and not is_library(value):
            return self._describe_function(value)
        if isinstance(value, _NAMED):
            return value
        self.isKnown = False
        return None

    def _describe_function(self, function):
        if function in self._functions:
            return "function", self._functions[function]
        self._functions[function] = len(self._functions)
        scope, code = function.__globals__, function.__code__
        parts = [code, *(self.describe(scope[n]) for n in sorted(list_names(code)) if n in scope)]
        for cell in function.__closure__ or ():
            try:
                parts.append(self.describe(cell.cell_contents))
            except ValueError:  # not assigned yet
                self.isKnown = False
        parts += map(self.describe, function.__defaults__ or ())
        parts += (
            (n, self.describe(v)) for n, v in sorted((function.__kwdefaults__ or {}).items()))
        return tuple(parts)

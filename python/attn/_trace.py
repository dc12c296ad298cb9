# ===- _trace.py - Python functions of coordinates as MLIR ----------------===#
"""Values that write down what is computed with them.

A mask or score function is called once with such values for its coordinates, and what it
does with them becomes scalar operations, each with the line of the caller's file that did
it. Functions of NumPy and PyTorch on them are those of the tables below. A captured
array becomes a `Table`, an argument of the kernel, which is read where it is indexed.
"""

import contextlib
import functools
import math
import numbers
import os
import sys
import threading

from attn._error import Error

_HERE = os.path.dirname(os.path.abspath(__file__))
# Whose functions call those that are traced.
_LIBRARIES = tuple(
    f"{os.sep}{folder}-packages{os.sep}{name}{os.sep}"
    for folder in ("site", "dist") for name in ("numpy", "torch"))


def refuse(feature, reason, alternative):
    return Error(Error.INVALID_ARGUMENT, feature, reason, alternative)


def find_caller():
    """(file, line, column) of the innermost frame outside of this package and of NumPy
    and PyTorch."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(_HERE) and not any(part in path for part in _LIBRARIES):
            break
        frame = frame.f_back
    if frame is None:
        return "unknown", 1, 1
    column = 1
    if hasattr(frame.f_code, "co_positions"):
        for i, position in enumerate(frame.f_code.co_positions()):
            if 2 * i == frame.f_lasti and position[2] is not None:
                column = position[2] + 1
    return frame.f_code.co_filename, frame.f_lineno, column


def format_place(path, line, column):
    """A location of MLIR."""
    path = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'loc("{path}":{line}:{column})'


def _where():
    path, line, _ = find_caller()
    return f"{path}:{line}"


class Region:
    """The body of a map or of a predicate that is being written.

    lines: what has been written, an operation each.
    """

    def __init__(self, prefix):
        self.lines = []
        self._prefix = prefix
        self._known = {}

    def emit(self, text, kind, of=(), **properties):
        """Writes the operation `text` of the values `of`."""
        if text in self._known:  # operations have no effects
            return self._known[text]
        properties.setdefault("isExact", kind != "float" and all(v.isExact for v in of))
        properties.setdefault("isOfKey", any(v.isOfKey for v in of))
        name = f"%{self._prefix}{len(self.lines)}"
        self.lines.append(f"{name} = {text} {format_place(*find_caller())}")
        value = Value(self, name, kind, **properties)
        self._known[text] = value
        return value

    def constant(self, number, kind):
        """A Python number as a value of `kind`."""
        if kind == "bool":
            return self.emit(f"arith.constant {str(bool(number)).lower()}", "bool")
        if kind == "int":
            return self.emit(
                f"arith.constant {int(number)} : index", "int", isNatural=number >= 0
            )
        number = float(number)
        if math.isinf(number) or math.isnan(number):
            bits = "0x7FC00000" if number != number else (
                "0x7F800000" if number > 0 else "0xFF800000")
            return self.emit(f"arith.constant {bits} : f32", "float")
        text = repr(number) if "e" not in repr(number) else f"{number:.17e}"
        return self.emit(f"arith.constant {text} : f32", "float")

    def value(self, operand):
        """`operand` as a Value of this region."""
        if isinstance(operand, Value):
            if operand.region is not self:
                raise refuse(
                    _where(), "expects values of this call, but got one of another function",
                    "compute it from the coordinates of this one")
            return operand
        if isinstance(operand, Table):
            return operand[()]
        if hasattr(operand, "item") and getattr(operand, "shape", None) == ():
            operand = operand.item()
        if isinstance(operand, bool):
            return self.constant(operand, "bool")
        if isinstance(operand, numbers.Integral):
            return self.constant(int(operand), "int")
        if isinstance(operand, numbers.Real):
            return self.constant(float(operand), "float")
        raise refuse(
            _where(),
            "expects numbers, coordinates and what is computed of them, but got "
            f"{type(operand).__name__}",
            "capture arrays, and index them with coordinates")


_current = threading.local()


@contextlib.contextmanager
def region(prefix):
    """The region into which this thread's captured arrays are read."""
    _current.region = Region(prefix)
    try:
        yield _current.region
    finally:
        del _current.region


class Value:
    """A scalar that a kernel computes: an `int`, a `float` (f32) or a `bool`.

    isNatural: an int that is known not to be negative.
    isOfKey: it changes with the key.
    isExact: it is computed of ints, none of them read at a coordinate that changes with
        the key: what a mask's tiles are found of.
    parts: of a bool that is a conjunction, what it joins.
    """

    __array_priority__ = 1000

    def __init__(self, region, name, kind, isNatural=False, isOfKey=False, isExact=True,
                 parts=()):
        self.region, self.name, self.kind = region, name, kind
        self.isNatural, self.isOfKey, self.isExact = isNatural, isOfKey, isExact
        self.parts = parts or (self,)

    # What a Python program would have to know now.
    def _refuse_number(self, what, alternative):
        raise refuse(
            _where(), f"expects no {what} of what is known when the kernel runs",
            alternative)

    def __bool__(self):
        self._refuse_number(
            "decision", "write & for and, | for or, ~ for not, and where(c, a, b) for if")

    def __index__(self):
        self._refuse_number("number in Python", "index a captured array")

    def __int__(self):
        self._refuse_number("number in Python", "leave the value as it is")

    def __float__(self):
        self._refuse_number("number in Python", "leave the value as it is")

    def __iter__(self):
        self._refuse_number("sequence", "it is one number")

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other): return binary("add", self, other)
    def __radd__(self, other): return binary("add", other, self)
    def __sub__(self, other): return binary("sub", self, other)
    def __rsub__(self, other): return binary("sub", other, self)
    def __mul__(self, other): return binary("mul", self, other)
    def __rmul__(self, other): return binary("mul", other, self)
    def __truediv__(self, other): return divide(self, other)
    def __rtruediv__(self, other): return divide(other, self)
    def __floordiv__(self, other): return floor_divide(self, other)
    def __rfloordiv__(self, other): return floor_divide(other, self)
    def __mod__(self, other): return remainder(self, other)
    def __rmod__(self, other): return remainder(other, self)
    def __pow__(self, other): return power(self, other)
    def __rpow__(self, other): return power(other, self)
    def __neg__(self): return negate(self)
    def __pos__(self): return self
    def __abs__(self): return absolute(self)
    def __and__(self, other): return logical("and", self, other)
    def __rand__(self, other): return logical("and", other, self)
    def __or__(self, other): return logical("or", self, other)
    def __ror__(self, other): return logical("or", other, self)
    def __xor__(self, other): return logical("xor", self, other)
    def __rxor__(self, other): return logical("xor", other, self)
    def __invert__(self): return invert(self)
    def __lt__(self, other): return compare("lt", self, other)
    def __le__(self, other): return compare("le", self, other)
    def __gt__(self, other): return compare("gt", self, other)
    def __ge__(self, other): return compare("ge", self, other)
    def __eq__(self, other): return compare("eq", self, other)
    def __ne__(self, other): return compare("ne", self, other)

    # Methods of tensors that masks and scores are written with.
    def tanh(self): return unary("math.tanh", self)
    def exp(self): return unary("math.exp", self)
    def abs(self): return absolute(self)
    def float(self): return to_float(self)
    def to(self, *_, **__): return self

    # Masks are joined beginning with a tensor of no dimensions, where their arguments are.
    device = None

    def new_ones(self, size, dtype=None, **_): return self._fill(1, size, dtype)
    def new_zeros(self, size, dtype=None, **_): return self._fill(0, size, dtype)

    def _fill(self, number, size, dtype):
        if tuple(size):
            raise refuse(_where(), f"expects a number, but got an array of {list(size)}",
                         "give () as its size")
        name = str(dtype)
        kind = "bool" if "bool" in name else "int" if "int" in name else "float"
        return self.region.constant(number, kind)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if method != "__call__" or options:
            return NotImplemented
        return call(ufunc.__name__, inputs, {})

    def __array_function__(self, function, types, arguments, options):
        return call(function.__name__, arguments, options)

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), options=None):
        return call(function.__name__, arguments, options or {})


class Table:
    """A captured array: an argument of the kernel, read where it is indexed.

    name: that of the argument.
    array: what the caller has.
    dtype: the element type by the manifest's name; `i1` is read as i8.
    isShaped: whether a function has asked for its extents, which are numbers in the program
        then. Else that program is the one of all arrays of as many dimensions.
    """

    def __init__(self, name, array, dtype):
        self.name, self.array, self.dtype = name, array, dtype
        self._shape = tuple(int(n) for n in array.shape)
        self.ndim = len(self._shape)
        self.isShaped = False

    @property
    def shape(self):
        self.isShaped = True
        return self._shape

    def __len__(self):
        return self.shape[0]

    def size(self, dim=None):
        return self.shape if dim is None else self.shape[dim]

    @property
    def element(self):
        return {"i1": "i8", "bool": "i8"}.get(self.dtype, self.dtype)

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != self.ndim:
            raise refuse(
                _where(),
                f"expects an index for each of the {self.ndim} dimensions of {self.name}, "
                f"but got {len(index)}", "give all of them: rows are not values")
        region_ = _current.region
        at = []
        for dim, i in enumerate(index):
            if isinstance(i, slice):
                raise refuse(_where(), "expects numbers as indices, but got a slice",
                             "index one element")
            if isinstance(i, numbers.Integral) and not isinstance(i, bool) and i < 0:
                i += self.shape[dim]
            value = region_.value(i)
            if value.kind != "int":
                raise refuse(_where(), f"expects integers as indices, but got a {value.kind}",
                             "index with coordinates")
            at.append(value)
        isFloat = self.element in ("f32", "f16", "bf16")
        result = "f32" if isFloat else self.element
        read = region_.emit(
            f"cascade.read %{self.name}[{', '.join(v.name for v in at)}] : !{self.name} -> {result}",
            "float" if isFloat else "raw", at,
            isExact=not isFloat and all(v.isExact and not v.isOfKey for v in at))
        if isFloat:
            return read
        number = region_.emit(
            f"arith.index_cast {read.name} : {result} to index", "int", [read])
        return compare("ne", number, 0) if self.dtype == "i1" else number

    def __array__(self, *_, **__):
        raise refuse(_where(), f"expects {self.name} to be indexed with coordinates",
                     "compute what needs the whole array before")


# ===----------------------------------------------------------------------===#
# Operations
# ===----------------------------------------------------------------------===#


def _operands(*values):
    region_ = next(v.region for v in values if isinstance(v, Value))
    return region_, [region_.value(v) for v in values]


def to_float(value):
    if not isinstance(value, Value) or value.kind == "float":
        return value
    region_ = value.region
    if value.kind == "bool":
        return where(value, 1.0, 0.0)
    wide = region_.emit(f"arith.index_cast {value.name} : index to i64", "raw", [value])
    return region_.emit(f"arith.sitofp {wide.name} : i64 to f32", "float", [wide])


def to_int(value):
    return where(value, 1, 0) if value.kind == "bool" else value


def _alike(*values):
    """Operands of one kind: floats if one is, else ints."""
    region_, operands = _operands(*values)
    if any(v.kind == "float" for v in operands):
        return region_, [to_float(v) for v in operands], "float"
    return region_, [to_int(v) for v in operands], "int"


def binary(name, lhs, rhs):
    region_, (a, b), kind = _alike(lhs, rhs)
    if kind == "float":
        return region_.emit(f"arith.{name}f {a.name}, {b.name} : f32", "float", [a, b])
    return region_.emit(
        f"arith.{name}i {a.name}, {b.name} : index", "int", [a, b],
        isNatural=name != "sub" and a.isNatural and b.isNatural)


def negate(value):
    return unary("arith.negf", value) if value.kind == "float" else binary("sub", 0, value)


def divide(lhs, rhs):
    region_, operands = _operands(lhs, rhs)
    a, b = (to_float(to_int(v) if v.kind == "bool" else v) for v in operands)
    return region_.emit(f"arith.divf {a.name}, {b.name} : f32", "float", [a, b])


def floor_divide(lhs, rhs):
    region_, (a, b), kind = _alike(lhs, rhs)
    if kind == "float":
        return unary("math.floor", divide(a, b))
    return region_.emit(
        f"arith.floordivsi {a.name}, {b.name} : index", "int", [a, b],
        isNatural=a.isNatural and b.isNatural)


def remainder(lhs, rhs):
    """With the divisor's sign, as Python has it."""
    region_, (a, b), kind = _alike(lhs, rhs)
    if kind == "float":
        return a - floor_divide(a, b) * b
    if a.isNatural and b.isNatural:
        return region_.emit(
            f"arith.remui {a.name}, {b.name} : index", "int", [a, b], isNatural=True)
    return a - floor_divide(a, b) * b


def power(lhs, rhs):
    if isinstance(rhs, numbers.Integral) and 0 < rhs <= 4:
        result = lhs
        for _ in range(int(rhs) - 1):
            result = result * lhs
        return result
    region_, operands = _operands(lhs, rhs)
    a, b = (to_float(v) for v in operands)
    return region_.emit(f"math.powf {a.name}, {b.name} : f32", "float", [a, b])


def unary(op, value):
    value = to_float(value)
    return value.region.emit(f"{op} {value.name} : f32", "float", [value])


def absolute(value):
    if value.kind == "float":
        return unary("math.absf", value)
    result = maximum(value, 0 - value)
    result.isNatural = True
    return result


def _extreme(name, lhs, rhs):
    region_, (a, b), kind = _alike(lhs, rhs)
    if kind == "float":
        return region_.emit(f"arith.{name}imumf {a.name}, {b.name} : f32", "float", [a, b])
    isNatural = (a.isNatural or b.isNatural) if name == "max" else a.isNatural and b.isNatural
    return region_.emit(
        f"arith.{name}si {a.name}, {b.name} : index", "int", [a, b], isNatural=isNatural)


def maximum(lhs, rhs): return _extreme("max", lhs, rhs)
def minimum(lhs, rhs): return _extreme("min", lhs, rhs)


def clip(value, least=None, most=None, **options):
    least, most = options.get("min", least), options.get("max", most)
    if least is not None:
        value = maximum(value, least)
    return value if most is None else minimum(value, most)


def compare(name, lhs, rhs):
    region_, operands = _operands(lhs, rhs)
    if all(v.kind == "bool" for v in operands):
        a, b = operands
        return invert(a ^ b) if name == "eq" else a ^ b if name == "ne" else \
            compare(name, to_int(a), to_int(b))
    region_, (a, b), kind = _alike(*operands)
    if kind == "float":
        predicate = "une" if name == "ne" else f"o{name}"
        return region_.emit(
            f"arith.cmpf {predicate}, {a.name}, {b.name} : f32", "bool", [a, b])
    predicate = name if name in ("eq", "ne") else f"s{name}"
    return region_.emit(
        f"arith.cmpi {predicate}, {a.name}, {b.name} : index", "bool", [a, b])


def logical(name, lhs, rhs):
    region_, (a, b) = _operands(lhs, rhs)
    if a.kind == b.kind == "bool":
        return region_.emit(
            f"arith.{name}i {a.name}, {b.name} : i1", "bool", [a, b],
            parts=a.parts + b.parts if name == "and" else ())
    a, b = to_int(a), to_int(b)
    if a.kind == b.kind == "int":
        return region_.emit(
            f"arith.{name}i {a.name}, {b.name} : index", "int", [a, b],
            isNatural=a.isNatural and b.isNatural)
    raise refuse(_where(), f"expects bools or ints for {name}, but got a {a.kind} and a {b.kind}",
                 "compare them first")


def invert(value):
    if value.kind == "bool":
        return logical("xor", value, True)
    if value.kind == "int":
        return -1 - value
    raise refuse(_where(), "expects a bool or an int for ~, but got a float", "compare it first")


def where(condition, yes, no):
    region_, (c,) = _operands(condition)
    if c.kind != "bool":
        c = compare("ne", c, 0)
    operands = [region_.value(v) for v in (yes, no)]
    if all(v.kind == "bool" for v in operands):
        a, b = operands
        return (c & a) | (~c & b)
    kind = "float" if any(v.kind == "float" for v in operands) else "int"
    a, b = (to_float(v) if kind == "float" else to_int(v) for v in operands)
    type_ = "f32" if kind == "float" else "index"
    return region_.emit(
        f"arith.select {c.name}, {a.name}, {b.name} : {type_}", kind, [c, a, b],
        isNatural=a.isNatural and b.isNatural)


def sigmoid(value):
    return 1.0 / (1.0 + unary("math.exp", -to_float(value)))


_FUNCTIONS = {
    "where": where, "maximum": maximum, "minimum": minimum, "clip": clip, "clamp": clip,
    "fmax": maximum, "fmin": minimum, "max": maximum, "min": minimum,
    "rsub": lambda a, b: binary("sub", b, a),
    **{name: functools.partial(binary, op) for name, op in {
        "add": "add", "subtract": "sub", "sub": "sub", "multiply": "mul", "mul": "mul"}.items()},
    "divide": divide, "true_divide": divide, "div": divide,
    "floor_divide": floor_divide, "remainder": remainder, "mod": remainder, "power": power,
    "pow": power, "negative": negate, "neg": negate,
    "absolute": absolute, "abs": absolute, "fabs": absolute,
    "logical_not": invert, "bitwise_not": invert, "invert": invert, "sigmoid": sigmoid,
    **{name: functools.partial(logical, op) for name, op in {
        "logical_and": "and", "logical_or": "or", "logical_xor": "xor", "bitwise_and": "and",
        "bitwise_or": "or", "bitwise_xor": "xor", "__and__": "and", "__or__": "or"}.items()},
    **{name: functools.partial(compare, op) for name, op in {
        "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge",
        "equal": "eq", "not_equal": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge",
        "eq": "eq", "ne": "ne"}.items()},
    **{name: functools.partial(unary, op) for name, op in {
        "exp": "math.exp", "exp2": "math.exp2", "log": "math.log", "log2": "math.log2",
        "log1p": "math.log1p", "tanh": "math.tanh", "sqrt": "math.sqrt", "rsqrt": "math.rsqrt",
        "floor": "math.floor", "sin": "math.sin", "cos": "math.cos"}.items()},
}


def call(name, arguments, options):
    """A function of NumPy or PyTorch by its name."""
    function = _FUNCTIONS.get(name.strip("_") if name not in _FUNCTIONS else name)
    if function is None:
        raise refuse(
            _where(), f"has no function '{name}' of what is known when the kernel runs",
            "write it with " + ", ".join(sorted(n for n in _FUNCTIONS if "_" not in n)))
    return function(*arguments, **options)

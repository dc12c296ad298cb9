# ===- _attention.py - attention with masks and scores written in Python --===#

import itertools
import math
import os
import sys
import tempfile
import warnings
import weakref
from typing import Literal, overload

import numpy as np

from attn._capture import Capture
from attn._compiler import get_kernel, run_compiler
from attn._error import Error
from attn._framework import as_native, is_viewed, new_empty
from attn._repeat import Repeated, Repetitions, describe_call
from attn._tensor import CPU, as_array
from attn._trace import refuse
from attn._types import A, Array, Function
from attn._variant import Variant

_DTYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "uint16": "bf16"}
# Up to so many queries a kernel for a GPU is one to decode.
_FEW_QUERIES = 16
# What a tensor on a GPU is compiled for; the runtime refuses other GPUs.
_GPU_TARGET = "sm_90a"
# Of a kernel, in this order.
_OUTPUTS = "o", "lse"
# What the compiler says of a mask that it cannot solve.
_UNSOLVED = "a mask that can be analysed"

# Programs by their keys, as long as somebody has them: operators of frameworks take strings.
PROGRAMS: weakref.WeakValueDictionary[str, "Attention"] = weakref.WeakValueDictionary()
_numbers = itertools.count()


class SlowMask(UserWarning):
    """A mask whose tiles cannot be found, so that all are computed."""


class Attention:
    """A mask and a score as a program; calling it is `attention` without them."""

    def __init__(self, mask: Function | None = None, score: Function | None = None,
                 given: tuple[Array, ...] = ()) -> None:
        """As `trace`.

        given: arrays among those that the functions capture that each call gives anew, in
            this order. Others are kept.
        """
        self._capture = Capture()
        for array in given:
            self._capture.table(array, "given")
        self._mask = self._capture.replace(mask, "mask")
        self._score = self._capture.replace(score, "score")
        self._traced: dict[tuple[bool, bool], Variant] = {}
        self._solves = True
        self._repetitions = Repetitions()
        self.captured = [table.array for table in self._capture.tables]
        self.key = str(next(_numbers))
        PROGRAMS[self.key] = self

    def variant(self, grouped=False):
        """What the functions were traced to: its `text` and `tables`."""
        key = grouped, self._solves
        if key not in self._traced:
            self._traced[key] = Variant(
                self._capture, self._mask, self._score, grouped, self._solves)
        return self._traced[key]

    def _compile(self, grouped, options, threads, like):
        """The variant and its kernel; of a mask that cannot be solved one that asks it
        at each point."""
        try:
            variant = self.variant(grouped)
            return variant, get_kernel(variant.text, options, threads, like)
        except Error as error:
            if not self._solves or _UNSOLVED not in error.reason:
                raise
            warnings.warn(
                f"{error.feature}: {error.reason}; all tiles are computed", SlowMask,
                stacklevel=5)
        self._solves = False
        return self._compile(grouped, options, threads, like)

    @overload
    def __call__(self, q: A, k: A, v: A, *, scale: float | None = None,
                 return_lse: Literal[False] = False, threads: int | None = None) -> A: ...

    @overload
    def __call__(self, q: A, k: A, v: A, *, scale: float | None = None,
                 return_lse: Literal[True], threads: int | None = None) -> tuple[A, A]: ...

    def __call__(self, q, k, v, *, scale=None, return_lse=False, threads=None):
        """As `attention`."""
        outputs = self.run(q, k, v, self.captured, scale, threads, return_lse=return_lse)
        return outputs if return_lse else outputs[0]

    def run(self, q, k, v, captured, scale=None, threads=None, outputs=(), allocate=None,
            return_lse=True):
        """(o, lse) of a call, or (o,).

        captured: the arrays in place of those in `captured`, of the same types and numbers
            of dimensions.
        outputs: the arrays to write, (o, lse), if there are some.
        allocate: makes such arrays of q and v; later calls of a GPU make ones of their layout.
        """
        arrays = [q, k, v, *captured, *outputs]
        call = describe_call(
            (*arrays, scale, threads), (len(captured), len(outputs), allocate, return_lse))
        known = self._repetitions.find(call)
        if known is not None:
            return tuple(known.run(arrays, call) or outputs)
        return self._run_first(
            call, q, k, v, captured, scale, threads, outputs, allocate, return_lse)

    def _run_first(self, call, q, k, v, captured, scale, threads, outputs, allocate, return_lse):
        """As `run`, and keeps the plan for such calls, if `call` describes them."""
        given = {name: stop_gradient(f"argument {name}", x)
                 for name, x in (("q", q), ("k", k), ("v", v))}
        group = check_shapes({name: _get_shape(name, x) for name, x in given.items()})
        written = outputs
        if not outputs and allocate:
            written = allocate(q, v)
        elif not outputs and is_viewed(q):
            # Kernels allocate arrays of NumPy there.
            written = [new_empty(q, (*q.shape[:3], v.shape[3])),
                       new_empty(q, q.shape[:3], "float32")]
        q, k, v = (as_native(name, x) for name, x in given.items())
        _, _, queries, width = q.shape
        options = list_options(q, width, v.shape[3], queries, group)
        variant, kernel = self._compile(group > 1, options, count_threads(q, threads), q)
        values = {"q": _split_heads(q, group), "k": k, "v": v,
                  "scale": 1 / math.sqrt(width) if scale is None else scale}
        for (name, table), array in zip(variant.tables.items(), captured):
            array = stop_gradient("a captured array", array)
            values[name] = _as_table(table, as_native("a captured array", array))
        for name, array in zip(_OUTPUTS, written):
            values[name] = _split_heads(as_native(name, array), group)
        # A score need not depend on what it is given.
        known = {a["name"] for a in kernel.manifest["arguments"]}
        values = {name: x for name, x in values.items() if name in known}
        if call is not None:
            plan = kernel.prepare(**values)
            plan.start()
            results = plan.outputs
        else:
            results = kernel(**values)
        results = tuple(written) or tuple(_join_heads(results[n], group) for n in _OUTPUTS)
        if call is not None:
            names = ["q", "k", "v", *variant.tables, *(_OUTPUTS if outputs else ())]
            allocated = {} if outputs else dict(zip(_OUTPUTS, results))
            unread = {} if return_lse or outputs else {"lse": allocated.pop("lse")}
            self._repetitions.add(call, Repeated(plan, names, allocated, unread))
        return results

    def explain(self, dtype: str = "f32", head_dim: int = 64, grouped: bool = False) -> str:
        """The compiler's report of passes over each rank, before and after."""
        return run_compiler(
            self.variant(grouped).text,
            [f"--dtype={dtype}", f"--head-dim={head_dim}", "--report=passes"])

    def tiles(self, q_len: int, kv_len: int | None = None, head_dim: int = 64,
              heads: int = 1) -> "TileMap":
        """A map of the mask's tiles, and how many of each kind there are: text that notebooks
        draw.

        Raises Error for a mask that reads captured arrays: their tiles are not known
        before a call.
        """
        if self.variant().tables:
            raise refuse("tiles", "expects a mask without captured arrays",
                         "leave them out to see the rest")
        return TileMap(
            self.variant().text,
            [f"--head-dim={head_dim}", f"--heads={heads}", f"--q-len={q_len}",
             f"--kv-len={kv_len or q_len}"])

    def stages(self, dtype: str = "f32", head_dim: int = 64, target: str | None = None,
               grouped: bool = False) -> dict[str, str]:
        """The program after each stage of its compilation: MLIR by the stage's name."""
        with tempfile.TemporaryDirectory(prefix="attn-stages-") as folder:
            options = [f"--dtype={dtype}", f"--head-dim={head_dim}", f"--dump-stages-to={folder}"]
            if target:
                options.append(f"--target={target}")
            run_compiler(self.variant(grouped).text, [*options, "-o", os.devnull])
            result = {}
            for name in sorted(os.listdir(folder), key=lambda n: int(n.split("-")[0])):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    result[name.split("-", 1)[1].removesuffix(".mlir")] = file.read()
            return result


class TileMap(str):
    """A map of a mask's tiles as text; as SVG where a notebook shows it."""

    _program: str
    _options: list[str]

    def __new__(cls, program: str, options: list[str]) -> "TileMap":
        self = super().__new__(cls, run_compiler(program, [*options, "--report=tiles"]))
        self._program, self._options = program, options
        return self

    def _repr_svg_(self) -> str:
        return run_compiler(self._program, [*self._options, "--emit=svg"])


def trace(mask: Function | None = None, score: Function | None = None) -> Attention:
    """An `Attention` with the functions `mask` and `score`.

    mask: a function of named coordinates that tells whether a query sees a key, such as
        `lambda p, m: m <= p`. Its parameters are any of b (sequence), h (query head), p
        (query) and m (key), and B, H, P and M, how many of them there are.
    score: a function of a scaled score and of coordinates that gives another one, such as
        `lambda s, h, p, m: s - slopes[h] * (p - m)`.

    Both are called once, with values that stand for coordinates: they compute with
    operators and with functions of NumPy or PyTorch, and may index arrays that they
    capture now. An index outside of an array reads 0. What they decide in Python (if, and,
    or, not) is refused, with the line that does it.
    """
    return Attention(mask, score)


@overload
def attention(q: A, k: A, v: A, *, mask: Function | None = None, score: Function | None = None,
              scale: float | None = None, return_lse: Literal[False] = False,
              threads: int | None = None) -> A: ...


@overload
def attention(q: A, k: A, v: A, *, mask: Function | None = None, score: Function | None = None,
              scale: float | None = None, return_lse: Literal[True],
              threads: int | None = None) -> tuple[A, A]: ...


def attention(q, k, v, *, mask=None, score=None, scale=None, return_lse=False, threads=None):
    """softmax(score(q k^T * scale)) v over the keys that `mask` lets a query see.

    q: [batch, heads, queries, width]. k, v: [batch, key heads, keys, width]; key heads
        divide the heads, and those that share one follow each other. f32, f16 or bf16
        (ml_dtypes' or PyTorch's), with any strides, of NumPy or what has `__dlpack__`; on
        a CPU, or on a GPU of compute capability 9.0.
    mask, score: as in `trace`.
    scale: 1 / sqrt(width) if it is not given.
    return_lse: whether to return (o, lse) with the natural logarithms of the sums, f32.
    threads: on a CPU; all if it is not given.

    Returns o, [batch, heads, queries, width of v]. A query that sees no key has 0, and
    -inf as logarithm.

    The functions are traced at each call, and a kernel is compiled at the first call of
    its text, type and widths; `trace` gives a program that is traced once.

    Raises Error for tensors that require gradients where those are recorded, for shapes
        that do not fit, and for functions that no kernel computes.
    """
    return Attention(mask, score)(
        q, k, v, scale=scale, return_lse=return_lse, threads=threads)


def stop_gradient(feature, tensor):
    """`tensor` without its gradient, which is refused where PyTorch records it."""
    if not getattr(tensor, "requires_grad", False):
        return tensor
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(tensor, torch.Tensor) and not torch.is_grad_enabled():
        return tensor.detach()
    raise refuse(
        feature, "expects a tensor without gradients, as there is no backward pass yet",
        "give tensor.detach(), or call under torch.no_grad()")


def refuse_gradients(**tensors):
    """Raises Error for an argument whose gradient PyTorch records."""
    for name, tensor in tensors.items():
        stop_gradient(f"argument {name}", tensor)


def _get_shape(name, value):
    if isinstance(value, np.ndarray) or hasattr(value, "__dlpack__"):
        return tuple(value.shape)
    return as_array(name, value).shape  # which says why it is none


def check_shapes(shapes):
    """How many query heads share a key head. Raises Error for shapes that do not fit."""
    for name, shape in shapes.items():
        if len(shape) != 4:
            raise refuse(
                f"argument {name}",
                f"expects [batch, heads, length, width], but got {list(shape)}",
                "add the dimensions that are missing")
    q, k, v = shapes["q"], shapes["k"], shapes["v"]
    if k[:3] != v[:3]:
        raise refuse(
            "argument v",
            f"expects as many sequences, heads and keys as k, {list(k[:3])}, "
            f"but got {list(v[:3])}", "give keys and values of the same tokens")
    if q[0] != k[0] or q[3] != k[3]:
        raise refuse(
            "argument k",
            f"expects the batch and width of q, {q[0]} and {q[3]}, but got {k[0]} and {k[3]}",
            "give keys of the same sequences")
    if k[1] == 0 or q[1] % max(k[1], 1):
        raise refuse(
            "argument k", f"expects a number of heads that divides q's {q[1]}, but got {k[1]}",
            "repeat heads, or leave some out")
    return q[1] // k[1]


def _get_dtype(q):
    name = str(q.dtype).replace("torch.", "")
    if name not in _DTYPES:
        raise refuse(
            "argument q", f"expects elements of float32, float16 or bfloat16, but got {name}",
            "convert q, k and v")
    return _DTYPES[name]


def _is_on_device(array):
    return not isinstance(array, np.ndarray) and array.__dlpack_device__()[0] != CPU


def list_options(q, width, value_width, queries=None, group=1):
    """attn-compile's options for the type and the place of `q`.

    queries: how many there are of each sequence and head, or None for no such number.
    group: query heads of a key head.
    """
    options = [f"--dtype={_get_dtype(q)}", f"--head-dim={width}", f"--value-dim={value_width}"]
    if _is_on_device(q):
        options.append(f"--target={_GPU_TARGET}")
        if queries is not None and queries <= _FEW_QUERIES:
            # Of one kernel for one query, and one for up to as many.
            options.append(f"--q-len={1 if queries <= 1 else _FEW_QUERIES}")
            if group > 1:
                options += [f"--heads={group}", "--kv-heads=1"]
    return options


def count_threads(q, threads=None):
    """The threads of a kernel that runs where `q` is: all, if they are not given."""
    if _is_on_device(q):
        return 1
    if threads is not None:
        return threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _split_heads(array, group):
    """[B, H, ...] as [B, key heads, group, ...], a view."""
    if group == 1:
        return array
    b, h, *rest = array.shape
    shape = b, h // group, group, *rest
    if isinstance(array, np.ndarray):
        first, second, *others = array.strides
        return np.lib.stride_tricks.as_strided(
            array, shape, (first, second * group, second, *others))
    return array.view(shape)


def _join_heads(output, group):
    if group == 1:
        return output
    if isinstance(output, np.ndarray):
        b, h, g, *rest = output.shape
        return output.reshape(b, h * g, *rest)
    return output.flatten(1, 2)


def _as_table(table, array):
    """The `array` of a Table in the type that the kernel takes."""
    if table.isShaped and tuple(array.shape) != table.shape:
        raise refuse(
            "a captured array",
            f"expects extents {list(table.shape)}, with which a function has computed, but "
            f"got {list(array.shape)}", "trace it again")
    if table.dtype != "i1":
        return array
    if isinstance(array, np.ndarray):
        return array.view(np.int8)
    return array.view(sys.modules["torch"].int8)

# ===- _variant.py - attention with a mask and a score as a cascade --------===#

import inspect

from attn._trace import Value, format_place, refuse, region, to_float

# What a function may call a coordinate, and the rank that it is of.
COORDINATES = {
    "b": "b", "batch": "b", "h": "h", "head": "h", "p": "p", "q_idx": "p", "m": "m", "kv_idx": "m",
}
# Extents by their ranks.
EXTENTS = ("B", "H", "P", "M")
# A kernel takes arrays of any extents; only reports ask for one.
_SOME_EXTENT = 64

_TEXT = """\
!Q = !cascade.tensor<[{heads}, P, E], f32, empty = 0.0>
!K = !cascade.tensor<[{owner}, H, M, E], f32, empty = 0.0>
!V = !cascade.tensor<[{owner}, H, M, F], f32, empty = 0.0>
!S = !cascade.tensor<[{heads}, P, {keys}], f32, empty = -inf>
!R = !cascade.tensor<[{heads}, P], f32, empty = -inf>
!W = !cascade.tensor<[{heads}, P, {keys}], f32, empty = 0.0>
!D = !cascade.tensor<[{heads}, P], f32, empty = 0.0>
!O = !cascade.tensor<[{heads}, P, F], f32, empty = 0.0>
{types}
cascade.func @attention(%q: !Q, %k: !K, %v: !V{arguments},
    %scale: f32 {{cascade.positive, cascade.default = "rsqrt(E)"}})
    -> (o: !O, lse: !R {{cascade.fixed}}) attributes {{{residual}reassoc{extents}}} {{
{declarations}  %s = cascade.einsum [{r}, p, {m}] = %q[{r}, p, e], %k[{o}, h, m, e] reduce add : !Q, !K -> !S
{predicate}  %t = cascade.einsum [{r}, p, {m}] = %s[{r}, p, {m}] absorb : !S -> !S
    map (%x) {{
{score}    }}
  %gm = cascade.einsum [{r}, p] = %t[{r}, p, {m}] reduce max : !S -> !R
  %n = cascade.einsum [{r}, p, {m}] = %t[{r}, p, {m}], %gm[{r}, p] absorb : !S, !R -> !W
    map (%x, %max) {{
      %d = arith.subf %x, %max : f32
      %e = math.exp %d : f32
      cascade.yield %e : f32
    }}
  %d = cascade.einsum [{r}, p] = %n[{r}, p, {m}] reduce add : !W -> !D
  %a = cascade.einsum [{r}, p, {m}] = %n[{r}, p, {m}], %d[{r}, p] : !W, !D -> !W
    map (%x, %y) {{
      %r = arith.divf %x, %y : f32
      cascade.yield %r : f32
    }}
  %o = cascade.einsum [{r}, p, f] = %a[{r}, p, {m}], %v[{o}, h, m, f] reduce add : !W, !V -> !O
  %lse = cascade.einsum [{r}, p] = %gm[{r}, p] absorb, %d[{r}, p] absorb : !R, !D -> !R
    map (%max, %y) {{
      %l = math.log %y : f32
      %r = arith.addf %max, %l : f32
      cascade.yield %r : f32
    }}
  cascade.return %o, %lse : !O, !R
}}
"""


def find_place(function):
    """Where a Python function begins, as a location of MLIR."""
    code = getattr(getattr(function, "func", function), "__code__", None)
    return format_place(code.co_filename, code.co_firstlineno, 1) if code else ""


class Variant:
    """A mask and a score, traced.

    text: the cascade, MLIR whose operations have the places of the functions' lines.
    tables: captured arrays by the names of the kernel's arguments.
    """

    def __init__(self, capture, mask=None, score=None, grouped=False, solves=True,
                 segmented=False):
        """As `trace`; with `grouped` query heads share key heads.

        mask, score: copies of `capture`.
        solves: whether all parts of the mask that compare coordinates have to be such that
            tiles which they leave out are found. Without, those that are not are asked at
            each point, as the others always are.
        segmented: whether queries of all sequences follow each other and see keys of
            segments, which functions call `segment` (docs/kv-cache.md, "Batches and shared
            prefixes"). Such a variant is grouped.
        """
        self.grouped, self.segmented = grouped or segmented, segmented
        predicate, isResidual = [], False
        self._declared = set()
        if mask is not None:
            with region("w") as body:
                value = self._call(mask, body, "mask")
                if value.kind != "bool":
                    value = value != 0
                isResidual = not solves or not all(v.isExact for v in value.parts)
                predicate = [*body.lines, f"cascade.yield {value.name} : i1"]
                self._place = find_place(mask)
        with region("s") as body:
            scaled = body.emit("arith.mulf %x, %scale : f32", "float")
            if score is not None:
                result = self._call(score, body, "score", scaled)
                scaled = to_float(result)
            lines = [*body.lines, f"cascade.yield {scaled.name} : f32"]
        self.tables = {table.name: table for table in capture.tables}
        self.text = self._format(predicate, lines, isResidual)

    def _call(self, function, body, what, *first):
        """The result of `function` at the coordinates that its parameters name."""
        parameters = self._list_parameters(function, what)[len(first):]
        values = [self._coordinate(body, name, what) for name in parameters]
        result = function(*first, *values)
        if isinstance(result, tuple):
            raise refuse(f"{what} function", f"expects one result, but got {len(result)}",
                         "return a number")
        return body.value(result)

    @staticmethod
    def _list_parameters(function, what):
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            raise refuse(
                f"{what} function", f"expects a Python function, but got {function!r}",
                "write one of named coordinates, such as lambda p, m: m <= p") from None
        return [p.name for p in signature.parameters.values()
                if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]

    def _coordinate(self, body, name, what):
        if name in EXTENTS:
            return self._extent(body, name)
        rank = COORDINATES.get(name)
        if self.segmented:
            rank = {"segment": "s", "b": None}.get(name, rank)
        if rank is None:
            raise refuse(
                f"{what} function",
                f"expects parameters that name coordinates, but got '{name}'",
                f"use {', '.join(COORDINATES)} and for extents {', '.join(EXTENTS)}")
        value = body.emit(
            f"cascade.index {rank}", "int", isNatural=True, isOfKey=rank == "m")
        if rank != "h" or not self.grouped:
            return value
        # Query heads of one key head follow each other.
        group = body.emit("cascade.index g", "int", isNatural=True)
        self._declared.add("G")
        return value * Value(body, "%nG", "int", isNatural=True) + group

    def _extent(self, body, rank):
        self._declared.add(rank)
        value = Value(body, f"%n{rank}", "int", isNatural=True)
        if rank != "H" or not self.grouped:
            return value
        self._declared.add("G")
        return value * Value(body, "%nG", "int", isNatural=True)

    def _format(self, predicate, score, isResidual):
        # As `segments.mlir` has it; a call has any number.
        types, arguments, extents = [], [], ["S = 12"] if self.segmented else []
        if self.segmented:
            types.append("!lengths = !cascade.tensor<[S], i32, empty = 0>\n")
            arguments.append(", %lengths: !lengths {cascade.fixed}")
        for table in self.tables.values():
            ranks = [f"{table.name.upper()}_{d}" for d in range(table.ndim)]
            extents += [f"{rank} = {_SOME_EXTENT}" for rank in ranks]
            empty = "0.0" if table.element.startswith(("f", "b")) else "0"
            types.append(
                f"!{table.name} = !cascade.tensor<[{', '.join(ranks)}], {table.element}, "
                f"empty = {empty}>\n")
            arguments.append(f", %{table.name}: !{table.name} {{cascade.fixed}}")
        indent = lambda lines: "".join(f"      {line}\n" for line in lines)
        if predicate:
            predicate = f"    where {{\n{indent(predicate)}    }} {self._place}\n"
        heads = "H, G" if self.segmented else "B, H, G" if self.grouped else "B, H"
        owner, keys = ("S", "S, M") if self.segmented else ("B", "M")
        return _TEXT.format(
            heads=heads, r=heads.lower(), owner=owner, o=owner.lower(), keys=keys, m=keys.lower(),
            types="".join(types), arguments="".join(arguments),
            residual="cascade.residual, " if isResidual else "",
            extents=f", cascade.extents = {{{', '.join(extents)}}}" if extents else "",
            declarations="".join(
                f"  %n{rank} = cascade.extent {rank}\n" for rank in sorted(self._declared)),
            predicate=predicate or "", score=indent(score))

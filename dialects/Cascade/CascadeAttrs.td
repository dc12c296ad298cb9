//===- CascadeAttrs.td - monoids and merges ----------------*- tablegen -*-===//

#ifndef DIALECTS_CASCADE_CASCADEATTRS_TD
#define DIALECTS_CASCADE_CASCADEATTRS_TD

include "dialects/Cascade/CascadeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Cascade_MonoidAttr : AttrDef<CascadeDialect, "Monoid"> {
  let mnemonic = "monoid";
  let summary = "a monoid by its name in the algebra registry";
  let description = [{
    `#cascade.monoid<max>`. Its identity, laws and combining operation stand in
    the dialect's `AlgebraRegistry`. (C1) The registry knows the name.
  }];
  let parameters = (ins "::mlir::StringAttr":$name);
  let assemblyFormat = "`<` custom<MonoidName>($name) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The registry's entry.
    const MonoidInfo &getInfo() const;
  }];
}

def Cascade_FewRowsAttr : AttrDef<CascadeDialect, "FewRows"> {
  let mnemonic = "few_rows";
  let summary = "how a function is to be cut where it has few rows";
  let description = [{
    `#cascade.few_rows<below = 8, rows = 1, keys = 4096>`: the cut for fewer than
    8 rows. `keys` is for scans with a merge region: without one the steps are
    part of what is computed. With `below = 0` there is no cut of its own for few
    rows. (C1) `below` is not negative, `rows` and `keys`
    are 1 to 16777216.
  }];
  let parameters = (ins
    "int64_t":$below,
    DefaultValuedParameter<"int64_t", "1", "coordinates of a tile of rows">:$rows,
    OptionalParameter<"int64_t", "coordinates of a step of a scan">:$keys);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Cascade_RolesAttr : AttrDef<CascadeDialect, "Roles"> {
  let mnemonic = "roles";
  let summary = "how a kernel's roles are to be cut";
  let description = [{
    `#cascade.roles<slots = 3, turns = false, split = 1, cluster = 2, stream = true>`,
    with any of the fields: slots of the rings of what a sweep loads, whether groups start
    their products one after the other, which of the machine's splits of
    registers between roles, neighbouring blocks that fetch together, and whether
    blocks do equal runs of the steps of all items. (C1)
    `slots` and `cluster` are 1 to 16, `split` is 0 to 15.
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "2">:$slots,
    DefaultValuedParameter<"bool", "true">:$turns,
    DefaultValuedParameter<"int64_t", "0">:$split,
    DefaultValuedParameter<"int64_t", "1">:$cluster,
    DefaultValuedParameter<"bool", "false">:$stream);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Cascade_ScheduleAttr : AttrDef<CascadeDialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "how a function is to be cut; never what it computes";
  let description = [{
    `#cascade.schedule<rows = 64, keys = 256, few = <below = 8, keys = 4096>>`.
    `cascade-choose-schedule` fills fields that are absent. The pass that
    realises a field deletes it: `keys`, the coordinates a step of a scan, is
    realised by `cascade-reduce-passes`; `rows`, those of a tile of the rows of a
    contraction, and `few`, the cut of the program for few rows, by
    `convert-cascade-to-tile`, which hands `roles` on to its programs. A field that is absent then is the pass's to
    choose. (C1) `rows` and `keys` are 1 to 16777216.
  }];
  let parameters = (ins
    OptionalParameter<"int64_t", "coordinates of a tile of rows">:$rows,
    OptionalParameter<"int64_t", "coordinates of a step of a scan">:$keys,
    OptionalParameter<"::attn::cascade::FewRowsAttr", "the cut for few rows">:$few,
    OptionalParameter<"::attn::cascade::RolesAttr", "a kernel's roles">:$roles);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Cascade_LayoutAttr : AttrDef<CascadeDialect, "Layout"> {
  let mnemonic = "layout";
  let summary = "a rank whose coordinates run through the boxes of a canvas";
  let description = [{
    `#cascade.layout<[128, 128] by [8, 16]>`: tensors hold the points of a canvas of
    128 x 128 row after row, and a coordinate of the rank is a position in boxes
    of 8 x 16 points, as `attn/Analysis/RankLayout.h` has them. The function's
    `cascade.layouts` gives it to ranks. (C1) One to three axes, each with an
    extent and a box, both positive.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$extents,
                        ArrayRefParameter<"int64_t">:$tiles);
  let assemblyFormat = "`<` `[` $extents `]` `by` `[` $tiles `]` `>`";
  let genVerifyDecl = 1;
}

def Cascade_PagesAttr : AttrDef<CascadeDialect, "Pages"> {
  let mnemonic = "pages";
  let summary = "a tensor's coordinates of a rank lie in pages";
  let description = [{
    `#cascade.pages<16 of "M" by ["B"] in "pages" to "lengths">`, on an argument
    with ranks [B, H, M, E]: what a caller has of it is [pages, H, 16, E], with a
    table [B, W] of page numbers and lengths [B], arguments of these names. Of
    sequence `b` there are coordinates `m < lengths[b]`, which is the extent of M
    there; `m` lies in page `table[b, m floordiv 16]` at place `m mod 16`. A number
    that is none of a page has none: what would lie there is empty. It says where
    a tensor lies, and nothing of what it is. Tensors may share a table.

    With `at "starts"` the table is one list [W] of all sequences' pages, and those
    of `b` begin at entry `starts[b]` (compressed rows, as FlashInfer has them).

    (C1) There is at least one coordinate a page; table, starts and lengths have
    names that differ, and ranks are named.
  }];
  let parameters = (ins "int64_t":$size, "::mlir::StringAttr":$rank,
                        "::mlir::ArrayAttr":$by, "::mlir::StringAttr":$table,
                        "::mlir::StringAttr":$lengths,
                        OptionalParameter<"::mlir::StringAttr">:$starts);
  let assemblyFormat = [{
    `<` $size `of` $rank `by` $by `in` $table `to` $lengths (`at` $starts^)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The names of table, lengths and starts, as far as there are any.
    ::llvm::SmallVector<::mlir::StringAttr, 3> getArguments() const {
      ::llvm::SmallVector<::mlir::StringAttr, 3> names = {getTable(), getLengths()};
      if (getStarts())
        names.push_back(getStarts());
      return names;
    }
  }];
}

def Cascade_PackingAttr : AttrDef<CascadeDialect, "Packing"> {
  let mnemonic = "packing";
  let summary = "a rank stands for two ranks of what the caller has";
  let description = [{
    `#cascade.packing<8 of "G" in "P" as "P_G" from ["B", "H", "G", "P", "E"]>`, on
    an argument or a result with ranks [B, H, P_G, E]: what a caller has of it is
    [B, H, G, P, E], and coordinate `r` of P_G is coordinate `r floordiv 8` of P and
    `r mod 8` of G. The extent of P_G is 8 times that of P, and G has 8 coordinates
    at the most: points at which it has none are empty, and dropped from results.

    (C1) The width is a power of 2, of at least 1. (C2) The caller's ranks have
    different names; both parts are among them, but not the rank.
  }];
  let parameters = (ins "int64_t":$width, "::mlir::StringAttr":$inner,
                        "::mlir::StringAttr":$outer, "::mlir::StringAttr":$rank,
                        "::mlir::ArrayAttr":$ranks);
  let assemblyFormat = [{
    `<` $width `of` $inner `in` $outer `as` $rank `from` $ranks `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Whether `other` says the same of the rank, if it is the same one.
    bool agreesWith(PackingAttr other) const {
      return getRank() != other.getRank() ||
             (getWidth() == other.getWidth() && getInner() == other.getInner() &&
              getOuter() == other.getOuter());
    }
  }];
}

/// What an empty operand does to a point (EDGE's merge operator, per operand).
def Cascade_Merge : I32EnumAttr<"Merge", "effect of an empty operand", [
    I32EnumAttrCase<"Derived", 0, "derived">,
    I32EnumAttrCase<"Absorb", 1, "absorb">,
    I32EnumAttrCase<"Through", 2, "through">]> {
  let cppNamespace = "::attn::cascade";
  let genSpecializedAttr = 1;
}

def Cascade_RankKind : I32EnumAttr<"RankKind", "how a rank's coordinates arise", [
    I32EnumAttrCase<"Dense", 0, "dense">,
    I32EnumAttrCase<"Ragged", 1, "ragged">,
    I32EnumAttrCase<"List", 2, "list">]> {
  let cppNamespace = "::attn::cascade";
}

def Cascade_ScanOrder : I32EnumAttr<"ScanOrder", "direction of a scan", [
    I32EnumAttrCase<"Ascending", 0, "ascending">,
    I32EnumAttrCase<"Descending", 1, "descending">]> {
  let cppNamespace = "::attn::cascade";
}

#endif // DIALECTS_CASCADE_CASCADEATTRS_TD

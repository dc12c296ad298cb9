//===- TileAttrs.td - attributes of the tile dialect ---*- tablegen -*-===//
#ifndef DIALECTS_TILE_TILEATTRS_TD
#define DIALECTS_TILE_TILEATTRS_TD

include "dialects/Tile/TileDialect.td"
include "mlir/IR/AttrTypeBase.td"

def Tile_LayoutAttr : AttrDef<TileDialect, "Layout"> {
  let mnemonic = "layout";
  let summary = "a rank whose coordinates run through the boxes of a canvas";
  let description = [{
    `#tile.layout<[128, 128] by [8, 16]>`: a canvas of 128 x 128 points, which
    tensors hold row after row. A coordinate of the rank is a position: 128 of them
    are the points of a box of 8 x 16, row after row, and box follows box along
    the last axis first. Each axis is padded to whole boxes; where an axis does
    not end with a box, there are positions of padding, which no tensor has.

    Constraints:
    * (C1) One to three axes, each with an extent and a box, both positive.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$extents,
                        ArrayRefParameter<"int64_t">:$tiles);
  let assemblyFormat = "`<` `[` $extents `]` `by` `[` $tiles `]` `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Points of the canvas, and positions: padding too.
    int64_t countPoints() const;
    int64_t countPositions() const;
  }];
}

def Tile_PagesAttr : AttrDef<TileDialect, "Pages"> {
  let mnemonic = "pages";
  let summary = "rows of a tile that lie in pages";
  let description = [{
    `#tile.pages<16 along 0>`: along dimension 0 of a tile positions are cut into
    pages of 16. (C1) There is at least one position a page, and the dimension is
    not negative.
  }];
  let parameters = (ins "int64_t":$size, "int64_t":$along);
  let assemblyFormat = "`<` $size `along` $along `>`";
  let genVerifyDecl = 1;
}

def Tile_ScheduleAttr : AttrDef<TileDialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "how a program is to run in roles; never what it computes";
  let description = [{
    `#tile.schedule<slots = 3, turns = false, split = 1, cluster = 2, stream = true>`, with any
    of the fields: what a program's tiles leave open. The pass that writes its
    kernel realises them.

    Constraints:
    * (C1) `slots` and `cluster` are 1 to 16, `split` is 0 to 15.
  }];
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "2",
      "slots of the rings of what a sweep loads">:$slots,
    DefaultValuedParameter<"bool", "true",
      "groups start their products one after the other">:$turns,
    DefaultValuedParameter<"int64_t", "0",
      "which of the machine's splits of registers between roles">:$split,
    DefaultValuedParameter<"int64_t", "1",
      "neighbouring blocks that fetch together what a sweep loads">:$cluster,
    DefaultValuedParameter<"bool", "false",
      "blocks do equal runs of the steps of all items">:$stream);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // DIALECTS_TILE_TILEATTRS_TD

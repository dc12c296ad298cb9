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

#endif // DIALECTS_TILE_TILEATTRS_TD

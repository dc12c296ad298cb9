//===- TileDialect.td - the tile dialect ---------------*- tablegen -*-===//
#ifndef DIALECTS_TILE_TILEDIALECT_TD
#define DIALECTS_TILE_TILEDIALECT_TD

include "mlir/IR/OpBase.td"

def TileDialect : Dialect {
  let name = "tile";
  let cppNamespace = "::attn::tile";
  let summary = "How work is cut: tiles, coordinates and ordered sweeps";
  let description = [{
    A `tile.program` says what one work item does: it loads tiles, folds tiles
    over key ranges (`tile.sweep`) and stores tiles. Tile values are builtin
    `tensor`s of static shape, on which ops of `arith` and `math` act
    elementwise. Coordinates are values of type `index`. There are no threads,
    no layouts and no target here.

    A masked-out point holds the `empty` value of its `tile.mask`. Arithmetic is
    IEEE: nothing may assume that values are finite, but `tile-fold-offsets` of a
    line's term.
  }];
  let useDefaultAttributePrinterParser = 1;
}

#endif // DIALECTS_TILE_TILEDIALECT_TD

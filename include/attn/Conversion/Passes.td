//===- Passes.td - conversions between levels --------------*- tablegen -*-===//

#ifndef ATTN_CONVERSION_PASSES_TD
#define ATTN_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertCascadeToTilePass : Pass<"convert-cascade-to-tile", "::mlir::ModuleOp"> {
  let summary = "Cut cascades into tile programs";
  let description = [{
    Each `cascade.func` becomes one or more `tile.program`s: what its results
    depend on, at one tile of their ranks. A `cascade.scan` becomes a
    `tile.sweep` whose step and merge are the scan's regions. The normal form of
    the predicate that governs the scan gives the sweep's segments and their
    classes (see `attn/Analysis/Mask/Sequence.h`). A part of it that has no bounds
    is refused, or with `cascade.residual` on the function leaves the whole range
    and class `partial`, which is always right; a remark of category
    `convert-cascade-to-tile` then says which.

    A program with tiles of rows comes in two: one for few rows, in which each row
    is a work item, and one for more; a guard on the extent picks one.

    A scan whose results lack a rank of what uses them becomes a program of its
    own and its results go through workspace.

    Pre-condition: each rank that is reduced has a static extent of at most 256
    (see `cascade-bind`) or is swept by a scan (see `cascade-reduce-passes`).
    What has no lowering is refused with an error at its operation.
  }];
  let dependentDialects = ["::attn::tile::TileDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
  let options = [
    Option<"tileRows", "tile-rows", "int64_t", "64",
           "Coordinates of a tile of the rows of a contraction, unless the "
           "function's schedule says `rows`">,
    Option<"fewRows", "few-rows", "int64_t", "8",
           "Below so many rows each one is a work item: a second program, with "
           "a guard (0: only one program)">,
    Option<"fullMultiple", "full-multiple", "int64_t", "16",
           "Keys of which a full range that ends by a predicate has a multiple">
  ];
}

def ConvertTileToPipePass : Pass<"convert-tile-to-pipe", "::mlir::ModuleOp"> {
  let summary = "Write tile programs for ordinary threads";
  let description = [{
    Each `tile.program` becomes a `pipe.kernel` with one role of one group, whose
    work items are the program's. Tiles that several points read lie in arrays in
    shared memory; what is computed from them point by point is written where it
    is used. Nothing is fast about such a kernel: it is for small work beside the
    kernels that have schedules, and for variants that have none yet.

    Contractions and reductions have an order that depends on shapes only.

    What has no lowering is refused with an error at its operation.
  }];
  let dependentDialects = ["::attn::pipe::PipeDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // ATTN_CONVERSION_PASSES_TD

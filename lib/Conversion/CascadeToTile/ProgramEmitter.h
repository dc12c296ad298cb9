//===- ProgramEmitter.h - cascade values as tiles -------------------------===//
//
// Inside a program a rank is one of three things: *whole* (its static extent is
// a dimension of the tile), *tiled* (a tile of it is) or a *scalar* coordinate.
// A cascade value then is a tile over its whole and tiled ranks. Values are
// emitted when they are first asked for, in the region that asks.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_PROGRAMEMITTER_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_PROGRAMEMITTER_H

#include "dialects/Cascade/Cascade.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"

namespace attn {

/// Where a rank stands in the program.
struct RankPlace {
  /// Points of the tile; 0 for a scalar coordinate.
  int64_t tile = 0;
  /// Coordinate of the tile's first point, or the scalar coordinate; null is 0.
  mlir::Value base;
  /// Points of the tile that exist; null: all.
  mlir::Value valid;
};

/// A tensor in memory, or a scan's slice of one.
struct MemoryTensor {
  mlir::Value memref;
  cascade::NamedTensorType type;
  /// Of a slice: the rank of the whole, what stands for it (null: nothing, the
  /// rank is dropped), and where the slice starts.
  mlir::StringAttr slicedRank = {}, sliceRank = {};
  mlir::Value sliceBase = {};
  /// The pages in which it lies, and their table; null without pages.
  cascade::PagesAttr pages = {};
  mlir::Value table = {};
  /// The entry at which the item's sequence begins in the table, if that is one
  /// list of all; set when the program's coordinates are.
  mlir::Value start = {};
  /// How one of its ranks stands for two in memory; null where none does.
  cascade::PackingAttr packing = {};
  /// Of a slice whose rank is packed: the coordinate of the outer part.
  mlir::Value run = {};
};

/// Tensors in memory whose coordinates by some ranks are sequences in pages.
struct Sequences {
  cascade::PagesAttr pages;
  /// The numbers of each, and where its entries begin in a list (may be null).
  mlir::Value lengths, starts;
};

/// A step of a sweep over a packed rank lies in one coordinate of the outer
/// part, its run, and begins at a coordinate of the inner one.
struct RunStep {
  cascade::PackingAttr packing;
  /// What the rank's first coordinate is in the cascade.
  mlir::Value base;
  mlir::Value run, place;
};

/// The address map of a tile: dimensions are the tile's, symbols are `indices`.
struct AddressMap {
  llvm::SmallVector<mlir::AffineExpr> coordinates;
  llvm::SmallVector<mlir::Value> indices;

  mlir::AffineExpr addIndex(mlir::Value value) {
    for (auto [i, known] : llvm::enumerate(indices))
      if (known == value)
        return mlir::getAffineSymbolExpr(i, value.getContext());
    indices.push_back(value);
    return mlir::getAffineSymbolExpr(indices.size() - 1, value.getContext());
  }
};

class SeenKeys;

/// A value as a tile.
struct TileValue {
  mlir::Value tile;
  /// The ranks of the tile's dimensions.
  llvm::SmallVector<mlir::StringAttr> ranks;
  /// It is in memory in its tile's type.
  bool loaded = false;
  /// Points beyond the valid ones of the swept rank hold the empty value.
  bool cleanTail = false;
  /// The tile is yet to be masked: beyond the valid points, and by the
  /// predicate of `where` if there is one.
  bool maskPending = false;
  cascade::EinsumOp where;
  /// Cascade values that are empty wherever this one is: those of which it is
  /// the maximum.
  llvm::DenseSet<mlir::Value> emptyWith;
};

/// An Einsum and the memory that it updates.
struct StoredUpdate {
  cascade::EinsumOp op;
  const MemoryTensor *target;
};

class ProgramEmitter {
public:
  ProgramEmitter(cascade::FuncOp func, mlir::OpBuilder builder)
      : func(func), builder(builder) {}

  // What the program's frame sets up.
  llvm::StringMap<RankPlace> places;
  llvm::DenseMap<mlir::Value, MemoryTensor> memory;
  mlir::IRMapping scalars;
  llvm::StringMap<mlir::Value> extents;
  /// Emitted results of scans go here, by result.
  llvm::DenseMap<mlir::Value, MemoryTensor> emitTargets;
  /// Coordinates of a step of the sweeps with a merge region: what it combines
  /// may be cut anywhere. 0: as the scans say.
  int64_t sweepTile = 0;
  /// Full ranges that end by a predicate have a multiple of so many keys.
  int64_t fullMultiple = 1;
  llvm::SmallVector<Sequences> sequences;

  /// Gives ranks of tensors in pages the extents that the item's sequences
  /// have, of all tables whose ranks have places: at the most by the width of a
  /// table, and the least, if there are several. Those by a rank that is swept
  /// wait for its runs.
  mlir::LogicalResult setSequences();
  /// From here on `run` is the coordinate of the outer part of a swept rank.
  mlir::LogicalResult enterRun(cascade::PackingAttr packing, mlir::Value run);
  void leaveRun(cascade::PackingAttr packing);
  /// Emits `value` and stores it to `target`, whose type is the value's.
  mlir::LogicalResult store(mlir::Value value, const MemoryTensor &target);
  /// Stores the points of Einsums into what they update, but those whose index
  /// entries lie outside.
  mlir::LogicalResult storeUpdates(llvm::ArrayRef<StoredUpdate> updates);
  /// Emits the sweep of `scan`, unless it is emitted.
  mlir::LogicalResult emitScan(cascade::ScanOp scan);

private:
  friend class EinsumEmitter;
  friend class IndexOps;
  friend class MaskSegments;
  friend class RunSegments;
  friend class SeenKeys;
  friend class UpdateEmitter;

  /// `value` as a tile; masks are applied unless `keepPending`.
  mlir::FailureOr<TileValue> getTile(mlir::Value value,
                                     bool keepPending = false);
  mlir::FailureOr<TileValue> emitEinsum(cascade::EinsumOp op);
  /// Loads operand `input` of `op` through its index expressions.
  mlir::FailureOr<TileValue> load(cascade::EinsumOp op, unsigned input,
                                  const MemoryTensor &source);
  /// Makes a load of `source` at `coordinates` of its ranks, expressions of the
  /// tile's dimensions and of `indices`, one of its pages.
  mlir::FailureOr<tile::LoadOp>
  loadPages(cascade::EinsumOp op, const MemoryTensor &source,
            mlir::RankedTensorType type,
            llvm::ArrayRef<mlir::AffineExpr> coordinates,
            llvm::ArrayRef<mlir::Value> indices, mlir::ValueRange valid,
            mlir::TypedAttr pad);
  /// Makes zero a factor at the keys of a step that no row sees, if the step
  /// may have such: the other factors are zero there, but NaN times zero is
  /// NaN.
  mlir::LogicalResult emptyUnseen(TileValue &value, mlir::Location loc);
  /// Applies the pending mask; `empty` is what masked points become, rows
  /// beyond the last too if `countsRows`.
  mlir::LogicalResult applyMask(TileValue &value, mlir::TypedAttr empty,
                                bool countsRows = false);
  mlir::LogicalResult storeTile(const TileValue &value,
                                const MemoryTensor &target, mlir::Location loc);
  /// Stores `value` at the coordinates of `address`.
  void storeAt(const TileValue &value, const MemoryTensor &target,
               AddressMap address, mlir::Location loc);
  /// Where the points of `value` stand along `rank`.
  mlir::FailureOr<mlir::AffineExpr> getCoordinate(AddressMap &address,
                                                  const TileValue &value,
                                                  mlir::StringAttr rank,
                                                  mlir::Location loc);

  mlir::LogicalResult setSequence(const Sequences &of);
  /// The number that `table` has for the item's sequence, 0 if that is
  /// negative.
  mlir::FailureOr<mlir::Value> getOfSequence(cascade::PagesAttr pages,
                                             mlir::Value table);
  /// A part of the coordinate of a packed rank in the present step: its run, or
  /// so far on from the step's place as the variable, which `known` has. Null
  /// if `inner` is no such part.
  mlir::Value getPartOfStep(mlir::Operation *inner,
                            const mlir::IRMapping &known);
  /// A scalar of the cascade (an argument, an extent, arithmetic on them) in
  /// the program.
  mlir::FailureOr<mlir::Value> getScalar(mlir::Value value);
  mlir::FailureOr<mlir::Value> getExtent(llvm::StringRef rank,
                                         mlir::Location loc);
  /// A scalar operation of a region, with operands given by `operandOf`.
  mlir::FailureOr<mlir::Value>
  emitPredicate(cascade::EinsumOp op, mlir::ValueRange coordinates,
                llvm::ArrayRef<mlir::StringAttr> ranks, mlir::OpBuilder &b);

  /// Whether the points of a tile lie in one block of `block` coordinates of
  /// `rank`: a tile begins at a multiple of its extent, and so of a block that
  /// is a multiple of that.
  bool isInOneBlock(llvm::StringRef rank, int64_t block) const;
  /// The number of the block in which all rows of a tile lie. Null if `inner`
  /// is no such number.
  mlir::Value getBlockOfRows(cascade::EinsumOp op, mlir::Operation *inner);
  mlir::FailureOr<mlir::Value> emitRead(cascade::ReadOp read,
                                        const MemoryTensor &table,
                                        mlir::ValueRange at);
  /// A `cascade.read` or `cascade.member` of a predicate, whose operands are
  /// `operands`.
  mlir::FailureOr<mlir::Value> emitTableAccess(mlir::Operation *op,
                                               mlir::ValueRange operands);

  /// The variable that `expr`, a coordinate of `rank`, equals at every point of
  /// its tile: a plain variable of the rank, or an expression (`i mod 64`) of
  /// one over another rank with the same tile.
  std::optional<unsigned> getIdentityVariable(cascade::EinsumOp op,
                                              mlir::AffineExpr expr,
                                              mlir::StringAttr rank);
  const RankPlace *getPlace(mlir::StringAttr rank, mlir::Location loc);
  mlir::Value getIndexConstant(int64_t value);
  mlir::Value getValidCount(const RankPlace &place);
  bool isMemory(mlir::Value value) { return memory.count(value) != 0; }

  cascade::FuncOp func;
  mlir::OpBuilder builder;
  llvm::DenseMap<mlir::Value, TileValue> tiles;
  /// Of ranks of tensors in pages.
  llvm::StringMap<mlir::Value> lengthsOf;
  /// While a sweep's step is emitted: the sweep, before which goes what does
  /// not change in it.
  mlir::Operation *sweep = nullptr;
  /// And what a step of a packed rank is.
  std::optional<RunStep> runStep;
  /// If steps of that sweep may have keys that no row sees: whose predicate
  /// tells, the rank of a step's keys, how they are told without asking each
  /// row (null: not) and, once it is asked for, which are seen.
  struct Gaps {
    cascade::EinsumOp where;
    mlir::StringAttr rank;
    std::shared_ptr<SeenKeys> keys;
    mlir::Value base;
    mlir::Value seen;
  } gaps;
};

/// The number of coordinates of a rank, if it is a constant: of one with a
/// layout its positions, else its extent.
std::optional<int64_t> countCoordinates(cascade::FuncOp func,
                                        llvm::StringRef rank);

/// Makes the divisor among the operands of `op`, which are scalars or tiles, 1
/// at the least, if `op` divides integers.
void guardDivisor(mlir::OpBuilder &builder, mlir::Operation *op,
                  llvm::MutableArrayRef<mlir::Value> operands);

/// The splat tile of `type` filled with `value`, a number of its element type.
mlir::Value buildSplat(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::RankedTensorType type, mlir::TypedAttr value);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_PROGRAMEMITTER_H

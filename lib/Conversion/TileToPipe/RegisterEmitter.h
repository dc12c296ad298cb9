//===- RegisterEmitter.h - tile ops on the registers of a group -*- C++ -*-===//
//
// A matrix of the program's rows becomes a tile of a group's rows with the
// fragment of the machine's products, a tile of rank 1 a line: one value a row,
// or one a column. Lines of rows have one encoding whatever the width of the
// matrix that they come from.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_REGISTEREMITTER_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_REGISTEREMITTER_H

#include "ScalarEmitter.h"
#include "StepPlan.h"

namespace attn {

/// What a step leaves to masks.
enum class StepKind {
  /// Their predicates decide at each point.
  Partial,
  /// They hold up to the step's count.
  Clipped,
  /// They hold, and the step has all its points.
  Whole,
};

/// What of the program's rows warps have that share out keys.
enum class Holding {
  /// All rows, each warp for its share of the keys.
  Shares,
  /// All rows, once shares have come together, each warp some of the columns.
  Columns,
};

class RegisterEmitter : public ScalarEmitter {
public:
  RegisterEmitter(mlir::ImplicitLocOpBuilder &b, const StepPlan &plan)
      : ScalarEmitter(b), plan(plan) {}

  Holding holding = Holding::Shares;
  /// The number of the group's first row in the program's tile, an i32.
  mlir::Value rowOffset;
  /// Whether narrow floats become f32 where they are read.
  bool widensLoads = true;
  /// Of the step that is written.
  StepKind stepKind = StepKind::Partial;

  /// Whether `op` has no tiles.
  static bool isScalar(mlir::Operation *op);
  /// Writes an op, of scalars or of tiles; loads and products are the roles'.
  mlir::LogicalResult emit(mlir::Operation *op);

  /// The registers of a tile, all parts of lanes combined.
  mlir::Value getComplete(mlir::Value tile);
  /// The value of a tile of rank 0.
  mlir::Value getNumber(mlir::Value tile);
  /// The registers of a tile as they are kept.
  mlir::Value get(mlir::Value tile);
  void set(mlir::Value tile, mlir::Value registers) {
    tiles.map(tile, registers);
  }
  /// The type of a tile as it is kept.
  mlir::RankedTensorType getType(mlir::Value tile);
  /// The same with all parts of lanes combined.
  mlir::RankedTensorType getCompleteType(mlir::Value tile);

  /// Of a line of rows.
  mlir::RankedTensorType getRowType(mlir::Type element, bool isPartial = false);

  /// A line of columns as a number and what depends on the column in the tile
  /// alone, if it is known to be such a sum; else null.
  std::pair<mlir::Value, mlir::Value> getColumnParts(mlir::Value tile) {
    return columnParts.lookup(tile);
  }

  /// The registers with which a carry begins.
  mlir::Value getInitial(mlir::Value init, mlir::Value carry) {
    return getOperand(init, getType(carry));
  }

  /// The numbers of the group's rows in the program's tile, a line of i32.
  mlir::Value getRowNumbers();
  /// The row of a tile that begins at `start`.
  mlir::Value addRowOffset(mlir::Value start);
  /// Where a box begins in memory; rows of the program begin at the group's.
  llvm::SmallVector<mlir::Value> getStarts(const BoxMap &box,
                                           mlir::ValueRange indices,
                                           bool hasRows, bool isLine);
  /// Where a box begins in a page, at a place of it.
  llvm::SmallVector<mlir::Value>
  getStartsInPage(const BoxMap &box, tile::LoadOp load,
                  std::pair<mlir::Value, mlir::Value> place);

private:
  friend class PredicateEmitter;

  /// The rows of a tile.
  int64_t getNumRows() const {
    return holding == Holding::Columns ? plan.machine.productRows
                                       : plan.machine.getTileRows();
  }

  /// Coordinates and what is computed of them have 32 bits, whatever they are
  /// cast to.
  mlir::Type getElement(mlir::Type element) {
    return element.isIndex() || element.isInteger(64) ? b.getI32Type()
                                                      : element;
  }

  /// Of keys where `isShared`, of which each warp has its share.
  mlir::RankedTensorType getMatrixType(int64_t columns, mlir::Type element,
                                       bool isShared);
  mlir::RankedTensorType getColumnType(int64_t columns, mlir::Type element);
  /// Who holds a matrix of so many columns.
  pipe::FragmentAttr getFragment(int64_t columns, bool isShared);
  /// The coordinates that `type` holds, from the tile's first.
  mlir::Value createCoord(mlir::RankedTensorType type, unsigned dim);
  /// An operand of an op whose result is of `like`.
  mlir::Value getOperand(mlir::Value operand, mlir::RankedTensorType like);
  mlir::Value broadcast(mlir::Value line, mlir::RankedTensorType type);
  /// Elements of a tensor at coordinates that are numbers, or tiles or lines of
  /// the shape and encoding of `like`; narrow floats are widened.
  mlir::Value gather(mlir::Value memref, mlir::ValueRange indices,
                     mlir::RankedTensorType like);
  /// What `op`, which reads a table, gives at such coordinates.
  mlir::Value gatherTable(mlir::Operation *op, mlir::ValueRange indices,
                          mlir::RankedTensorType like);
  mlir::Value gatherEntries(mlir::Value table, mlir::ValueRange indices,
                            mlir::RankedTensorType like, mlir::TypedAttr empty);
  /// For each number of a line of i32, whether the list of `op` has it.
  mlir::Value searchList(tile::MemberOp op, mlir::Value numbers);
  mlir::LogicalResult emitGather(tile::GatherOp op);
  mlir::LogicalResult emitLoad(tile::LoadOp op);
  /// The coordinates of the points of `tile`, of type `index`.
  llvm::SmallVector<mlir::Value> getPoint(mlir::Value tile,
                                          mlir::RankedTensorType index);
  /// The page and the place in it of each point, by their number along the
  /// pages.
  std::pair<mlir::Value, mlir::Value> locateTile(tile::LoadOp op,
                                                 mlir::Value along);
  /// A coordinate of a load, for each point or a number.
  mlir::Value evaluateIndex(mlir::Value tile, mlir::AffineExpr result,
                            mlir::ValueRange point, mlir::ValueRange scalars,
                            mlir::RankedTensorType index);
  mlir::Value clearBeyondCount(tile::LoadOp op, mlir::Value value,
                               mlir::ValueRange point);
  mlir::Value splat(mlir::Value scalar, mlir::RankedTensorType type);

  mlir::LogicalResult emitElementwise(mlir::Operation *op);
  mlir::LogicalResult emitReduce(tile::ReduceOp op);
  mlir::LogicalResult emitBroadcast(tile::BroadcastOp op);
  mlir::LogicalResult emitMask(tile::MaskOp op);
  mlir::LogicalResult emitIfAny(tile::IfAnyOp op);
  mlir::LogicalResult emitCoord(tile::CoordOp op);
  mlir::LogicalResult emitGenerate(tile::GenerateOp op);
  /// Ops on tiles of rank 0, which are scalars here.
  mlir::LogicalResult emitNumber(mlir::Operation *op);

  const StepPlan &plan;
  mlir::IRMapping tiles;
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::Value>> columnParts;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_REGISTEREMITTER_H

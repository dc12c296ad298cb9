//===- ScalarEmitter.h - scalars of a tile program in a kernel --*- C++ -*-===//
//
// What the coordinates, bounds and tables of a tile program become in a role.
// Indices are i32, as all scalars of pipe.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_SCALAREMITTER_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_SCALAREMITTER_H

#include "attn/Conversion/ExpandTables.h"
#include "dialects/Pipe/Pipe.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

namespace attn {

class ScalarEmitter {
public:
  explicit ScalarEmitter(mlir::ImplicitLocOpBuilder &b) : b(b) {}

  /// What stands for a tensor or a scalar of the program.
  void setTensor(mlir::Value memref, mlir::Value global) {
    tensors[memref] = global;
  }
  /// The extents of a tensor, for what reads it with coordinates of its own.
  void setTable(mlir::Value memref, llvm::ArrayRef<mlir::Value> extents) {
    tables[memref].assign(extents.begin(), extents.end());
  }
  void setScalar(mlir::Value value, mlir::Value lowered) {
    scalars.map(value, lowered);
  }
  mlir::Value getScalar(mlir::Value value) {
    return scalars.lookupOrNull(value);
  }
  llvm::SmallVector<mlir::Value> getScalars(mlir::ValueRange values);
  mlir::Value getTensor(mlir::Value memref) { return tensors.lookup(memref); }

  /// An op that reads a tensor at coordinates of its own.
  static bool isTableOp(mlir::Operation *op) {
    return llvm::isa<tile::ElementOp, tile::ExtremaOp, tile::EntryOp,
                     tile::MemberOp>(op);
  }

  /// Writes an op whose operands and results are scalars.
  mlir::LogicalResult emitScalar(mlir::Operation *op);
  /// What a region of scalars yields, its arguments being set.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  evaluateRegion(mlir::Block &region);

  mlir::Value constant(int64_t value);

  /// The page of a paged load in which a position lies, -1 for none, and the
  /// place in it; nothing after an error.
  std::optional<std::pair<mlir::Value, mlir::Value>>
  locate(tile::LoadOp op, mlir::Value position);
  /// The former alone, null after an error, and the latter.
  mlir::Value findPage(tile::LoadOp op, mlir::Value position);
  /// Those of `count` runs of `run` positions each, from where the load begins
  /// on; null after an error.
  mlir::Value findPages(tile::LoadOp op, int64_t run, int64_t count);
  mlir::Value getPlaceInPage(tile::LoadOp op, mlir::Value position);

  /// `value` as the cast `op` of it to or from an index gives it: a number, or
  /// registers, of `type`.
  mlir::Value castIndex(mlir::Operation *op, mlir::Value value,
                        mlir::Type type);

protected:
  using Point = llvm::SmallVector<mlir::Value>;

  /// The coordinates in memory of a point of a tile.
  Point evaluateMap(mlir::AffineMap map, mlir::ValueRange point,
                    mlir::ValueRange indices);
  mlir::Value evaluateExpr(mlir::AffineExpr expr, mlir::ValueRange point,
                           mlir::ValueRange indices);
  mlir::LogicalResult emitTableOp(mlir::Operation *op);
  /// What a region gives for each of the runs, added up or searched.
  mlir::LogicalResult emitRuns(mlir::Operation *op);
  /// The element of a table at `coordinates`; null after an error at `op`.
  mlir::Value loadTableElement(mlir::Operation *op, mlir::Value memref,
                               mlir::ValueRange coordinates,
                               mlir::TypedAttr empty);
  /// `op` on scalars: an elementwise op of one result.
  mlir::Value cloneScalar(mlir::Operation *op, mlir::ValueRange operands);
  /// `beyond` is what points beyond the extents give; zero if it is null.
  mlir::Value loadScalar(mlir::Value memref, mlir::ValueRange indices,
                         mlir::TypedAttr beyond = {});
  mlir::Type getScalarType(mlir::Type type) {
    return type.isIndex() ? b.getI32Type() : type;
  }
  mlir::Value fail(mlir::Operation *op, const llvm::Twine &message);

  mlir::ImplicitLocOpBuilder &b;
  mlir::IRMapping scalars;
  llvm::DenseMap<mlir::Value, mlir::Value> tensors;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> tables;
  bool failed = false;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_SCALAREMITTER_H

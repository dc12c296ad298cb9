//===- EinsumEmitter.h - one Einsum on tiles ------------------------------===//
//
// A sum of products of two groups of factors is a tile.dot. Everything else is
// element-wise on the union of the operands' dimensions, then a tile.reduce.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_EINSUMEMITTER_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_EINSUMEMITTER_H

#include "ProgramEmitter.h"

namespace attn {

class EinsumEmitter {
public:
  EinsumEmitter(ProgramEmitter &emitter, cascade::EinsumOp op)
      : emitter(emitter), op(op), builder(emitter.builder) {}

  mlir::FailureOr<TileValue> run();

private:
  /// A factor of a product: a value of the map region, and the operands it
  /// depends on.
  struct Factor {
    mlir::Value value;
    llvm::SmallVector<unsigned> inputs;
    llvm::SmallVector<mlir::StringAttr> ranks;
  };

  mlir::LogicalResult checkSupported();
  /// The operand as a tile (loaded or computed), in the type of memory.
  mlir::FailureOr<TileValue> getOperand(unsigned input, bool keepPending);
  /// Ranks of the operand's tile.
  llvm::SmallVector<mlir::StringAttr> getOperandRanks(unsigned input);

  std::optional<llvm::SmallVector<Factor>> getFactors();
  mlir::FailureOr<std::optional<TileValue>> tryDot();
  mlir::FailureOr<TileValue> emitFactor(const Factor &factor);
  mlir::FailureOr<TileValue> emitElementwise();
  /// Emits the map's `value` on tiles over `ranks`; operands that absorb empty
  /// the result where the arithmetic does not do so by itself.
  mlir::FailureOr<mlir::Value>
  emitMapValue(mlir::Value value, llvm::ArrayRef<mlir::StringAttr> ranks,
               llvm::DenseMap<mlir::Value, mlir::Value> &emitted);
  /// A table's elements at the coordinates that `read` computes in the map.
  mlir::FailureOr<mlir::Value>
  emitRead(cascade::ReadOp read, llvm::ArrayRef<mlir::StringAttr> ranks,
           llvm::DenseMap<mlir::Value, mlir::Value> &emitted);
  /// The one element of a table that all points read.
  mlir::Value readNumber(mlir::Value table, mlir::ValueRange coordinates,
                         mlir::TypedAttr empty);
  /// `scalar` as a tile over `ranks`.
  mlir::Value splat(mlir::Value scalar, llvm::ArrayRef<mlir::StringAttr> ranks);
  /// `tile` over `from` repeated to a tile over `to`, which has all of `from`.
  mlir::Value spread(mlir::Value tile, llvm::ArrayRef<mlir::StringAttr> from,
                     llvm::ArrayRef<mlir::StringAttr> to);
  /// Records of which operands the result is the maximum.
  void noteMaximum(TileValue &result);
  llvm::SmallVector<int64_t> getShape(llvm::ArrayRef<mlir::StringAttr> ranks);

  /// True if the map gives the result's empty value whenever operand `input` is
  /// empty, by its arithmetic alone.
  bool emptiesByArithmetic(unsigned input);
  /// An operand that is empty wherever operand `input` is and that empties the
  /// result by its arithmetic if `input` is 0.
  bool isGuarded(unsigned input, const TileValue &value);

  ProgramEmitter &emitter;
  cascade::EinsumOp op;
  mlir::OpBuilder &builder;
};

/// `tile` converted to `elementType` (floats are widened or rounded).
mlir::Value convertTile(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value tile, mlir::Type elementType);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_EINSUMEMITTER_H

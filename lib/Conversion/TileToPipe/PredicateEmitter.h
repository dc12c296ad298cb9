//===- PredicateEmitter.h - predicates on fragments -------------*- C++ -*-===//
//
// A predicate of a row and a column is mostly comparisons of sums. The column
// stays symbolic in them: `column + a < row + b` becomes a comparison of the
// bare column with one number a row, so that each register costs one
// instruction. So does what depends on the column in its tile alone, as its
// place in a row of a box does.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_CONVERSION_TILETOPIPE_PREDICATEEMITTER_H
#define ATTN_LIB_CONVERSION_TILETOPIPE_PREDICATEEMITTER_H

#include "RegisterEmitter.h"

namespace attn {

class PredicateEmitter {
public:
  PredicateEmitter(RegisterEmitter &emitter, tile::MaskOp mask);

  /// Where the mask holds, as a tile of i1; null after an error.
  mlir::Value run();
  /// Where columns are below the mask's count of them; null if all are.
  mlir::Value isBelowCount() { return isBelow(1, mask.getValid()[1]); }

private:
  /// A value of the predicate: `factor` times `column`, a tile that depends on
  /// the column alone, plus `value`, which is a scalar, a line of rows or,
  /// without a column, a tile.
  struct Term {
    mlir::Value value;
    int factor = 0;
    mlir::Value column = {};
  };

  Term evaluate(mlir::Operation &op);
  Term evaluateSum(mlir::Operation &op, Term lhs, Term rhs);
  Term compare(mlir::arith::CmpIOp op, Term lhs, Term rhs);
  static bool haveOneColumn(Term lhs, Term rhs);
  Term getTerm(mlir::Value value);
  /// Both as scalars, as lines of rows, or as tiles.
  void match(mlir::Value &lhs, mlir::Value &rhs);
  mlir::Value toTile(Term term);
  mlir::Value toTile(mlir::Value value);
  mlir::Value toRow(mlir::Value value);
  mlir::Value getColumn();
  mlir::RankedTensorType getTileType(mlir::Type element);
  mlir::Value isBelow(unsigned dim, mlir::Value count);
  bool isTile(mlir::Value value);
  bool isRow(mlir::Value value);

  RegisterEmitter &emitter;
  mlir::ImplicitLocOpBuilder &b;
  tile::MaskOp mask;
  mlir::RankedTensorType type;
  llvm::DenseMap<mlir::Value, Term> terms;
};

} // namespace attn

#endif // ATTN_LIB_CONVERSION_TILETOPIPE_PREDICATEEMITTER_H

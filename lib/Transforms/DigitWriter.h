//===- DigitWriter.h - ops that add up in any order -------------*- C++ -*-===//
//
// Sums of floats depend on their order. Here each term is rounded to a grid
// that the term alone decides, and what lies on a grid is added by whole
// numbers: so a sum is the same in any order.
//
// Grids are those of digits. With base 2^W a number x has digits d_j with
//
//   x = sum_j d_j 2^(W (j - 1)),  d_j = rint of what the digits above leave,
//
// so that |d_j| <= 2^(W-1), and the first one is that of bin J(x), the least
// with |x| < 2^(W J - 1). A sum keeps the digits of the largest bin of its
// terms and of the next K - 1, each added up in 32 bits. A term whose bin is a
// smaller one has zeros in front, and a larger bin that comes later drops the
// last digits of all before, as if they had never been taken. (Demmel and
// Nguyen, Parallel Reproducible Summation, IEEE Transactions on Computers 64,
// 2015, with whole numbers in place of slices of floats.)
//
// Bins are those of a row: its points share the bin of the largest.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TRANSFORMS_DIGITWRITER_H
#define ATTN_LIB_TRANSFORMS_DIGITWRITER_H

#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

namespace attn {

/// Writes digits of sums of rows, in tiles or lines of f32.
class DigitWriter {
  using Value = mlir::Value;
  using RankedTensorType = mlir::RankedTensorType;

public:
  /// So many terms add up in 32 bits.
  static const int64_t kMostTerms;

  DigitWriter(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  /// A sum: the bin of each row, and its digits, the first one first.
  struct Sum {
    Value bin;
    llvm::SmallVector<Value> digits;

    llvm::SmallVector<Value> getAll() const {
      llvm::SmallVector<Value> all = {bin};
      llvm::append_range(all, digits);
      return all;
    }
  };
  static int countDigits(RankedTensorType type);

  Value constant(RankedTensorType type, double number);
  Value like(Value value, double number) {
    return constant(llvm::cast<RankedTensorType>(value.getType()), number);
  }
  /// A row's number at all its points.
  Value spread(Value line, Value tile);

  /// Of nothing.
  Sum createEmpty(RankedTensorType type);
  /// Rows' exponents as whole numbers; 0 without any.
  Value toWhole(Value exponent, RankedTensorType type);
  /// `sum` and `part` times 2^`exponent`.
  Sum add(const Sum &sum, Value part, Value exponent);
  /// Sums of two parts each, of as many rows.
  llvm::SmallVector<Sum> addAll(llvm::ArrayRef<Sum> first,
                                llvm::ArrayRef<Sum> second);
  /// Which rows of `part` are not nothing.
  Value isSome(Value part);
  /// `numbers` of rows, one more of those for which `condition` holds.
  Value countIf(Value condition, Value numbers);
  /// Which rows have got more terms than add up, of their `numbers`.
  Value areTooMany(Value numbers);
  /// What `sum` times 2^-`exponent` is nearest to; no number where there
  /// `areTooMany`, in all rows or in some.
  Value toFloat(const Sum &sum, RankedTensorType type, Value exponent,
                Value areTooMany);

private:
  RankedTensorType getIntegers(Value like) {
    return llvm::cast<RankedTensorType>(like.getType()).clone(b.getI32Type());
  }
  Value addI(Value x, Value y) {
    return mlir::arith::AddIOp::create(b, loc, x, y);
  }
  Value subI(Value x, Value y) {
    return mlir::arith::SubIOp::create(b, loc, x, y);
  }
  Value compare(mlir::arith::CmpIPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return mlir::arith::SelectOp::create(b, loc, condition, x, y);
  }
  /// 2^`exponents`, or 0 where that is less than any float.
  Value createPower(Value exponents);
  /// The largest of each row's magnitudes, as bits.
  Value findLargest(Value part);
  Value findBin(Value part, Value exponent);
  /// The exponent of the first digit of a sum with `bin`.
  Value getFirstExponent(Value bin);
  /// The digits of `sum` where its bin were `bin`, which is no smaller.
  llvm::SmallVector<Value> shift(const Sum &sum, Value bin);
  /// The same of bins that are soon the largest.
  llvm::SmallVector<Value> shiftRarely(const Sum &sum, Value bin);

  mlir::OpBuilder &b;
  mlir::Location loc;
};

} // namespace attn

#endif // ATTN_LIB_TRANSFORMS_DIGITWRITER_H

//===- ExpandTables.cpp - loops over the entries of tables ----------------===//

#include "attn/Conversion/ExpandTables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;

namespace {
/// Builds with one integer type.
struct Numbers {
  ImplicitLocOpBuilder &b;
  Type type;

  Value constant(int64_t value) const {
    return arith::ConstantIntOp::create(b, type, value);
  }
  Value truth(bool value) const {
    return arith::ConstantIntOp::create(b, b.getI1Type(), value);
  }
  Value isLess(Value x, Value y) const {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y);
  }
  Value both(Value x, Value y) const { return arith::AndIOp::create(b, x, y); }
  Value either(Value x, Value y) const { return arith::OrIOp::create(b, x, y); }
  Value min(Value x, Value y) const { return arith::MinSIOp::create(b, x, y); }
  Value max(Value x, Value y) const { return arith::MaxSIOp::create(b, x, y); }
  Value select(Value condition, Value x, Value y) const {
    return arith::SelectOp::create(b, condition, x, y);
  }
  Value next(Value x) const { return arith::AddIOp::create(b, x, constant(1)); }
  /// 0 <= x < extent.
  Value isInside(Value x, Value extent) const {
    return both(isLess(constant(-1), x), isLess(x, extent));
  }
  Value areInside(ValueRange coordinates, ArrayRef<Value> extents) const {
    Value inside = truth(true);
    for (auto [x, extent] : llvm::zip(coordinates, extents))
      inside = both(inside, isInside(x, extent));
    return inside;
  }
  /// Whether an entry in [first, last), cut to the tensor, is `number`.
  Value find(const TableAccess &table, Value number, ValueRange coordinates,
             Value first, Value last) const;
};
} // namespace

Value Numbers::find(const TableAccess &table, Value number,
                    ValueRange coordinates, Value first, Value last) const {
  auto loop = scf::ForOp::create(b, max(first, constant(0)),
                                 min(last, table.extents.back()), constant(1),
                                 ValueRange(truth(false)));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> at(coordinates);
  at.push_back(loop.getInductionVar());
  Value isSame = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                       table.load(at), number);
  scf::YieldOp::create(b, either(loop.getRegionIterArg(0), isSame));
  return loop.getResult(0);
}

/// Loops over the dimensions from `point.size()` on.
static SmallVector<Value> loopExtrema(const Numbers &n,
                                      const TableAccess &table,
                                      ValueRange firsts, ValueRange lasts,
                                      SmallVector<Value> point,
                                      SmallVector<Value> known) {
  size_t dim = point.size();
  if (dim == table.extents.size()) {
    Value element = table.load(point);
    return {n.min(known[0], element), n.max(known[1], element)};
  }
  auto loop = scf::ForOp::create(n.b, n.max(firsts[dim], n.constant(0)),
                                 n.min(n.next(lasts[dim]), table.extents[dim]),
                                 n.constant(1), known);
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToStart(loop.getBody());
  point.push_back(loop.getInductionVar());
  scf::YieldOp::create(
      n.b, loopExtrema(n, table, firsts, lasts, point,
                       SmallVector<Value>(loop.getRegionIterArgs())));
  return SmallVector<Value>(loop.getResults());
}

std::pair<Value, Value> attn::expandExtrema(ImplicitLocOpBuilder &b,
                                            const TableAccess &table,
                                            ValueRange firsts, ValueRange lasts,
                                            int64_t empty) {
  Type type =
      table.extents.empty() ? b.getI64Type() : table.extents[0].getType();
  Numbers n{b, type};
  bool isWide = type.getIntOrFloatBitWidth() == 64;
  Value least = n.constant(isWide ? std::numeric_limits<int64_t>::max()
                                  : std::numeric_limits<int32_t>::max());
  Value greatest = n.constant(isWide ? std::numeric_limits<int64_t>::min()
                                     : std::numeric_limits<int32_t>::min());
  Value outside = n.constant(empty);
  Value hasNone = n.truth(false);
  for (auto [first, last] : llvm::zip(firsts, lasts))
    hasNone = n.either(hasNone, n.isLess(last, first));
  Value isInside = n.both(n.areInside(firsts, table.extents),
                          n.areInside(lasts, table.extents));
  SmallVector<Value> extremes =
      loopExtrema(n, table, firsts, lasts, {},
                  {n.select(isInside, least, outside),
                   n.select(isInside, greatest, outside)});
  return {n.select(hasNone, outside, extremes[0]),
          n.select(hasNone, outside, extremes[1])};
}

Value attn::expandEntry(ImplicitLocOpBuilder &b, const TableAccess &table,
                        ValueRange coordinates, Value first, Value at) {
  Numbers n{b, at.getType()};
  SmallVector<Value> point(coordinates);
  point.push_back(at);
  auto choice = scf::IfOp::create(b, TypeRange(at.getType()),
                                  n.areInside(point, table.extents), true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Value number = table.load(point);
  Value isSeen = n.find(table, number, coordinates, first, at);
  Value isAbsent = n.either(isSeen, n.isLess(number, n.constant(0)));
  scf::YieldOp::create(b, n.select(isAbsent, n.constant(-1), number));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, n.constant(-1));
  return choice.getResult(0);
}

Value attn::expandMember(ImplicitLocOpBuilder &b, const TableAccess &table,
                         Value number, ValueRange coordinates, Value first,
                         Value last) {
  Numbers n{b, number.getType()};
  Value isInside =
      n.both(n.areInside(coordinates, ArrayRef(table.extents).drop_back()),
             n.isLess(n.constant(-1), number));
  auto choice = scf::IfOp::create(b, TypeRange(b.getI1Type()), isInside, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, n.find(table, number, coordinates, first, last));
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, n.truth(false));
  return choice.getResult(0);
}

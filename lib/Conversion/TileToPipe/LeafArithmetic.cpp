//===- LeafArithmetic.cpp - leaves of a stream's item, as code ------------===//

#include "attn/Conversion/LeafArithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;

namespace {
/// What `number` has in each run of leaves of one size, of which it counts
/// steps or leaves.
class Runs {
public:
  Runs(OpBuilder &b, Location loc, Value number)
      : b(b), loc(loc), number(number) {}

  /// Of the next run of at most `length`, if it were `later` than it is; of the
  /// last one, without a length, all that is left.
  Value take(std::optional<int64_t> length, int64_t later = 0) {
    Value own = number;
    if (begin + later != 0) {
      own = arith::SubIOp::create(b, loc, number, i32(begin + later));
      own = arith::MaxSIOp::create(b, loc, own, i32(0));
    }
    if (!length)
      return own;
    begin += *length;
    return arith::MinSIOp::create(b, loc, own, i32(*length));
  }
  void add(Value value) {
    sum = sum ? Value(arith::AddIOp::create(b, loc, sum, value)) : value;
  }
  Value i32(int64_t value) {
    return arith::ConstantIntOp::create(b, loc, b.getI32Type(), value);
  }

  Value sum;

private:
  OpBuilder &b;
  Location loc;
  Value number;
  int64_t begin = 0;
};
} // namespace

/// Leaves whose first steps are before `step`, or whose anchors are.
static Value countLeaves(OpBuilder &b, Location loc, pipe::LeavesAttr leaves,
                         Value step, bool byAnchors) {
  Runs runs(b, loc, step);
  ArrayRef<int64_t> counts = leaves.getCounts();
  for (auto [i, size] : llvm::enumerate(leaves.getSizes())) {
    std::optional<int64_t> length;
    if (i < counts.size())
      length = counts[i] * size;
    Value own = runs.take(length, byAnchors ? leaves.getAnchorOffset(size) : 0);
    if (size != 1) {
      own = arith::AddIOp::create(b, loc, own, runs.i32(size - 1));
      own = arith::DivUIOp::create(b, loc, own, runs.i32(size));
    }
    runs.add(own);
  }
  return runs.sum;
}

Value attn::createCountLeaves(OpBuilder &b, Location loc,
                              pipe::LeavesAttr leaves, Value step) {
  return leaves ? countLeaves(b, loc, leaves, step, /*byAnchors=*/false) : step;
}

Value attn::createCountLeavesBefore(OpBuilder &b, Location loc,
                                    pipe::LeavesAttr leaves, Value step,
                                    Value steps) {
  if (!leaves)
    return step;
  // No anchor is behind the item's last step.
  Value isBehind =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, step, steps);
  return arith::SelectOp::create(
      b, loc, isBehind, createCountLeaves(b, loc, leaves, steps),
      countLeaves(b, loc, leaves, step, /*byAnchors=*/true));
}

Value attn::createAnchor(OpBuilder &b, Location loc, pipe::LeavesAttr leaves,
                         Value step, Value steps) {
  if (!leaves)
    return step;
  auto i32 = [&](int64_t value) {
    return arith::ConstantIntOp::create(b, loc, b.getI32Type(), value);
  };
  Value offset = i32(leaves.getAnchorOffset(leaves.getSizes().front()));
  int64_t begin = 0;
  for (auto [count, size, next] :
       llvm::zip(leaves.getCounts(), leaves.getSizes(),
                 leaves.getSizes().drop_front())) {
    begin += count * size;
    Value isNext = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge,
                                         step, i32(begin));
    offset = arith::SelectOp::create(b, loc, isNext,
                                     i32(leaves.getAnchorOffset(next)), offset);
  }
  return arith::MinSIOp::create(b, loc,
                                arith::AddIOp::create(b, loc, step, offset),
                                arith::SubIOp::create(b, loc, steps, i32(1)));
}

Value attn::createFirstStep(OpBuilder &b, Location loc, pipe::LeavesAttr leaves,
                            Value leaf) {
  if (!leaves)
    return leaf;
  Runs runs(b, loc, leaf);
  ArrayRef<int64_t> counts = leaves.getCounts();
  for (auto [i, size] : llvm::enumerate(leaves.getSizes())) {
    std::optional<int64_t> length;
    if (i < counts.size())
      length = counts[i];
    runs.add(arith::MulIOp::create(b, loc, runs.take(length), runs.i32(size)));
  }
  return runs.sum;
}

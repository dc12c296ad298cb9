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

  /// Of the next run of at most `length`; of the last one, without a length,
  /// all that is left.
  Value take(std::optional<int64_t> length) {
    Value own = number;
    if (begin != 0) {
      own = arith::SubIOp::create(b, loc, number, i32(begin));
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

/// Leaves that begin before `place`, where one of `size` steps has `more`
/// places more.
static Value countLeaves(OpBuilder &b, Location loc, pipe::LeavesAttr leaves,
                         Value place, int64_t more) {
  Runs runs(b, loc, place);
  ArrayRef<int64_t> counts = leaves.getCounts();
  for (auto [i, size] : llvm::enumerate(leaves.getSizes())) {
    int64_t places = size + more;
    std::optional<int64_t> length;
    if (i < counts.size())
      length = counts[i] * places;
    Value own = runs.take(length);
    if (places != 1) {
      own = arith::AddIOp::create(b, loc, own, runs.i32(places - 1));
      own = arith::DivUIOp::create(b, loc, own, runs.i32(places));
    }
    runs.add(own);
  }
  return runs.sum;
}

Value attn::createCountLeaves(OpBuilder &b, Location loc,
                              pipe::LeavesAttr leaves, Value step) {
  return leaves ? countLeaves(b, loc, leaves, step, /*more=*/0) : step;
}

Value attn::createCountLeavesBefore(OpBuilder &b, Location loc,
                                    pipe::LeavesAttr leaves, Value place) {
  return leaves ? countLeaves(b, loc, leaves, place, /*more=*/1) : place;
}

Value attn::createCountPlaces(OpBuilder &b, Location loc,
                              pipe::LeavesAttr leaves, Value steps) {
  if (!leaves)
    return steps;
  return arith::AddIOp::create(b, loc, steps,
                               createCountLeaves(b, loc, leaves, steps));
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

//===- ExpandRuns.cpp - loops over runs -----------------------------------===//

#include "attn/Conversion/ExpandRuns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

static Value makeNumber(ImplicitLocOpBuilder &b, Value like, int64_t value) {
  return arith::ConstantIntOp::create(b, like.getType(), value);
}

FailureOr<SmallVector<Value>> attn::expandSum(ImplicitLocOpBuilder &b,
                                              Value bound, size_t count,
                                              RunBody body) {
  Value zero = makeNumber(b, bound, 0);
  auto loop = scf::ForOp::create(b, zero, bound, makeNumber(b, bound, 1),
                                 SmallVector<Value>(count, zero));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  auto numbers = body(loop.getInductionVar());
  if (failed(numbers))
    return failure();
  SmallVector<Value> sums;
  for (auto [sum, number] : llvm::zip_equal(loop.getRegionIterArgs(), *numbers))
    sums.push_back(arith::AddIOp::create(b, sum, number));
  scf::YieldOp::create(b, sums);
  return SmallVector<Value>(loop.getResults());
}

FailureOr<std::pair<Value, Value>> attn::expandLocate(ImplicitLocOpBuilder &b,
                                                      Value number, Value bound,
                                                      RunBody body) {
  Type type = bound.getType();
  Value zero = makeNumber(b, bound, 0), one = makeNumber(b, bound, 1);
  auto loop = scf::WhileOp::create(b, TypeRange{type, type, type},
                                   ValueRange{zero, number});
  {
    OpBuilder::InsertionGuard guard(b);
    Location loc = b.getLoc();
    Block *before =
        b.createBlock(&loop.getBefore(), {}, {type, type}, {loc, loc});
    Value run = before->getArgument(0), rest = before->getArgument(1);
    auto numbers = body(run);
    if (failed(numbers))
      return failure();
    Value own = numbers->front();
    Value exists =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, run, bound);
    Value isBehind =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sle, own, rest);
    scf::ConditionOp::create(b, arith::AndIOp::create(b, exists, isBehind),
                             ValueRange{run, rest, own});
    Block *after = b.createBlock(&loop.getAfter(), {}, {type, type, type},
                                 {loc, loc, loc});
    Value next = arith::AddIOp::create(b, after->getArgument(0), one);
    Value left =
        arith::SubIOp::create(b, after->getArgument(1), after->getArgument(2));
    scf::YieldOp::create(b, ValueRange{next, left});
  }
  Value run = loop.getResult(0);
  Value exists =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, run, bound);
  Value rest = arith::SelectOp::create(b, exists, loop.getResult(1), zero);
  return std::pair(run, rest);
}

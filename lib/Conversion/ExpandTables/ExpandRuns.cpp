//===- ExpandRuns.cpp - loops over runs -----------------------------------===//

#include "attn/Conversion/ExpandRuns.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

static Value makeNumber(ImplicitLocOpBuilder &b, Value like, int64_t value) {
  return arith::ConstantIntOp::create(b, like.getType(), value);
}

FailureOr<Value> attn::expandSum(ImplicitLocOpBuilder &b, Value bound,
                                 RunBody body) {
  Value zero = makeNumber(b, bound, 0);
  auto loop = scf::ForOp::create(b, zero, bound, makeNumber(b, bound, 1), zero);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  FailureOr<Value> number = body(loop.getInductionVar());
  if (failed(number))
    return failure();
  Value sum = arith::AddIOp::create(b, loop.getRegionIterArg(0), *number);
  scf::YieldOp::create(b, sum);
  return loop.getResult(0);
}

FailureOr<std::pair<Value, Value>>
attn::expandLocate(ImplicitLocOpBuilder &b, Value number, Value bound,
                   RunBody body) {
  Type type = bound.getType();
  Value zero = makeNumber(b, bound, 0), one = makeNumber(b, bound, 1);
  auto loop = scf::WhileOp::create(b, TypeRange{type, type, type},
                                   ValueRange{zero, number});
  {
    OpBuilder::InsertionGuard guard(b);
    Location loc = b.getLoc();
    Block *before = b.createBlock(&loop.getBefore(), {}, {type, type}, {loc, loc});
    Value run = before->getArgument(0), rest = before->getArgument(1);
    FailureOr<Value> own = body(run);
    if (failed(own))
      return failure();
    Value exists =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, run, bound);
    Value isBehind =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sle, *own, rest);
    scf::ConditionOp::create(b, arith::AndIOp::create(b, exists, isBehind),
                             ValueRange{run, rest, *own});
    Block *after = b.createBlock(&loop.getAfter(), {}, {type, type, type},
                                 {loc, loc, loc});
    Value next = arith::AddIOp::create(b, after->getArgument(0), one);
    Value left = arith::SubIOp::create(b, after->getArgument(1),
                                       after->getArgument(2));
    scf::YieldOp::create(b, ValueRange{next, left});
  }
  Value run = loop.getResult(0);
  Value exists =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, run, bound);
  Value rest = arith::SelectOp::create(b, exists, loop.getResult(1), zero);
  return std::pair(run, rest);
}

//===- Shares.cpp - warps that share out the keys of a step ---------------===//
//
// All warps of a group have the same rows, of which each sees its share of a
// step's keys: a tile of the program's rows is as many runs of them as there
// are warps, each with carries of its own, which come together at the end as
// those of blocks do.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace attn;

/// The left side of an early product, of f16, and what its rows are to be
/// multiplied by: f16 holds all numbers of 8 bits, which become bf16 by twice
/// as many instructions. bf16 has a wider range: rows are scaled by the power
/// of 2 that brings their largest element to 2^14 or above, so that elements of
/// 2^-28 of it keep all their bits.
static std::pair<Value, Value> scaleToHalf(ImplicitLocOpBuilder &b, Value tile,
                                           RankedTensorType line) {
  constexpr double kTop = 14, kMost = 100;
  auto type = cast<RankedTensorType>(tile.getType());
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(line, b.getF32FloatAttr(value)));
  };
  constexpr auto afn = arith::FastMathFlags::afn;
  Value largest =
      pipe::RowReduceOp::create(b, line, pipe::ReduceKind::MaxNum,
                                math::AbsFOp::create(b, tile), Value());
  Value exponent =
      math::FloorOp::create(b, math::Log2Op::create(b, largest, afn));
  // Rows of zeros, and of infinities, keep what they are.
  exponent = arith::MaximumFOp::create(b, exponent, constant(-kMost));
  exponent = arith::MinimumFOp::create(b, exponent, constant(kMost));
  exponent = arith::SubFOp::create(b, exponent, constant(kTop));
  Value factor =
      math::Exp2Op::create(b, arith::NegFOp::create(b, exponent), afn);
  Value scaled = arith::MulFOp::create(
      b, tile, pipe::BroadcastOp::create(b, type, factor));
  return {arith::TruncFOp::create(b, type.clone(b.getF16Type()), scaled),
          math::Exp2Op::create(b, exponent, afn)};
}

void Scheduler::readLeftSides(RegisterEmitter &emitter) {
  if (plan.machine.shares == 1)
    return;
  for (tile::DotOp dot : plan.earlyProducts) {
    Value lhs = plan.getProduct(dot).lhs, registers = emitter.get(lhs);
    RankedTensorType type = emitter.getType(lhs);
    if (type.getElementType().isF16())
      slotValues[lhs] = arith::TruncFOp::create(b, type, registers);
    else
      std::tie(slotValues[lhs], leftFactors[dot]) =
          scaleToHalf(b, registers, emitter.getRowType(b.getF32Type()));
  }
}

Value Scheduler::scaleProduct(tile::DotOp dot, Value registers) {
  Value factor = leftFactors.lookup(dot);
  if (!factor)
    return registers;
  auto type = cast<RankedTensorType>(registers.getType());
  return arith::MulFOp::create(b, registers,
                               pipe::BroadcastOp::create(b, type, factor),
                               arith::FastMathFlags::contract);
}

/// Whether what follows `sweep` takes what `op`, which stands before it, makes.
static bool isUsedAfter(Operation *op, tile::SweepOp sweep) {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    Operation *own = sweep->getBlock()->findAncestorOpInBlock(*user);
    return sweep->isBeforeInBlock(own) ||
           (own->isBeforeInBlock(sweep) && isUsedAfter(own, sweep));
  });
}

LogicalResult Scheduler::joinShares(RegisterEmitter &emitter) {
  if (plan.machine.shares == 1)
    return success();
  tile::SweepOp sweep = plan.sweep;
  Values all;
  for (Value out : sweep.getOuts())
    all.push_back(emitter.getComplete(out));
  emitter.isJoined = true;
  SmallVector<Type> types;
  for (int64_t share = 0; share < plan.machine.shares; ++share)
    for (Value out : sweep.getOuts())
      types.push_back(emitter.getCompleteType(out));
  auto split = pipe::SplitOp::create(b, types, all, plan.machine.shares);
  Values joined = split.getRuns().take_front(all.size());
  for (int64_t share = 1; share < plan.machine.shares; ++share) {
    FailureOr<Values> merged = emitMerge(
        emitter, joined, split.getRuns().slice(share * all.size(), all.size()));
    if (failed(merged))
      return failure();
    joined = *merged;
  }
  for (auto [out, value] : llvm::zip_equal(sweep.getOuts(), joined))
    emitter.set(out, value);
  // Rows are held otherwise now.
  for (Operation &op : *sweep->getBlock()) {
    if (&op == sweep)
      break;
    if (!RegisterEmitter::isScalar(&op) && isUsedAfter(&op, sweep) &&
        failed(emitter.emit(&op)))
      return failure();
  }
  return success();
}

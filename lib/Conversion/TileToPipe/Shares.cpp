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
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

/// `tile`, of f32, with rows scaled by the power of 2 that brings their largest
/// element to 2^14 or above, and what undoes it: then f16 holds what had a
/// wider range, and elements of 2^-28 of the largest keep all their bits.
static std::pair<Value, Value> scaleRows(ImplicitLocOpBuilder &b, Value tile,
                                         RankedTensorType line) {
  constexpr double kTop = 14, kLeast = -100, kMost = 127;
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
  exponent = arith::MaximumFOp::create(b, exponent, constant(kLeast));
  exponent = arith::MinimumFOp::create(b, exponent, constant(kMost));
  exponent = arith::SubFOp::create(b, exponent, constant(kTop));
  Value factor =
      math::Exp2Op::create(b, arith::NegFOp::create(b, exponent), afn);
  Value scaled = arith::MulFOp::create(
      b, tile, pipe::BroadcastOp::create(b, tile.getType(), factor));
  return {scaled, math::Exp2Op::create(b, exponent, afn)};
}

/// An item ends with warps that bring their shares together, and another would
/// begin with waiting for memory: left sides that are read as they are, two
/// elements of 16 bits a register, are asked for before.
LogicalResult Scheduler::planReadAhead() {
  bool knowsNext =
      kind == pipe::WorkKind::Stream || kind == pipe::WorkKind::Persistent;
  if (plan.machine.shares == 1 || !knowsNext)
    return success();
  for (tile::DotOp dot : plan.earlyProducts)
    if (auto load = plan.getProduct(dot).lhs.getDefiningOp<tile::LoadOp>();
        load && !llvm::is_contained(leftLoads, load))
      leftLoads.push_back(load);
  if (leftLoads.empty())
    return success();
  following.emplace(b, plan);
  following->widensLoads = false;
  return enterRole(*following);
}

FailureOr<Scheduler::Values> Scheduler::readLeftLoads(Value item) {
  setItem(*following, item);
  if (failed(emitScalars(*following)))
    return failure();
  Values read;
  for (tile::LoadOp load : leftLoads) {
    if (failed(following->emit(load)))
      return failure();
    read.push_back(following->get(load.getResult()));
  }
  return read;
}

LogicalResult Scheduler::readAhead(Value next) {
  auto choice = scf::IfOp::create(
      b, TypeRange(ValueRange(readLoads)),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, next, i32(0)),
      /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.elseBlock());
  // No registers of the item that ends are kept for it.
  Values none;
  for (Value registers : readLoads)
    none.push_back(
        arith::ConstantOp::create(b, b.getZeroAttr(registers.getType())));
  scf::YieldOp::create(b, none);
  b.setInsertionPointToStart(choice.thenBlock());
  FailureOr<Values> read = readLeftLoads(next);
  if (failed(read))
    return failure();
  scf::YieldOp::create(b, *read);
  readLoads.assign(choice.getResults().begin(), choice.getResults().end());
  return success();
}

void Scheduler::takeReadAhead(RegisterEmitter &emitter) {
  for (auto [load, registers] : llvm::zip_equal(leftLoads, readLoads)) {
    auto type = cast<RankedTensorType>(registers.getType());
    Value wide = registers;
    if (isa<FloatType>(type.getElementType()) && !type.getElementType().isF32())
      wide = arith::ExtFOp::create(b, type.clone(b.getF32Type()), registers);
    emitter.set(load.getResult(), wide);
  }
}

/// f16 holds all numbers of 8 bits, which become bf16 by twice as many
/// instructions.
void Scheduler::readLeftSides(RegisterEmitter &emitter) {
  if (plan.machine.shares == 1)
    return;
  for (tile::DotOp dot : plan.earlyProducts) {
    Value lhs = plan.getProduct(dot).lhs, registers = emitter.get(lhs);
    RankedTensorType type = emitter.getType(lhs).clone(b.getF16Type());
    auto narrow = [&](Value tile) -> Value {
      return arith::TruncFOp::create(b, type, tile);
    };
    if (emitter.getType(lhs) != type)
      std::tie(registers, leftFactors[dot]) =
          scaleRows(b, registers, emitter.getRowType(b.getF32Type()));
    Value half = slotValues[lhs] = narrow(registers);
    if (lhs.getDefiningOp<tile::LoadOp>())
      continue;
    // What is computed has bits for two of f16.
    half = arith::ExtFOp::create(b, registers.getType(), half);
    leftRests[dot] = narrow(arith::SubFOp::create(b, registers, half));
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

/// Whether what `op`, which stands before `sweep`, makes is taken once its
/// steps are done: by what follows, or where carries are merged.
static bool isUsedAfter(Operation *op, tile::SweepOp sweep) {
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    Operation *own = sweep->getBlock()->findAncestorOpInBlock(*user);
    if (own == sweep)
      return user == own ||
             sweep.getMerge().isAncestor(user->getParentRegion());
    return sweep->isBeforeInBlock(own) || isUsedAfter(own, sweep);
  });
}

LogicalResult Scheduler::joinShares(RegisterEmitter &emitter) {
  int64_t shares = plan.machine.shares;
  if (shares == 1)
    return success();
  tile::SweepOp sweep = plan.sweep;
  Values all;
  for (Value out : sweep.getOuts())
    all.push_back(emitter.getComplete(out));
  emitter.holding = Holding::Columns;
  // What stands before the sweep is held otherwise now, too.
  for (Operation &op : *sweep->getBlock()) {
    if (&op == sweep)
      break;
    if (!RegisterEmitter::isScalar(&op) && isUsedAfter(&op, sweep) &&
        failed(emitter.emit(&op)))
      return failure();
  }
  SmallVector<Type> types;
  for (int64_t share = 0; share < shares; ++share)
    for (Value out : sweep.getOuts())
      types.push_back(emitter.getCompleteType(out));
  auto split = pipe::SplitOp::create(b, types, all, shares);
  size_t count = all.size();
  Values joined = split.getRuns().take_front(count);
  for (int64_t share = 1; share < shares; ++share) {
    FailureOr<Values> merged =
        emitMerge(emitter, joined, split.getRuns().slice(share * count, count));
    if (failed(merged))
      return failure();
    joined = *merged;
  }
  for (auto [out, value] : llvm::zip_equal(sweep.getOuts(), joined))
    emitter.set(out, value);
  return success();
}

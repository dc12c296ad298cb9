//===- Faults.cpp - wrong tile programs, on purpose -----------------------===//

#include "Faults.h"

#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::test;

/// Calls `change` on each operation of a kind; true if it changed one.
template <typename Op, typename Change>
static bool changeEach(ModuleOp module, Change change) {
  SmallVector<Op> ops;
  module.walk([&](Op op) { ops.push_back(op); });
  bool changed = false;
  for (Op op : ops)
    changed |= change(op);
  return changed;
}

static Value constantIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// Loads and stores of the tensor called `name`.
static bool isTensor(Value memref, StringRef name) {
  auto argument = dyn_cast<BlockArgument>(memref);
  if (!argument)
    return false;
  auto program = dyn_cast<tile::ProgramOp>(argument.getOwner()->getParentOp());
  if (!program || argument.getArgNumber() >= program.getNumArguments())
    return false;
  auto attr = program.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                   tile::kNameAttr);
  return attr && attr.getValue() == name;
}

static bool inStep(Operation *op) {
  auto sweep = op->getParentOfType<tile::SweepOp>();
  return sweep && sweep.getStep().isAncestor(op->getParentRegion());
}

/// The carry that a product scales, or null.
static Value getScaledCarry(Value value) {
  auto product = value.getDefiningOp<arith::MulFOp>();
  if (!product)
    return {};
  for (Value operand : product->getOperands())
    if (isa<BlockArgument>(operand))
      return operand;
  return {};
}

//===----------------------------------------------------------------------===//
// Which tiles
//===----------------------------------------------------------------------===//

static bool skipLastTile(ModuleOp module) {
  return changeEach<tile::SweepOp>(module, [](tile::SweepOp sweep) {
    OpBuilder b(sweep);
    Location loc = sweep.getLoc();
    Value tile = constantIndex(b, loc, sweep.getTile());
    for (unsigned i = 0; i < sweep.getUppers().size(); ++i) {
      Value lower = sweep.getLowers()[i], upper = sweep.getUppers()[i];
      Value length = arith::SubIOp::create(b, loc, upper, lower);
      Value whole = arith::MulIOp::create(
          b, loc, arith::DivSIOp::create(b, loc, length, tile), tile);
      sweep.getUppersMutable()[i].set(
          arith::AddIOp::create(b, loc, lower, whole));
    }
    return true;
  });
}

/// Moves a bound of each full segment by `delta` where it stays inside.
static bool moveFull(ModuleOp module, bool upper, int64_t delta) {
  return changeEach<tile::SweepOp>(module, [&](tile::SweepOp sweep) {
    OpBuilder b(sweep);
    bool changed = false;
    for (auto [i, full] : llvm::enumerate(sweep.getFull())) {
      if (!full)
        continue;
      auto &&bounds =
          upper ? sweep.getUppersMutable() : sweep.getLowersMutable();
      Value old = bounds[i].get();
      bounds[i].set(arith::AddIOp::create(
          b, sweep.getLoc(), old, constantIndex(b, sweep.getLoc(), delta)));
      changed = true;
    }
    return changed;
  });
}

static bool skipFirstKey(ModuleOp module) { return moveFull(module, false, 1); }
static bool fallShortOfFull(ModuleOp module) {
  return moveFull(module, true, -1);
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

template <typename Change>
static bool changeCompares(ModuleOp module, Change change) {
  return changeEach<tile::MaskOp>(module, [&](tile::MaskOp mask) {
    bool changed = false;
    mask.getPredicate().walk(
        [&](arith::CmpIOp compare) { changed |= change(compare); });
    return changed;
  });
}

static bool maskOffByOne(ModuleOp module) {
  return changeCompares(module, [](arith::CmpIOp compare) {
    if (compare.getPredicate() != arith::CmpIPredicate::sle)
      return false;
    compare.setPredicate(arith::CmpIPredicate::slt);
    return true;
  });
}

static bool windowOffByOne(ModuleOp module) {
  return changeCompares(module, [](arith::CmpIOp compare) {
    auto predicate = compare.getPredicate();
    if (predicate == arith::CmpIPredicate::slt)
      compare.setPredicate(arith::CmpIPredicate::sle);
    else if (predicate == arith::CmpIPredicate::sgt)
      compare.setPredicate(arith::CmpIPredicate::sge);
    else
      return false;
    return true;
  });
}

static bool dropMask(ModuleOp module) {
  return changeEach<tile::MaskOp>(module, [](tile::MaskOp mask) {
    Operation *yield = mask.getPredicate().front().getTerminator();
    if (matchPattern(yield->getOperand(0), m_One()))
      return false;
    OpBuilder b(yield);
    yield->setOperand(0, arith::ConstantIntOp::create(b, mask.getLoc(), 1, 1));
    return true;
  });
}

static bool forgetPrefix(ModuleOp module) {
  return changeEach<arith::OrIOp>(module, [](arith::OrIOp op) {
    OpBuilder b(op);
    op.replaceAllUsesWith(
        arith::AndIOp::create(b, op.getLoc(), op.getLhs(), op.getRhs())
            .getResult());
    return true;
  });
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

/// Replaces index `number` of loads of `name`.
template <typename Change>
static bool changeLoad(ModuleOp module, StringRef name, unsigned number,
                       Change change) {
  return changeEach<tile::LoadOp>(module, [&](tile::LoadOp load) {
    if (!isTensor(load.getSource(), name) || number >= load.getIndices().size())
      return false;
    OpBuilder b(load);
    load.getIndicesMutable()[number].set(
        change(b, load.getLoc(), load.getIndices()[number]));
    return true;
  });
}

static Value toZero(OpBuilder &b, Location loc, Value) {
  return constantIndex(b, loc, 0);
}

/// One less, and not below 0: never outside the tensor.
static Value toPrevious(OpBuilder &b, Location loc, Value index) {
  Value less = arith::SubIOp::create(b, loc, index, constantIndex(b, loc, 1));
  return arith::MaxSIOp::create(b, loc, less, constantIndex(b, loc, 0));
}

/// Replaces coordinate `number` of what is gathered.
template <typename Change>
static bool changeGather(ModuleOp module, unsigned number, Change change) {
  return changeEach<tile::GatherOp>(module, [&](tile::GatherOp gather) {
    OpBuilder b(gather);
    OpOperand &at = gather.getCoordinatesMutable()[number];
    at.set(change(b, gather.getLoc(), at.get()));
    return true;
  });
}

static bool readNextEntry(ModuleOp module) {
  return changeGather(module, 2, [](OpBuilder &b, Location loc, Value at) {
    auto type = cast<RankedTensorType>(at.getType());
    Value one = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, b.getIndexAttr(1)));
    return arith::AddIOp::create(b, loc, at, one).getResult();
  });
}
static bool readFirstTable(ModuleOp module) {
  return changeGather(module, 0, toZero);
}
static bool readFirstKeyHead(ModuleOp module) {
  return changeLoad(module, "k", 1, toZero);
}
static bool readFirstValueBatch(ModuleOp module) {
  return changeLoad(module, "v", 0, toZero);
}
static bool readFirstQueryGroup(ModuleOp module) {
  return changeLoad(module, "q", 2, toZero);
}
static bool readPreviousQueryRow(ModuleOp module) {
  return changeLoad(module, "q", 3, toPrevious);
}
static bool readPreviousValueRow(ModuleOp module) {
  return changeLoad(module, "v", 2, toPrevious);
}

static bool dropLastRow(ModuleOp module) {
  return changeEach<tile::StoreOp>(module, [](tile::StoreOp store) {
    if (store.getValid().empty())
      return false;
    OpBuilder b(store);
    store.getValidMutable()[0].set(
        arith::SubIOp::create(b, store.getLoc(), store.getValid()[0],
                              constantIndex(b, store.getLoc(), 1)));
    return true;
  });
}

static bool dropLse(ModuleOp module) {
  return changeEach<tile::StoreOp>(module, [](tile::StoreOp store) {
    if (!isTensor(store.getTarget(), "lse"))
      return false;
    store.erase();
    return true;
  });
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static bool forgetOutputRescale(ModuleOp module) {
  return changeEach<tile::DotOp>(module, [](tile::DotOp dot) {
    Value carry = getScaledCarry(dot.getAccumulator());
    if (!carry || !inStep(dot))
      return false;
    dot.getAccumulatorMutable().set(carry);
    return true;
  });
}

static bool forgetSumRescale(ModuleOp module) {
  return changeEach<arith::AddFOp>(module, [](arith::AddFOp sum) {
    if (!inStep(sum))
      return false;
    for (unsigned i : {0u, 1u})
      if (Value carry = getScaledCarry(sum->getOperand(i))) {
        sum->setOperand(i, carry);
        return true;
      }
    return false;
  });
}

static bool forgetScale(ModuleOp module) {
  return changeEach<tile::BroadcastOp>(module, [](tile::BroadcastOp broadcast) {
    if (!isTensor(broadcast.getSource(), "scale"))
      return false;
    OpBuilder b(broadcast);
    broadcast.getSourceMutable().set(
        arith::ConstantOp::create(b, broadcast.getLoc(), b.getF32FloatAttr(1)));
    return true;
  });
}

static bool forgetDivision(ModuleOp module) {
  return changeEach<arith::DivFOp>(module, [](arith::DivFOp division) {
    if (division->getParentOfType<tile::SweepOp>())
      return false;
    division.replaceAllUsesWith(division.getLhs());
    return true;
  });
}

static bool forgetLogarithm(ModuleOp module) {
  return changeEach<math::LogOp>(module, [](math::LogOp log) {
    for (Operation *user : log->getUsers())
      if (auto sum = dyn_cast<arith::AddFOp>(user)) {
        Value other =
            sum.getLhs() == log.getResult() ? sum.getRhs() : sum.getLhs();
        sum.replaceAllUsesWith(other);
        return true;
      }
    return false;
  });
}

static bool useLogarithmBase2(ModuleOp module) {
  return changeEach<math::LogOp>(module, [](math::LogOp log) {
    OpBuilder b(log);
    log.replaceAllUsesWith(
        math::Log2Op::create(b, log.getLoc(), log.getOperand()).getResult());
    return true;
  });
}

/// Exponentials of the keys' weights: those of a difference with a broadcast.
static bool isWeight(math::ExpOp exp) {
  auto difference = exp.getOperand().getDefiningOp<arith::SubFOp>();
  return inStep(exp) && difference &&
         difference.getRhs().getDefiningOp<tile::BroadcastOp>();
}

static bool forgetMaximum(ModuleOp module) {
  return changeEach<math::ExpOp>(module, [](math::ExpOp exp) {
    if (!isWeight(exp))
      return false;
    exp->setOperand(0,
                    exp.getOperand().getDefiningOp<arith::SubFOp>().getLhs());
    return true;
  });
}

static bool doubleSum(ModuleOp module) {
  return changeEach<tile::ReduceOp>(module, [](tile::ReduceOp reduce) {
    if (reduce.getKind() != tile::ReduceKind::Add || !inStep(reduce))
      return false;
    OpBuilder b(reduce->getContext());
    b.setInsertionPointAfter(reduce);
    auto twice = arith::AddFOp::create(b, reduce.getLoc(), reduce.getResult(),
                                       reduce.getResult());
    reduce.getResult().replaceAllUsesExcept(twice, twice);
    return true;
  });
}

/// Replaces the selects on `x == empty` outside (or inside) the steps by their
/// other value.
static bool forgetGuards(ModuleOp module, bool steps) {
  return changeEach<arith::SelectOp>(module, [&](arith::SelectOp select) {
    if (inStep(select) != steps)
      return false;
    select.replaceAllUsesWith(select.getFalseValue());
    return true;
  });
}

static bool forgetEmptyRows(ModuleOp module) {
  return forgetGuards(module, /*steps=*/false);
}
static bool forgetEmptyMaximum(ModuleOp module) {
  return forgetGuards(module, /*steps=*/true);
}

static bool mirrorDistance(ModuleOp module) {
  return changeEach<arith::SIToFPOp>(module, [](arith::SIToFPOp op) {
    OpBuilder b(op->getContext());
    b.setInsertionPointAfter(op);
    auto negated = arith::NegFOp::create(b, op.getLoc(), op.getResult());
    op.getResult().replaceAllUsesExcept(negated, negated);
    return true;
  });
}

static bool forgetCap(ModuleOp module) {
  return changeEach<math::TanhOp>(module, [](math::TanhOp op) {
    op.replaceAllUsesWith(op.getOperand());
    return true;
  });
}

/// Rounds the weights to bf16 and back.
static bool roundWeights(ModuleOp module) {
  return changeEach<math::ExpOp>(module, [](math::ExpOp exp) {
    if (!isWeight(exp))
      return false;
    OpBuilder b(exp->getContext());
    b.setInsertionPointAfter(exp);
    auto wide = cast<RankedTensorType>(exp.getType());
    auto narrow = arith::TruncFOp::create(
        b, exp.getLoc(), wide.clone(b.getBF16Type()), exp.getResult());
    auto rounded =
        arith::ExtFOp::create(b, exp.getLoc(), wide, narrow.getResult());
    exp.getResult().replaceAllUsesExcept(rounded, narrow);
    return true;
  });
}

/// Replaces the maximum with a constant by the other operand.
static bool forgetCut(ModuleOp module) {
  return changeEach<arith::MaximumFOp>(module, [](arith::MaximumFOp op) {
    auto bound = op.getRhs().getDefiningOp<tile::BroadcastOp>();
    if (!bound || !matchPattern(bound.getSource(), m_Constant()))
      return false;
    op.replaceAllUsesWith(op.getLhs());
    return true;
  });
}

/// Stores of an update go to the slot before.
static bool storeSlotBefore(ModuleOp module) {
  return changeEach<tile::StoreOp>(module, [](tile::StoreOp op) {
    if (!op->getParentOfType<scf::IfOp>())
      return false;
    OpBuilder b(op);
    Location loc = op.getLoc();
    Value before = arith::SubIOp::create(b, loc, op.getIndices()[0],
                                         constantIndex(b, loc, 1));
    op.getIndicesMutable()[0].assign(
        arith::MaxSIOp::create(b, loc, before, constantIndex(b, loc, 0)));
    return true;
  });
}

/// Tokens without a slot are stored at the first one.
static bool storeTokensOfNoSlot(ModuleOp module) {
  return changeEach<scf::IfOp>(module, [](scf::IfOp op) {
    OpBuilder b(op);
    op.getConditionMutable().assign(
        arith::ConstantIntOp::create(b, op.getLoc(), 1, 1));
    return true;
  });
}

/// Sums are differences.
static bool turnBackwards(ModuleOp module) {
  return changeEach<arith::AddFOp>(module, [](arith::AddFOp op) {
    OpBuilder b(op);
    op.replaceAllUsesWith(
        arith::SubFOp::create(b, op.getLoc(), op.getLhs(), op.getRhs())
            .getResult());
    return true;
  });
}

const std::vector<Fault> &attn::test::getFaults() {
  static const std::vector<Fault> faults = {
      {"skip the last tile", "full", false, skipLastTile},
      {"skip the first key", "causal-bottom-right", false, skipFirstKey},
      {"end the full tiles early", "causal-bottom-right", false,
       fallShortOfFull},
      {"mask off by one", "causal-top-left", false, maskOffByOne},
      {"window off by one", "sliding-window", false, windowOffByOne},
      {"drop the mask", "causal-bottom-right", false, dropMask},
      {"forget the prefix", "prefix-lm", false, forgetPrefix},
      {"read the first key head", "gqa", false, readFirstKeyHead},
      {"read the first batch of values", "gqa", false, readFirstValueBatch},
      {"read the first query of a group", "gqa", false, readFirstQueryGroup},
      {"read the row before", "gqa", false, readPreviousQueryRow},
      {"read the value before", "gqa", false, readPreviousValueRow},
      {"do not store the last row", "gqa", false, dropLastRow},
      {"do not store the LSE", "full", false, dropLse},
      {"output not rescaled", "full", false, forgetOutputRescale, true},
      {"sum not rescaled", "full", false, forgetSumRescale, true},
      {"scores not scaled", "full", false, forgetScale},
      {"output not divided", "full", false, forgetDivision},
      {"LSE without the sum", "full", false, forgetLogarithm},
      {"LSE in base 2", "full", false, useLogarithmBase2},
      {"maximum not subtracted", "full", false, forgetMaximum, true},
      {"sum counted twice", "full", false, doubleSum},
      {"empty rows divided", "causal-bottom-right", true, forgetEmptyRows},
      {"empty maximum subtracted", "causal-bottom-right", true,
       forgetEmptyMaximum},
      {"distance mirrored", "alibi", false, mirrorDistance},
      {"entry of the next distance", "relative-bias", false, readNextEntry},
      {"entries of the first head", "relative-bias", false, readFirstTable},
      {"scores not capped", "softcap", false, forgetCap},
      {"weights rounded to bf16", "full", false, roundWeights},
      {"scores not cut at zero", "relu-norm", false, forgetCut},
      {"rows in the slot before", "append-plain", false, storeSlotBefore},
      {"tokens of no slot stored", "append", false, storeTokensOfNoSlot},
      {"keys turned backwards", "append", false, turnBackwards},
  };
  return faults;
}

//===- SumParts.cpp - what sweeps add up ----------------------------------===//

#include "SumParts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value attn::getOtherOfMaximum(Operation *op, Value carry) {
  if (!isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op))
    return {};
  for (unsigned i : {0u, 1u})
    if (op->getOperand(i) == carry)
      return op->getOperand(1 - i);
  return {};
}

bool attn::scalesCarry(Operation *op, Value carry) {
  return isa_and_nonnull<arith::MulFOp>(op) &&
         llvm::is_contained(op->getOperands(), carry);
}

/// The line of which each row of `tile` has a number at all points, or null.
static Value getLineOfRows(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getRank() == 1)
    return tile;
  auto broadcast = tile.getDefiningOp<tile::BroadcastOp>();
  bool isOfRows = broadcast &&
                  isa<RankedTensorType>(broadcast.getSource().getType()) &&
                  broadcast.getDims() == ArrayRef<int64_t>{1};
  return isOfRows ? broadcast.getSource() : Value();
}

/// Whether `select` puts 0 where rows have nothing, whose maximum is -inf.
static bool isGuard(arith::SelectOp select) {
  auto compare = select ? select.getCondition().getDefiningOp<arith::CmpFOp>()
                        : arith::CmpFOp();
  return compare && compare.getPredicate() == arith::CmpFPredicate::OEQ &&
         matchPattern(compare.getRhs(), m_NegInfFloat()) &&
         matchPattern(select.getTrueValue(), m_AnyZeroFloat());
}

static Value getGuarded(Value value) {
  auto select = value.getDefiningOp<arith::SelectOp>();
  return isGuard(select) ? select.getFalseValue() : value;
}

/// Whether `x` is computed as `y` is, where what stands for `ofX` in `x` stands
/// for `ofY` in `y`.
static bool areAlike(Value x, Value y, Value ofX, Value ofY) {
  if (x == ofX || y == ofY)
    return x == ofX && y == ofY;
  if (x == y)
    return true;
  Operation *a = x.getDefiningOp(), *b = y.getDefiningOp();
  if (!a || !b || a->getName() != b->getName() || a->getNumRegions() != 0 ||
      a->getNumResults() != 1 || b->getNumResults() != 1 ||
      a->getAttrDictionary() != b->getAttrDictionary() ||
      a->getNumOperands() != b->getNumOperands())
    return false;
  return llvm::all_of(
      llvm::zip_equal(a->getOperands(), b->getOperands()), [&](auto pair) {
        return areAlike(std::get<0>(pair), std::get<1>(pair), ofX, ofY);
      });
}

namespace {
/// base^(from - to).
struct Rescaling {
  Value from, to;
  double log2OfBase = 0;
};
} // namespace

static std::optional<Rescaling> matchRescaling(Value factor) {
  Value line = getLineOfRows(factor), exponent;
  if (!line)
    return std::nullopt;
  Value power = getGuarded(line);
  Rescaling result;
  if (auto exp = power.getDefiningOp<math::ExpOp>()) {
    exponent = exp.getOperand();
    result.log2OfBase = llvm::numbers::log2e;
  } else if (auto exp2 = power.getDefiningOp<math::Exp2Op>()) {
    exponent = exp2.getOperand();
    result.log2OfBase = 1;
  }
  auto difference =
      exponent ? exponent.getDefiningOp<arith::SubFOp>() : arith::SubFOp();
  if (!difference)
    return std::nullopt;
  result.from = difference.getLhs();
  result.to = getGuarded(difference.getRhs());
  return result;
}

static std::optional<Rescaling> matchRescaled(Operation *op, Value carry) {
  if (!scalesCarry(op, carry))
    return std::nullopt;
  return matchRescaling(op->getOperand(op->getOperand(0) == carry ? 1 : 0));
}

//===----------------------------------------------------------------------===//
// Carries
//===----------------------------------------------------------------------===//

/// Whether `value` is computed in `block` of nothing of it but `roots`.
static bool isComputedOf(Value value, Block &block, ArrayRef<Value> roots) {
  if (llvm::is_contained(roots, value) || value.getParentBlock() != &block)
    return true;
  Operation *op = value.getDefiningOp();
  return op && op->getNumRegions() == 0 &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return isComputedOf(operand, block, roots);
         });
}

/// Whether nothing of `value`, an exponent or what guards or repeats it, is
/// taken but its difference to others, of which powers are taken.
static bool isForPowers(Value value) {
  return llvm::all_of(value.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<arith::CmpFOp, tile::YieldOp>(user))
      return true;
    if (isa<tile::BroadcastOp>(user) ||
        isGuard(dyn_cast<arith::SelectOp>(user)))
      return isForPowers(user->getResult(0));
    return isa<arith::SubFOp>(user) && use.getOperandNumber() == 1 &&
           llvm::all_of(user->getUsers(),
                        llvm::IsaPred<math::ExpOp, math::Exp2Op>);
  });
}

namespace {
/// Looks at the carries of one sweep.
class PartFinder {
public:
  explicit PartFinder(tile::SweepOp sweep)
      : sweep(sweep), step(sweep.getStep().front()),
        merge(sweep.getMerge().front()), numCarries(sweep.getInits().size()) {}

  FailureOr<SmallVector<SumPart>> run();

private:
  Value getSide(unsigned carry, bool isSecond) {
    return merge.getArgument(isSecond ? numCarries + carry : carry);
  }
  bool isMaximum(unsigned carry);
  std::optional<SumPart> matchSum(unsigned carry);
  /// Whether either side's exponent, and the step's, are computed of their
  /// maxima as the merge's is of both sides'.
  bool areOfMaximum(const Rescaling (&sides)[2], Value ofStep);
  /// Whether each exponent has powers of one base, and is for these alone.
  bool areForPowers(ArrayRef<SumPart> parts, unsigned carry);

  tile::SweepOp sweep;
  Block &step, &merge;
  unsigned numCarries;
};
} // namespace

bool PartFinder::isMaximum(unsigned carry) {
  auto getYielded = [&](Block &block) {
    return block.getTerminator()->getOperand(carry).getDefiningOp();
  };
  return getOtherOfMaximum(getYielded(merge), getSide(carry, false)) ==
             getSide(carry, true) &&
         getOtherOfMaximum(getYielded(step), step.getArgument(carry + 2)) &&
         matchPattern(sweep.getInits()[carry], m_NegInfFloat());
}

bool PartFinder::areOfMaximum(const Rescaling (&sides)[2], Value ofStep) {
  Value exponent = sides[0].to;
  for (unsigned i = 0; i < numCarries; ++i) {
    Value merged = merge.getTerminator()->getOperand(i);
    auto isLike = [&](Value own, Value maximum) {
      return areAlike(own, exponent, maximum, merged);
    };
    if (isMaximum(i) && isComputedOf(exponent, merge, merged) &&
        isLike(sides[0].from, getSide(i, false)) &&
        isLike(sides[1].from, getSide(i, true)) &&
        isLike(ofStep, step.getTerminator()->getOperand(i)))
      return true;
  }
  return false;
}

std::optional<SumPart> PartFinder::matchSum(unsigned carry) {
  auto sum =
      merge.getTerminator()->getOperand(carry).getDefiningOp<arith::AddFOp>();
  if (!sum || !matchPattern(sweep.getInits()[carry], m_AnyZeroFloat()))
    return std::nullopt;
  SumPart part;
  Value first = getSide(carry, false), second = getSide(carry, true);
  if (sum.getLhs() == first && sum.getRhs() == second)
    return part;
  auto ofFirst = matchRescaled(sum.getLhs().getDefiningOp(), first);
  auto ofSecond = matchRescaled(sum.getRhs().getDefiningOp(), second);
  if (!ofFirst || !ofSecond || ofFirst->to != ofSecond->to ||
      ofFirst->log2OfBase != ofSecond->log2OfBase)
    return std::nullopt;
  part.exponentOfMerge = ofFirst->to;
  part.log2OfBase = ofFirst->log2OfBase;
  Value ofStep = step.getArgument(carry + 2);
  for (Operation *user : ofStep.getUsers())
    if (auto own = matchRescaled(user, ofStep);
        own && own->log2OfBase == part.log2OfBase &&
        own->to.getParentBlock() == &step)
      part.exponentOfStep = own->to;
  if (!part.isScaled() ||
      !areOfMaximum({*ofFirst, *ofSecond}, part.exponentOfStep))
    return std::nullopt;
  return part;
}

bool PartFinder::areForPowers(ArrayRef<SumPart> parts, unsigned carry) {
  const SumPart &own = parts[carry];
  if (!own.isScaled())
    return true;
  auto isOther = [&](const SumPart &part) {
    return part.exponentOfStep == own.exponentOfStep &&
           part.log2OfBase != own.log2OfBase;
  };
  return isForPowers(own.exponentOfStep) &&
         llvm::none_of(parts.take_front(carry), isOther);
}

FailureOr<SmallVector<SumPart>> PartFinder::run() {
  SmallVector<SumPart> parts(numCarries);
  for (unsigned i = 0; i < numCarries; ++i) {
    auto type = cast<RankedTensorType>(sweep.getInits()[i].getType());
    auto refuse = [&](StringRef reason) {
      return sweep.emitOpError("expects carries whose parts add up alike in "
                               "any order, but carry #")
             << i << " " << reason
             << "; leave 'invariant' or the stream of steps out";
    };
    if (!type.getElementType().isF32() || type.getRank() == 0 ||
        type.getRank() > 2)
      return refuse("has no rows of f32");
    parts[i].isMaximum = isMaximum(i);
    if (parts[i].isMaximum)
      continue;
    std::optional<SumPart> sum = matchSum(i);
    if (!sum)
      return refuse("is neither a maximum nor a sum of two sides, as they are "
                    "or each times a power that makes up for its maximum");
    parts[i] = *sum;
    if (!areForPowers(parts, i))
      return refuse("has powers of an exponent that its step uses otherwise, "
                    "or with another base");
  }
  return parts;
}

FailureOr<SmallVector<SumPart>> attn::findSumParts(tile::SweepOp sweep) {
  if (sweep.getMerge().empty())
    return sweep.emitOpError("expects a merge, by which parts of an invariant "
                             "stream come together; leave 'invariant' or the "
                             "stream of steps out");
  return PartFinder(sweep).run();
}

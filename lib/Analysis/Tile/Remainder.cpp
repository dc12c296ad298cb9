//===- Remainder.cpp - what a coordinate is a multiple of -----------------===//

#include "attn/Analysis/Remainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

using Remainder = std::optional<int64_t>;

/// Constants beyond are no coordinates; products of remainders stay far below
/// 2^63.
static constexpr int64_t kMaxModulus = int64_t(1) << 30;

/// Of a step's base: that of its segments' first steps, if the tile keeps it.
static Remainder getRemainderOfBase(tile::SweepOp sweep, int64_t modulus) {
  if (static_cast<int64_t>(sweep.getTile()) % modulus != 0)
    return std::nullopt;
  Remainder common;
  for (auto [i, lower] : llvm::enumerate(sweep.getLowers())) {
    Value begin = lower;
    if (sweep.isLocated(i))
      begin = sweep.getLocators()[i].front().getTerminator()->getOperand(0);
    Remainder own = getRemainder(begin, modulus);
    if (!own || common.value_or(*own) != *own)
      return std::nullopt;
    common = own;
  }
  return common;
}

static Remainder getRemainderOfArgument(BlockArgument argument,
                                        int64_t modulus) {
  Operation *parent = argument.getOwner()->getParentOp();
  unsigned number = argument.getArgNumber();
  if (auto sweep = dyn_cast<tile::SweepOp>(parent)) {
    bool isBase = argument == sweep.getStep().getArgument(0);
    return isBase ? getRemainderOfBase(sweep, modulus) : std::nullopt;
  }
  auto program = dyn_cast<tile::ProgramOp>(parent);
  if (!program || number < program.getNumArguments())
    return std::nullopt;
  int64_t tile = program.getSpaceTiles()[number - program.getNumArguments()];
  return tile % modulus == 0 ? Remainder(0) : std::nullopt;
}

/// Adds to `terms` those of the sum that `value` is, `factor` times.
static void addTerms(Value value, int64_t factor,
                     llvm::MapVector<Value, int64_t> &terms) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_present<arith::AddIOp, arith::SubIOp>(op)) {
    terms[value] += factor;
    return;
  }
  addTerms(op->getOperand(0), factor, terms);
  addTerms(op->getOperand(1), isa<arith::SubIOp>(op) ? -factor : factor, terms);
}

/// Of a sum: what cancels out, as `x` does of `x - (x - y)`, need not be known.
static Remainder getRemainderOfSum(Value value, int64_t modulus) {
  llvm::MapVector<Value, int64_t> terms;
  addTerms(value, 1, terms);
  int64_t sum = 0;
  for (auto [term, factor] : terms) {
    if (factor == 0)
      continue;
    Remainder own = getRemainder(term, modulus);
    if (!own)
      return std::nullopt;
    sum = (sum + *own * (factor % modulus)) % modulus;
  }
  return (sum + modulus) % modulus;
}

std::optional<int64_t> attn::getRemainder(Value value, int64_t modulus) {
  if (modulus > kMaxModulus)
    return std::nullopt;
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return (*constant % modulus + modulus) % modulus;
  if (auto argument = dyn_cast<BlockArgument>(value))
    return getRemainderOfArgument(argument, modulus);
  Operation *op = value.getDefiningOp();
  auto get = [&](unsigned operand) {
    return getRemainder(op->getOperand(operand), modulus);
  };
  auto getCommon = [&](unsigned a, unsigned b) -> Remainder {
    Remainder first = get(a), second = get(b);
    return first == second ? first : std::nullopt;
  };
  return llvm::TypeSwitch<Operation *, Remainder>(op)
      .Case<arith::AddIOp, arith::SubIOp>([&](Operation *) -> Remainder {
        return getRemainderOfSum(value, modulus);
      })
      .Case([&](arith::MulIOp) -> Remainder {
        Remainder a = get(0), b = get(1);
        if (a == 0 || b == 0)
          return 0;
        return a && b ? Remainder(*a * *b % modulus) : std::nullopt;
      })
      .Case<arith::DivUIOp, arith::FloorDivSIOp>([&](Operation *) -> Remainder {
        std::optional<int64_t> divisor = getConstantIntValue(op->getOperand(1));
        if (!divisor || *divisor < 1 || *divisor > kMaxModulus / modulus ||
            !isNotNegative(op->getOperand(0)))
          return std::nullopt;
        Remainder whole = getRemainder(op->getOperand(0), *divisor * modulus);
        return whole ? Remainder(*whole / *divisor) : std::nullopt;
      })
      .Case([&](arith::RemUIOp) -> Remainder {
        std::optional<int64_t> divisor = getConstantIntValue(op->getOperand(1));
        if (!divisor || *divisor < 1 || *divisor % modulus != 0 ||
            !isNotNegative(op->getOperand(0)))
          return std::nullopt;
        return get(0);
      })
      .Case<arith::MinSIOp, arith::MaxSIOp>(
          [&](Operation *) { return getCommon(0, 1); })
      .Case([&](arith::SelectOp) { return getCommon(1, 2); })
      .Default([](Operation *) { return std::nullopt; });
}

/// Whether one segment has the steps of all runs, from run to run, which begin
/// at multiples of `tile` in each.
static bool isOfRuns(tile::SweepOp sweep, int64_t tile) {
  if (sweep.getLocators().size() != 1)
    return false;
  Block &locator = sweep.getLocators().front().front();
  auto places = locator.getOps<tile::LocateOp>();
  if (!llvm::hasSingleElement(places))
    return false;
  tile::LocateOp place = *places.begin();
  if (place.getNumber() != locator.getArgument(0))
    return false;
  // Of one run, a power of 2, and what its number has no part in.
  llvm::MapVector<Value, int64_t> terms;
  addTerms(locator.getTerminator()->getOperand(0), 1, terms);
  int64_t within = 0, widths = 0;
  for (auto [term, factor] : terms) {
    auto first = term.getDefiningOp<arith::MulIOp>();
    if (first && first.getLhs() == place.getRun()) {
      std::optional<int64_t> width = getConstantIntValue(first.getRhs());
      if (!width || !llvm::isPowerOf2_64(*width) || factor != 1)
        return false;
      ++widths;
      continue;
    }
    Remainder own = getRemainder(term, tile);
    if (!own)
      return false;
    within += *own * (factor % tile);
  }
  return widths == 1 && within % tile == 0;
}

bool attn::hasOrderedSteps(tile::SweepOp sweep) {
  auto tile = static_cast<int64_t>(sweep.getTile());
  if (llvm::is_contained(sweep.getFull(), true))
    return false;
  return sweep.hasLocated() ? isOfRuns(sweep, tile)
                            : getRemainderOfBase(sweep, tile) == 0;
}

bool attn::staysInQuotient(Value value, int64_t last, int64_t divisor) {
  auto isKept = [&](int64_t part) {
    return part > last && getRemainder(value, part) == 0;
  };
  for (int64_t part = 1; part <= divisor / part; ++part)
    if (divisor % part == 0 && (isKept(part) || isKept(divisor / part)))
      return true;
  return false;
}

bool attn::isNotNegative(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return *constant >= 0;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    unsigned number = argument.getArgNumber();
    if (auto program = dyn_cast<tile::ProgramOp>(parent))
      return number >= program.getNumArguments() ||
             program.getArgAttr(number, tile::kExtentAttr);
    auto sweep = dyn_cast<tile::SweepOp>(parent);
    return sweep && argument == sweep.getStep().getArgument(0);
  }
  Operation *op = value.getDefiningOp();
  if (isa<arith::MaxSIOp>(op))
    return llvm::any_of(op->getOperands(), isNotNegative);
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return isNotNegative(select.getTrueValue()) &&
           isNotNegative(select.getFalseValue());
  return isa<arith::AddIOp, arith::MulIOp, arith::DivUIOp, arith::RemUIOp,
             arith::FloorDivSIOp, arith::MinSIOp>(op) &&
         llvm::all_of(op->getOperands(), isNotNegative);
}

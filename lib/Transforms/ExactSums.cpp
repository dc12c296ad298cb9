//===- ExactSums.cpp - sweeps whose parts add up in any order -------------===//
//
// Sums of floats depend on their order. Here each step's part of a sum is
// rounded to a grid that the part alone decides, and what lies on a grid is
// added by whole numbers: so the sum is the same in any order and however the
// steps are cut.
//
// Grids are those of digits. With base 2^W a number x has digits d_j with
//
//   x = sum_j d_j 2^(W (j - 1)),  d_j = rint of what the digits above leave,
//
// so that |d_j| <= 2^(W-1), and the first one is that of bin J(x), the least
// with |x| < 2^(W J - 1). A sum keeps the digits of the largest bin of its
// terms and of the next K - 1, each added up in 32 bits. A term whose bin is a
// smaller one has zeros in front, and a larger bin that comes later drops the
// last digits of all before, as if they had never been taken. (Demmel and
// Nguyen, Parallel Reproducible Summation, IEEE Transactions on Computers 64,
// 2015, with whole numbers in place of slices of floats.)
//
// Bins are those of a row: its points share the bin of the largest. What steps
// divide by a power, as rows of a softmax by that of their maximum, they divide
// by a whole power of 2 instead, by which digits are multiplied exactly.
//
//===----------------------------------------------------------------------===//

#include "SumParts.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/bit.h"

#include <limits>

namespace attn {
#define GEN_PASS_DEF_EXACTSUMSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// W. Of 2^(32 - W) digits that are the largest, 2^(W - 1), the sum is the
/// first that 32 bits do not hold.
static constexpr int kDigitBits = 17;
static constexpr int64_t kMostSteps = (int64_t(1) << (32 - kDigitBits)) - 1;

/// K, of tiles and of lines, which cost next to nothing.
static constexpr int kTileDigits = 2, kLineDigits = 3;

/// Exponents of rows are within this; bins of nothing, and of what is no
/// number, lie outside of what they give.
static constexpr int32_t kMostExponent = 1 << 28;
static constexpr int32_t kNoNumber = 1 << 25, kNothing = -kNoNumber;

/// Adding it leaves the nearest whole number in a float's last bits; times a
/// power of 2 it leaves the nearest multiple of that.
static constexpr float kRounder = 0x1.8p23f;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Of floats of 32 bits: with x the upper bits of what is positive, it is less
// than 2^(x - kBias + 1).
static constexpr int kMantissaBits = 23, kBias = 127;

/// What is smaller counts as if it were not: no scale is larger than a float,
/// or smaller of a sum's first digit.
static constexpr int kLeastUpperBits = kDigitBits - 1;
/// What is larger is no number, as infinities are: no scale with which one of
/// so many digits is not 0 is smaller than a float.
static constexpr int getMostUpperBits(int digits) {
  return 2 * kBias - 2 - kDigitBits * (digits - 1);
}

//===----------------------------------------------------------------------===//
// Digits
//===----------------------------------------------------------------------===//

namespace {
/// Writes digits of sums of rows, in tiles or lines of f32.
class DigitWriter {
public:
  DigitWriter(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  /// A sum: the bin of each row, and its digits, the first one first.
  struct Sum {
    Value bin;
    SmallVector<Value> digits;

    SmallVector<Value> getAll() const {
      SmallVector<Value> all = {bin};
      llvm::append_range(all, digits);
      return all;
    }
  };
  static int countDigits(RankedTensorType type) {
    return type.getRank() == 1 ? kLineDigits : kTileDigits;
  }
  static RankedTensorType getLineType(RankedTensorType type, Type element) {
    return RankedTensorType::get(type.getShape().take_front(), element);
  }

  Value constant(RankedTensorType type, double number) {
    Attribute value = isa<FloatType>(type.getElementType())
                          ? Attribute(b.getFloatAttr(b.getF32Type(), number))
                          : Attribute(b.getI32IntegerAttr(int32_t(number)));
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, value));
  }
  Value like(Value value, double number) {
    return constant(cast<RankedTensorType>(value.getType()), number);
  }

  /// Of nothing.
  Sum createEmpty(RankedTensorType type) {
    Sum sum{constant(getLineType(type, b.getI32Type()), kNothing), {}};
    sum.digits.assign(countDigits(type),
                      constant(type.clone(b.getI32Type()), 0));
    return sum;
  }

  /// Rows' exponents as whole numbers; 0 without any.
  Value toWhole(Value exponent, RankedTensorType type) {
    if (!exponent)
      return constant(getLineType(type, b.getI32Type()), 0);
    Value most = like(exponent, kMostExponent);
    exponent = arith::MinNumFOp::create(b, loc, exponent, most);
    exponent = arith::MaxNumFOp::create(b, loc, exponent,
                                        like(exponent, -kMostExponent));
    return arith::FPToSIOp::create(b, loc, getIntegers(exponent), exponent);
  }
  static bool isLine(Value tile) {
    return cast<RankedTensorType>(tile.getType()).getRank() == 1;
  }
  /// A row's number at all its points.
  Value spread(Value line, Value tile) {
    if (isLine(tile))
      return line;
    auto type = cast<RankedTensorType>(tile.getType());
    return tile::BroadcastOp::create(
        b, loc, type.clone(getElementTypeOrSelf(line.getType())), line,
        ArrayRef<int64_t>{1});
  }

  /// `sum` and `part` times 2^`exponent`.
  Sum add(const Sum &sum, Value part, Value exponent);
  Sum add(const Sum &first, const Sum &second);
  /// What `sum` times 2^-`exponent` is nearest to; no number if it
  /// `isTooLong`.
  Value toFloat(const Sum &sum, RankedTensorType type, Value exponent,
                Value isTooLong);

private:
  RankedTensorType getIntegers(Value like) {
    return cast<RankedTensorType>(like.getType()).clone(b.getI32Type());
  }
  Value addI(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value subI(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  /// 2^`exponents`, or 0 where that is less than any float.
  Value createPower(Value exponents);
  Value findBin(Value part, Value exponent);
  /// The exponent of the first digit of a sum with `bin`.
  Value getFirstExponent(Value bin) {
    Value digits = subI(bin, like(bin, 1));
    return arith::MulIOp::create(b, loc, digits, like(bin, kDigitBits));
  }
  /// The digits of `sum` where its bin were `bin`, which is no smaller.
  SmallVector<Value> shift(const Sum &sum, Value bin);

  OpBuilder &b;
  Location loc;
};
} // namespace

Value DigitWriter::createPower(Value exponents) {
  Value biased = addI(exponents, like(exponents, kBias));
  biased = arith::MaxSIOp::create(b, loc, biased, like(biased, 0));
  biased = arith::MinSIOp::create(b, loc, biased, like(biased, 2 * kBias));
  Value bits =
      arith::ShLIOp::create(b, loc, biased, like(biased, kMantissaBits));
  auto type = cast<RankedTensorType>(bits.getType()).clone(b.getF32Type());
  return arith::BitcastOp::create(b, loc, type, bits);
}

Value DigitWriter::findBin(Value part, Value exponent) {
  auto type = cast<RankedTensorType>(part.getType());
  Value largest = math::AbsFOp::create(b, loc, part);
  if (!isLine(part))
    largest = tile::ReduceOp::create(b, loc, tile::ReduceKind::Max, largest,
                                     ArrayRef<int64_t>{1});
  Value bits = arith::BitcastOp::create(b, loc, getIntegers(largest), largest);
  Value upper = arith::ShRUIOp::create(b, loc, bits, like(bits, kMantissaBits));
  Value isNumber = compare(arith::CmpIPredicate::sle, upper,
                           like(upper, getMostUpperBits(countDigits(type))));
  upper = arith::MaxSIOp::create(b, loc, upper, like(upper, kLeastUpperBits));
  // 2^(W J - 1) is to be no less than what it is less than.
  Value above =
      addI(addI(exponent, upper), like(upper, 1 - kBias + kDigitBits));
  Value bin =
      arith::FloorDivSIOp::create(b, loc, above, like(upper, kDigitBits));
  return select(isNumber, bin, like(bin, kNoNumber));
}

SmallVector<Value> DigitWriter::shift(const Sum &sum, Value bin) {
  Value distance = subI(bin, sum.bin);
  auto isAt = [&](int number) {
    return compare(arith::CmpIPredicate::eq, distance, like(distance, number));
  };
  auto shiftAll = [&] {
    SmallVector<Value> shifted;
    for (size_t i = 0; i < sum.digits.size(); ++i) {
      Value digit = like(sum.digits[i], 0);
      for (size_t from = 0; from <= i; ++from)
        digit = select(spread(isAt(i - from), digit), sum.digits[from], digit);
      shifted.push_back(digit);
    }
    return shifted;
  };
  if (isLine(sum.digits.front()))
    return shiftAll();
  // Larger terms are soon none.
  Value isMoved =
      compare(arith::CmpIPredicate::ne, distance, like(distance, 0));
  auto branch =
      tile::IfAnyOp::create(b, loc, isMoved, sum.digits, [&](OpBuilder &) {
        tile::YieldOp::create(b, loc, shiftAll());
      });
  return llvm::to_vector_of<Value>(branch.getResults());
}

DigitWriter::Sum DigitWriter::add(const Sum &first, const Sum &second) {
  Sum sum{arith::MaxSIOp::create(b, loc, first.bin, second.bin), {}};
  for (auto [x, y] :
       llvm::zip_equal(shift(first, sum.bin), shift(second, sum.bin)))
    sum.digits.push_back(addI(x, y));
  return sum;
}

DigitWriter::Sum DigitWriter::add(const Sum &before, Value part,
                                  Value exponent) {
  Value bin =
      arith::MaxSIOp::create(b, loc, before.bin, findBin(part, exponent));
  Sum sum{bin, {}};
  Value scale =
      spread(createPower(subI(exponent, getFirstExponent(bin))), part);
  RankedTensorType integers = getIntegers(part);
  float unit = 1;
  for (Value digit : shift(before, bin)) {
    float number = kRounder * unit;
    Value rounder = like(part, number);
    bool isFirst = sum.digits.empty();
    Value rounded =
        isFirst ? math::FmaOp::create(b, loc, part, scale, rounder).getResult()
                : arith::AddFOp::create(b, loc, part, rounder).getResult();
    Value bits = arith::BitcastOp::create(b, loc, integers, rounded);
    Value bitsOfRounder = constant(integers, llvm::bit_cast<int32_t>(number));
    sum.digits.push_back(addI(digit, subI(bits, bitsOfRounder)));
    if (sum.digits.size() == before.digits.size())
      break;
    // What is left, which is exact.
    Value taken = arith::SubFOp::create(b, loc, rounded, rounder);
    if (isFirst)
      part = math::FmaOp::create(b, loc, part, scale,
                                 arith::NegFOp::create(b, loc, taken));
    else
      part = arith::SubFOp::create(b, loc, part, taken);
    unit /= 1 << kDigitBits;
  }
  return sum;
}

Value DigitWriter::toFloat(const Sum &sum, RankedTensorType type,
                           Value exponent, Value isTooLong) {
  Value bin = select(isTooLong, like(sum.bin, kNoNumber), sum.bin);
  Value isNumber = compare(arith::CmpIPredicate::ne, bin, like(bin, kNoNumber));
  Value scale = createPower(subI(getFirstExponent(bin), exponent));
  scale = select(isNumber, scale,
                 like(scale, std::numeric_limits<double>::quiet_NaN()));
  Value total;
  for (Value number : llvm::reverse(sum.digits)) {
    Value digit = arith::SIToFPOp::create(b, loc, type, number);
    Value unit = like(digit, 1.0 / (1 << kDigitBits));
    total = total ? math::FmaOp::create(b, loc, total, unit, digit).getResult()
                  : digit;
  }
  return arith::MulFOp::create(b, loc, total, spread(scale, total));
}

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

namespace {
class SweepRewriter {
public:
  SweepRewriter(tile::SweepOp sweep, ArrayRef<SumPart> parts,
                RewriterBase &rewriter)
      : sweep(sweep), parts(parts), rewriter(rewriter), loc(sweep.getLoc()),
        writer(rewriter, loc) {}

  void run();

private:
  RankedTensorType getType(unsigned carry) {
    return cast<RankedTensorType>(sweep.getInits()[carry].getType());
  }
  /// A carry's values in the new sweep.
  struct Carry {
    Value maximum;
    DigitWriter::Sum sum;
  };
  /// Takes those of all carries from `values`.
  SmallVector<Carry> take(ValueRange values);
  static SmallVector<Value> flatten(ArrayRef<Carry> carries);

  /// The least whole exponent of 2 with which a power of `part` is no smaller
  /// than with `exponent`.
  Value roundUp(const SumPart &part, Value exponent) {
    return math::CeilOp::create(rewriter, loc, toBase2(part, exponent));
  }
  Value toBase2(const SumPart &part, Value exponent) {
    return arith::MulFOp::create(rewriter, loc, exponent,
                                 writer.like(exponent, part.log2OfBase));
  }
  /// What carries are after a step of its own part of each, whose powers are
  /// whole ones of 2.
  SmallVector<Carry> addStep(Block &step, ArrayRef<Carry> before);
  SmallVector<Carry> merge(ArrayRef<Carry> first, ArrayRef<Carry> second);
  /// Whether there are more steps than digits add up.
  Value hasTooMany();
  /// What carry `number` was before, of what the new ones come to.
  Value restore(unsigned number, ArrayRef<Carry> outs, Value isTooLong);

  tile::SweepOp sweep;
  ArrayRef<SumPart> parts;
  RewriterBase &rewriter;
  Location loc;
  DigitWriter writer;
};
} // namespace

SmallVector<SweepRewriter::Carry> SweepRewriter::take(ValueRange values) {
  SmallVector<Carry> carries(parts.size());
  for (auto [i, carry] : llvm::enumerate(carries)) {
    if (parts[i].isMaximum) {
      carry.maximum = values.front();
      values = values.drop_front();
      continue;
    }
    size_t count = DigitWriter::countDigits(getType(i));
    carry.sum = {values.front(), SmallVector<Value>(values.slice(1, count))};
    values = values.drop_front(1 + count);
  }
  return carries;
}

SmallVector<Value> SweepRewriter::flatten(ArrayRef<Carry> carries) {
  SmallVector<Value> values;
  for (const Carry &carry : carries)
    if (carry.maximum)
      values.push_back(carry.maximum);
    else
      llvm::append_range(values, carry.sum.getAll());
  return values;
}

SmallVector<SweepRewriter::Carry>
SweepRewriter::addStep(Block &step, ArrayRef<Carry> before) {
  Block &old = sweep.getStep().front();
  ValueRange carries = old.getArguments().drop_front(2);
  OperandRange yields = old.getTerminator()->getOperands();
  IRMapping mapping;
  mapping.map(old.getArguments().take_front(2),
              step.getArguments().take_front(2));
  mapping.map(carries, sweep.getInits());
  SmallVector<Carry> after(parts.size());
  llvm::DenseMap<Value, Value> exponents;

  // What sums were before the step is nothing, and so are powers of it.
  auto dropsOut = [&](Operation &op) -> Value {
    for (auto [carry, init, part] :
         llvm::zip_equal(carries, sweep.getInits(), parts))
      if (!part.isMaximum && scalesCarry(&op, carry))
        return init;
    if (!isa<arith::AddFOp>(op))
      return {};
    for (unsigned i : {0u, 1u})
      if (matchPattern(mapping.lookupOrDefault(op.getOperand(i)),
                       m_AnyZeroFloat()))
        return mapping.lookupOrDefault(op.getOperand(1 - i));
    return {};
  };
  for (Operation &op : old.without_terminator()) {
    if (Value other = dropsOut(op)) {
      mapping.map(op.getResult(0), other);
      continue;
    }
    bool isMaximum = false;
    for (auto [i, yield] : llvm::enumerate(yields))
      if (parts[i].isMaximum && yield.getDefiningOp() == &op) {
        Value own = mapping.lookupOrDefault(getOtherOfMaximum(&op, carries[i]));
        after[i].maximum =
            arith::MaximumFOp::create(rewriter, loc, before[i].maximum, own);
        mapping.map(yield, own);
        isMaximum = true;
      }
    if (!isMaximum)
      rewriter.clone(op, mapping);
    for (const SumPart &part : parts)
      if (part.isScaled() && part.exponentOfStep.getDefiningOp() == &op &&
          !exponents.contains(part.exponentOfStep)) {
        Value whole =
            roundUp(part, mapping.lookupOrDefault(part.exponentOfStep));
        exponents[part.exponentOfStep] = whole;
        mapping.map(
            part.exponentOfStep,
            arith::MulFOp::create(rewriter, loc, whole,
                                  writer.like(whole, 1 / part.log2OfBase)));
      }
  }
  for (auto [i, yield] : llvm::enumerate(yields))
    if (!parts[i].isMaximum)
      after[i].sum =
          writer.add(before[i].sum, mapping.lookupOrDefault(yield),
                     writer.toWhole(exponents.lookup(parts[i].exponentOfStep),
                                    getType(i)));
  return after;
}

SmallVector<SweepRewriter::Carry> SweepRewriter::merge(ArrayRef<Carry> first,
                                                       ArrayRef<Carry> second) {
  SmallVector<Carry> merged(parts.size());
  for (auto [own, a, c] : llvm::zip_equal(merged, first, second))
    if (a.maximum)
      own.maximum =
          arith::MaximumFOp::create(rewriter, loc, a.maximum, c.maximum);
    else
      own.sum = writer.add(a.sum, c.sum);
  return merged;
}

Value SweepRewriter::hasTooMany() {
  Value all;
  for (auto [i, lower, upper] :
       llvm::enumerate(sweep.getLowers(), sweep.getUppers())) {
    Value steps = arith::SubIOp::create(rewriter, loc, upper, lower);
    if (!sweep.isLocated(i))
      steps = arith::CeilDivSIOp::create(
          rewriter, loc, steps,
          arith::ConstantIndexOp::create(rewriter, loc, sweep.getTile()));
    all = all ? arith::AddIOp::create(rewriter, loc, all, steps).getResult()
              : steps;
  }
  return arith::CmpIOp::create(
      rewriter, loc, arith::CmpIPredicate::sgt, all,
      arith::ConstantIndexOp::create(rewriter, loc, kMostSteps));
}

/// `value`, which ops of a merge compute, of what `mapping` has.
static Value cloneSlice(RewriterBase &rewriter, Value value, Block &merge,
                        IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != &merge)
    return value;
  for (Value operand : op->getOperands())
    cloneSlice(rewriter, operand, merge, mapping);
  return rewriter.clone(*op, mapping)->getResult(0);
}

Value SweepRewriter::restore(unsigned number, ArrayRef<Carry> outs,
                             Value isTooLong) {
  const SumPart &part = parts[number];
  if (part.isMaximum)
    return outs[number].maximum;
  RankedTensorType type = getType(number);
  if (!part.isScaled())
    return writer.toFloat(outs[number].sum, type, writer.toWhole(Value(), type),
                          isTooLong);
  Block &merge = sweep.getMerge().front();
  IRMapping mapping;
  for (auto [i, yield] : llvm::enumerate(merge.getTerminator()->getOperands()))
    if (parts[i].isMaximum)
      mapping.map(yield, outs[i].maximum);
  Value exponent = cloneSlice(rewriter, part.exponentOfMerge, merge, mapping);
  Value whole = roundUp(part, exponent);
  Value sum = writer.toFloat(outs[number].sum, type,
                             writer.toWhole(whole, type), isTooLong);
  // Back from the power of 2 to the one that is expected.
  Value rest = math::Exp2Op::create(
      rewriter, loc,
      arith::SubFOp::create(rewriter, loc, whole, toBase2(part, exponent)));
  Value isNothing =
      arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OEQ, whole,
                            writer.like(whole, -kInfinity));
  rest = arith::SelectOp::create(rewriter, loc, isNothing, writer.like(rest, 1),
                                 rest);
  return arith::MulFOp::create(rewriter, loc, sum, writer.spread(rest, sum));
}

void SweepRewriter::run() {
  rewriter.setInsertionPoint(sweep);
  SmallVector<Carry> inits(parts.size());
  for (auto [i, init] : llvm::enumerate(inits))
    if (parts[i].isMaximum)
      init.maximum = sweep.getInits()[i];
    else
      init.sum = writer.createEmpty(getType(i));
  SmallVector<Value> carries = flatten(inits);
  auto exact =
      tile::SweepOp::create(rewriter, loc, sweep.getLowers(), sweep.getUppers(),
                            sweep.getFull(), sweep.getTile(), carries);
  exact.setExact(true);
  auto addBlock = [&](Region &region, TypeRange types) -> Block & {
    return *rewriter.createBlock(&region, region.end(), types,
                                 SmallVector<Location>(types.size(), loc));
  };
  SmallVector<Type> types = {rewriter.getIndexType(), rewriter.getIndexType()};
  llvm::append_range(types, ValueRange(carries).getTypes());
  Block &step = addBlock(exact.getStep(), types);
  SmallVector<Carry> after =
      addStep(step, take(step.getArguments().drop_front(2)));
  tile::YieldOp::create(rewriter, loc, flatten(after));

  types.assign(ValueRange(carries).getTypes().begin(),
               ValueRange(carries).getTypes().end());
  llvm::append_range(types, ValueRange(carries).getTypes());
  Block &merges = addBlock(exact.getMerge(), types);
  ValueRange sides = merges.getArguments();
  SmallVector<Carry> merged = merge(take(sides.take_front(carries.size())),
                                    take(sides.drop_front(carries.size())));
  tile::YieldOp::create(rewriter, loc, flatten(merged));

  rewriter.setInsertionPointAfter(exact);
  Value isTooLong = hasTooMany();
  SmallVector<Carry> outs = take(exact.getOuts());
  SmallVector<Value> results;
  for (size_t i = 0; i < parts.size(); ++i)
    results.push_back(restore(i, outs, isTooLong));
  for (auto [from, to] :
       llvm::zip_equal(sweep.getLocators(), exact.getLocators()))
    rewriter.inlineRegionBefore(from, to, to.end());
  rewriter.replaceOp(sweep, results);
}

namespace {
struct ExactSums final : attn::impl::ExactSumsPassBase<ExactSums> {
  using ExactSumsPassBase::ExactSumsPassBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto program : getOperation().getOps<tile::ProgramOp>()) {
      tile::ScheduleAttr schedule = program.getScheduleAttr();
      if (!program.getInvariant() ||
          !(schedule ? schedule.getStream() : stream.getValue()))
        continue;
      for (auto sweep :
           llvm::to_vector(program.getBody().getOps<tile::SweepOp>())) {
        FailureOr<SmallVector<SumPart>> parts = findSumParts(sweep);
        if (failed(parts))
          return signalPassFailure();
        SweepRewriter(sweep, *parts, rewriter).run();
      }
    }
  }
};
} // namespace

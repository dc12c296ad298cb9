//===- DigitWriter.cpp - ops that add up in any order ---------------------===//

#include "DigitWriter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/bit.h"

#include <limits>

using namespace mlir;
using namespace attn;

/// W. Of 2^(32 - W) digits that are the largest, 2^(W - 1), the sum is the
/// first that 32 bits do not hold.
static constexpr int kDigitBits = 17;
const int64_t DigitWriter::kMostTerms = (int64_t(1) << (32 - kDigitBits)) - 1;

/// K, of tiles and of lines, which cost next to nothing.
static constexpr int kTileDigits = 2, kLineDigits = 3;

/// Exponents of rows are within this; bins of nothing, and of what is no
/// number, lie outside of what they give.
static constexpr int32_t kMostExponent = 1 << 28;
static constexpr int32_t kNoNumber = 1 << 25, kNothing = -kNoNumber;

/// Adding it leaves the nearest whole number in a float's last bits; times a
/// power of 2 it leaves the nearest multiple of that.
static constexpr float kRounder = 0x1.8p23f;

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

static bool isLine(Value tile) {
  return cast<RankedTensorType>(tile.getType()).getRank() == 1;
}

static RankedTensorType getLineType(RankedTensorType type, Type element) {
  return RankedTensorType::get(type.getShape().take_front(), element);
}

int DigitWriter::countDigits(RankedTensorType type) {
  return type.getRank() == 1 ? kLineDigits : kTileDigits;
}

Value DigitWriter::constant(RankedTensorType type, double number) {
  Attribute value = isa<FloatType>(type.getElementType())
                        ? Attribute(b.getFloatAttr(b.getF32Type(), number))
                        : Attribute(b.getI32IntegerAttr(int32_t(number)));
  return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, value));
}

Value DigitWriter::spread(Value line, Value tile) {
  if (isLine(tile))
    return line;
  auto type = cast<RankedTensorType>(tile.getType());
  return tile::BroadcastOp::create(
      b, loc, type.clone(getElementTypeOrSelf(line.getType())), line,
      ArrayRef<int64_t>{1});
}

DigitWriter::Sum DigitWriter::createEmpty(RankedTensorType type) {
  Sum sum{constant(getLineType(type, b.getI32Type()), kNothing), {}};
  sum.digits.assign(countDigits(type), constant(type.clone(b.getI32Type()), 0));
  return sum;
}

Value DigitWriter::toWhole(Value exponent, RankedTensorType type) {
  if (!exponent)
    return constant(getLineType(type, b.getI32Type()), 0);
  exponent =
      arith::MinNumFOp::create(b, loc, exponent, like(exponent, kMostExponent));
  exponent = arith::MaxNumFOp::create(b, loc, exponent,
                                      like(exponent, -kMostExponent));
  return arith::FPToSIOp::create(b, loc, getIntegers(exponent), exponent);
}

Value DigitWriter::getFirstExponent(Value bin) {
  Value digits = subI(bin, like(bin, 1));
  return arith::MulIOp::create(b, loc, digits, like(bin, kDigitBits));
}

Value DigitWriter::createPower(Value exponents) {
  Value biased = addI(exponents, like(exponents, kBias));
  biased = arith::MaxSIOp::create(b, loc, biased, like(biased, 0));
  biased = arith::MinSIOp::create(b, loc, biased, like(biased, 2 * kBias));
  Value bits =
      arith::ShLIOp::create(b, loc, biased, like(biased, kMantissaBits));
  auto type = cast<RankedTensorType>(bits.getType()).clone(b.getF32Type());
  return arith::BitcastOp::create(b, loc, type, bits);
}

Value DigitWriter::findLargest(Value part) {
  Value largest = math::AbsFOp::create(b, loc, part);
  if (!isLine(part))
    largest = tile::ReduceOp::create(b, loc, tile::ReduceKind::Max, largest,
                                     ArrayRef<int64_t>{1});
  return arith::BitcastOp::create(b, loc, getIntegers(largest), largest);
}

Value DigitWriter::isSome(Value part) {
  Value bits = findLargest(part);
  return compare(arith::CmpIPredicate::ne, bits, like(bits, 0));
}

Value DigitWriter::countIf(Value condition, Value numbers) {
  return select(condition, addI(numbers, like(numbers, 1)), numbers);
}

Value DigitWriter::areTooMany(Value numbers) {
  return compare(arith::CmpIPredicate::sgt, numbers, like(numbers, kMostTerms));
}

Value DigitWriter::findBin(Value part, Value exponent) {
  auto type = cast<RankedTensorType>(part.getType());
  Value bits = findLargest(part);
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
  SmallVector<Value> shifted;
  for (size_t i = 0; i < sum.digits.size(); ++i) {
    Value digit = like(sum.digits[i], 0);
    for (size_t from = 0; from <= i; ++from)
      digit = select(spread(isAt(i - from), digit), sum.digits[from], digit);
    shifted.push_back(digit);
  }
  return shifted;
}

SmallVector<Value> DigitWriter::shiftRarely(const Sum &sum, Value bin) {
  if (isLine(sum.digits.front()))
    return shift(sum, bin);
  Value isMoved = compare(arith::CmpIPredicate::ne, bin, sum.bin);
  auto branch =
      tile::IfAnyOp::create(b, loc, isMoved, sum.digits, [&](OpBuilder &) {
        tile::YieldOp::create(b, loc, shift(sum, bin));
      });
  return llvm::to_vector_of<Value>(branch.getResults());
}

SmallVector<DigitWriter::Sum> DigitWriter::addAll(ArrayRef<Sum> first,
                                                  ArrayRef<Sum> second) {
  Value areMoved;
  SmallVector<Sum> sums;
  SmallVector<Value> digits;
  for (auto [x, y] : llvm::zip_equal(first, second)) {
    sums.push_back({arith::MaxSIOp::create(b, loc, x.bin, y.bin), {}});
    llvm::append_range(digits, x.digits);
    llvm::append_range(digits, y.digits);
    Value isMoved = compare(arith::CmpIPredicate::ne, x.bin, y.bin);
    areMoved = areMoved
                   ? arith::OrIOp::create(b, loc, areMoved, isMoved).getResult()
                   : isMoved;
  }
  // Most parts have the same bins.
  auto branch =
      tile::IfAnyOp::create(b, loc, areMoved, digits, [&](OpBuilder &) {
        SmallVector<Value> moved;
        for (auto [sum, x, y] : llvm::zip_equal(sums, first, second)) {
          llvm::append_range(moved, shift(x, sum.bin));
          llvm::append_range(moved, shift(y, sum.bin));
        }
        tile::YieldOp::create(b, loc, moved);
      });
  ValueRange moved = branch.getResults();
  for (Sum &sum : sums) {
    size_t count = first[&sum - sums.begin()].digits.size();
    for (auto [x, y] :
         llvm::zip_equal(moved.take_front(count), moved.slice(count, count)))
      sum.digits.push_back(addI(x, y));
    moved = moved.drop_front(2 * count);
  }
  return sums;
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
  for (Value digit : shiftRarely(before, bin)) {
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
                           Value exponent, Value areTooMany) {
  Value bin = select(areTooMany, like(sum.bin, kNoNumber), sum.bin);
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

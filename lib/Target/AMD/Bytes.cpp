//===- Bytes.cpp - numbers of 8 bits, by whole numbers --------------------===//

#include "Bytes.h"

#include "GPU/Emitter.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::gpu;

namespace {
/// Also of bits, floats and pairs of f16.
struct BitEmitter : Emitter {
  BitEmitter(OpBuilder &b, Location loc) : Emitter{b, loc} {}

  Value mask(Value x, uint32_t bits) {
    return Emitter::bits(x, static_cast<int32_t>(bits));
  }
  Value either(Value x, Value y) { return arith::OrIOp::create(b, loc, x, y); }
  Value sub(Value x, Value y) { return arith::SubIOp::create(b, loc, x, y); }
  Value shiftLeft(Value x, int64_t count) {
    return arith::ShLIOp::create(b, loc, x, constant(count));
  }
  Value cast(Type type, Value x) {
    return LLVM::BitcastOp::create(b, loc, type, x);
  }
  Value compare(arith::CmpIPredicate predicate, Value x, int64_t y) {
    return arith::CmpIOp::create(b, loc, predicate, x, constant(y));
  }
  Value select(Value condition, Value x, Value y) {
    return arith::SelectOp::create(b, loc, condition, x, y);
  }
  /// The upper halves of two words.
  Value joinUpper(Value low, Value high) {
    return either(shiftRight(low, 16), mask(high, 0xffff0000));
  }
};
} // namespace

/// Two floats of 8 bits in the upper halves of 16: f16 has one bit of an
/// exponent more than e4m3, and the bias is 8 more: the number is 2^8 times
/// what its bits say there, save for the one that is no number.
static Value widenE4M3(BitEmitter e, Value pair) {
  auto halves = VectorType::get(2, e.b.getF16Type());
  Value magnitude = e.shiftRight(e.mask(pair, 0x7f007f00), 1);
  Value isNaN = e.mask(e.add(magnitude, e.constant(0x00800080)), 0x40004000);
  Value scaled = e.cast(halves, e.either(e.mask(pair, 0x80008000), magnitude));
  Value factor = arith::ConstantOp::create(
      e.b, e.loc,
      DenseElementsAttr::get(halves,
                             e.b.getFloatAttr(e.b.getF16Type(), 256.0)));
  scaled = arith::MulFOp::create(e.b, e.loc, scaled, factor);
  Value ones = e.either(isNaN, e.sub(isNaN, e.shiftRight(isNaN, 14)));
  return e.either(e.cast(e.b.getI32Type(), scaled), ones);
}

/// Two f16 as two bf16, which hold them.
static Value narrowExact(BitEmitter e, Value pair) {
  auto halves = VectorType::get(2, e.b.getF16Type());
  Value wide = LLVM::FPExtOp::create(
      e.b, e.loc, VectorType::get(2, e.b.getF32Type()), e.cast(halves, pair));
  Value words = e.cast(VectorType::get(2, e.b.getI32Type()), wide);
  auto get = [&](int64_t i) -> Value {
    return LLVM::ExtractElementOp::create(e.b, e.loc, words, e.constant(i));
  };
  return e.joinUpper(get(0), get(1));
}

/// Two of the integers of a word, as f32 and then of 16 bits, which hold them.
static Value widenIntegers(BitEmitter e, Value word, int64_t first,
                           bool isBF16) {
  SmallVector<Value> floats;
  for (int64_t i : {first, first + 1}) {
    Value number = arith::ShRSIOp::create(
        e.b, e.loc, e.shiftLeft(word, 24 - 8 * i), e.constant(24));
    floats.push_back(
        arith::SIToFPOp::create(e.b, e.loc, e.b.getF32Type(), number));
  }
  Type i32 = e.b.getI32Type();
  if (isBF16)
    return e.joinUpper(e.cast(i32, floats[0]), e.cast(i32, floats[1]));
  Value pair =
      LLVM::PoisonOp::create(e.b, e.loc, VectorType::get(2, e.b.getF16Type()));
  for (auto [i, number] : llvm::enumerate(floats))
    pair = LLVM::InsertElementOp::create(
        e.b, e.loc, pair,
        LLVM::FPTruncOp::create(e.b, e.loc, e.b.getF16Type(), number),
        e.constant(i));
  return e.cast(i32, pair);
}

SmallVector<Value> amd::widenBytes(OpBuilder &b, Location loc, Value word,
                                   ByteType type, bool isBF16) {
  BitEmitter e(b, loc);
  SmallVector<Value> results;
  for (int64_t first : {0, 2}) {
    if (type == ByteType::Signed) {
      results.push_back(widenIntegers(e, word, first, isBF16));
      continue;
    }
    Value pair = first == 0 ? word : e.shiftRight(word, 16);
    pair = e.either(e.shiftLeft(e.mask(pair, 0xff), 8),
                    e.shiftLeft(e.mask(pair, 0xff00), 16));
    // e5m2 is the upper half of f16.
    if (type == ByteType::E4M3)
      pair = widenE4M3(e, pair);
    results.push_back(isBF16 ? narrowExact(e, pair) : pair);
  }
  return results;
}

Value amd::narrowToByte(OpBuilder &b, Location loc, Value value,
                        ByteType type) {
  using P = arith::CmpIPredicate;
  BitEmitter e(b, loc);
  // Bits of f32's mantissa beyond the type's, the largest number and the
  // smallest one that has an implied bit, both of f32, what is added to those
  // below so that f32 rounds them to the smallest step, and what the exponents'
  // biases differ by.
  bool isE4M3 = type == ByteType::E4M3;
  int64_t shift = isE4M3 ? 20 : 21;
  int64_t largest = isE4M3 ? 0x43e00000 : 0x47600000;
  int64_t smallest = isE4M3 ? 0x3c800000 : 0x38800000;
  int64_t magic = isE4M3 ? 0x46800000 : 0x43000000;
  int64_t bias = isE4M3 ? 960 : 448;
  constexpr int64_t kNaN = 0x7f, kInfinity = 0x7f800000;

  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  Value bits = e.cast(i32, value);
  Value sign = e.mask(e.shiftRight(bits, 24), 0x80);
  Value all = e.mask(bits, 0x7fffffff);
  Value magnitude = arith::MinUIOp::create(b, loc, all, e.constant(largest));
  // To even: half a step less one, and one more for odd ones.
  Value odd = e.mask(e.shiftRight(magnitude, shift), 1);
  Value normal =
      e.add(e.add(magnitude, odd), e.constant((int64_t(1) << (shift - 1)) - 1));
  normal = e.sub(e.shiftRight(normal, shift), e.constant(bias));
  Value sum = arith::AddFOp::create(b, loc, e.cast(f32, magnitude),
                                    e.cast(f32, e.constant(magic)));
  Value small = e.sub(e.cast(i32, sum), e.constant(magic));
  Value number =
      e.select(e.compare(P::ult, magnitude, smallest), small, normal);
  number =
      e.select(e.compare(P::ugt, all, kInfinity), e.constant(kNaN), number);
  return e.either(number, sign);
}

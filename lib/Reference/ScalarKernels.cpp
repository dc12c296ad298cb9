//===- ScalarKernels.cpp - what arith and math operations compute
//-----------===//

#include "ScalarProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn::reference;

static int64_t wrap(int64_t value, unsigned bits) {
  if (bits == 1)
    return value & 1;
  if (bits == 0 || bits >= 64)
    return value;
  unsigned shift = 64 - bits;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << shift) >> shift;
}

static uint64_t toUnsigned(int64_t value, unsigned bits) {
  if (bits == 0 || bits >= 64)
    return static_cast<uint64_t>(value);
  return static_cast<uint64_t>(value) & ((uint64_t(1) << bits) - 1);
}

/// i1 is held as 0 or 1, but is -1 or 0 to a signed operation.
static int64_t toSigned(int64_t value, unsigned bits) {
  return bits == 1 ? -value : value;
}

static void finishFloat(const Instruction &in, Slot *result, int64_t lanes) {
  if (!in.rounding)
    return;
  if (in.rounding.isF32()) {
    for (int64_t i = 0; i < lanes; ++i)
      result[i].f = static_cast<float>(result[i].f);
    return;
  }
  for (int64_t i = 0; i < lanes; ++i)
    result[i].f = roundTo(in.rounding, result[i].f);
}

//===----------------------------------------------------------------------===//
// Shapes of kernels: `F::apply` is the operation on one point
//===----------------------------------------------------------------------===//

template <typename F>
static void unaryFloat(const Instruction &in, const Slot *const *operands,
                       Slot *result, int64_t lanes, const char *&) {
  const Slot *a = operands[0];
  for (int64_t i = 0; i < lanes; ++i)
    result[i].f = F::apply(a[i].f);
  finishFloat(in, result, lanes);
}

template <typename F>
static void binaryFloat(const Instruction &in, const Slot *const *operands,
                        Slot *result, int64_t lanes, const char *&) {
  const Slot *a = operands[0], *b = operands[1];
  for (int64_t i = 0; i < lanes; ++i)
    result[i].f = F::apply(a[i].f, b[i].f);
  finishFloat(in, result, lanes);
}

/// `F(int64 a, int64 b, bits of the operands)`.
template <typename F>
static void binaryInteger(const Instruction &in, const Slot *const *operands,
                          Slot *result, int64_t lanes, const char *&) {
  const Slot *a = operands[0], *b = operands[1];
  for (int64_t i = 0; i < lanes; ++i)
    result[i].i = wrap(F::apply(a[i].i, b[i].i, in.operandBits), in.resultBits);
}

/// As binaryInteger, for a division: refuses a divisor of 0.
template <typename F>
static void divide(const Instruction &in, const Slot *const *operands,
                   Slot *result, int64_t lanes, const char *&fault) {
  const Slot *a = operands[0], *b = operands[1];
  for (int64_t i = 0; i < lanes; ++i) {
    bool overflows =
        b[i].i == -1 && a[i].i == std::numeric_limits<int64_t>::min();
    if (b[i].i == 0 || overflows) {
      fault = "an integer is divided by zero or the quotient overflows";
      result[i].i = 0;
      continue;
    }
    result[i].i = wrap(F::apply(a[i].i, b[i].i, in.operandBits), in.resultBits);
  }
}

template <typename F>
static void unaryInteger(const Instruction &in, const Slot *const *operands,
                         Slot *result, int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i].i =
        wrap(F::apply(operands[0][i].i, in.operandBits), in.resultBits);
}

template <typename F>
static void testFloat(const Instruction &, const Slot *const *operands,
                      Slot *result, int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i].i = F::apply(operands[0][i].f);
}

template <typename F>
static void integerToFloat(const Instruction &in, const Slot *const *operands,
                           Slot *result, int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i].f = F::apply(operands[0][i].i, in.operandBits);
  finishFloat(in, result, lanes);
}

//===----------------------------------------------------------------------===//
// Operations that are no single expression
//===----------------------------------------------------------------------===//

static void compareIntegers(const Instruction &in, const Slot *const *operands,
                            Slot *result, int64_t lanes, const char *&) {
  const Slot *a = operands[0], *b = operands[1];
  auto each = [&](auto compare) {
    for (int64_t i = 0; i < lanes; ++i)
      result[i].i = compare(toSigned(a[i].i, in.operandBits),
                            toSigned(b[i].i, in.operandBits));
  };
  auto eachUnsigned = [&](auto compare) {
    for (int64_t i = 0; i < lanes; ++i)
      result[i].i = compare(toUnsigned(a[i].i, in.operandBits),
                            toUnsigned(b[i].i, in.operandBits));
  };
  switch (static_cast<arith::CmpIPredicate>(in.predicate)) {
  case arith::CmpIPredicate::eq:
    return each([](int64_t x, int64_t y) { return x == y; });
  case arith::CmpIPredicate::ne:
    return each([](int64_t x, int64_t y) { return x != y; });
  case arith::CmpIPredicate::slt:
    return each([](int64_t x, int64_t y) { return x < y; });
  case arith::CmpIPredicate::sle:
    return each([](int64_t x, int64_t y) { return x <= y; });
  case arith::CmpIPredicate::sgt:
    return each([](int64_t x, int64_t y) { return x > y; });
  case arith::CmpIPredicate::sge:
    return each([](int64_t x, int64_t y) { return x >= y; });
  case arith::CmpIPredicate::ult:
    return eachUnsigned([](uint64_t x, uint64_t y) { return x < y; });
  case arith::CmpIPredicate::ule:
    return eachUnsigned([](uint64_t x, uint64_t y) { return x <= y; });
  case arith::CmpIPredicate::ugt:
    return eachUnsigned([](uint64_t x, uint64_t y) { return x > y; });
  case arith::CmpIPredicate::uge:
    return eachUnsigned([](uint64_t x, uint64_t y) { return x >= y; });
  }
}

static bool compare(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::AlwaysFalse:
    return false;
  case arith::CmpFPredicate::OEQ:
    return !unordered && a == b;
  case arith::CmpFPredicate::OGT:
    return !unordered && a > b;
  case arith::CmpFPredicate::OGE:
    return !unordered && a >= b;
  case arith::CmpFPredicate::OLT:
    return !unordered && a < b;
  case arith::CmpFPredicate::OLE:
    return !unordered && a <= b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::ORD:
    return !unordered;
  case arith::CmpFPredicate::UEQ:
    return unordered || a == b;
  case arith::CmpFPredicate::UGT:
    return unordered || a > b;
  case arith::CmpFPredicate::UGE:
    return unordered || a >= b;
  case arith::CmpFPredicate::ULT:
    return unordered || a < b;
  case arith::CmpFPredicate::ULE:
    return unordered || a <= b;
  case arith::CmpFPredicate::UNE:
    return unordered || a != b;
  case arith::CmpFPredicate::UNO:
    return unordered;
  case arith::CmpFPredicate::AlwaysTrue:
    return true;
  }
  return false;
}

static void compareFloats(const Instruction &in, const Slot *const *operands,
                          Slot *result, int64_t lanes, const char *&) {
  auto predicate = static_cast<arith::CmpFPredicate>(in.predicate);
  for (int64_t i = 0; i < lanes; ++i)
    result[i].i = compare(predicate, operands[0][i].f, operands[1][i].f);
}

static void select(const Instruction &, const Slot *const *operands,
                   Slot *result, int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i] = operands[0][i].i ? operands[1][i] : operands[2][i];
}

static void fma(const Instruction &in, const Slot *const *operands,
                Slot *result, int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i].f =
        std::fma(operands[0][i].f, operands[1][i].f, operands[2][i].f);
  finishFloat(in, result, lanes);
}

static void floatPowerInteger(const Instruction &in,
                              const Slot *const *operands, Slot *result,
                              int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i].f =
        std::pow(operands[0][i].f, static_cast<double>(operands[1][i].i));
  finishFloat(in, result, lanes);
}

static void floatToInteger(const Instruction &in, const Slot *const *operands,
                           Slot *result, int64_t lanes, const char *&) {
  for (int64_t i = 0; i < lanes; ++i)
    result[i].i = wrap(toInteger(std::trunc(operands[0][i].f)), in.resultBits);
}

/// Of a float of 32 bits and a whole number, either way.
static void bitcast(const Instruction &in, const Slot *const *operands,
                    Slot *result, int64_t lanes, const char *&fault) {
  bool isFromFloat = in.operandBits == 0;
  if ((isFromFloat ? in.resultBits : in.operandBits) != 32 ||
      (!isFromFloat && !(in.rounding && in.rounding.isF32()))) {
    fault = "bits are those of a float of 32 bits, or become one";
    return;
  }
  for (int64_t i = 0; i < lanes; ++i)
    if (isFromFloat)
      result[i].i =
          llvm::bit_cast<int32_t>(static_cast<float>(operands[0][i].f));
    else
      result[i].f =
          llvm::bit_cast<float>(static_cast<int32_t>(operands[0][i].i));
}

static double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::numeric_limits<double>::quiet_NaN();
  return a > b || (a == b && !std::signbit(a)) ? a : b;
}

static int64_t floorDivide(int64_t a, int64_t b) {
  int64_t q = a / b;
  return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

#define ENTRY(SHAPE, NAME, RESULT, PARAMETERS, EXPR)                           \
  {                                                                            \
    struct Operation {                                                         \
      static RESULT apply PARAMETERS { return EXPR; }                          \
    };                                                                         \
    t[NAME] = SHAPE<Operation>;                                                \
  }
#define FLOAT1(NAME, EXPR) ENTRY(unaryFloat, NAME, double, (double a), EXPR)
#define FLOAT2(NAME, EXPR)                                                     \
  ENTRY(binaryFloat, NAME, double, (double a, double b), EXPR)
#define TEST1(NAME, EXPR) ENTRY(testFloat, NAME, bool, (double a), EXPR)
#define INT1(NAME, EXPR)                                                       \
  ENTRY(unaryInteger, NAME, int64_t,                                           \
        (int64_t a, [[maybe_unused]] unsigned bits), EXPR)
#define INT2(NAME, EXPR)                                                       \
  ENTRY(binaryInteger, NAME, int64_t,                                          \
        (int64_t a, int64_t b, [[maybe_unused]] unsigned bits), EXPR)
#define DIVIDE(NAME, EXPR)                                                     \
  ENTRY(divide, NAME, int64_t,                                                 \
        (int64_t a, int64_t b, [[maybe_unused]] unsigned bits), EXPR)
#define TOFLOAT(NAME, EXPR)                                                    \
  ENTRY(integerToFloat, NAME, double, (int64_t a, unsigned bits), EXPR)
#define UNSIGNED(X) toUnsigned(X, bits)
#define SIGNED(X) toSigned(X, bits)

/// Sums and products wrap, which is defined for unsigned numbers only.
static int64_t wrapping(uint64_t value) { return static_cast<int64_t>(value); }

static void addFloatKernels(llvm::StringMap<Kernel> &t) {
  FLOAT2("arith.addf", a + b)
  FLOAT2("arith.subf", a - b)
  FLOAT2("arith.mulf", a * b)
  FLOAT2("arith.divf", a / b)
  FLOAT2("arith.remf", std::fmod(a, b))
  FLOAT1("arith.negf", -a)
  FLOAT2("arith.maximumf", maximum(a, b))
  FLOAT2("arith.minimumf", -maximum(-a, -b))
  FLOAT2("arith.maxnumf", std::fmax(a, b))
  FLOAT2("arith.minnumf", std::fmin(a, b))
  FLOAT1("arith.extf", a)
  FLOAT1("arith.truncf", a)
  FLOAT1("math.exp", std::exp(a))
  FLOAT1("math.exp2", std::exp2(a))
  FLOAT1("math.expm1", std::expm1(a))
  FLOAT1("math.log", std::log(a))
  FLOAT1("math.log2", std::log2(a))
  FLOAT1("math.log10", std::log10(a))
  FLOAT1("math.log1p", std::log1p(a))
  FLOAT1("math.sqrt", std::sqrt(a))
  FLOAT1("math.rsqrt", 1 / std::sqrt(a))
  FLOAT1("math.cbrt", std::cbrt(a))
  FLOAT1("math.absf", std::fabs(a))
  FLOAT1("math.sin", std::sin(a))
  FLOAT1("math.cos", std::cos(a))
  FLOAT1("math.tan", std::tan(a))
  FLOAT1("math.asin", std::asin(a))
  FLOAT1("math.acos", std::acos(a))
  FLOAT1("math.atan", std::atan(a))
  FLOAT1("math.sinh", std::sinh(a))
  FLOAT1("math.cosh", std::cosh(a))
  FLOAT1("math.tanh", std::tanh(a))
  FLOAT1("math.asinh", std::asinh(a))
  FLOAT1("math.acosh", std::acosh(a))
  FLOAT1("math.atanh", std::atanh(a))
  FLOAT1("math.erf", std::erf(a))
  FLOAT1("math.erfc", std::erfc(a))
  FLOAT1("math.floor", std::floor(a))
  FLOAT1("math.ceil", std::ceil(a))
  FLOAT1("math.round", std::round(a))
  FLOAT1("math.roundeven", std::nearbyint(a))
  FLOAT1("math.trunc", std::trunc(a))
  FLOAT2("math.powf", std::pow(a, b))
  FLOAT2("math.atan2", std::atan2(a, b))
  FLOAT2("math.copysign", std::copysign(a, b))
  t["math.fma"] = fma;
  t["math.fpowi"] = floatPowerInteger;
  TEST1("math.isnan", std::isnan(a))
  TEST1("math.isinf", std::isinf(a))
  TEST1("math.isfinite", std::isfinite(a))
  t["arith.cmpf"] = compareFloats;
}

static void addIntegerKernels(llvm::StringMap<Kernel> &t) {
  INT2("arith.addi", wrapping(uint64_t(a) + uint64_t(b)))
  INT2("arith.subi", wrapping(uint64_t(a) - uint64_t(b)))
  INT2("arith.muli", wrapping(uint64_t(a) * uint64_t(b)))
  INT2("arith.andi", a & b)
  INT2("arith.ori", a | b)
  INT2("arith.xori", a ^ b)
  INT2("arith.maxsi", SIGNED(a) > SIGNED(b) ? a : b)
  INT2("arith.minsi", SIGNED(a) < SIGNED(b) ? a : b)
  INT2("arith.maxui", UNSIGNED(a) > UNSIGNED(b) ? a : b)
  INT2("arith.minui", UNSIGNED(a) < UNSIGNED(b) ? a : b)
  INT2("arith.shli", UNSIGNED(b) >= 64 ? 0 : wrapping(uint64_t(a) << b))
  INT2("arith.shrui", UNSIGNED(b) >= 64 ? 0 : wrapping(UNSIGNED(a) >> b))
  INT2("arith.shrsi", SIGNED(a) >> (UNSIGNED(b) >= 64 ? 63 : b))
  DIVIDE("arith.divsi", a / b)
  DIVIDE("arith.remsi", a % b)
  DIVIDE("arith.floordivsi", floorDivide(a, b))
  DIVIDE("arith.ceildivsi", -floorDivide(wrapping(-uint64_t(a)), b))
  DIVIDE("arith.divui", wrapping(UNSIGNED(a) / UNSIGNED(b)))
  DIVIDE("arith.remui", wrapping(UNSIGNED(a) % UNSIGNED(b)))
  DIVIDE("arith.ceildivui",
         wrapping(UNSIGNED(a) / UNSIGNED(b) + (UNSIGNED(a) % UNSIGNED(b) != 0)))
  INT1("arith.extsi", SIGNED(a))
  INT1("arith.extui", wrapping(UNSIGNED(a)))
  INT1("arith.trunci", a)
  INT1("arith.index_cast", SIGNED(a))
  INT1("arith.index_castui", wrapping(UNSIGNED(a)))
  INT1("math.absi", a < 0 ? wrapping(-uint64_t(a)) : a)
  TOFLOAT("arith.sitofp", static_cast<double>(SIGNED(a)))
  TOFLOAT("arith.uitofp", static_cast<double>(UNSIGNED(a)))
  t["arith.bitcast"] = bitcast;
  t["arith.fptosi"] = floatToInteger;
  t["arith.fptoui"] = floatToInteger;
  t["arith.cmpi"] = compareIntegers;
  t["arith.select"] = select;
}

Kernel attn::reference::lookupKernel(llvm::StringRef name) {
  static const llvm::StringMap<Kernel> table = [] {
    llvm::StringMap<Kernel> kernels;
    addFloatKernels(kernels);
    addIntegerKernels(kernels);
    return kernels;
  }();
  return table.lookup(name);
}

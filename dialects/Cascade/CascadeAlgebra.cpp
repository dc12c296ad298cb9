//===- CascadeAlgebra.cpp - the built-in laws -----------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace mlir;
using namespace attn::cascade;

std::optional<double> attn::cascade::getNumericValue(Attribute attribute) {
  if (auto value = dyn_cast_or_null<FloatAttr>(attribute))
    return value.getValueAsDouble();
  if (auto value = dyn_cast_or_null<IntegerAttr>(attribute)) {
    if (value.getType().isInteger(1))
      return value.getValue().isZero() ? 0.0 : 1.0;
    return static_cast<double>(value.getValue().getSExtValue());
  }
  return std::nullopt;
}

TypedAttr attn::cascade::getNumericAttr(Type type, double value) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat converted(value);
    bool losesInfo = false;
    converted.convert(floatType.getFloatSemantics(),
                      APFloat::rmNearestTiesToEven, &losesInfo);
    return FloatAttr::get(type, converted);
  }
  return IntegerAttr::get(type, static_cast<int64_t>(value));
}

//===----------------------------------------------------------------------===//
// Monoids
//===----------------------------------------------------------------------===//

static constexpr double kInf = std::numeric_limits<double>::infinity();

/// Builds one of two operations by the operand's type.
template <typename FloatOp, typename IntOp>
static Value build(OpBuilder &b, Location loc, Value lhs, Value rhs) {
  if (isa<FloatType>(getElementTypeOrSelf(lhs.getType())))
    return FloatOp::create(b, loc, lhs, rhs);
  return IntOp::create(b, loc, lhs, rhs);
}

static TypedAttr integerLimit(Type type, bool max) {
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  return IntegerAttr::get(type, max ? APInt::getSignedMaxValue(width)
                                    : APInt::getSignedMinValue(width));
}

static std::function<TypedAttr(Type)> numericIdentity(double value) {
  return [value](Type type) -> TypedAttr {
    if (isa<FloatType>(type))
      return getNumericAttr(type, value);
    if (!isa<IntegerType, IndexType>(type))
      return {};
    if (std::isinf(value))
      return integerLimit(type, /*max=*/value > 0);
    return getNumericAttr(type, value);
  };
}

static std::function<TypedAttr(Type)> bitIdentity(bool value) {
  return [value](Type type) -> TypedAttr {
    if (!isa<IntegerType>(type))
      return {};
    unsigned width = type.getIntOrFloatBitWidth();
    return IntegerAttr::get(type, value ? APInt::getAllOnes(width)
                                        : APInt::getZero(width));
  };
}

static void addBuiltinMonoids(AlgebraRegistry &registry) {
  registry.addMonoid({"add",
                      true,
                      false,
                      {"max", "min"},
                      numericIdentity(0),
                      build<arith::AddFOp, arith::AddIOp>,
                      build<arith::SubFOp, arith::SubIOp>});
  registry.addMonoid(
      {"mul",
       true,
       false,
       {"add"},
       numericIdentity(1),
       build<arith::MulFOp, arith::MulIOp>,
       [](OpBuilder &b, Location loc, Value lhs, Value rhs) -> Value {
         return arith::DivFOp::create(b, loc, lhs, rhs);
       }});
  registry.addMonoid({"max",
                      true,
                      true,
                      {"min"},
                      numericIdentity(-kInf),
                      build<arith::MaximumFOp, arith::MaxSIOp>,
                      nullptr});
  registry.addMonoid({"min",
                      true,
                      true,
                      {"max"},
                      numericIdentity(kInf),
                      build<arith::MinimumFOp, arith::MinSIOp>,
                      nullptr});
  registry.addMonoid({"and",
                      true,
                      true,
                      {"or"},
                      bitIdentity(true),
                      build<arith::AndIOp, arith::AndIOp>,
                      nullptr});
  registry.addMonoid({"or",
                      true,
                      true,
                      {"and"},
                      bitIdentity(false),
                      build<arith::OrIOp, arith::OrIOp>,
                      nullptr});
}

//===----------------------------------------------------------------------===//
// Facts
//===----------------------------------------------------------------------===//

static std::function<std::optional<double>(unsigned, double)>
absorbs(double element) {
  return [element](unsigned, double value) -> std::optional<double> {
    if (value == element)
      return element;
    return std::nullopt;
  };
}

static ValueInterval product(ValueInterval a, ValueInterval b) {
  double lo = kInf, hi = -kInf;
  for (double x : {a.lo, a.hi})
    for (double y : {b.lo, b.hi}) {
      // An infinite bound stands for values that grow without end.
      double p = (x == 0 || y == 0) ? 0 : x * y;
      lo = std::min(lo, p);
      hi = std::max(hi, p);
    }
  return {lo, hi};
}

static ValueInterval monotoneRange(llvm::ArrayRef<ValueInterval> in,
                                   double (*f)(double)) {
  return {f(in[0].lo), f(in[0].hi)};
}

static void addBinaryFacts(AlgebraRegistry &registry) {
  ScalarFacts add;
  add.monoid = "add";
  add.differentiable = true;
  // The scores' reading of the extended reals: -inf marks what is not there.
  add.absorbing = absorbs(-kInf);
  add.range = [](llvm::ArrayRef<ValueInterval> in) {
    return ValueInterval{in[0].lo + in[1].lo, in[0].hi + in[1].hi};
  };
  registry.addFacts("arith.addf", add);

  ScalarFacts sub;
  sub.inverseOf = "add";
  sub.differentiable = true;
  sub.absorbing = [](unsigned operand, double value) -> std::optional<double> {
    if (operand == 0 && value == -kInf)
      return value;
    return std::nullopt;
  };
  sub.range = [](llvm::ArrayRef<ValueInterval> in) {
    return ValueInterval{in[0].lo - in[1].hi, in[0].hi - in[1].lo};
  };
  registry.addFacts("arith.subf", sub);

  ScalarFacts mul;
  mul.monoid = "mul";
  mul.differentiable = true;
  mul.absorbing = absorbs(0);
  mul.range = [](llvm::ArrayRef<ValueInterval> in) {
    return product(in[0], in[1]);
  };
  registry.addFacts("arith.mulf", mul);
  registry.addFacts("arith.muli", mul);

  ScalarFacts div;
  div.inverseOf = "mul";
  div.differentiable = true;
  // Division is an intersection (EDGE): an empty divisor empties the point.
  div.absorbing = absorbs(0);
  div.range = [](llvm::ArrayRef<ValueInterval> in) {
    if (in[1].lo > 0 || in[1].hi < 0)
      return product(in[0], {1 / in[1].hi, 1 / in[1].lo});
    return in[0].lo >= 0 && in[1].lo >= 0 ? ValueInterval{0, kInf}
                                          : ValueInterval{};
  };
  registry.addFacts("arith.divf", div);

  ScalarFacts max;
  max.monoid = "max";
  max.differentiable = true;
  max.range = [](llvm::ArrayRef<ValueInterval> in) {
    return ValueInterval{std::max(in[0].lo, in[1].lo),
                         std::max(in[0].hi, in[1].hi)};
  };
  registry.addFacts("arith.maximumf", max);
  registry.addFacts("arith.maxsi", max);

  ScalarFacts min;
  min.monoid = "min";
  min.differentiable = true;
  min.range = [](llvm::ArrayRef<ValueInterval> in) {
    return ValueInterval{std::min(in[0].lo, in[1].lo),
                         std::min(in[0].hi, in[1].hi)};
  };
  registry.addFacts("arith.minimumf", min);
  registry.addFacts("arith.minsi", min);

  ScalarFacts conjunction;
  conjunction.monoid = "and";
  conjunction.absorbing = absorbs(0);
  registry.addFacts("arith.andi", conjunction);
  ScalarFacts disjunction;
  disjunction.monoid = "or";
  disjunction.absorbing = absorbs(1);
  registry.addFacts("arith.ori", disjunction);

  ScalarFacts addInt;
  addInt.monoid = "add";
  registry.addFacts("arith.addi", addInt);
  ScalarFacts subInt;
  subInt.inverseOf = "add";
  registry.addFacts("arith.subi", subInt);

  ScalarFacts select;
  select.differentiable = true;
  select.range = [](llvm::ArrayRef<ValueInterval> in) {
    return ValueInterval{std::min(in[1].lo, in[2].lo),
                         std::max(in[1].hi, in[2].hi)};
  };
  registry.addFacts("arith.select", select);
}

static void addUnaryFacts(AlgebraRegistry &registry) {
  const ValueInterval kNotNegative = {0, kInf};
  auto add =
      [&](llvm::StringRef name, Monotone monotone,
          llvm::SmallVector<Homomorphism> homomorphisms,
          std::function<ValueInterval(llvm::ArrayRef<ValueInterval>)> range) {
        ScalarFacts facts;
        facts.homomorphisms = std::move(homomorphisms);
        facts.monotone = monotone;
        facts.range = std::move(range);
        facts.differentiable = true;
        registry.addFacts(name, facts);
      };
  add("math.exp", Monotone::Increasing, {{"add", "mul"}},
      [](auto in) { return monotoneRange(in, std::exp); });
  add("math.exp2", Monotone::Increasing, {{"add", "mul"}},
      [](auto in) { return monotoneRange(in, std::exp2); });
  add("math.log", Monotone::Increasing, {{"mul", "add", kNotNegative}},
      [](auto in) {
        return in[0].lo >= 0 ? monotoneRange(in, std::log) : ValueInterval{};
      });
  add("math.log2", Monotone::Increasing, {{"mul", "add", kNotNegative}},
      [](auto in) {
        return in[0].lo >= 0 ? monotoneRange(in, std::log2) : ValueInterval{};
      });
  add("math.sqrt", Monotone::Increasing, {{"mul", "mul", kNotNegative}},
      [](auto) { return ValueInterval{0, kInf}; });
  add("math.rsqrt", Monotone::Decreasing, {{"mul", "mul", kNotNegative}},
      [](auto) { return ValueInterval{0, kInf}; });
  add("math.absf", Monotone::No, {{"mul", "mul"}},
      [](auto) { return ValueInterval{0, kInf}; });
  add("arith.negf", Monotone::Decreasing, {{"add", "add"}},
      [](auto in) { return ValueInterval{-in[0].hi, -in[0].lo}; });
  add("math.tanh", Monotone::Increasing, {},
      [](auto in) { return monotoneRange(in, std::tanh); });
  add("math.erf", Monotone::Increasing, {},
      [](auto) { return ValueInterval{-1, 1}; });
  add("math.sin", Monotone::No, {}, [](auto) { return ValueInterval{-1, 1}; });
  add("math.cos", Monotone::No, {}, [](auto) { return ValueInterval{-1, 1}; });
}

AlgebraRegistry::AlgebraRegistry() {
  addBuiltinMonoids(*this);
  addBinaryFacts(*this);
  addUnaryFacts(*this);
}

void AlgebraRegistry::addMonoid(MonoidInfo info) {
  std::string name = info.name;
  monoids.insert_or_assign(name, std::move(info));
}

void AlgebraRegistry::addFacts(llvm::StringRef operationName,
                               ScalarFacts newFacts) {
  facts.insert_or_assign(operationName, std::move(newFacts));
}

const MonoidInfo *AlgebraRegistry::lookupMonoid(llvm::StringRef name) const {
  auto it = monoids.find(name);
  return it == monoids.end() ? nullptr : &it->second;
}

llvm::SmallVector<llvm::StringRef> AlgebraRegistry::getMonoidNames() const {
  llvm::SmallVector<llvm::StringRef> names(monoids.keys());
  llvm::sort(names);
  return names;
}

std::optional<ScalarFacts> AlgebraRegistry::lookupFacts(Operation *op) const {
  if (auto algebraic = dyn_cast<AlgebraOpInterface>(op))
    return algebraic.getScalarFacts();
  auto it = facts.find(op->getName().getStringRef());
  if (it == facts.end())
    return std::nullopt;
  return it->second;
}

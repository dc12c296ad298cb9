//===- AlgebraTest.cpp - the registry's laws hold -------------------------===//
//
// Each law is put to the operations' own folds at random points; then a user's
// monoid and a user's facts are put to the analyses.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/Barriers.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();

class Algebra : public testing::Test {
protected:
  Algebra() : builder(&context) {
    context.loadDialect<arith::ArithDialect, math::MathDialect>();
    dialect = context.getOrLoadDialect<CascadeDialect>();
    module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
  }

  Value constant(Type type, double value) {
    return arith::ConstantOp::create(builder, builder.getUnknownLoc(),
                                     getNumericAttr(type, value));
  }

  /// The number that `value` folds to; NaN if it does not fold.
  double evaluate(Value value) {
    Attribute known;
    if (matchPattern(value, m_Constant(&known)))
      return *getNumericValue(known);
    Operation *op = value.getDefiningOp();
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands())
      operands.push_back(getNumericAttr(operand.getType(), evaluate(operand)));
    SmallVector<OpFoldResult> results;
    if (failed(op->fold(operands, results)) || results.size() != 1)
      return std::nan("");
    if (auto folded = dyn_cast<Attribute>(results[0]))
      return *getNumericValue(folded);
    return evaluate(cast<Value>(results[0]));
  }

  double combine(const MonoidInfo &monoid, Type type, double a, double b) {
    return evaluate(monoid.combine(builder, builder.getUnknownLoc(),
                                   constant(type, a), constant(type, b)));
  }

  double apply(StringRef name, double a) {
    Value operand = constant(builder.getF64Type(), a);
    OperationState state(builder.getUnknownLoc(), name, {operand},
                         {operand.getType()});
    return evaluate(builder.create(state)->getResult(0));
  }

  double apply(StringRef name, double a, double b) {
    Type type = builder.getF64Type();
    OperationState state(builder.getUnknownLoc(), name,
                         {constant(type, a), constant(type, b)}, {type});
    return evaluate(builder.create(state)->getResult(0));
  }

  ScalarFacts getFacts(StringRef name) {
    Type type = builder.getF64Type();
    OperationState state(builder.getUnknownLoc(), name);
    bool unary = name.starts_with("math.") || name == "arith.negf";
    SmallVector<Value> operands(unary ? 1 : 2, constant(type, 1));
    state.addOperands(operands);
    state.addTypes(type);
    return *dialect->getAlgebra().lookupFacts(builder.create(state));
  }

  /// Quarters: sums and products of a few of them are exact.
  double draw() {
    return std::uniform_int_distribution<>(-40, 40)(random) / 4.0;
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    return parseSourceString<ModuleOp>(text, &context);
  }

  BarrierPlan planFor(ModuleOp parsed) {
    FuncOp func = *parsed.getOps<FuncOp>().begin();
    SmallVector<Value> barriers = findBarriers(func, "M");
    EXPECT_EQ(barriers.size(), 1u);
    return planBarrier(func, "M", barriers.front());
  }

  MLIRContext context;
  OpBuilder builder;
  CascadeDialect *dialect = nullptr;
  OwningOpRef<ModuleOp> module;
  std::mt19937 random{7};
};
} // namespace

TEST_F(Algebra, MonoidsHaveAnIdentityAndAssociate) {
  for (StringRef name : dialect->getAlgebra().getMonoidNames()) {
    const MonoidInfo &monoid = *dialect->getAlgebra().lookupMonoid(name);
    for (Type type : {Type(builder.getF64Type()), Type(builder.getI32Type())}) {
      TypedAttr identity = monoid.identity(type);
      if (!identity)
        continue;
      double one = *getNumericValue(identity);
      for (int trial = 0; trial < 20; ++trial) {
        bool isFloat = isa<FloatType>(type);
        double a = isFloat ? draw() : std::trunc(draw());
        double b = isFloat ? draw() : std::trunc(draw());
        double c = isFloat ? draw() : std::trunc(draw());
        auto op = [&](double x, double y) {
          return combine(monoid, type, x, y);
        };
        SCOPED_TRACE(name.str());
        EXPECT_EQ(op(one, a), a);
        EXPECT_EQ(op(a, one), a);
        EXPECT_EQ(op(a, op(b, c)), op(op(a, b), c));
        EXPECT_EQ(op(a, b) == op(b, a), monoid.commutative);
        if (monoid.idempotent)
          EXPECT_EQ(op(a, a), a);
        for (const std::string &other : monoid.distributesOver) {
          const MonoidInfo &sum = *dialect->getAlgebra().lookupMonoid(other);
          EXPECT_EQ(op(a, combine(sum, type, b, c)),
                    combine(sum, type, op(a, b), op(a, c)))
              << "over " << other;
        }
      }
    }
  }
}

TEST_F(Algebra, InversesUndo) {
  for (StringRef name : {"add", "mul"}) {
    const MonoidInfo &monoid = *dialect->getAlgebra().lookupMonoid(name);
    Type type = builder.getF64Type();
    for (int trial = 0; trial < 20; ++trial) {
      double a = draw(), b = draw() + 20;
      Value both = constant(type, combine(monoid, type, a, b));
      EXPECT_NEAR(
          evaluate(monoid.combineInverse(builder, builder.getUnknownLoc(), both,
                                         constant(type, b))),
          a, 1e-12)
          << name.str();
    }
  }
}

TEST_F(Algebra, HomomorphismsHoldOnTheirDomains) {
  for (StringRef name : {"math.exp", "math.exp2", "math.log", "math.log2",
                         "math.sqrt", "math.absf", "arith.negf"}) {
    ScalarFacts facts = getFacts(name);
    ASSERT_FALSE(facts.homomorphisms.empty()) << name.str();
    for (const Homomorphism &law : facts.homomorphisms) {
      const MonoidInfo &from = *dialect->getAlgebra().lookupMonoid(law.from);
      const MonoidInfo &to = *dialect->getAlgebra().lookupMonoid(law.to);
      Type type = builder.getF64Type();
      for (int trial = 0; trial < 20; ++trial) {
        double a = draw(), b = draw();
        if (law.domain && (a < law.domain->lo || b < law.domain->lo))
          continue;
        double whole = apply(name, combine(from, type, a, b));
        double parts = combine(to, type, apply(name, a), apply(name, b));
        EXPECT_TRUE(whole == parts ||
                    std::fabs(whole - parts) <=
                        1e-12 * std::max(1.0, std::fabs(whole)))
            << name.str() << " at " << a << " and " << b << ": " << whole
            << " and " << parts;
      }
    }
  }
}

TEST_F(Algebra, RootsHaveADomain) {
  for (StringRef name : {"math.sqrt", "math.rsqrt", "math.log"})
    for (const Homomorphism &law : getFacts(name).homomorphisms) {
      ASSERT_TRUE(law.domain.has_value()) << name.str();
      EXPECT_EQ(law.domain->lo, 0) << name.str();
    }
}

TEST_F(Algebra, AbsorbingValuesAbsorb) {
  for (StringRef name : {"arith.addf", "arith.subf", "arith.mulf"}) {
    ScalarFacts facts = getFacts(name);
    for (double value : {-kInf, 0.0, 1.0})
      for (unsigned operand : {0u, 1u}) {
        std::optional<double> result = facts.absorbing(operand, value);
        double other = 2.5;
        double actual = operand == 0 ? apply(name, value, other)
                                     : apply(name, other, value);
        if (result)
          EXPECT_EQ(actual, *result) << name.str() << " of " << value;
      }
  }
  // Division is an intersection: what has an empty side is empty.
  EXPECT_EQ(getFacts("arith.divf").absorbing(0, 0), 0);
  EXPECT_EQ(getFacts("arith.divf").absorbing(1, 0), 0);
  EXPECT_EQ(getFacts("arith.subf").absorbing(1, -kInf), std::nullopt);
}

TEST_F(Algebra, RangesHoldTheValues) {
  for (StringRef name : {"arith.addf", "arith.subf", "arith.mulf", "arith.divf",
                         "arith.maximumf", "arith.minimumf"}) {
    ScalarFacts facts = getFacts(name);
    for (int trial = 0; trial < 200; ++trial) {
      double a = draw(), b = draw(), c = draw(), d = draw();
      ValueInterval x{std::min(a, b), std::max(a, b)};
      ValueInterval y{std::min(c, d), std::max(c, d)};
      ValueInterval range = facts.range({x, y});
      for (double u : {x.lo, (x.lo + x.hi) / 2, x.hi})
        for (double v : {y.lo, (y.lo + y.hi) / 2, y.hi}) {
          if (name == "arith.divf" && v == 0)
            continue;
          double value = apply(name, u, v);
          EXPECT_LE(range.lo, value + 1e-12) << name.str();
          EXPECT_GE(range.hi, value - 1e-12) << name.str();
        }
    }
  }
}

/// z = reduce `monoid` over m of map(a = x[m], b = y), y late.
static std::string makeCascade(const std::string &monoid,
                               const std::string &empty,
                               const std::string &map) {
  std::string z = "!cascade.tensor<[], f32, empty = " + empty + ">";
  return "!X = !cascade.tensor<[M], f32, empty = 0.0>\n"
         "!Y = !cascade.tensor<[], f32, empty = 0.0>\n"
         "cascade.func @f(%x: !X) -> (z: " +
         z +
         ") attributes {reassoc} {\n"
         "  %y = cascade.einsum [] = %x[m] reduce add : !X -> !Y\n"
         "  %z = cascade.einsum [] = %x[m] through, %y[] through reduce " +
         monoid + " : !X, !Y -> " + z + "\n    map (%a, %b) {\n" + map +
         "      cascade.yield %r : f32\n    }\n"
         "  cascade.return %z : " +
         z + "\n}\n";
}

TEST_F(Algebra, UsersMonoidIsReduced) {
  AlgebraRegistry &algebra = dialect->getAlgebra();
  // log(e^a + e^b): addition distributes over it.
  algebra.addMonoid(
      {"logaddexp",
       true,
       false,
       {},
       [](Type type) -> TypedAttr {
         return isa<FloatType>(type) ? getNumericAttr(type, -kInf)
                                     : TypedAttr();
       },
       [](OpBuilder &b, Location loc, Value lhs, Value rhs) -> Value {
         Value x = math::ExpOp::create(b, loc, lhs);
         Value y = math::ExpOp::create(b, loc, rhs);
         Value sum = arith::AddFOp::create(b, loc, x, y);
         return math::LogOp::create(b, loc, sum);
       },
       nullptr});
  std::string text =
      makeCascade("logaddexp", "-inf", "      %r = arith.addf %a, %b : f32\n");
  OwningOpRef<ModuleOp> parsed = parse(text);
  ASSERT_TRUE(parsed);
  BarrierPlan before = planFor(*parsed);
  EXPECT_EQ(before.strategy, BarrierStrategy::Keep);
  EXPECT_EQ(before.why.law, "no operation distributes over 'logaddexp'");
  MonoidInfo add = *algebra.lookupMonoid("add");
  add.distributesOver.push_back("logaddexp");
  algebra.addMonoid(add);
  BarrierPlan after = planFor(*parsed);
  ASSERT_EQ(after.strategy, BarrierStrategy::Defer);
  EXPECT_EQ(after.reductions.front().second.monoid->name, "add");
}

TEST_F(Algebra, UsersFactsAreUsed) {
  std::string text = makeCascade("add", "0.0",
                                 "      %p = arith.mulf %a, %b : f32\n"
                                 "      %r = math.cbrt %p : f32\n");
  OwningOpRef<ModuleOp> parsed = parse(text);
  ASSERT_TRUE(parsed);
  BarrierPlan before = planFor(*parsed);
  EXPECT_EQ(before.strategy, BarrierStrategy::Keep);
  EXPECT_EQ(before.why.law, "nothing is known of 'math.cbrt'");
  ScalarFacts cubeRoot;
  cubeRoot.homomorphisms = {{"mul", "mul"}};
  dialect->getAlgebra().addFacts("math.cbrt", cubeRoot);
  EXPECT_EQ(planFor(*parsed).strategy, BarrierStrategy::Defer);
}

TEST_F(Algebra, UnknownMonoidNamesTheKnown) {
  dialect->getAlgebra().addMonoid(
      {"first", false, true, {}, nullptr, nullptr, nullptr});
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message += diagnostic.str();
    return success();
  });
  EXPECT_FALSE(
      MonoidAttr::getChecked([&] { return emitError(builder.getUnknownLoc()); },
                             &context, builder.getStringAttr("last")));
  EXPECT_EQ(message, "expects a registered monoid (add, and, first, max, min, "
                     "mul, or), but got 'last'");
}

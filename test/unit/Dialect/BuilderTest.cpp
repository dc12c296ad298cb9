//===- BuilderTest.cpp - Einsums built and their merges -------------------===//

#include "dialects/Cascade/CascadeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn::cascade;

namespace {
class Builders : public testing::Test {
protected:
  Builders() {
    context
        .loadDialect<CascadeDialect, arith::ArithDialect, math::MathDialect>();
  }

  /// The merges of the one Einsum of a function of x: [P, M] with empty value
  /// `x` and y: [P] with `y`, which maps (a, b) as `map` says.
  std::vector<Merge> deriveFor(const std::string &x, const std::string &y,
                               const std::string &result,
                               const std::string &map,
                               const std::string &reduce = "") {
    std::string out = reduce.empty() ? "[P, M]" : "[P]";
    std::string index = reduce.empty() ? "[p, m]" : "[p]";
    std::string types[] = {"!cascade.tensor<[P, M], f32, empty = " + x + ">",
                           "!cascade.tensor<[P], f32, empty = " + y + ">",
                           "!cascade.tensor<" + out +
                               ", f32, empty = " + result + ">"};
    std::string text = "cascade.func @f(%x: " + types[0] + ", %y: " + types[1] +
                       ") -> (z: " + types[2] + ") {\n  %z = cascade.einsum " +
                       index + " = %x[p, m], %y[p] " + reduce + " : " +
                       types[0] + ", " + types[1] + " -> " + types[2] +
                       "\n    " + map + "\n  cascade.return %z : " + types[2] +
                       "\n}\n";
    // What is not derived is an error to the verifier, which is not asked here.
    ParserConfig config(&context, /*verifyAfterParse=*/false);
    auto module = parseSourceString<ModuleOp>(text, config);
    EXPECT_TRUE(module) << text;
    std::vector<Merge> merges;
    module->walk(
        [&](EinsumOp op) { merges = {op.getMerge(0), op.getMerge(1)}; });
    return merges;
  }

  NamedTensorType tensor(llvm::ArrayRef<llvm::StringRef> ranks, Type type,
                         double empty) {
    SmallVector<StringAttr> names;
    for (llvm::StringRef rank : ranks)
      names.push_back(StringAttr::get(&context, rank));
    return NamedTensorType::get(names, type, getNumericAttr(type, empty));
  }

  MLIRContext context;
};

const std::string kSum = "map (%a, %b) {\n %r = arith.addf %a, %b : f32\n"
                         " cascade.yield %r : f32\n }";
const std::string kDifference =
    "map (%a, %b) {\n %r = arith.subf %a, %b : f32\n"
    " cascade.yield %r : f32\n }";
const std::string kQuotient = "map (%a, %b) {\n %r = arith.divf %a, %b : f32\n"
                              " cascade.yield %r : f32\n }";
const std::string kExpOfDifference =
    "map (%a, %b) {\n %d = arith.subf %a, %b : f32\n %r = math.exp %d : f32\n"
    " cascade.yield %r : f32\n }";
using Merges = std::vector<Merge>;
} // namespace

TEST_F(Builders, ZeroBiasGoesThroughAndMaskedScoreAbsorbs) {
  EXPECT_EQ(deriveFor("-inf", "0.0", "-inf", kSum),
            (Merges{Merge::Absorb, Merge::Through}));
  EXPECT_EQ(deriveFor("-inf", "0.0", "-inf", kDifference),
            (Merges{Merge::Absorb, Merge::Through}));
}

TEST_F(Builders, ProductsAbsorbZero) {
  EXPECT_EQ(deriveFor("0.0", "0.0", "0.0", ""),
            (Merges{Merge::Absorb, Merge::Absorb}));
  EXPECT_EQ(deriveFor("0.0", "1.0", "0.0", ""),
            (Merges{Merge::Absorb, Merge::Through}));
  // Zero is the identity of the sum whatever the result's empty value is.
  EXPECT_EQ(deriveFor("0.0", "0.0", "-inf", "", "reduce add"),
            (Merges{Merge::Absorb, Merge::Absorb}));
  // A zero that stays is no empty entry of a tensor of scores.
  EXPECT_EQ(deriveFor("0.0", "0.0", "-inf", ""),
            (Merges{Merge::Derived, Merge::Derived}));
}

TEST_F(Builders, DivisionIsAnIntersection) {
  EXPECT_EQ(deriveFor("0.0", "0.0", "0.0", kQuotient),
            (Merges{Merge::Absorb, Merge::Absorb}));
  EXPECT_EQ(deriveFor("0.0", "1.0", "0.0", kQuotient),
            (Merges{Merge::Absorb, Merge::Through}));
}

TEST_F(Builders, WhatTheMapDoesNotTellIsNotDerived) {
  EXPECT_EQ(deriveFor("-inf", "-inf", "0.0", kExpOfDifference),
            (Merges{Merge::Absorb, Merge::Derived}));
  // A subtracted zero drops out; that one of the other side is e^-b.
  EXPECT_EQ(deriveFor("0.0", "0.0", "0.0", kExpOfDifference),
            (Merges{Merge::Derived, Merge::Through}));
}

TEST_F(Builders, BuildsAContraction) {
  Type f32 = Float32Type::get(&context);
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  Value q = EmptyOp::create(builder, loc, tensor({"P", "E"}, f32, 0));
  Value k = EmptyOp::create(builder, loc, tensor({"M", "E"}, f32, 0));
  auto sum = MonoidAttr::get(&context, builder.getStringAttr("add"));
  EinsumOp op =
      buildEinsum(builder, loc, tensor({"P", "M"}, f32, 0), {q, k}, sum);
  EXPECT_TRUE(succeeded(mlir::verify(op)));
  EXPECT_EQ(op.getNumVariables(), 3u);
  EXPECT_EQ(op.getVariable(0), "p");
  EXPECT_EQ(op.getVariableRank(0).getValue(), "P");
  std::optional<unsigned> e = op.getVariablePosition("e");
  ASSERT_TRUE(e.has_value());
  EXPECT_TRUE(op.isReduced(*e));
  EXPECT_FALSE(op.isReduced(*op.getVariablePosition("m")));
}

/// Ranks that differ in case only get different variables.
TEST_F(Builders, VariablesAreDistinct) {
  Type f32 = Float32Type::get(&context);
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  NamedTensorType type = tensor({"P", "p", "p_"}, f32, 0);
  Value x = EmptyOp::create(builder, loc, type);
  EinsumOp op = buildEinsum(builder, loc, type, {x});
  EXPECT_TRUE(succeeded(mlir::verify(op)));
}

TEST_F(Builders, SaysMergesWhereTheAlgebraIsSilent) {
  Type f32 = Float32Type::get(&context);
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  Value x = EmptyOp::create(builder, loc, tensor({"P"}, f32, 0));
  auto exp = [](OpBuilder &b, Location l, ValueRange args) -> Value {
    return math::ExpOp::create(b, l, args[0]);
  };
  EinsumOp absorbed =
      buildEinsum(builder, loc, tensor({"P"}, f32, 0), x, {}, exp);
  EXPECT_EQ(absorbed.getMerge(0), Merge::Absorb);
  EinsumOp through = buildEinsum(builder, loc, tensor({"P"}, f32, 0), x, {},
                                 exp, {Merge::Through});
  EXPECT_EQ(through.getMerge(0), Merge::Through);
  // What is said stands also where the algebra tells something else.
  EinsumOp told = buildEinsum(builder, loc, tensor({"P"}, f32, 0), {x, x}, {},
                              nullptr, {Merge::Derived, Merge::Through});
  EXPECT_EQ(told.getMerge(0), Merge::Absorb);
  EXPECT_EQ(told.getMerge(1), Merge::Through);
  EXPECT_TRUE(succeeded(mlir::verify(*module)));
}

TEST_F(Builders, CombinesByAMonoid) {
  Type f32 = Float32Type::get(&context);
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  NamedTensorType type =
      tensor({"P"}, f32, -std::numeric_limits<double>::infinity());
  Value x = EmptyOp::create(builder, loc, type);
  auto *dialect = context.getLoadedDialect<CascadeDialect>();
  EinsumOp op = buildCombine(builder, loc, type, x, x,
                             *dialect->getAlgebra().lookupMonoid("max"));
  EXPECT_TRUE(succeeded(mlir::verify(op)));
  // The maximum starts from -inf: an empty side leaves the other.
  EXPECT_EQ(op.getMerge(0), Merge::Through);
  EXPECT_EQ(op.getMerge(1), Merge::Through);
}

//===- ProblemTest.cpp - extents, parameters and inputs of a cascade
//---------===//

#include "attn/Driver/Problem.h"
#include "attn/Driver/Generate.h"
#include "attn/Driver/Source.h"
#include "attn/Variants/Variants.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace attn;

namespace {
class ProblemTest : public testing::Test {
protected:
  Source load(const std::string &name) {
    auto source = loadSource(*context, name, "");
    EXPECT_TRUE(source.isOk()) << name;
    return std::move(*source);
  }

  std::string resolve(const std::string &name, const AttentionShape &shape) {
    Source source = load(name);
    problem = {};
    return resolveExtents(source.func, shape, problem).message();
  }

  std::unique_ptr<mlir::MLIRContext> context = createContext();
  Problem problem;
};
} // namespace

TEST_F(ProblemTest, EveryVariantHasExtentsAndParameters) {
  EXPECT_EQ(getVariants().size(), 42u);
  for (const Variant &variant : getVariants()) {
    Source source = load(variant.name);
    Problem problem;
    EXPECT_EQ(resolveExtents(source.func, {}, problem).message(), "");
    EXPECT_EQ(resolveScalars(source.func, {}, problem).message(), "");
    EXPECT_NE(std::string(variant.summary), "");
  }
  EXPECT_EQ(lookupVariant("causal"), lookupVariant("causal-bottom-right"));
  EXPECT_EQ(lookupVariant("nope"), nullptr);
}

TEST_F(ProblemTest, GroupedHeads) {
  AttentionShape shape;
  shape.heads = 12;
  shape.kvHeads = 4;
  EXPECT_EQ(resolve("gqa", shape), "");
  EXPECT_EQ(problem.extents["H"], 4);
  EXPECT_EQ(problem.extents["G"], 3);
  shape.kvHeads = 5;
  EXPECT_EQ(resolve("gqa", shape),
            "--kv-heads: 12 heads cannot share 5 key heads evenly; give a "
            "divisor of the heads");
  EXPECT_EQ(
      resolve("full", shape),
      "--kv-heads: there are 12 heads and 5 key heads, but the variant "
      "has no rank G; give one number, or use a variant of grouped heads");
}

TEST_F(ProblemTest, Lengths) {
  AttentionShape shape;
  shape.queryLength = 3;
  shape.keyLength = 5;
  shape.headDim = 7;
  EXPECT_EQ(resolve("full", shape), "");
  EXPECT_EQ(problem.extents["P"], 3);
  EXPECT_EQ(problem.extents["M"], 5);
  EXPECT_EQ(problem.extents["F"], 7);
  EXPECT_EQ(resolve("linear", shape),
            "--kv-len: there are 3 queries and 5 keys, but the variant's "
            "queries are its keys; give one number");
  shape.ranks["Z"] = 1;
  EXPECT_EQ(resolve("full", shape),
            "--extent: the function has no rank 'Z'; give one of its ranks");
  shape.ranks = {{"F", 9}};
  EXPECT_EQ(resolve("full", shape), "");
  EXPECT_EQ(problem.extents["F"], 9);
}

TEST_F(ProblemTest, Parameters) {
  Source source = load("sliding-window");
  Problem problem;
  ASSERT_TRUE(resolveExtents(source.func, {}, problem).isOk());
  ASSERT_TRUE(resolveScalars(source.func, {{"window", "17"}}, problem).isOk());
  EXPECT_EQ(problem.scalars["window"], 17);
  EXPECT_EQ(problem.scalars["scale"], 0.125);
  EXPECT_EQ(resolveScalars(source.func, {{"window", "1.5"}}, problem).message(),
            "--set window: '1.5' is not a value of index; give a number");
  EXPECT_EQ(resolveScalars(source.func, {{"cap", "1"}}, problem).message(),
            "--set: there is no parameter 'cap'; give one of window, scale");
}

// A parameter outside of its bounds is refused with what it may be.
TEST_F(ProblemTest, BoundsOfParameters) {
  Source source = load("sliding-window");
  Problem problem;
  ASSERT_TRUE(resolveExtents(source.func, {}, problem).isOk());
  EXPECT_TRUE(resolveScalars(source.func, {{"window", "0"}}, problem).isOk());
  EXPECT_EQ(resolveScalars(source.func, {{"window", "-3"}}, problem).message(),
            "--set window: -3 is less than 0; give at least 0");
  auto parse = [&](const char *text) {
    source.module = mlir::parseSourceString<mlir::ModuleOp>(text, &*context);
    source.func = *source.module->getOps<cascade::FuncOp>().begin();
    return getParameters(source.func).front().bounds;
  };
  EXPECT_EQ(parse("cascade.func @f(%n: index {cascade.min = 0 : index, "
                  "cascade.max = 1 : index}) { cascade.return }"),
            "0 to 1");
  EXPECT_EQ(resolveScalars(source.func, {{"n", "2"}}, problem).message(),
            "--set n: 2 is more than 1; give 0 to 1");
  EXPECT_EQ(parse("cascade.func @f(%n: i32 {cascade.max = -1 : i32}) "
                  "{ cascade.return }"),
            "at most -1");
  EXPECT_EQ(resolveScalars(source.func, {{"n", "0"}}, problem).message(),
            "--set n: 0 is more than -1; give at most -1");
}

// A table without a file holds what its fill says, or its empty value where
// that says nothing that it can hold.
TEST_F(ProblemTest, TablesAreFilled) {
  auto fill = [&](const std::string &map, const char *element) {
    std::string text = "cascade.func @f(%t: !cascade.tensor<[I, J], " +
                       std::string(element) +
                       ", empty = -1> {cascade.fill = affine_map<" + map +
                       ">}) attributes {cascade.extents = {I = 2, J = 3}} "
                       "{ cascade.return }";
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &*context);
    auto func = *module->getOps<cascade::FuncOp>().begin();
    Problem problem;
    EXPECT_EQ(resolveExtents(func, {}, problem).message(), "");
    return generateTensor(
               mlir::cast<cascade::NamedTensorType>(func.getArgumentTypes()[0]),
               func.getArgAttrDict(0), "t", problem, InputKind::normal, 0)
        .values;
  };
  using List = std::vector<double>;
  EXPECT_EQ(fill("(a, b) -> (a * 10 + b)", "i32"), (List{0, 1, 2, 10, 11, 12}));
  EXPECT_EQ(fill("(a, b)[s, t] -> (a * t + b - s)", "i32"),
            (List{-2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(fill("(a, b) -> ((a - b) floordiv 2 + b mod 2 * 8)", "i64"),
            (List{0, 7, -1, 0, 8, -1}));
  EXPECT_EQ(fill("(a, b) -> ((b - 1) ceildiv 2)", "i32"),
            (List{0, 0, 1, 0, 0, 1}));
  EXPECT_EQ(fill("(a, b)[s] -> (b floordiv (s - 2))", "i32"), List(6, -1));
  EXPECT_EQ(fill("(a, b) -> (b * 100)", "i8"), (List{0, 100, -1, 0, 100, -1}));
}

// An extent that is given goes before the function's own.
TEST_F(ProblemTest, ExtentsOfTables) {
  const char *text =
      "cascade.func @f(%t: !cascade.tensor<[N, T], i32, empty = 0>) "
      "attributes {cascade.extents = {N = 5}} { cascade.return }";
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &*context);
  auto func = *module->getOps<cascade::FuncOp>().begin();
  AttentionShape shape;
  EXPECT_EQ(resolveExtents(func, shape, problem).message(),
            "--extent: rank 'T' has no extent; give --extent T=N");
  problem = {};
  shape.ranks = {{"T", 2}};
  EXPECT_EQ(resolveExtents(func, shape, problem).message(), "");
  EXPECT_EQ(problem.extents["N"], 5);
  problem = {};
  shape.ranks = {{"T", 2}, {"N", 0}};
  EXPECT_EQ(resolveExtents(func, shape, problem).message(), "");
  EXPECT_EQ(problem.extents["N"], 0);
}

TEST_F(ProblemTest, InputsRepeatAndDiffer) {
  Source source = load("full");
  Problem problem;
  problem.extents = {{"B", 1},  {"H", 2}, {"P", 3},
                     {"M", 40}, {"E", 5}, {"F", 2}};
  auto type =
      mlir::cast<cascade::NamedTensorType>(source.func.getArgumentTypes()[1]);
  auto make = [&](const char *name, InputKind kind, uint64_t seed) {
    return generateTensor(type, {}, name, problem, kind, seed).values;
  };
  auto values = make("k", InputKind::normal, 1);
  EXPECT_EQ(values.size(), 400u);
  EXPECT_EQ(values, make("k", InputKind::normal, 1));
  EXPECT_NE(values, make("k", InputKind::normal, 2));
  EXPECT_NE(values, make("v", InputKind::normal, 1));
  double squares = 0;
  for (double value : values)
    squares += value * value / 400;
  EXPECT_NEAR(squares, 1, 0.2);
  for (double value : make("k", InputKind::zeros, 1))
    EXPECT_EQ(value, 0);
}

// What no query sees, found by the interpreter from the program alone.
TEST_F(ProblemTest, VisibleKeys) {
  auto visible = [&](const char *name, int64_t queries, int64_t keys) {
    Source source = load(name);
    Problem problem;
    AttentionShape shape;
    shape.queryLength = queries;
    shape.keyLength = keys;
    EXPECT_TRUE(resolveExtents(source.func, shape, problem).isOk());
    EXPECT_TRUE(
        resolveScalars(source.func,
                       std::string(name) == "sliding-window"
                           ? std::map<std::string, std::string>{{"window", "4"}}
                           : std::map<std::string, std::string>{},
                       problem)
            .isOk());
    auto keysSeen = findVisibleKeys(source.func, problem);
    EXPECT_TRUE(keysSeen.isOk());
    return std::pair(keysSeen->first, keysSeen->last);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(visible("full", 5, 9), Pair(0, 9));
  EXPECT_EQ(visible("causal-top-left", 5, 9), Pair(0, 5));
  EXPECT_EQ(visible("causal-bottom-right", 5, 9), Pair(0, 9));
  EXPECT_EQ(visible("sliding-window", 2, 20), Pair(15, 20));
  // No query at all sees nothing.
  EXPECT_EQ(visible("full", 0, 9), Pair(9, 0));
  // Each head has a list of its own; together they list blocks 0 to 3.
  EXPECT_EQ(visible("block-sparse", 16, 600), Pair(0, 64));
  EXPECT_EQ(visible("varlen", 5, 500), Pair(0, 448));
}

// Tables that are given say what is seen, not those made up.
TEST_F(ProblemTest, VisibleKeysOfATable) {
  Source source = load("varlen");
  AttentionShape shape;
  shape.queryLength = 5;
  shape.keyLength = 20;
  ASSERT_TRUE(resolveExtents(source.func, shape, problem).isOk());
  ASSERT_TRUE(resolveScalars(source.func, {}, problem).isOk());
  auto keys =
      findVisibleKeys(source.func, problem, {{"k_lengths", {{1}, {7}}}});
  ASSERT_TRUE(keys.isOk());
  EXPECT_EQ(keys->first, 0);
  EXPECT_EQ(keys->last, 7);
}

//===- LaunchRecipeTest.cpp - what the host is told of a kernel -----------===//

#include "Programs.h"

#include "attn/Target/NVIDIA/LaunchRecipe.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::test;

static FailureOr<Manifest> build(ModuleOp module) {
  return nvidia::buildManifest(module);
}

TEST(LaunchRecipeTest, GridIsAnExpressionOverExtents) {
  Context context;
  auto module = context.load("attention-full");
  auto manifest = build(*module);
  ASSERT_TRUE(succeeded(manifest)) << context.getErrors();
  const Launch &launch = manifest->launches.front();
  auto lookup = [](std::string_view name) -> std::optional<int64_t> {
    if (name == "P")
      return 1000;
    if (name == "H")
      return 3;
    return name == Launch::multiprocessors ? std::optional<int64_t>(132)
                                           : std::nullopt;
  };
  // 8 tiles of 128 rows for each of 3 heads.
  auto blocks = launch.grid[0].evaluate(lookup, "grid");
  ASSERT_TRUE(blocks.isOk());
  EXPECT_EQ(*blocks, 24);
}

TEST(LaunchRecipeTest, TensorMapsAreTheCopiesBoxes) {
  Context context;
  auto module = context.load("attention-long");
  auto manifest = build(*module);
  ASSERT_TRUE(succeeded(manifest)) << context.getErrors();
  std::vector<std::pair<std::string, std::vector<int64_t>>> maps;
  for (const Launch::Parameter &parameter :
       manifest->launches.front().parameters)
    if (parameter.kind == Launch::Parameter::Kind::tensorMap)
      maps.push_back({parameter.name, parameter.box});
  // Each of two blocks fetches half of 192 rows; panels are of 64 columns.
  decltype(maps) expected = {
      {"q", {1, 64, 64}}, {"k", {1, 96, 64}}, {"v", {1, 96, 64}}};
  EXPECT_EQ(maps, expected);
  EXPECT_EQ(manifest->launches.front().cluster[0], 2);
}

TEST(LaunchRecipeTest, DynamicWorkHasACounter) {
  Context context;
  auto module = context.load("attention-causal");
  auto manifest = build(*module);
  ASSERT_TRUE(succeeded(manifest)) << context.getErrors();
  EXPECT_EQ(manifest->launches.front().parameters.back().kind,
            Launch::Parameter::Kind::state);
  EXPECT_EQ(manifest->stateBytes, Expr(4));
}

TEST(LaunchRecipeTest, RefusesItemsThatTheHostCannotCompute) {
  Context context;
  auto module = context.parse(replaceAll(
      readProgram("chained-gemms"), "%work = pipe.work items(%items)",
      "%odd = arith.xori %items, %c64 : i32\n"
      "  %work = pipe.work items(%odd)"));
  ASSERT_TRUE(module);
  EXPECT_TRUE(failed(build(*module)));
  EXPECT_NE(context.getErrors().find("number of items"), std::string::npos);
}

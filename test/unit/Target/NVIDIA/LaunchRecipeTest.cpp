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

// Heads before queries before the dimensions around them; a warp stores 16
// rows.
TEST(LaunchRecipeTest, MapsOfPackedRowsHaveAnOrder) {
  Context context;
  auto module = context.parse(R"(
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!tile = !pipe.shared<64x64xbf16, swizzle = 128, parts = 4>
!ring = !pipe.ring<1 x !slot>
!heads = !pipe.global<?x?x?x64xbf16>
pipe.kernel @copies(
    %q: !heads {pipe.name = "q", pipe.access = "read", pipe.shape = ["G", "H", "P", 64]},
    %o: !heads {pipe.name = "o", pipe.access = "write", pipe.shape = ["G", "H", "P", 64]}) {
  %items = pipe.dim %q, 1 : !heads -> i32
  %work = pipe.work items(%items) : !pipe.work<persistent>
  %ring = pipe.ring readers(1) : !ring
  %t = pipe.shared_tile : !tile
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %zero = arith.constant 0 : i32
    pipe.fill %ring[%c] as %slot : !ring {
      pipe.load %q[%zero, %zero, %zero, %zero] -> %slot packed <8 of 0 in 2> : !heads -> !slot
    }
  }
  pipe.role "compute" groups(1) warps(4) registers(128) (%group) {
    %zero = arith.constant 0 : i32
    pipe.bulk_store %t -> %o[%zero, %zero, %zero, %zero] packed <32 of 0 in 2> : !tile -> !heads
  }
}
)");
  ASSERT_TRUE(module) << context.getErrors();
  auto manifest = build(*module);
  ASSERT_TRUE(succeeded(manifest)) << context.getErrors();
  std::vector<std::vector<int64_t>> boxes, orders;
  for (const Launch::Parameter &parameter :
       manifest->launches.front().parameters)
    if (parameter.kind == Launch::Parameter::Kind::tensorMap) {
      boxes.push_back(parameter.box);
      orders.push_back(parameter.order);
    }
  EXPECT_EQ(boxes, (decltype(boxes){{8, 1, 8, 64}, {16, 1, 1, 64}}));
  EXPECT_EQ(orders, (decltype(orders){{1, 2, 0, 3}, {1, 2, 0, 3}}));
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

//===- LaunchRecipeTest.cpp - what the host is told of a kernel -----------===//

#include "Programs.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

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
  %items = pipe.dim %q, 1 : !heads
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

// What a stream reads nobody reads again: a miss brings a panel's row alone.
TEST(LaunchRecipeTest, CopiesOfStreamsBringNoMoreThanTheyAskFor) {
  auto getPromotion = [](const std::string &work) -> int64_t {
    Context context;
    auto module = context.parse(R"(
!slot = !pipe.shared<64x64xbf16, swizzle = 128>
!ring = !pipe.ring<1 x !slot>
!keys = !pipe.global<?x64xbf16>
pipe.kernel @copies(
    %k: !keys {pipe.name = "k", pipe.access = "read", pipe.shape = ["M", 64]}) {
  %items = pipe.dim %k, 0 : !keys
  )" + work + R"(
  %ring = pipe.ring readers(1) : !ring
  pipe.role "load" groups(1) warps(1) registers(24) (%group) {
    %c = pipe.cursor : !pipe.cursor<1>
    %zero = arith.constant 0 : i32
    pipe.fill %ring[%c] as %slot : !ring {
      pipe.load %k[%zero, %zero] -> %slot : !keys -> !slot
    }
  }
}
)");
    if (!module)
      return -1;
    auto manifest = build(*module);
    if (failed(manifest))
      return -1;
    for (const Launch::Parameter &parameter :
         manifest->launches.front().parameters)
      if (parameter.kind == Launch::Parameter::Kind::tensorMap)
        return parameter.promotionBytes;
    return -1;
  };
  EXPECT_EQ(getPromotion("%w = pipe.work items(%items) : "
                         "!pipe.work<persistent>"),
            256);
  EXPECT_EQ(getPromotion("%w = pipe.work items(%items) : !pipe.work<stream> "
                         "steps {\n^bb0(%item: i32):\n"
                         "pipe.yield %item : i32\n}"),
            128);
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

/// Two groups, each of 4 + 1 registers a thread in chunks of 4.
/// Of B items.
static int64_t evaluate(const Expr &expr, int64_t items) {
  return *expr.evaluate(
      [&](std::string_view name) -> std::optional<int64_t> {
        return name == "B" ? items : 132;
      },
      "test");
}

TEST(LaunchRecipeTest, StreamsHaveCountersAndTwoPlacesABlock) {
  Context context;
  auto module = context.parse(R"(
#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
  lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!row = tensor<64xf32, #pipe.slice<1, #s>>
!lengths = !pipe.global<?xi32>
pipe.kernel @sums(
    %lengths: !lengths {pipe.name = "lengths", pipe.access = "read", pipe.shape = ["B"], pipe.most = {B = 7}}) {
  %n = pipe.dim %lengths, 0 : !lengths
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    %steps = pipe.get %lengths[%item] : !lengths
    pipe.yield %steps : i32
  }
  pipe.role "multiply" groups(2) warps(4) registers(160) (%group) {
    %part = arith.constant dense<1.0> : !tile
    %line = arith.constant dense<1.0> : !row
    %whole, %sums:2 = pipe.meet %work[%n, %n] (%part, %line : !tile, !row) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %x: !row, %b: !tile, %y: !row):
      pipe.yield %a, %x : !tile, !row
    }
  }
}
)");
  ASSERT_TRUE(module) << context.getErrors();
  auto manifest = build(*module);
  ASSERT_TRUE(succeeded(manifest)) << context.getErrors();
  const Launch &launch = manifest->launches.front();
  EXPECT_EQ(evaluate(launch.grid[0], 5), 132);
  EXPECT_EQ(evaluate(launch.grid[0], 0), 0);
  size_t count = launch.parameters.size();
  EXPECT_EQ(launch.parameters[count - 2].kind, Launch::Parameter::Kind::state);
  EXPECT_EQ(launch.parameters[count - 1].kind,
            Launch::Parameter::Kind::workspace);
  EXPECT_EQ(evaluate(manifest->stateBytes, 5), 132 * 2 * 4);
  constexpr int64_t kChunks = 2, kThreads = 128;
  EXPECT_EQ(evaluate(manifest->workspaceBytes, 5),
            132 * 2 * 2 * kChunks * 16 * kThreads);
  EXPECT_EQ(manifest->ranks.front().most, 7);
}

/// As many blocks are launched as run at once.
TEST(LaunchRecipeTest, BlocksOfAMultiprocessorAreLaunchedAtOnce) {
  Context context;
  auto module = context.parse(R"(
#s = #pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 1 x d1 by 8],
  lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [4 x d0 by 16]>
!tile = tensor<64x8xf32, #s>
!x = !pipe.global<?xf32>
pipe.kernel @sums(
    %x: !x {pipe.name = "x", pipe.access = "read", pipe.shape = ["B"]}) blocks(3) {
  %c1 = arith.constant 1 : i32
  %n = pipe.dim %x, 0 : !x
  %work = pipe.work items(%n) : !pipe.work<stream> steps {
  ^bb0(%item: i32):
    pipe.yield %c1 : i32
  }
  pipe.role "multiply" groups(1) warps(4) registers(160) (%group) {
    %part = arith.constant dense<1.0> : !tile
    %whole, %sum = pipe.meet %work[%n, %c1] (%part : !tile) : !pipe.work<stream> merge {
    ^bb0(%a: !tile, %b: !tile):
      pipe.yield %a : !tile
    }
  }
}
)");
  ASSERT_TRUE(module) << context.getErrors();
  auto manifest = build(*module);
  ASSERT_TRUE(succeeded(manifest)) << context.getErrors();
  EXPECT_EQ(evaluate(manifest->launches.front().grid[0], 20), 3 * 132);
  EXPECT_EQ(evaluate(manifest->stateBytes, 20), 3 * 132 * 4);
  EXPECT_EQ(evaluate(manifest->workspaceBytes, 20), 3 * 132 * 2 * 128 * 16);
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

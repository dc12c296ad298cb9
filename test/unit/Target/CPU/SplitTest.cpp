//===- SplitTest.cpp - programs with few items are cut into chunks --------===//

#include "TileKernels.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

/// Column maxima and sums of exponentials below them, with a merge: log-sum-exp
/// in base 2 of each column of x.
std::vector<float> runColumns(HostTensor &x, int threads) {
  HostTensor y(DType::f32, {x.shape[1]});
  auto kernel = compileProgram("log-sum.mlir", {}, "host");
  runKernel(kernel,
            {ArgumentValue::ofTensor("x", &x.view),
             ArgumentValue::ofTensor("y", &y.view)},
            threads);
  std::vector<float> values;
  for (int64_t j = 0; j < x.shape[1]; ++j)
    values.push_back(y.get({j}));
  return values;
}

void expectColumns(int64_t rows, int64_t columns) {
  SCOPED_TRACE(testing::Message() << rows << " x " << columns);
  HostTensor x(DType::f32, {rows, columns});
  x.fill(9, 5);
  std::vector<float> one = runColumns(x, 1);
  for (int64_t j = 0; j < columns; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < rows; ++i)
      sum += std::exp2(double(x.get({i, j})));
    if (rows == 0)
      EXPECT_EQ(one[j], -INFINITY);
    else
      EXPECT_NEAR(one[j], std::log2(sum), 1e-4) << j;
  }
  for (int threads : {2, 3, 8})
    EXPECT_EQ(runColumns(x, threads), one);
}

// One column tile is one item, so the rows are cut at 1024.
TEST(CpuSplit, FewItems) {
  for (int64_t rows : {0, 1, 1000, 1024, 1025, 5000})
    expectColumns(rows, 20);
}

// 64 items and more are not cut.
TEST(CpuSplit, ManyItems) { expectColumns(2100, 64 * 32); }

TEST(CpuSplit, ManifestSaysTheChunks) {
  auto kernel = compileProgram("log-sum.mlir", {}, "host");
  ASSERT_TRUE(kernel);
  const Manifest &manifest = kernel->getManifest();
  ASSERT_EQ(manifest.phases.size(), 2u);
  auto items = [&](size_t phase, int64_t rows, int64_t columns) {
    auto value = manifest.phases[phase].items.evaluate(
        [&](std::string_view name) -> std::optional<int64_t> {
          return name == "M" ? rows : columns;
        },
        "items");
    EXPECT_TRUE(value.isOk());
    return value.isOk() ? *value : -1;
  };
  EXPECT_EQ(items(0, 5000, 20), 5);
  EXPECT_EQ(items(1, 5000, 20), 1);
  EXPECT_EQ(items(0, 1000, 20), 1);
  EXPECT_EQ(items(1, 1000, 20), 0);
  EXPECT_EQ(items(0, 5000, 64 * 32), 64);
  EXPECT_EQ(items(1, 5000, 64 * 32), 0);
}

} // namespace

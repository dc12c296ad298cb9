//===- SmallKernelsTest.cpp - the kernels beside attention, by threads ----===//
//
// The tile programs of test/Device/programs/threads, run by the interpreter of
// pipe and compared with what they say they compute.
//
//===----------------------------------------------------------------------===//

#include "attn/Conversion/Passes.h"
#include "attn/Driver/Source.h"
#include "attn/Reference/PipeInterpreter.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <random>

using namespace mlir;
using namespace attn;

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr int64_t kWidth = 128;

namespace {
class SmallKernelsTest : public testing::Test {
protected:
  void SetUp() override {
    seed = std::random_device()();
    random.seed(seed);
    std::printf("seed %u\n", seed);
  }

  ReferenceTensor draw(std::vector<int64_t> shape) {
    ReferenceTensor tensor{std::move(shape), {}};
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < tensor.getNumElements(); ++i)
      // Few bits: rounding to bf16 changes nothing.
      tensor.values.push_back(std::round(normal(random) * 16) / 16);
    return tensor;
  }

  /// Runs the program of file `name` under three orders of the points; the
  /// results of all are the same.
  std::map<std::string, ReferenceTensor> run(const std::string &name,
                                             const PipeArguments &arguments) {
    std::unique_ptr<MLIRContext> context = createContext();
    std::string path =
        std::string(ATTN_PROGRAMS_DIR) + "/threads/" + name + ".mlir";
    auto parsed = loadModule(*context, path);
    if (!parsed.isOk()) {
      ADD_FAILURE() << parsed.getStatus().message();
      return {};
    }
    ModuleOp module = *parsed->module;
    PassManager passes(context.get());
    passes.addPass(createConvertTileToPipePass());
    EXPECT_TRUE(succeeded(passes.run(module)));
    std::map<std::string, ReferenceTensor> results;
    for (PipeSchedule schedule : {PipeSchedule::roundRobin,
                                  PipeSchedule::latest, PipeSchedule::random}) {
      PipeLaunch launch;
      launch.schedule = schedule;
      launch.seed = seed;
      auto outcome = interpretPipe(*module.getOps<pipe::KernelOp>().begin(),
                                   arguments, launch);
      if (!outcome.isOk()) {
        ADD_FAILURE() << outcome.getStatus().message();
        return {};
      }
      for (const PipeFinding &finding : outcome->findings)
        ADD_FAILURE() << finding.message;
      results = std::move(outcome->results);
    }
    return results;
  }

  unsigned seed = 0;
  std::mt19937 random;
};
} // namespace

TEST_F(SmallKernelsTest, AppendWritesChosenSlotsOnly) {
  const std::vector<double> slots = {3, -1, 0, 6};
  PipeArguments arguments;
  arguments.tensors["new"] = draw({4, 2, kWidth});
  arguments.tensors["slots"] = {{4}, slots};
  arguments.extents["S"] = 7;
  ReferenceTensor cache = run("append", arguments)["cache"];
  ASSERT_EQ(cache.getNumElements(), 7 * 2 * kWidth);
  const std::vector<double> &values = arguments.tensors["new"].values;
  constexpr int64_t kRow = 2 * kWidth;
  for (int64_t slot = 0; slot < 7; ++slot)
    for (int64_t i = 0; i < kRow; ++i) {
      double actual = cache.values[slot * kRow + i];
      auto token = llvm::find(slots, double(slot));
      if (token == slots.end())
        // What nothing writes is NaN here.
        EXPECT_TRUE(std::isnan(actual)) << slot;
      else
        EXPECT_EQ(actual, values[(token - slots.begin()) * kRow + i]) << slot;
    }
}

TEST_F(SmallKernelsTest, QuantiseRoundsToTheNearestCode) {
  constexpr int64_t kRows = 19;
  PipeArguments arguments;
  ReferenceTensor x = draw({kRows, kWidth});
  std::fill_n(x.values.begin() + 5 * kWidth, kWidth, 0.0);
  arguments.tensors["x"] = x;
  auto results = run("quantise", arguments);
  for (int64_t row = 0; row < kRows; ++row) {
    float largest = 0;
    for (int64_t i = 0; i < kWidth; ++i)
      largest = std::max(largest, std::fabs(float(x.values[row * kWidth + i])));
    float scale = largest / 127;
    EXPECT_EQ(results["scales"].values[row], scale);
    for (int64_t i = 0; i < kWidth; ++i) {
      float ratio = scale == 0 ? 0 : float(x.values[row * kWidth + i]) / scale;
      EXPECT_EQ(results["codes"].values[row * kWidth + i],
                std::nearbyint(ratio));
    }
  }
}

TEST_F(SmallKernelsTest, MergeWeighsPartsByTheirKeys) {
  constexpr int64_t kParts = 3, kRows = 4;
  PipeArguments arguments;
  ReferenceTensor parts = draw({kParts, kRows, kWidth});
  ReferenceTensor lses = draw({kParts, kRows});
  // Part 1 of row 2 and all parts of row 3 saw no key; they hold anything.
  for (auto [part, row] : {std::pair(1, 2), {0, 3}, {1, 3}, {2, 3}}) {
    lses.values[part * kRows + row] = -kInfinity;
    std::fill_n(parts.values.begin() + (part * kRows + row) * kWidth, kWidth,
                std::nan(""));
  }
  arguments.tensors["parts"] = parts;
  arguments.tensors["lses"] = lses;
  auto results = run("merge", arguments);
  for (int64_t row = 0; row < kRows; ++row) {
    double sum = 0;
    std::vector<double> o(kWidth);
    for (int64_t part = 0; part < kParts; ++part) {
      double weight = std::exp(lses.values[part * kRows + row]);
      if (weight == 0)
        continue;
      sum += weight;
      for (int64_t i = 0; i < kWidth; ++i)
        o[i] += weight * parts.values[(part * kRows + row) * kWidth + i];
    }
    double lse = results["lse"].values[row];
    if (sum == 0)
      EXPECT_EQ(lse, -kInfinity);
    else
      EXPECT_NEAR(lse, std::log(sum), 1e-5);
    for (int64_t i = 0; i < kWidth; ++i)
      EXPECT_NEAR(results["o"].values[row * kWidth + i],
                  sum == 0 ? 0 : o[i] / sum, 1e-5);
  }
}

TEST_F(SmallKernelsTest, BuildListHoldsTheSetFlagsInOrder) {
  constexpr int64_t kRows = 5, kTiles = 9;
  PipeArguments arguments;
  ReferenceTensor flags{{kRows, kTiles}, {}};
  for (int64_t i = 0; i < kRows * kTiles; ++i)
    // The first row has none, the last one all.
    flags.values.push_back(i >= (kRows - 1) * kTiles ||
                           (i >= kTiles && random() % 2));
  arguments.tensors["flags"] = flags;
  auto results = run("build-list", arguments);
  for (int64_t row = 0; row < kRows; ++row) {
    std::vector<double> expected;
    for (int64_t tile = 0; tile < kTiles; ++tile)
      if (flags.values[row * kTiles + tile] != 0)
        expected.push_back(double(tile));
    EXPECT_EQ(results["counts"].values[row], double(expected.size()));
    expected.resize(kTiles, -1);
    auto first = results["list"].values.begin() + row * kTiles;
    EXPECT_EQ(std::vector<double>(first, first + kTiles), expected);
  }
}

//===- ScheduledTest.cpp - programs that are scheduled run right ----------===//
//
// Tile programs that are no attention, written for roles that load and multiply
// and run by the interpreter of pipe: under fixed and random orders of their
// agents, on few and many multiprocessors, and with each choice of a schedule,
// with sizes that no tile divides. Memory outside of what a sweep covers is
// NaN.
//
//===----------------------------------------------------------------------===//

#include "RunPipe.h"

#include "attn/Conversion/ScheduleTiles.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

using namespace attn;
using namespace attn::test;

using Substitutions = std::vector<std::pair<std::string, std::string>>;

static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// Inputs/<name>.mlir with each $NAME replaced.
static std::string readProgram(const std::string &name,
                               const Substitutions &substitutions) {
  std::string path = std::string(ATTN_TEST_INPUTS) + "/" + name + ".mlir";
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    ADD_FAILURE() << "no " << path;
    return {};
  }
  std::string text = (*buffer)->getBuffer().str();
  for (const auto &[key, value] : substitutions)
    for (size_t at = 0; (at = text.find("$" + key, at)) != std::string::npos;)
      text.replace(at, key.size() + 1, value);
  return text;
}

/// The kernel that `schedule-tiles` with `options` makes of a tile program.
static std::string schedule(const std::string &text,
                            const std::string &options) {
  mlir::MLIRContext context;
  context.disableMultithreading();
  context.loadDialect<pipe::PipeDialect, tile::TileDialect,
                      mlir::arith::ArithDialect, mlir::math::MathDialect,
                      mlir::memref::MemRefDialect, mlir::scf::SCFDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module) {
    ADD_FAILURE() << text;
    return {};
  }
  auto pass = createScheduleTilesPass(nvidia::getMachineModel());
  auto fail = [](const llvm::Twine &message) {
    ADD_FAILURE() << message.str();
    return mlir::failure();
  };
  mlir::PassManager passes(&context);
  if (failed(pass->initializeOptions(options, fail)))
    return {};
  passes.addPass(std::move(pass));
  if (failed(passes.run(*module))) {
    ADD_FAILURE() << "not scheduled: " << text;
    return {};
  }
  std::string kernel;
  llvm::raw_string_ostream(kernel) << *module;
  return kernel;
}

/// Runs it under all kinds of launches, of which none may change a bit, and
/// gives its results.
static std::map<std::string, ReferenceTensor>
runScheduled(const std::string &text, const std::string &options,
             const PipeArguments &arguments, unsigned numSeeds = 2) {
  std::string kernel = schedule(text, options);
  if (kernel.empty())
    return {};
  PipeProgram program(kernel);
  if (!program.isValid()) {
    ADD_FAILURE() << program.getDiagnostics();
    return {};
  }
  std::map<std::string, ReferenceTensor> first;
  for (int64_t multiprocessors : {1, 3})
    for (const PipeLaunch &launch : getLaunches(multiprocessors, numSeeds)) {
      SCOPED_TRACE(describe(launch));
      PipeOutcome outcome = program.run(arguments, launch);
      EXPECT_EQ(print(outcome), "");
      for (const auto &[name, count] : outcome.unwritten)
        EXPECT_EQ(count, 0) << name;
      if (testing::Test::HasFailure())
        return {};
      if (first.empty())
        first = outcome.results;
      for (const auto &[name, tensor] : first)
        EXPECT_EQ(tensor.values, outcome.results[name].values) << name;
    }
  return first;
}

/// The rows of a matrix outside of [begin, end) become NaN.
static void spoilRows(ReferenceTensor &tensor, int64_t begin, int64_t end) {
  int64_t columns = tensor.shape.back();
  int64_t rows = tensor.shape[tensor.shape.size() - 2];
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    int64_t row = static_cast<int64_t>(i) / columns % rows;
    if (row < begin || row >= end)
      tensor.values[i] = kNaN;
  }
}

/// `got` may be off by `rounding` of its value, and by `loss` of the sum of the
/// magnitudes of its terms.
static void expectNear(double got, double expected, double size,
                       double rounding, double loss) {
  if (got == expected)
    return;
  double bound = 1.02 * rounding * std::fabs(expected) + loss * size;
  ASSERT_LE(std::fabs(got - expected), bound);
}

/// Of values rounded to bf16, and of sums in f32.
static constexpr double kRounding = 0x1p-8, kLoss = 0x1p-18;

//===----------------------------------------------------------------------===//
// One product
//===----------------------------------------------------------------------===//

namespace {
struct GemmCase {
  int64_t m = 0, n = 0, k = 0;
  /// Of the tiles.
  int64_t rows = 128, columns = 64, step = 64;
  std::string segments = "%begin to %end full";
  /// Of the contraction, all of it if negative.
  int64_t begin = 0, cut = 0, end = -1;
  std::string options = {};
  double init = 0;
};
} // namespace

static const char *const kMergeGemm = R"( merge {
  ^bb0(%x: $TILE, %z: $TILE):
    %xz = arith.addf %x, %z : $TILE
    tile.yield %xz : $TILE
  })";

static void expectGemm(GemmCase c) {
  if (c.end < 0)
    c.end = c.k;
  PipeArguments arguments;
  ReferenceTensor &a = arguments.tensors["a"] = makeNormal({c.m, c.k}, 1);
  ReferenceTensor &w = arguments.tensors["w"] = makeNormal({c.k, c.n}, 2);
  spoilRows(w, c.begin, c.end);
  arguments.scalars = {
      {"begin", c.begin}, {"cut", c.cut}, {"end", c.end}, {"alpha", 0.5}};
  std::string text =
      readProgram("gemm", {{"MERGE", kMergeGemm},
                           {"TILE", "tensor<$ROWSx$COLUMNSxf32>"},
                           {"INIT", std::to_string(c.init)},
                           {"ROWS", std::to_string(c.rows)},
                           {"COLUMNS", std::to_string(c.columns)},
                           {"STEP", std::to_string(c.step)},
                           {"SEGMENTS", c.segments}});
  auto results = runScheduled(text, c.options, arguments);
  if (results.empty())
    return;
  for (int64_t i = 0; i < c.m; ++i)
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0.5 * c.init, size = 0.5 * std::fabs(c.init);
      for (int64_t l = c.begin; l < c.end; ++l) {
        double term = 0.5 * a.values[i * c.k + l] * w.values[l * c.n + j];
        sum += term;
        size += std::fabs(term);
      }
      SCOPED_TRACE("row " + std::to_string(i) + ", column " +
                   std::to_string(j));
      ASSERT_NO_FATAL_FAILURE(expectNear(results["y"].values[i * c.n + j],
                                         std::max(sum, 0.0), size, kRounding,
                                         kLoss));
    }
}

TEST(ScheduledTest, Gemm) {
  expectGemm({.m = 128, .n = 64, .k = 64});
  expectGemm({.m = 200, .n = 100, .k = 130});
  expectGemm({.m = 1, .n = 1, .k = 1});
  expectGemm({.m = 300, .n = 70, .k = 257});
  expectGemm({.m = 70, .n = 130, .k = 0});
}

/// One to three groups, tiles of rows that are those of columns too, and steps
/// of several panels.
TEST(ScheduledTest, TilesOfAGemm) {
  for (int64_t rows : {64, 128, 192})
    for (int64_t columns : {64, 128})
      for (int64_t step : {16, 64, 128})
        expectGemm({.m = 210,
                    .n = 140,
                    .k = 150,
                    .rows = rows,
                    .columns = columns,
                    .step = step});
}

/// The accumulator begins with a number, which is there once.
TEST(ScheduledTest, BeginsWithANumber) {
  for (int64_t k : {0, 64, 130})
    expectGemm({.m = 140, .n = 70, .k = k, .init = -3.25});
}

/// Results of which no whole panel can be staged.
TEST(ScheduledTest, NarrowTilesOfAGemm) {
  for (int64_t columns : {8, 24, 72})
    expectGemm({.m = 140, .n = 100, .k = 70, .columns = columns});
}

TEST(ScheduledTest, SchedulesOfAGemm) {
  for (std::string options : {"slots=1", "slots=3", "turns=false"})
    expectGemm({.m = 200, .n = 100, .k = 300, .options = options});
}

/// What is contracted ends, and begins, inside of the tensor.
TEST(ScheduledTest, PartsOfAContraction) {
  for (std::string segments : {"%begin to %end full", "%begin to %end partial",
                               "%begin to %cut full, %cut to %end partial",
                               "%begin to %cut partial, %cut to %end full",
                               "%begin to %cut full, %cut to %end full"})
    for (int64_t cut : {24, 100, 152}) {
      SCOPED_TRACE(segments + " cut at " + std::to_string(cut));
      expectGemm({.m = 130,
                  .n = 64,
                  .k = 256,
                  .segments = segments,
                  .begin = 24,
                  .cut = cut,
                  .end = 200});
    }
}

//===----------------------------------------------------------------------===//
// Two products
//===----------------------------------------------------------------------===//

namespace {
struct ChainCase {
  int64_t p = 0, m = 0;
  int64_t heads = 1, e = 64, f = 64;
  /// Of the tiles.
  int64_t rows = 128, step = 64;
  std::string segments = "%begin to %end full";
  int64_t begin = 0, cut = 0, end = -1;
  double decay = 1;
  /// Whether the order of steps is free.
  bool merges = true;
  std::string options = {};
  /// The keys of each step, in order; those of one segment if absent.
  std::vector<std::pair<int64_t, int64_t>> steps = {};
};

/// A row of relu(q k^T) v, its terms' magnitudes, and the row's sum.
struct Row {
  std::vector<double> values, sizes;
  double sum = 0, scoreSize = 0;
  double top = -std::numeric_limits<double>::infinity();

  explicit Row(int64_t width) : values(width), sizes(width) {}
};
} // namespace

/// Adds the keys of [begin, end), counted from `firstKey`.
static void addKeys(Row &row, const PipeArguments &arguments, int64_t query,
                    int64_t firstKey, int64_t begin, int64_t end, int64_t e) {
  const std::vector<double> &q = arguments.tensors.at("q").values;
  const std::vector<double> &k = arguments.tensors.at("k").values;
  const std::vector<double> &v = arguments.tensors.at("v").values;
  for (int64_t m = firstKey + begin; m < firstKey + end; ++m) {
    double score = 0;
    for (int64_t i = 0; i < e; ++i) {
      double term = q[query * e + i] * k[m * e + i];
      score += term;
      row.scoreSize += std::fabs(term);
    }
    row.top = std::max(row.top, score);
    score = std::max(score, 0.0);
    row.sum += score;
    double weight = roundToBf16(score);
    for (int64_t i = 0, f = row.values.size(); i < f; ++i) {
      row.values[i] += weight * v[m * f + i];
      row.sizes[i] += std::fabs(weight * v[m * f + i]);
    }
  }
}

/// Weights are rounded to bf16; whether up or down may depend on the last bit
/// of a sum in f32, which moves a few of the terms by 2^-8.
static void expectRow(const Row &row, const std::vector<double> &o,
                      int64_t number) {
  int64_t f = row.values.size();
  for (int64_t i = 0; i < f; ++i) {
    SCOPED_TRACE("row " + std::to_string(number) + ", column " +
                 std::to_string(i));
    ASSERT_NO_FATAL_FAILURE(expectNear(o[number * f + i], row.values[i],
                                       row.sizes[i], kRounding, 0x1p-10));
  }
}

static void expectSum(const Row &row, const std::vector<double> &z,
                      int64_t number) {
  SCOPED_TRACE("sum of row " + std::to_string(number));
  ASSERT_NO_FATAL_FAILURE(
      expectNear(z[number], row.sum, row.scoreSize, 0, kLoss));
}

static const char *const kMergeChain = R"( merge {
  ^bb0(%oa: $O, %za: $Z, %ob: $O, %zb: $Z):
    %oc = arith.addf %oa, %ob : $O
    %zc = arith.addf %za, %zb : $Z
    tile.yield %oc, %zc : $O, $Z
  })";

static void expectChain(ChainCase c) {
  if (c.end < 0)
    c.end = c.m;
  PipeArguments arguments;
  arguments.tensors["q"] = makeNormal({c.heads, c.p, c.e}, 1);
  ReferenceTensor &k = arguments.tensors["k"] =
      makeNormal({c.heads, c.m, c.e}, 2);
  ReferenceTensor &v = arguments.tensors["v"] =
      makeNormal({c.heads, c.m, c.f}, 3);
  spoilRows(k, c.begin, c.end);
  spoilRows(v, c.begin, c.end);
  arguments.scalars = {
      {"begin", c.begin}, {"cut", c.cut}, {"end", c.end}, {"decay", c.decay}};
  std::string text =
      readProgram("chained", {{"MERGE", c.merges ? kMergeChain : ""},
                              {"O", "tensor<$ROWSx$Fxf32>"},
                              {"Z", "tensor<$ROWSxf32>"},
                              {"ROWS", std::to_string(c.rows)},
                              {"STEP", std::to_string(c.step)},
                              {"TWICE", std::to_string(2 * c.step)},
                              {"SEGMENTS", c.segments},
                              {"E", std::to_string(c.e)},
                              {"F", std::to_string(c.f)}});
  auto results = runScheduled(text, c.options, arguments);
  if (results.empty())
    return;
  if (c.steps.empty())
    for (int64_t m = c.begin; m < c.end; m += c.step)
      c.steps.push_back({m, std::min(m + c.step, c.end)});
  for (int64_t number = 0; number < c.heads * c.p; ++number) {
    Row row(c.f);
    for (auto [begin, end] : c.steps) {
      for (double &value : row.values)
        value *= c.decay;
      addKeys(row, arguments, number, number / c.p * c.m, begin, end, c.e);
    }
    ASSERT_NO_FATAL_FAILURE(expectRow(row, results["o"].values, number));
    ASSERT_NO_FATAL_FAILURE(expectSum(row, results["z"].values, number));
  }
}

TEST(ScheduledTest, ChainedProducts) {
  expectChain({.p = 128, .m = 64});
  expectChain({.p = 200, .m = 130, .heads = 3});
  expectChain({.p = 1, .m = 1});
  expectChain({.p = 300, .m = 257});
  expectChain({.p = 70, .m = 0});
}

/// Widths that are no whole panels, and no multiples of a product's depth.
TEST(ScheduledTest, WidthsOfChainedProducts) {
  for (int64_t e : {40, 64, 128})
    for (int64_t f : {24, 64, 128}) {
      SCOPED_TRACE(std::to_string(e) + ", " + std::to_string(f));
      expectChain({.p = 140, .m = 200, .e = e, .f = f, .step = 128});
    }
}

TEST(ScheduledTest, SchedulesOfChainedProducts) {
  for (int64_t rows : {64, 128, 192})
    for (std::string options : {"slots=1", "slots=3", "turns=false"}) {
      SCOPED_TRACE(options + ", " + std::to_string(rows) + " rows");
      expectChain(
          {.p = 200, .m = 330, .heads = 2, .rows = rows, .options = options});
    }
}

TEST(ScheduledTest, PartsOfTheKeys) {
  for (std::string segments : {"%begin to %end full", "%begin to %end partial",
                               "%begin to %cut full, %cut to %end partial",
                               "%begin to %cut partial, %cut to %end full",
                               "%begin to %cut full, %cut to %end full"})
    for (int64_t cut : {24, 100, 152}) {
      SCOPED_TRACE(segments + " cut at " + std::to_string(cut));
      expectChain({.p = 130,
                   .m = 256,
                   .segments = segments,
                   .begin = 24,
                   .cut = cut,
                   .end = 200});
    }
}

/// Every other step: the first, and those located one by one.
TEST(ScheduledTest, LocatedSteps) {
  const std::string segments =
      R"(%c0 to %step full, %c1 to %half_of_steps partial at {
    ^bb0(%i: index):
      %base = arith.muli %i, %twice : index
      %left = arith.subi %M, %base : index
      %present = arith.minsi %left, %step : index
      tile.yield %base, %present : index, index
    })";
  expectChain({.p = 130,
               .m = 300,
               .segments = segments,
               .steps = {{0, 64}, {128, 192}, {256, 300}}});
}

/// The accumulator is scaled between the products that add to it, so that their
/// order counts: without a merge it is that of the sweep.
TEST(ScheduledTest, ScalesTheAccumulator) {
  for (std::string kind : {"full", "partial"})
    expectChain({.p = 130,
                 .m = 300,
                 .segments = "%begin to %end " + kind,
                 .decay = 0.5,
                 .merges = false});
  expectChain({.p = 130,
               .m = 300,
               .segments = "%begin to %cut full, %cut to %end partial",
               .cut = 128,
               .decay = 0.5,
               .merges = false});
}

/// What stands behind the second product runs in the next turn, and takes the
/// values of its own.
TEST(ScheduledTest, WeighsEachStep) {
  constexpr int64_t kWidth = 64, kStep = 64;
  for (int64_t m : {0, 1, 64, 130, 300}) {
    int64_t p = 140;
    PipeArguments arguments;
    arguments.tensors["q"] = makeNormal({p, kWidth}, 1);
    arguments.tensors["k"] = makeNormal({m, kWidth}, 2);
    arguments.tensors["v"] = makeNormal({m, kWidth}, 3);
    auto results = runScheduled(readProgram("weighted", {}), "", arguments);
    if (results.empty())
      return;
    for (int64_t number = 0; number < p; ++number) {
      Row row(kWidth);
      for (int64_t begin = 0; begin < m; begin += kStep) {
        Row own(kWidth);
        addKeys(own, arguments, number, 0, begin, std::min(begin + kStep, m),
                kWidth);
        for (int64_t i = 0; i < kWidth; ++i) {
          row.values[i] += 0.5 * own.sum * (own.values[i] + 1);
          row.sizes[i] += 0.5 * own.sum * (own.sizes[i] + 1);
        }
      }
      ASSERT_NO_FATAL_FAILURE(expectRow(row, results["o"].values, number));
    }
  }
}

/// The dot of rows i of a and j of b.
static double multiply(const ReferenceTensor &a, int64_t i,
                       const ReferenceTensor &b, int64_t j) {
  double sum = 0;
  for (int64_t e = 0, width = a.shape[1]; e < width; ++e)
    sum += a.values[i * width + e] * b.values[j * width + e];
  return sum;
}

TEST(ScheduledTest, SeveralProducts) {
  constexpr int64_t kWidth = 64;
  constexpr float kSlope = 0.125;
  for (auto [p, m] : {std::pair<int64_t, int64_t>{140, 64}, {70, 150}}) {
    PipeArguments arguments;
    std::map<std::string, ReferenceTensor> &t = arguments.tensors;
    t["q"] = makeNormal({p, kWidth}, 1);
    t["k"] = makeNormal({m, kWidth}, 2);
    t["l"] = makeNormal({m, kWidth}, 3);
    t["v"] = makeNormal({kWidth, m}, 4);
    t["w"] = makeNormal({kWidth, m}, 5);
    arguments.scalars["slope"] = kSlope;
    auto results = runScheduled(readProgram("several", {}), "", arguments);
    if (results.empty())
      return;
    for (int64_t number = 0; number < p; ++number) {
      Row o(kWidth), u(kWidth);
      for (int64_t j = 0; j < m; ++j) {
        double x = multiply(t["q"], number, t["k"], j) + kSlope * (j - number);
        double y = multiply(t["q"], number, t["l"], j);
        double a = roundToBf16(std::max(x * y, 0.0));
        double b = roundToBf16(std::max(x, y));
        for (int64_t i = 0; i < kWidth; ++i) {
          o.values[i] += a * t["v"].values[i * m + j];
          o.sizes[i] += std::fabs(a * t["v"].values[i * m + j]);
          u.values[i] += b * t["w"].values[i * m + j];
          u.sizes[i] += std::fabs(b * t["w"].values[i * m + j]);
        }
      }
      ASSERT_NO_FATAL_FAILURE(expectRow(o, results["o"].values, number));
      ASSERT_NO_FATAL_FAILURE(expectRow(u, results["u"].values, number));
    }
  }
}

TEST(ScheduledTest, ProductWithOnes) {
  for (int64_t m : {0, 1, 64, 200}) {
    PipeArguments arguments;
    const ReferenceTensor &v = arguments.tensors["v"] = makeNormal({m, 64}, 3);
    arguments.extents["P"] = 70;
    auto results = runScheduled(readProgram("sums", {}), "", arguments);
    if (results.empty())
      return;
    for (int64_t i = 0; i < 70 * 64; ++i) {
      double sum = 0, size = 0;
      for (int64_t j = 0; j < m; ++j) {
        sum += v.values[j * 64 + i % 64];
        size += std::fabs(v.values[j * 64 + i % 64]);
      }
      ASSERT_NO_FATAL_FAILURE(
          expectNear(results["o"].values[i], sum, size, kRounding, kLoss));
    }
  }
}

//===----------------------------------------------------------------------===//
// Steps that depend on the rows
//===----------------------------------------------------------------------===//

static void expectMasked(int64_t p, int64_t m, int64_t shift, int64_t step,
                         const std::string &options = "", int64_t heads = 1) {
  SCOPED_TRACE("P" + std::to_string(p) + " M" + std::to_string(m) + " shift " +
               std::to_string(shift));
  constexpr int64_t kWidth = 64;
  PipeArguments arguments;
  arguments.tensors["q"] = makeNormal({heads, p, kWidth}, 1);
  arguments.tensors["k"] = makeNormal({heads, m, kWidth}, 2);
  arguments.tensors["v"] = makeNormal({heads, m, kWidth}, 3);
  arguments.scalars["shift"] = shift;
  auto results =
      runScheduled(readProgram("masked", {{"STEP", std::to_string(step)}}),
                   options, arguments);
  if (results.empty())
    return;
  for (int64_t number = 0; number < heads * p; ++number) {
    Row row(kWidth);
    int64_t seen = std::clamp<int64_t>(number % p + shift + 1, 0, m);
    addKeys(row, arguments, number, number / p * m, 0, seen, kWidth);
    ASSERT_NO_FATAL_FAILURE(expectRow(row, results["o"].values, number));
    ASSERT_NO_FATAL_FAILURE(expectSum(row, results["z"].values, number));
    SCOPED_TRACE("maximum of row " + std::to_string(number));
    ASSERT_NO_FATAL_FAILURE(expectNear(results["t"].values[number], row.top,
                                       row.scoreSize, 0, kLoss));
  }
}

TEST(ScheduledTest, StepsThatDependOnTheRows) {
  for (int64_t step : {64, 128})
    for (int64_t shift : {-100, 0, 37, 500}) {
      expectMasked(300, 300, shift, step);
      expectMasked(130, 70, shift, step);
    }
  expectMasked(64, 500, 0, 64);
  expectMasked(200, 0, 0, 64);
}

/// More heads than run one after another before the next of their tiles.
TEST(ScheduledTest, SectionsOfHeads) { expectMasked(130, 40, 0, 64, "", 35); }

TEST(ScheduledTest, SchedulesOfStepsThatDependOnTheRows) {
  for (std::string options : {"slots=1", "slots=3", "turns=false"})
    expectMasked(520, 600, 5, 64, options);
}

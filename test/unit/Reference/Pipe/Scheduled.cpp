//===- Scheduled.cpp - runs tile programs that are scheduled --------------===//

#include "Scheduled.h"

#include "attn/Conversion/ScheduleTiles.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "attn/Transforms/Passes.h"
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
#include <limits>

using namespace attn;
using namespace attn::test;

static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string attn::test::readProgram(const std::string &name,
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

static bool isStream(const std::string &options) {
  return options.find("stream=true") != std::string::npos;
}

/// The kernel that `schedule-tiles` with `options` makes of a tile program.
static std::string schedule(const std::string &text, const std::string &options,
                            bool isInvariant) {
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
  if (isInvariant) {
    for (auto program : module->getOps<tile::ProgramOp>())
      program.setInvariant(true);
    passes.addPass(createOrderStepsPass());
    passes.addPass(createExactSumsPass({isStream(options)}));
  }
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

std::map<std::string, ReferenceTensor>
attn::test::runScheduled(const std::string &text, const std::string &options,
                         const PipeArguments &arguments, bool isInvariant) {
  std::string kernel = schedule(text, options, isInvariant);
  if (kernel.empty())
    return {};
  PipeProgram program(kernel);
  if (!program.isValid()) {
    ADD_FAILURE() << program.getDiagnostics();
    return {};
  }
  std::map<std::string, ReferenceTensor> first;
  // Where the steps of a stream are cut depends on the blocks, and bits do too
  // unless the program is invariant.
  std::vector<int64_t> blocks = {1, 3};
  if (isStream(options))
    blocks = {1, 2, 5, 64};
  for (int64_t multiprocessors : blocks) {
    if (isStream(options) && !isInvariant)
      first.clear();
    for (const PipeLaunch &launch :
         getLaunches(multiprocessors, /*numSeeds=*/2)) {
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
  }
  return first;
}

void attn::test::spoilRows(ReferenceTensor &tensor, int64_t begin,
                           int64_t end) {
  int64_t columns = tensor.shape.back();
  int64_t rows = tensor.shape[tensor.shape.size() - 2];
  for (size_t i = 0; i < tensor.values.size(); ++i) {
    int64_t row = static_cast<int64_t>(i) / columns % rows;
    if (row < begin || row >= end)
      tensor.values[i] = kNaN;
  }
}

void attn::test::expectNear(double got, double expected, double size,
                            double rounding, double loss) {
  if (got == expected)
    return;
  double bound = 1.02 * rounding * std::fabs(expected) + loss * size;
  ASSERT_LE(std::fabs(got - expected), bound);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void attn::test::addKeys(Row &row, const PipeArguments &arguments,
                         int64_t query, int64_t firstKey, int64_t begin,
                         int64_t end, int64_t e) {
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

void attn::test::expectRow(const Row &row, const std::vector<double> &o,
                           int64_t number) {
  int64_t f = row.values.size();
  for (int64_t i = 0; i < f; ++i) {
    SCOPED_TRACE("row " + std::to_string(number) + ", column " +
                 std::to_string(i));
    ASSERT_NO_FATAL_FAILURE(expectNear(o[number * f + i], row.values[i],
                                       row.sizes[i], kRounding, 0x1p-10));
  }
}

void attn::test::expectSum(const Row &row, const std::vector<double> &z,
                           int64_t number) {
  SCOPED_TRACE("sum of row " + std::to_string(number));
  ASSERT_NO_FATAL_FAILURE(
      expectNear(z[number], row.sum, row.scoreSize, 0, kLoss));
}

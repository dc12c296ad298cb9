//===- LayoutTest.cpp - the order of points in memory changes no result ---===//
//
// A variant over a canvas is run with queries and keys in row-major order, in
// tiles, and with points of one residue together. What each query gets has to
// be the same up to the order of sums. It is held to the error rule of the f64
// interpreter on the row-major problem; the rule is statistical and a case is
// drawn once, so half as much again is let through, which no wrong key is.
//
//===----------------------------------------------------------------------===//

#include "attn/Driver/Check.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/KernelRun.h"
#include "attn/Transforms/SetLayout.h"
#include "gtest/gtest.h"

#include <random>

using namespace attn;

namespace {
struct Canvas {
  std::string variant;
  std::map<std::string, std::string> scalars;
  RankLayout layout;
};

class LayoutTest : public testing::TestWithParam<std::tuple<unsigned, DType>> {
protected:
  void run(const Canvas &canvas, DType dtype);
};
} // namespace

/// `tensor`'s rank at `dim` from points to positions of `layout`, with
/// `padding` between them.
static ReferenceTensor permute(const ReferenceTensor &tensor, size_t dim,
                               const RankLayout &layout, double padding) {
  ReferenceTensor result;
  result.shape = tensor.shape;
  result.shape[dim] = layout.countPositions();
  result.values.assign(result.getNumElements(), padding);
  int64_t inner = 1, outer = 1;
  for (size_t d = 0; d < tensor.shape.size(); ++d)
    (d < dim ? outer : inner) *= d == dim ? 1 : tensor.shape[d];
  int64_t positions = layout.countPositions(), points = tensor.shape[dim];
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t at = 0; at < positions; ++at)
      if (auto point = layout.getPoint(at))
        for (int64_t j = 0; j < inner; ++j)
          result.values[(i * positions + at) * inner + j] =
              tensor.values[(i * points + *point) * inner + j];
  return result;
}

static HostTensor makeTensor(DType type, const ReferenceTensor &values) {
  auto tensor = HostTensor::create(type, values.shape, Layout::contiguous);
  EXPECT_TRUE(tensor.isOk());
  tensor->setValues(values.values);
  return std::move(*tensor);
}

void LayoutTest::run(const Canvas &canvas, DType dtype) {
  auto context = createContext();
  auto source = loadSource(*context, canvas.variant, "");
  ASSERT_TRUE(source.isOk());
  cascade::FuncOp func = source->func;
  Problem logical;
  logical.dtype = dtype;
  AttentionShape shape;
  shape.heads = 2;
  shape.headDim = 32;
  shape.queryLength = shape.keyLength = canvas.layout.countPoints();
  ASSERT_TRUE(resolveExtents(func, shape, logical).isOk());
  ASSERT_TRUE(resolveScalars(func, canvas.scalars, logical).isOk());
  auto inputs = createInputs(func, logical, {}, {});
  ASSERT_TRUE(inputs.isOk());

  // The kernel, for positions.
  mlir::OwningOpRef<mlir::ModuleOp> module(
      func->getParentOfType<mlir::ModuleOp>().clone());
  auto laidOut = *module->getOps<cascade::FuncOp>().begin();
  PipelineOptions pipeline;
  bindStatics(func, logical, pipeline);
  // The analysis takes positions apart by the canvas's own extents.
  for (const auto &entry : canvas.scalars)
    if (std::none_of(pipeline.scalars.begin(), pipeline.scalars.end(),
                     [&](auto &known) { return known.first == entry.first; }))
      pipeline.scalars.emplace_back(entry.first, std::stoll(entry.second));
  pipeline.dtype = std::string(getName(dtype));
  for (const char *rank : {"P", "M"})
    ASSERT_TRUE(succeeded(setLayout(laidOut, rank, canvas.layout)));
  Problem stored = logical;
  for (const char *rank : {"P", "M"})
    stored.extents[rank] = canvas.layout.countPositions();
  auto kernel = compileKernel(laidOut, stored, pipeline, "host");
  ASSERT_TRUE(kernel.isOk()) << kernel.getStatus().message();

  std::map<std::string, HostTensor> permuted;
  // Padding among the values has weight 0 and has to be finite.
  for (const auto &[name, tensor] : *inputs)
    permuted.emplace(
        name,
        makeTensor(tensor.getType(),
                   permute(tensor.toReference(), name == "q" ? 3 : 2,
                           canvas.layout, name == "v" ? 1e30 : std::nan(""))));
  auto outputs = createOutputs(func, stored, Layout::contiguous);
  ASSERT_TRUE(outputs.isOk());
  auto plan = preparePlan(kernel->kernel.get(), kernel->manifest, stored,
                          permuted, *outputs, 1);
  ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
  ASSERT_TRUE(runPlan(plan->get()).isOk());

  // Back to points.
  std::map<std::string, HostTensor> results;
  for (const auto &[name, tensor] : *outputs) {
    ReferenceTensor from = tensor.toReference(), to;
    to.shape = from.shape;
    to.shape[3] = canvas.layout.countPoints();
    to.values.resize(to.getNumElements());
    int64_t inner = name == "o" ? from.shape[4] : 1;
    int64_t outer = from.getNumElements() / from.shape[3] / inner;
    for (int64_t i = 0; i < outer; ++i)
      for (int64_t at = 0; at < from.shape[3]; ++at)
        if (auto point = canvas.layout.getPoint(at))
          for (int64_t j = 0; j < inner; ++j)
            to.values[(i * to.shape[3] + *point) * inner + j] =
                from.values[(i * from.shape[3] + at) * inner + j];
    results.emplace(name, makeTensor(tensor.getType(), to));
  }
  auto errors =
      checkOutputs(func, logical, getReferenceArguments(*inputs, logical),
                   results, /*mayspread=*/false);
  ASSERT_TRUE(errors.isOk()) << errors.getStatus().message();
  for (const OutputError &error : *errors)
    EXPECT_LE(error.report.maxRatio, 1.5) << error.name;
}

TEST_P(LayoutTest, ChangesNoResult) {
  auto [number, dtype] = GetParam();
  using Axis = RankLayout::Axis;
  std::map<std::string, std::string> plane = {
      {"width", "19"}, {"window_y", "5"}, {"window_x", "7"}};
  std::map<std::string, std::string> dilated = {
      {"width", "20"},     {"window_y", "3"},   {"window_x", "4"},
      {"dilation_y", "2"}, {"dilation_x", "3"}, {"stride_x", "2"},
      {"causal_y", "1"}};
  std::map<std::string, std::string> volume = {
      {"height", "6"},   {"width", "10"},   {"window_z", "3"},
      {"window_y", "4"}, {"window_x", "5"}, {"causal_x", "1"}};
  std::map<std::string, std::string> line = {{"window", "9"},
                                             {"dilation", "3"}};
  const Canvas canvases[] = {
      {"neighborhood-2d", plane, {{Axis{14}, Axis{19}}}},
      {"neighborhood-2d", plane, {{Axis{14, 4}, Axis{19, 8}}}},
      {"neighborhood-2d", plane, {{Axis{14, 8}, Axis{19, 4}}}},
      {"neighborhood-2d", dilated, {{Axis{12}, Axis{20}}}},
      {"neighborhood-2d", dilated, {{Axis{12, 2, 2}, Axis{20, 4, 3}}}},
      {"neighborhood-3d", volume, {{Axis{5}, Axis{6}, Axis{10}}}},
      {"neighborhood-3d", volume, {{Axis{5, 2}, Axis{6, 4}, Axis{10, 8}}}},
      {"neighborhood-1d", line, {{Axis{200, 16, 3}}}},
      {"neighborhood-1d", line, {{Axis{201, 1, 3}}}},
      {"dilated-window",
       {{"window", "30"}, {"dilation", "4"}},
       {{Axis{190, 8, 4}}}},
  };
  ASSERT_LT(number, std::size(canvases));
  run(canvases[number], dtype);
}

INSTANTIATE_TEST_SUITE_P(Canvases, LayoutTest,
                         testing::Combine(testing::Range(0u, 10u),
                                          testing::Values(DType::f32,
                                                          DType::bf16)));

// A layout is a bijection from positions that are no padding to the points.
TEST(RankLayout, HasEachPointOnce) {
  std::mt19937_64 random(7);
  auto draw = [&](int64_t last) { return int64_t(random() % last) + 1; };
  for (int i = 0; i < 300; ++i) {
    RankLayout layout;
    for (int64_t axis = draw(3); axis > 0; --axis)
      layout.axes.push_back({draw(13), draw(5), draw(4)});
    std::vector<int> seen(layout.countPoints(), 0);
    for (int64_t at = 0; at < layout.countPositions(); ++at)
      if (auto point = layout.getPoint(at)) {
        ASSERT_LT(*point, layout.countPoints());
        ++seen[*point];
      }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), layout.countPoints());
  }
}

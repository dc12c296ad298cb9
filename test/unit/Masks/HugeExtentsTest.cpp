//===- HugeExtentsTest.cpp - masks of two thousand million keys -----------===//
//
// A handful of tiles, and of the keys around where steps begin and end, with
// coordinates up to 2^31.
//
//===----------------------------------------------------------------------===//

#include "Configuration.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::mask;
using namespace attn::test;

static constexpr int64_t kLargest = (int64_t(1) << 31) - 1;

/// A case of about kLargest queries and keys whose tables are small; no variant
/// that has an entry for each token.
static MaskCase makeHuge(const std::string &variant, Random &random) {
  Shape shape{2, 3, 2, 0, 0};
  shape.p = kLargest - random.pick(0, 200);
  shape.m = random.oneIn(2) ? shape.p : kLargest - random.pick(0, 200);
  MaskCase mask;
  mask.variant = variant;
  mask.shape = shape;
  auto pickAxis = [&](int64_t length, int64_t mostWindow) {
    Axis axis = makeAxis(random, length);
    axis.window = std::min(axis.window, mostWindow);
    axis.stride = std::min(axis.stride, axis.window);
    return axis;
  };
  int64_t large = int64_t(1) << random.pick(19, 22);
  if (variant == "neighborhood-2d")
    setImage(mask, {1, 1, 1, 1, false}, pickAxis(39000, 500),
             pickAxis(50000, 9000), random.pick(0, 300));
  else if (variant == "neighborhood-3d")
    setImage(mask, pickAxis(1100, 30), pickAxis(1200, 30), pickAxis(1500, 90),
             random.pick(0, 300));
  else if (variant == "s2")
    setLocalVertical(mask, large, random);
  else if (variant == "block-sparse")
    setBlockSparse(mask, large, large / 2, random);
  else if (variant == "selected-blocks")
    setSelected(mask, large, large / 2, random);
  else
    return makeCase(variant, shape, random);
  return mask;
}

namespace {
class HugeExtents : public testing::TestWithParam<std::string> {
protected:
  void checkBox(HostMask &mask, Span box, bool byKeys);
  int64_t pickCoordinate(int64_t extent) {
    int64_t at = random.oneIn(3)   ? random.pick(0, 40)
                 : random.oneIn(2) ? extent - 1 - random.pick(0, 40)
                                   : random.pick(0, extent - 1);
    return std::min(std::max<int64_t>(at, 0), extent - 1);
  }
  int64_t countLive(Span rows, Span columns, bool byKeys) const {
    int64_t live = 0;
    for (int64_t row = rows.first; row <= rows.last; ++row)
      for (int64_t column = columns.first; column <= columns.last; ++column)
        live +=
            given.sees({1, 1, 1, byKeys ? row : column, byKeys ? column : row});
    return live;
  }

  Random random{7};
  MaskCase given;
};
} // namespace

void HugeExtents::checkBox(HostMask &mask, Span box, bool byKeys) {
  int64_t extent = byKeys ? given.shape.m : given.shape.p;
  std::vector<Step> steps;
  mask.forEachStep(int64_t(1) << 40, [&](Step step) { steps.push_back(step); });
  llvm::sort(steps, [](Step a, Step b) { return a.first < b.first; });
  int64_t last = -1;
  std::vector<int64_t> keys = {0, std::min(box.first, extent - 1), extent - 1};
  for (const Step &step : steps) {
    ASSERT_GT(step.first, last) << "steps overlap";
    last = step.first + step.count - 1;
    ASSERT_LT(last, extent);
    if (!random.oneIn(1 + static_cast<int64_t>(steps.size()) / 100))
      continue;
    for (int64_t key : {step.first - 1, step.first, last, last + 1})
      if (key >= 0 && key < extent)
        keys.push_back(key);
  }
  for (int i = 0; i < 50; ++i)
    keys.push_back(pickCoordinate(extent));
  for (int64_t key : keys) {
    auto after = llvm::partition_point(
        steps, [&](Step step) { return step.first <= key; });
    const Step *step = after == steps.begin() ? nullptr : &*std::prev(after);
    bool isVisited = step && key < step->first + step->count;
    int64_t live = countLive(box, {key, key}, byKeys);
    EXPECT_TRUE(isVisited || live == 0) << "column " << key << " never comes";
    if (isVisited && step->isFull)
      EXPECT_EQ(live, box.last - box.first + 1) << "column " << key;
  }
}

TEST_P(HugeExtents, AreWhatFormulasSay) {
  for (int i = 0; i < 12; ++i) {
    given = makeHuge(GetParam(), random);
    SCOPED_TRACE(given.variant + " case " + std::to_string(i));
    auto imported = importVariant(GetParam(), given.scalars, i % 3 == 0);
    for (bool byKeys : {true, false}) {
      HostMask mask(imported->pool, imported->predicate,
                    imported->getVariable(byKeys ? "M" : "P"),
                    getPoints(*imported, Box::rows, byKeys));
      ASSERT_TRUE(setNumbers(mask, given));
      for (const char *rank : {"B", "H", "G"})
        if (imported->variables.count(rank))
          mask.setBox(imported->getVariable(rank), {1, 1});
      int64_t rows = given.shape.p, columns = given.shape.m;
      if (!byKeys)
        std::swap(rows, columns);
      mask.setExtent(columns);
      // Groups of equal residue are a run for each few queries: too many.
      bool isWalked =
          byKeys || !llvm::StringRef(GetParam()).starts_with("neighborhood");
      for (int n = 0; n < 20; ++n) {
        int64_t row = pickCoordinate(rows);
        Span box{row, std::min(row + 15, rows - 1)};
        mask.setBox(imported->getVariable(byKeys ? "P" : "M"), box);
        for (int k = 0; k < 10; ++k) {
          int64_t column =
              k % 2 ? pickCoordinate(columns)
                    : std::min(row + random.pick(-20, 20), columns - 1);
          column = std::max<int64_t>(column, 0);
          Span span{column, std::min(column + 15, columns - 1)};
          int64_t live = countLive(box, span, byKeys);
          int64_t all =
              (box.last - box.first + 1) * (span.last - span.first + 1);
          TileClass said = mask.classify(span);
          EXPECT_TRUE(said == TileClass::empty  ? live == 0
                      : said == TileClass::full ? live == all
                                                : true)
              << "rows from " << row << ", columns from " << column << ": "
              << live << " of " << all;
        }
        if (isWalked && n < 5)
          checkBox(mask, box, byKeys);
      }
    }
  }
}

// Counts and their sums, in closed form.
TEST(HugeCounts, AreInClosedForm) {
  auto imported = importVariant("sliding-window", {}, false);
  HostMask mask(imported->pool, imported->predicate,
                imported->getVariable("M"));
  Shape shape{1, 1, 1, kLargest, kLargest};
  for (int64_t window : {int64_t(0), int64_t(1), int64_t(4096), kLargest}) {
    MaskCase given;
    given.shape = shape;
    given.scalars = {{"window", window}};
    ASSERT_TRUE(setNumbers(mask, given));
    mask.setExtent(shape.m);
    for (int64_t row :
         {int64_t(0), int64_t(4095), kLargest / 2, kLargest - 1}) {
      mask.setBox(imported->getVariable("P"), {row, row});
      EXPECT_EQ(mask.countLive(), std::min(window, row + 1));
    }
    // All rows at once: all keys, if there is a window.
    mask.setBox(imported->getVariable("P"), {0, shape.p - 1});
    int64_t visited = 0;
    mask.forEachStep(int64_t(1) << 40,
                     [&](Step step) { visited += step.count; });
    EXPECT_TRUE(window == 0 || visited == shape.m) << visited;
  }
}

static std::vector<std::string> getHugeVariants() {
  std::vector<std::string> names = getMaskVariants();
  llvm::erase(names, "documents");
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, HugeExtents, testing::ValuesIn(getHugeVariants()),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

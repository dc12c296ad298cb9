//===- BlockCases.cpp - random neighborhoods, blocks and lists ------------===//

#include "MaskCase.h"

#include <set>

using namespace attn::test;

//===----------------------------------------------------------------------===//
// Neighborhoods
//===----------------------------------------------------------------------===//

Axis attn::test::makeAxis(Random &random, int64_t length) {
  int64_t dilation =
      random.oneIn(2)
          ? 1
          : random.pick(1, std::max<int64_t>(1, std::min<int64_t>(length, 4)));
  int64_t most = std::max<int64_t>(1, length / dilation);
  int64_t window = random.oneIn(4) ? most : random.pick(1, most);
  int64_t stride = random.oneIn(2) ? 1 : random.pick(1, window);
  return {length, window, stride, dilation, random.oneIn(3)};
}

static void addAxis(MaskCase &mask, const Axis &axis,
                    const std::string &suffix) {
  mask.scalars["window" + suffix] = axis.window;
  mask.scalars["stride" + suffix] = axis.stride;
  mask.scalars["dilation" + suffix] = axis.dilation;
  mask.scalars["causal" + suffix] = axis.causal;
}

void attn::test::makeLine(MaskCase &mask, Random &random) {
  Axis axis = makeAxis(random, mask.shape.p);
  int64_t extra = random.oneIn(2) ? 0 : random.pick(1, 9);
  mask.shape.m = axis.length + extra;
  mask.scalars["extra"] = extra;
  addAxis(mask, axis, "");
  auto isExtra = [=](const Point &at) { return at.m < extra; };
  auto isNear = [=](const Point &at) {
    return at.m >= extra && axis.sees(at.p, at.m - extra);
  };
  mask.sees = [=](const Point &at) { return isExtra(at) || isNear(at); };
  if (axis.dilation == 1)
    mask.setPieces({isExtra, isNear});
  mask.byQueries.needsStatic = true;
}

void attn::test::setImage(MaskCase &mask, const Axis &z, const Axis &y,
                          const Axis &x, int64_t extra) {
  bool isVideo = mask.variant == "neighborhood-3d";
  mask.shape.p = z.length * y.length * x.length;
  mask.shape.m = mask.shape.p + extra;
  mask.scalars = {{"extra", extra}, {"width", x.length}};
  addAxis(mask, y, "_y");
  addAxis(mask, x, "_x");
  if (isVideo) {
    mask.scalars["height"] = y.length;
    addAxis(mask, z, "_z");
  }
  mask.sees = [=](const Point &at) {
    int64_t j = at.m - extra;
    if (j < 0)
      return true;
    return isVideo ? seesVideo(z, y, x, at.p, j) : seesImage(y, x, at.p, j);
  };
}

void attn::test::makeImage(MaskCase &mask, Random &random) {
  bool isVideo = mask.variant == "neighborhood-3d";
  int64_t most = isVideo ? 6 : 14;
  Axis z = makeAxis(random, isVideo ? random.pick(1, 5) : 1);
  Axis y = makeAxis(random, random.pick(1, most));
  Axis x = makeAxis(random, random.pick(1, most));
  setImage(mask, z, y, x, random.oneIn(2) ? 0 : random.pick(1, 9));
}

void attn::test::makeDilated(MaskCase &mask, Random &random) {
  int64_t window = pickWindow(random, mask.shape.m);
  int64_t dilation = random.pickOf({1, 1, 2, 3, 5, 16, mask.shape.m + 1});
  mask.scalars = {{"window", window}, {"dilation", dilation}};
  mask.sees = [=](const Point &at) {
    return seesDilated(at.p, at.m, window, dilation);
  };
  if (dilation == 1)
    mask.setPieces({mask.sees});
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

void attn::test::setLocalVertical(MaskCase &mask, int64_t block,
                                  Random &random) {
  LocalVertical sparse{};
  sparse.block = block;
  sparse.local = random.pick(0, 4);
  sparse.vertical = random.pick(1, 8);
  sparse.step = random.pick(-2, 2);
  sparse.offset = random.pick(0, 9);
  sparse.dense = random.oneIn(2) ? 0 : random.pick(0, 2);
  mask.scalars = {{"block", sparse.block},       {"local", sparse.local},
                  {"vertical", sparse.vertical}, {"head_step", sparse.step},
                  {"offset", sparse.offset},     {"dense", sparse.dense}};
  mask.sees = [sparse, shape = mask.shape](const Point &at) {
    return sparse.sees(shape, at);
  };
}

void attn::test::makeLocalVertical(MaskCase &mask, Random &random) {
  setLocalVertical(mask, random.pickOf({1, 2, 3, 7, 8, 16, 16, 64}), random);
}

using Sets = std::vector<std::set<int64_t>>;

static Sets makeSets(Random &random, int64_t count, int64_t numBlocks,
                     int64_t most) {
  Sets sets(count);
  for (std::set<int64_t> &set : sets)
    for (int64_t n = random.pick(0, most); n > 0 && numBlocks > 0; --n)
      set.insert(random.pick(0, numBlocks - 1));
  return sets;
}

void attn::test::setBlockSparse(MaskCase &mask, int64_t rows, int64_t columns,
                                Random &random) {
  Shape shape = mask.shape;
  bool causal = random.oneIn(2);
  int64_t numRows = (shape.p + rows - 1) / rows;
  Sets sets =
      makeSets(random, shape.h * numRows, (shape.m + columns - 1) / columns, 5);
  // A row lists its set backwards, perhaps twice, with absent entries between.
  MaskTable indptr{{shape.h, numRows + 1}, {}, 0}, indices{{}, {}, -1};
  for (int64_t h = 0; h < shape.h; ++h) {
    for (int64_t row = 0; row < numRows; ++row) {
      indptr.values.push_back(static_cast<int64_t>(indices.values.size()));
      const std::set<int64_t> &set = sets[h * numRows + row];
      for (int64_t times = random.pick(1, 2); times > 0; --times) {
        indices.values.insert(indices.values.end(), set.rbegin(), set.rend());
        if (random.oneIn(2))
          indices.values.push_back(-1);
      }
    }
    indptr.values.push_back(static_cast<int64_t>(indices.values.size()));
  }
  indices.shape = {static_cast<int64_t>(indices.values.size())};
  mask.scalars = {
      {"block_rows", rows}, {"block_cols", columns}, {"causal", causal}};
  mask.tables = {{"indptr", indptr}, {"indices", indices}};
  mask.sees = [=](const Point &at) {
    return sets[at.h * numRows + at.p / rows].count(at.m / columns) != 0 &&
           (!causal || at.m <= shape.getPosition(at.p));
  };
  mask.setPieces({mask.sees});
  mask.byKeys.isTight = mask.byQueries.isTight = false;
  mask.blockRows = rows;
  mask.blockColumns = columns;
}

void attn::test::makeBlockSparse(MaskCase &mask, Random &random) {
  const std::vector<int64_t> sizes = {1, 2, 3, 16, 16, 64};
  int64_t rows = random.pickOf(sizes), columns = random.pickOf(sizes);
  setBlockSparse(mask, rows, columns, random);
}

void attn::test::setSelected(MaskCase &mask, int64_t rows, int64_t block,
                             Random &random) {
  Shape shape = mask.shape;
  int64_t sinks = pickWindow(random, shape.m);
  int64_t window = pickWindow(random, shape.m);
  int64_t numRows = (shape.p + rows - 1) / rows, numEntries = 6;
  Sets sets = makeSets(random, shape.b * shape.h * numRows,
                       (shape.m + block - 1) / block, numEntries - 1);
  MaskTable idx =
      makeTable({shape.b, shape.h, numRows, numEntries}, [] { return -1; }, -1);
  for (size_t list = 0; list < sets.size(); ++list) {
    int64_t at = static_cast<int64_t>(list) * numEntries;
    for (int64_t number : sets[list])
      idx.values[++at] = number;
    if (!sets[list].empty()) // The first entry stands there twice.
      idx.values[list * numEntries] = idx.values[at];
  }
  mask.scalars = {
      {"block", block}, {"rows", rows}, {"sinks", sinks}, {"window", window}};
  mask.tables = {{"idx", idx}};
  mask.sees = [=](const Point &at) {
    const auto &set = sets[(at.b * shape.h + at.h) * numRows + at.p / rows];
    return seesSelected(shape.getPosition(at.p), at.m, sinks, window,
                        set.count(at.m / block) != 0);
  };
}

void attn::test::makeSelected(MaskCase &mask, Random &random) {
  const std::vector<int64_t> sizes = {1, 2, 3, 16, 16, 64};
  int64_t rows = random.pickOf(sizes), columns = random.pickOf(sizes);
  setSelected(mask, rows, columns, random);
}

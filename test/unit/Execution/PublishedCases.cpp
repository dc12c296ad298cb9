//===- PublishedCases.cpp - what other projects test their masks with -----===//

#include "PublishedCases.h"

#include <algorithm>
#include <random>

using namespace attn;
using namespace attn::test;

Case attn::test::makeCase(std::string variant, int64_t heads, int64_t group,
                          int64_t queries, int64_t keys, int64_t width,
                          const std::map<std::string, int64_t> &scalars) {
  Case c;
  c.variant = std::move(variant);
  c.shape.heads = heads;
  c.shape.kvHeads = heads / group;
  c.shape.queryLength = queries;
  c.shape.keyLength = keys;
  c.shape.headDim = width;
  // Several steps, of which the mask leaves out some.
  c.tileKeys = 64;
  for (auto &[name, value] : scalars)
    c.scalars[name] = std::to_string(value);
  return c;
}

//===----------------------------------------------------------------------===//
// Neighborhoods
//===----------------------------------------------------------------------===//

namespace {
struct Canvas {
  int64_t heads, width;
  /// The outermost axis first.
  std::vector<int64_t> extents, windows, strides, dilations;
  bool isLong;
};
} // namespace

static const std::vector<Canvas> &getCanvases() {
  static const std::vector<Canvas> canvases = {
      {1, 32, {128}, {3}, {2}, {10}, false},
      {1, 64, {128}, {8}, {7}, {5}, false},
      {1, 32, {17}, {12}, {1}, {1}, false},
      {3, 32, {5, 25}, {5, 16}, {1, 16}, {1, 1}, false},
      {1, 128, {48, 17}, {24, 16}, {1, 1}, {2, 1}, true},
      {1, 128, {19, 29}, {8, 8}, {1, 1}, {2, 3}, false},
      {1, 32, {13, 11, 9}, {3, 4, 3}, {2, 3, 3}, {3, 2, 2}, false},
      {1, 64, {18, 37, 12}, {14, 16, 12}, {12, 8, 1}, {1, 2, 1}, true},
  };
  return canvases;
}

PublishedCases attn::test::getNeighborhoods(unsigned axes) {
  PublishedCases cases;
  for (const Canvas &canvas : getCanvases()) {
    if (canvas.extents.size() != axes)
      continue;
    int64_t points = 1;
    for (int64_t extent : canvas.extents)
      points *= extent;
    for (unsigned causal = 0; causal < 1u << axes; ++causal) {
      std::map<std::string, int64_t> scalars;
      for (unsigned axis = 0; axis < axes; ++axis) {
        // One axis has no suffix, others have those of the innermost axes.
        std::string suffix =
            axes == 1 ? "" : std::string("_") + "zyx"[axis + 3 - axes];
        scalars["window" + suffix] = canvas.windows[axis];
        scalars["stride" + suffix] = canvas.strides[axis];
        scalars["dilation" + suffix] = canvas.dilations[axis];
        scalars["causal" + suffix] = causal >> axis & 1;
      }
      if (axes >= 2)
        scalars["width"] = canvas.extents[axes - 1];
      if (axes == 3)
        scalars["height"] = canvas.extents[1];
      // Ordinary runs have one choice of causal axes of the larger canvases.
      bool isLong = canvas.isLong || (points > 500 && causal != 2);
      cases.push_back(
          {makeCase("neighborhood-" + std::to_string(axes) + "d", canvas.heads,
                    canvas.heads, points, points, canvas.width, scalars),
           isLong});
    }
  }
  return cases;
}

//===----------------------------------------------------------------------===//
// Local and vertical blocks
//===----------------------------------------------------------------------===//

PublishedCases attn::test::getLocalAndVertical() {
  PublishedCases cases;
  auto add = [&](int64_t heads, int64_t group, int64_t queries, int64_t keys,
                 int64_t width, int64_t block, int64_t local, int64_t vertical,
                 int64_t step, int64_t offset, bool isLong) {
    cases.push_back({makeCase("s2", heads, group, queries, keys, width,
                              {{"block", block},
                               {"local", local},
                               {"vertical", vertical},
                               {"head_step", step},
                               {"offset", offset}}),
                     isLong});
  };
  for (int64_t block : {16, 32, 64})
    for (auto [local, vertical] : {std::pair{10, 3}, std::pair{1, 8},
                                   std::pair{8, 1}, std::pair{4, 4}}) {
      int64_t step = std::max(1, vertical / 2);
      add(2, 1, 15, 15, 128, block, local, vertical, step, 0, block != 16);
      add(2, 1, 1, 64 * 50 + 13, 128, block, local, vertical, step, 0,
          block != 64);
      add(2, 1, 1028, 1028, 128, block, local, vertical, step, 0, true);
      // Both ways.
      for (int64_t keys : {200, 1028})
        cases.push_back({makeCase("s2-bidirectional", 1, 1, keys, keys, 64,
                                  {{"block", block},
                                   {"before", local},
                                   {"after", local},
                                   {"vertical", vertical}}),
                         keys > 200 || block != 16});
    }
  add(1, 1, 1028, 1028, 64, 64, 4, 4, 1, 0, false);
  add(1, 1, 5175, 5175, 128, 64, 4, 4, 1, 0, true);
  add(1, 1, 8192, 8192, 128, 64, 1, 8, 1, 0, true);
  for (int64_t width : {48, 96, 160, 192, 256})
    add(1, 1, 300, 300, width, 16, 4, 4, 1, 0, width > 96);
  // vLLM: queries that follow a cache, and short blocks for a whole prompt.
  for (int64_t step : {2, -1}) {
    add(40, 4, 8, 1600, 64, 64, 16, 8, step, 1, false);
    add(40, 4, 400, 400, 64, 16, 16, 8, step, 1, true);
  }
  return cases;
}

//===----------------------------------------------------------------------===//
// Kinds of heads
//===----------------------------------------------------------------------===//

/// `c` with the blocks that `isListed(head, row, column)` holds for.
static Case
withBlocks(Case c, int64_t blockRows, int64_t blockCols,
           const std::function<bool(int64_t, int64_t, int64_t)> &isListed) {
  int64_t rows = (*c.shape.queryLength + blockRows - 1) / blockRows;
  int64_t columns = (*c.shape.keyLength + blockCols - 1) / blockCols;
  std::vector<int32_t> indptr, indices;
  for (int64_t head = 0; head < *c.shape.kvHeads; ++head) {
    for (int64_t row = 0; row < rows; ++row) {
      indptr.push_back(static_cast<int32_t>(indices.size()));
      for (int64_t column = 0; column < columns; ++column)
        if (isListed(head, row, column))
          indices.push_back(static_cast<int32_t>(column));
    }
    indptr.push_back(static_cast<int32_t>(indices.size()));
  }
  c.scalars["block_rows"] = std::to_string(blockRows);
  c.scalars["block_cols"] = std::to_string(blockCols);
  c.arrays["indptr"] = makeTable({*c.shape.kvHeads, rows + 1}, indptr);
  c.arrays["indices"] =
      makeTable({static_cast<int64_t>(indices.size())}, indices);
  return c;
}

PublishedCases attn::test::getKindsOfHeads() {
  PublishedCases cases;
  std::mt19937_64 random(1);
  const std::pair<int64_t, int64_t> lengths[] = {
      {113, 203}, {108, 256}, {512, 256}, {1023, 1024}, {2048, 2048}};
  for (const auto &pair : lengths) {
    int64_t queries = pair.first, keys = pair.second;
    bool isLong = queries > 1000;
    int64_t width = isLong ? 64 : 128;
    // A third of the heads is dense.
    Case duo = makeCase("duo", 3, 1, queries, keys, width,
                        {{"sinks", 64}, {"recent", 100}});
    duo.arrays["retrieval"] = makeTable({3, 1}, {1, 0, 0});
    cases.push_back({duo, isLong});
    cases.push_back({makeCase("streaming", 2, 2, queries, keys, width,
                              {{"sinks", 64}, {"window", 100}}),
                     isLong});
    // Heads of these sparsities, and one of a sink and the last two blocks.
    const double sparsities[] = {0, 0.1, 0.3, 0.7, 1};
    auto isListed = [&](int64_t head, int64_t row, int64_t column) {
      int64_t last = row + std::max<int64_t>(keys - queries, 0) / 128;
      if (head == 5)
        return column == 0 || (column > last - 2 && column <= last);
      return std::bernoulli_distribution(1 - sparsities[head])(random);
    };
    cases.push_back({withBlocks(makeCase("block-sparse", 6, 1, queries, keys,
                                         width, {{"causal", 1}}),
                                128, 128, isListed),
                     isLong});
  }
  return cases;
}

//===----------------------------------------------------------------------===//
// Pairs of lengths
//===----------------------------------------------------------------------===//

PublishedCases attn::test::getPairsOfLengths() {
  PublishedCases cases;
  const std::pair<int64_t, int64_t> lengths[] = {
      {1, 1}, {239, 1}, {799, 3}, {4224, 4224}};
  for (const auto &pair : lengths) {
    int64_t queries = pair.first, keys = pair.second;
    bool isLong = queries > 1000;
    int64_t heads = isLong ? 1 : 4, width = isLong ? 64 : 128;
    auto add = [&](const char *variant,
                   const std::map<std::string, int64_t> &scalars) {
      cases.push_back({makeCase(variant, heads, isLong ? 1 : 2, queries, keys,
                                width, scalars),
                       isLong});
    };
    add("causal-bottom-right", {});
    add("causal-top-left", {});
    add("sliding-window", {{"window", 128}});
    add("prefix-lm", {{"prefix", 100}});
    add("dilated-window", {{"window", 256}, {"dilation", 4}});
    // Documents of uneven lengths, one of them empty.
    add("documents", {});
    int64_t tokens = std::max(queries, keys);
    std::vector<int32_t> first = {0};
    for (int64_t part : {7, 7, 20, 45, 46, 100})
      first.push_back(static_cast<int32_t>(tokens * part / 100));
    std::vector<int32_t> doc;
    for (int64_t p = 0; p < queries; ++p)
      doc.push_back(static_cast<int32_t>(
          std::upper_bound(first.begin(), first.end(), p) - first.begin() - 1));
    cases.back().c.arrays["doc"] = makeTable({queries}, doc);
    cases.back().c.arrays["first"] =
        makeTable({static_cast<int64_t>(first.size())}, first);
  }
  return cases;
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

PublishedCases attn::test::getBlockRows() {
  PublishedCases cases;
  std::mt19937_64 random(2);
  for (int64_t rows : {1, 4, 16})
    for (int64_t cols : {1, 4, 16})
      for (int64_t queries : {64, 128, 256})
        for (int64_t keys : {64, 128, 256}) {
          bool isOrdinary = (queries == 256 && keys == 64) ||
                            (queries == 64 && keys == 256 && rows == cols);
          cases.push_back({withBlocks(makeCase("block-sparse", 4, 2, queries,
                                               keys, 128, {}),
                                      rows, cols,
                                      [&](int64_t, int64_t, int64_t) {
                                        return random() % 4 == 0;
                                      }),
                           !isOrdinary});
        }
  return cases;
}

PublishedCases attn::test::getSelections() {
  PublishedCases cases;
  std::mt19937_64 random(3);
  // Lists of `entries` blocks: drawn, repeated, absent, and in `own` lists the
  // row's own block.
  auto add = [&](int64_t batch, int64_t heads, int64_t group, int64_t keys,
                 int64_t block, int64_t rows, int64_t entries, bool own,
                 int64_t sinks, int64_t window, bool isLong) {
    Case c = makeCase("selected-blocks", heads, group, keys, keys, 64,
                      {{"block", block},
                       {"rows", rows},
                       {"sinks", sinks},
                       {"window", window}});
    c.shape.batch = batch;
    int64_t numRows = (keys + rows - 1) / rows;
    std::vector<int32_t> idx;
    for (int64_t list = 0; list < batch * (heads / group) * numRows; ++list)
      for (int64_t entry = 0; entry < entries; ++entry) {
        int64_t at = list % numRows * rows / block;
        unsigned kind = random() % 8;
        if (entry == 0 && own)
          idx.push_back(static_cast<int32_t>(at));
        else if (kind == 0)
          idx.push_back(-1);
        else if (kind == 1 && entry > 0)
          idx.push_back(idx.back());
        else
          idx.push_back(static_cast<int32_t>(random() % (at + 1)));
      }
    c.arrays["idx"] = makeTable({batch, heads / group, numRows, entries}, idx);
    cases.push_back({c, isLong});
  };
  // NSA: a list a query and key head, small blocks.
  add(2, 8, 4, 200, 16, 1, 8, true, 0, 0, false);
  add(1, 16, 16, 1024, 64, 1, 16, true, 0, 0, true);
  // MoBA: large chunks, few of them.
  add(1, 2, 1, 512, 128, 1, 2, true, 0, 0, false);
  for (auto [chunk, entries] :
       {std::pair{128, 3}, std::pair{256, 4}, std::pair{1024, 2}})
    add(1, 2, 1, 2048, chunk, 1, entries, true, 0, 0, true);
  // HiP: blocks of 8 for 64 queries, sinks and a window.
  add(1, 2, 1, 300, 8, 64, 6, false, 16, 40, false);
  add(1, 2, 2, 2048, 8, 64, 32, false, 256, 512, true);
  // Lists alone: rows may see nothing.
  add(2, 2, 1, 150, 16, 32, 3, false, 0, 0, false);
  return cases;
}

//===- TileListsTest.cpp - tile lists against every pair of a mask --------===//

#include "attn/Runtime/TileLists.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace attn;

namespace {
constexpr unsigned seed = 1;

class TileListsTest : public testing::Test {
protected:
  TileListsTest() : trace(__FILE__, __LINE__, "seed " + std::to_string(seed)) {}

  int64_t draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }

  /// Blocks and tiles of which one may divide the other, or neither.
  BlockTiling drawTiling() {
    BlockTiling tiling;
    tiling.heads = draw(1, 3);
    tiling.queries = draw(0, 40);
    tiling.keys = draw(0, 40);
    for (int64_t *size : {&tiling.blockQueries, &tiling.blockKeys,
                          &tiling.tileQueries, &tiling.tileKeys})
      *size = draw(0, 1) ? int64_t(1) << draw(0, 4) : draw(1, 12);
    return tiling;
  }

  std::mt19937 random{seed};
  testing::ScopedTrace trace;
};

/// Class of each live tile, by row and tile.
using Classes = std::map<std::pair<int64_t, int64_t>, TileClass>;

Classes getClasses(const TileLists &lists) {
  Classes classes;
  for (int64_t row = 0; row < lists.countRows(); ++row)
    for (int64_t i = lists.offsets[row]; i < lists.offsets[row + 1]; ++i)
      classes[{row, lists.tiles[i]}] =
          i < lists.fullFrom[row] ? TileClass::partial : TileClass::full;
  return classes;
}

/// The present blocks, as (head * blockRows + row, column).
using Blocks = std::set<std::pair<int64_t, int64_t>>;

/// Counts the pairs that each tile allows.
Classes countPairs(const BlockTiling &t, const Blocks &blocks) {
  Classes classes;
  for (int64_t row = 0; row < t.heads * t.countQueryTiles(); ++row)
    for (int64_t tile = 0; tile < t.countKeyTiles(); ++tile) {
      int64_t head = row / t.countQueryTiles(), pairs = 0, allowed = 0;
      int64_t query = row % t.countQueryTiles() * t.tileQueries;
      for (int64_t q = query; q < query + t.tileQueries && q < t.queries; ++q)
        for (int64_t k = tile * t.tileKeys;
             k < (tile + 1) * t.tileKeys && k < t.keys; ++k, ++pairs)
          allowed +=
              blocks.count({head * t.countBlockRows() + q / t.blockQueries,
                            k / t.blockKeys});
      if (allowed)
        classes[{row, tile}] =
            allowed == pairs ? TileClass::full : TileClass::partial;
    }
  return classes;
}

void expectClasses(const Result<TileLists> &lists, int64_t rows,
                   const Classes &classes) {
  ASSERT_TRUE(lists.isOk()) << lists.getStatus().message();
  EXPECT_TRUE(lists->verify().isOk()) << lists->verify().message();
  EXPECT_EQ(lists->countRows(), rows);
  EXPECT_EQ(lists->tiles.size(), classes.size());
  EXPECT_EQ(getClasses(*lists), classes);
}

TEST_F(TileListsTest, BlocksInEveryFormGiveTheClassesOfTheirPairs) {
  int64_t numFull = 0, numPartial = 0;
  for (int i = 0; i < 2000; ++i) {
    BlockTiling t = drawTiling();
    int64_t columns = t.countBlockColumns();
    int64_t selected = draw(0, columns + 2), chance = draw(0, 10);
    std::vector<int32_t> indptr{0}, indices, topK;
    std::vector<uint8_t> bitmap;
    Blocks blocks, selection;
    for (int64_t row = 0; row < t.heads * t.countBlockRows(); ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        bool isPresent = draw(0, 9) < chance;
        bitmap.push_back(isPresent ? draw(1, 255) : 0);
        if (isPresent)
          blocks.insert({row, column});
        // Absent entries and repeated ones lie among the others.
        for (int64_t copies = isPresent ? draw(1, 3) : 0; copies; --copies)
          indices.push_back(column);
        if (draw(0, 4) == 0)
          indices.push_back(-draw(1, 9));
      }
      std::shuffle(indices.begin() + indptr.back(), indices.end(), random);
      indptr.push_back(indices.size());
      for (int64_t j = 0; j < selected; ++j) {
        topK.push_back(draw(-1, columns - 1));
        if (topK.back() >= 0)
          selection.insert({row, topK.back()});
      }
    }
    int64_t rows = t.heads * t.countQueryTiles();
    Classes expected = countPairs(t, blocks);
    expectClasses(TileLists::fromBsr(t, indptr, indices), rows, expected);
    expectClasses(TileLists::fromBitmap(t, bitmap), rows, expected);
    expectClasses(TileLists::fromTopK(t, selected, topK), rows,
                  countPairs(t, selection));
    for (auto [tile, tileClass] : expected)
      ++(tileClass == TileClass::full ? numFull : numPartial);
  }
  EXPECT_GT(numFull, 1000);
  EXPECT_GT(numPartial, 1000);
}

TEST_F(TileListsTest, PredicatesAreAskedOnceForEachCandidate) {
  for (int i = 0; i < 500; ++i) {
    int64_t rows = draw(0, 8), tiles = draw(0, 20);
    std::vector<TileRange> ranges;
    Classes all, expected, asked;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t tile = 0; tile < tiles; ++tile)
        all[{row, tile}] = TileClass(draw(0, 2));
    for (int64_t n = rows ? draw(0, 12) : 0; n; --n) {
      int64_t first = draw(0, tiles);
      ranges.push_back({draw(0, rows - 1), first, draw(first, tiles)});
      for (int64_t tile = first; tile < ranges.back().last; ++tile) {
        std::pair key(ranges.back().row, tile);
        if (all[key] != TileClass::empty)
          expected[key] = all[key];
      }
    }
    auto classify = [&](int64_t row, int64_t tile) {
      EXPECT_TRUE(asked.insert({{row, tile}, TileClass::full}).second);
      return all.at({row, tile});
    };
    expectClasses(TileLists::fromPredicate(rows, tiles, ranges, classify), rows,
                  expected);
    std::set<std::pair<int64_t, int64_t>> candidates;
    for (const TileRange &range : ranges)
      for (int64_t tile = range.first; tile < range.last; ++tile)
        candidates.insert({range.row, tile});
    EXPECT_EQ(asked.size(), candidates.size());
  }
}

/// Lists of random classes, and those classes.
Result<TileLists> makeLists(int64_t rows, int64_t tiles, std::mt19937 &random) {
  std::vector<TileRange> ranges;
  for (int64_t row = 0; row < rows; ++row)
    ranges.push_back({row, 0, tiles});
  return TileLists::fromPredicate(rows, tiles, ranges, [&](int64_t, int64_t) {
    return TileClass(random() % 3);
  });
}

TEST_F(TileListsTest, AnotherMaskKeepsTheLesserClass) {
  for (int i = 0; i < 500; ++i) {
    int64_t rows = draw(0, 8), tiles = draw(0, 20);
    Result<TileLists> lists = makeLists(rows, tiles, random);
    ASSERT_TRUE(lists.isOk());
    std::vector<uint8_t> other(rows * tiles);
    for (uint8_t &tileClass : other)
      tileClass = draw(0, 2);
    Classes expected, before = getClasses(*lists);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        TileClass one =
            before.count({row, tile}) ? before[{row, tile}] : TileClass::empty;
        EXPECT_EQ(lists->getClass(row, tile), one);
        TileClass both = std::min(one, TileClass(other[row * tiles + tile]));
        if (both != TileClass::empty)
          expected[{row, tile}] = both;
      }
    auto classify = [&](int64_t row, int64_t tile) {
      EXPECT_TRUE(before.count({row, tile})) << "an empty tile was asked for";
      return TileClass(other[row * tiles + tile]);
    };
    expectClasses(andClasses(*lists, classify), rows, expected);
  }
}

TEST_F(TileListsTest, TransposedTwiceIsTheSame) {
  for (int i = 0; i < 500; ++i) {
    int64_t heads = draw(1, 4), rows = draw(0, 8), tiles = draw(0, 20);
    Result<TileLists> lists = makeLists(heads * rows, tiles, random);
    ASSERT_TRUE(lists.isOk());
    Classes expected;
    for (auto [key, tileClass] : getClasses(*lists))
      expected[{key.first / rows * tiles + key.second, key.first % rows}] =
          tileClass;
    Result<TileLists> byKey = transpose(*lists, tiles, heads);
    expectClasses(byKey, heads * tiles, expected);
    Result<TileLists> again = transpose(*byKey, rows, heads);
    ASSERT_TRUE(again.isOk());
    EXPECT_EQ(again->offsets, lists->offsets);
    EXPECT_EQ(again->fullFrom, lists->fullFrom);
    EXPECT_EQ(again->tiles, lists->tiles);
  }
}

TEST_F(TileListsTest, LongSequencesNeedNoMemoryOfAllTiles) {
  // 2^20 rows of 2^30 key tiles each: all of them would be 2^50.
  int64_t rows = int64_t(1) << 20, tiles = int64_t(1) << 30;
  std::vector<TileRange> ranges;
  for (int64_t row = 0; row < rows; ++row)
    ranges.push_back({row, row * 1000, row * 1000 + 2});
  Result<TileLists> lists =
      TileLists::fromPredicate(rows, tiles, ranges, [](int64_t, int64_t tile) {
        return tile % 2 ? TileClass::full : TileClass::partial;
      });
  ASSERT_TRUE(lists.isOk());
  EXPECT_EQ(lists->tiles.size(), size_t(2 * rows));
  EXPECT_EQ(lists->getClass(rows - 1, (rows - 1) * 1000), TileClass::partial);
  EXPECT_EQ(lists->getClass(rows, 0), TileClass::empty);
}
} // namespace

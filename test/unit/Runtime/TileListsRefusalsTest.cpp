//===- TileListsRefusalsTest.cpp - bad input of tile lists is a Status ----===//

#include "attn/Runtime/TileLists.h"

#include <gtest/gtest.h>

using namespace attn;

namespace {
using Indices = std::vector<int32_t>;
constexpr int64_t huge = std::numeric_limits<int64_t>::max();

/// 2 heads of 2 x 3 blocks, the tiles of which are the blocks.
BlockTiling makeTiling() {
  BlockTiling tiling;
  tiling.heads = 2;
  tiling.queries = 8;
  tiling.keys = 12;
  tiling.blockQueries = tiling.tileQueries = 4;
  tiling.blockKeys = tiling.tileKeys = 4;
  return tiling;
}

void expectRefused(const Status &status, const std::string &part) {
  EXPECT_EQ(status.getCode(), StatusCode::invalidArgument);
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  EXPECT_FALSE(status.getAlternative().empty());
}

void expectRefused(const Result<TileLists> &lists, const std::string &part) {
  ASSERT_FALSE(lists.isOk());
  expectRefused(lists.getStatus(), part);
}

TEST(TileListsRefusals, Tilings) {
  BlockTiling tiling = makeTiling();
  EXPECT_TRUE(tiling.verify().isOk());
  for (int64_t *size :
       {&tiling.heads, &tiling.blockQueries, &tiling.blockKeys,
        &tiling.tileQueries, &tiling.tileKeys, &tiling.queries, &tiling.keys}) {
    int64_t was = *size;
    *size = -1;
    expectRefused(tiling.verify(), "got");
    *size = was;
  }
  tiling.queries = huge;
  expectRefused(tiling.verify(), "2^31 - 1 tiles or blocks");
  tiling.tileQueries = tiling.blockQueries = huge;
  EXPECT_TRUE(tiling.verify().isOk());
  tiling.heads = huge;
  expectRefused(TileLists::fromBitmap(tiling, {}), "2^31 - 1 tiles or blocks");
}

TEST(TileListsRefusals, ExtentsAtTheLimitDoNotOverflow) {
  BlockTiling tiling;
  tiling.queries = tiling.keys = huge;
  tiling.blockQueries = tiling.blockKeys = int64_t(1) << 62;
  tiling.tileQueries = tiling.tileKeys = huge - 1;
  // Four blocks; tile 0 touches them all, tile 1 the last one.
  Result<TileLists> lists =
      TileLists::fromBitmap(tiling, std::vector<uint8_t>{0, 0, 0, 1});
  ASSERT_TRUE(lists.isOk());
  EXPECT_EQ(lists->getClass(0, 0), TileClass::partial);
  EXPECT_EQ(lists->getClass(1, 1), TileClass::full);
}

TEST(TileListsRefusals, Blocks) {
  BlockTiling t = makeTiling();
  EXPECT_TRUE(
      TileLists::fromBsr(t, Indices{0, 0, 1, 1, 2}, Indices{2, -1}).isOk());
  expectRefused(TileLists::fromBsr(t, Indices{0, 0, 1, 1, 2}, Indices{0, 3}),
                "below 3, but got 3 in block row 1 of head 1");
  expectRefused(TileLists::fromBsr(t, Indices{}, Indices{}), "got none");
  expectRefused(TileLists::fromBsr(t, Indices{0, 1}, Indices{0}),
                "4 block rows, but got 1");
  for (const Indices &indptr : {Indices{0, 2, 1, 2, 2}, Indices{0, 0, 0, 0, 3},
                                Indices{-1, 0, 0, 0, 0}})
    expectRefused(TileLists::fromBsr(t, indptr, Indices{0, 1}), "ascend");
  expectRefused(TileLists::fromBsr(t, {nullptr, 5}, Indices{}), "null");
  expectRefused(TileLists::fromBitmap(t, std::vector<uint8_t>(11)),
                "3 for each of 4 block rows, but got 11");
  expectRefused(TileLists::fromBitmap(t, {nullptr, 12}), "null");
  expectRefused(TileLists::fromTopK(t, 2, Indices(7)), "got 7");
  expectRefused(TileLists::fromTopK(t, -2, Indices(8)), "got -2");
  expectRefused(TileLists::fromTopK(t, huge, Indices(8)), "got 8");
  expectRefused(TileLists::fromTopK(t, 2, Indices(8, 3)), "below 3");
}

TEST(TileListsRefusals, Predicates) {
  auto all = [](int64_t, int64_t) { return TileClass::full; };
  using Ranges = std::vector<TileRange>;
  for (const TileRange &range :
       {TileRange{2, 0, 1}, TileRange{-1, 0, 1}, TileRange{0, -1, 1},
        TileRange{0, 2, 1}, TileRange{0, 0, 4}, TileRange{0, huge, huge}})
    expectRefused(TileLists::fromPredicate(2, 3, Ranges{range}, all),
                  "expects ranges in 2 rows and 3 tiles");
  expectRefused(TileLists::fromPredicate(-1, 3, Ranges{}, all), "got -1 and 3");
  expectRefused(TileLists::fromPredicate(2, huge, Ranges{}, all), "2^31 - 1");
  expectRefused(TileLists::fromPredicate(2, 3, Ranges{}, nullptr), "got none");
  auto wrong = [](int64_t, int64_t) { return TileClass(7); };
  expectRefused(TileLists::fromPredicate(2, 3, Ranges{{1, 2, 3}}, wrong),
                "got 7 for tile 2 of row 1");
}

TEST(TileListsRefusals, Lists) {
  auto all = [](int64_t, int64_t) { return TileClass::full; };
  TileLists good;
  good.offsets = {0, 3, 3};
  good.fullFrom = {1, 3};
  good.tiles = {4, 2, 6};
  EXPECT_TRUE(good.verify().isOk()) << good.verify().message();
  expectRefused(andClasses(good, nullptr), "got none");
  expectRefused(transpose(good, 6), "below 6, but got 6");
  expectRefused(transpose(good, 7, 3), "3 heads and 2 rows");
  expectRefused(transpose(good, 7, 0), "0 heads");
  expectRefused(transpose(good, huge, 2), "2^31 - 1");
  auto expectBad = [&](auto change, const std::string &part) {
    TileLists lists = good;
    change(lists);
    expectRefused(lists.verify(), part);
    expectRefused(andClasses(lists, all), part);
    expectRefused(transpose(lists, 7), part);
  };
  expectBad([](TileLists &l) { l.offsets.clear(); }, "one offset more");
  expectBad([](TileLists &l) { l.offsets[0] = 1; }, "from 0 to 3");
  expectBad([](TileLists &l) { l.offsets[2] = 2; }, "from 0 to 3");
  expectBad([](TileLists &l) { l.offsets[1] = 9; }, "ascend");
  expectBad([](TileLists &l) { l.fullFrom[0] = -1; }, "ascend");
  expectBad([](TileLists &l) { l.fullFrom[1] = 2; }, "ascend");
  expectBad([](TileLists &l) { l.tiles[0] = -1; }, "ascend");
  expectBad([](TileLists &l) { l.tiles[1] = 6; }, "ascend");
  expectBad([](TileLists &l) { l.tiles[0] = 6; }, "two for tile 6 of row 0");
}
} // namespace

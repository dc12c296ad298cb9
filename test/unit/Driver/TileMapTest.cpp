//===- TileMapTest.cpp - pictures of masks and of work plans --------------===//

#include "attn/Driver/TileMap.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>
#include <random>

using namespace attn;
using llvm::StringRef;

namespace {
constexpr unsigned seed = 1;

TileMap makeCausal(int64_t tiles) {
  return {"causal", tiles, tiles, [](int64_t row, int64_t key) {
            return key < row    ? TileClass::full
                   : key == row ? TileClass::partial
                                : TileClass::empty;
          }};
}

std::string toText(const TileMap &map) {
  std::string text;
  llvm::raw_string_ostream os(text);
  EXPECT_TRUE(printText(map, os).isOk());
  return text;
}

std::string toSvg(const TileMap &map) {
  std::string text;
  llvm::raw_string_ostream os(text);
  EXPECT_TRUE(printSvg(map, os).isOk());
  return text;
}

std::string toSvg(const WorkPlan &plan, StringRef title) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printSvg(plan, title, os);
  return text;
}

/// What is wrong with the XML: tags that do not match, attributes without
/// quotes, `<` or `&` in text. Enough for what has neither comments nor CDATA.
std::string findXmlError(StringRef xml) {
  std::vector<StringRef> open;
  bool hasRoot = false;
  for (size_t begin; (begin = xml.find('<')) != StringRef::npos;) {
    StringRef text = xml.take_front(begin);
    if (open.empty() && !text.trim().empty())
      return "text outside of the root";
    for (size_t i = text.find('&'); i != StringRef::npos;
         i = text.find('&', i + 1))
      if (StringRef rest = text.drop_front(i); !rest.starts_with("&amp;") &&
                                               !rest.starts_with("&lt;") &&
                                               !rest.starts_with("&gt;"))
        return "an ampersand in text";
    size_t end = xml.find('>', begin);
    if (end == StringRef::npos)
      return "a tag without end";
    StringRef tag = xml.slice(begin + 1, end);
    xml = xml.drop_front(end + 1);
    if (tag.consume_front("/")) {
      if (open.empty() || open.back() != tag)
        return "no tag to close: " + tag.str();
      open.pop_back();
      continue;
    }
    if (open.empty() && std::exchange(hasRoot, true))
      return "two roots";
    bool isClosed = tag.consume_back("/");
    auto [name, attributes] = tag.split(' ');
    while (!attributes.empty()) {
      auto [key, rest] = attributes.split("=\"");
      auto [value, next] = rest.split('"');
      if (key.empty() ||
          !llvm::all_of(key,
                        [](char c) { return llvm::isAlnum(c) || c == '-'; }) ||
          value.find_first_of("<&") != StringRef::npos)
        return "a bad attribute: " + attributes.str();
      attributes = next.ltrim(' ');
    }
    if (!isClosed)
      open.push_back(name);
  }
  return !hasRoot || !open.empty() || !xml.trim().empty() ? "no end" : "";
}

void expectSvg(const std::string &svg) {
  EXPECT_EQ(findXmlError(svg), "");
  EXPECT_LT(svg.size(), 1000u * 1000);
  for (const char *part : {"<svg xmlns=\"http://www.w3.org/2000/svg\" width=",
                           " height=", " viewBox=\"0 0 ", "<title>"})
    EXPECT_NE(svg.find(part), std::string::npos) << part;
}

TEST(TileMap, TextOfASmallMap) {
  EXPECT_EQ(toText(makeCausal(5)), "causal\n"
                                   "5 rows x 5 key tiles\n"
                                   "  0\n"
                                   "0 +....\n"
                                   "1 #+...\n"
                                   "2 ##+..\n"
                                   "3 ###+.\n"
                                   "4 ####+\n"
                                   ". empty  + partial  # full\n");
  TileMap map = makeCausal(0);
  map.title = "a\x1b[2J\nb";
  EXPECT_EQ(toText(map), "a?[2J?b\n"
                         "0 rows x 0 key tiles\n"
                         ". empty  + partial  # full\n");
}

TEST(TileMap, TextOfALargeMapHasItsNumbers) {
  TileMap map = makeCausal(2);
  map.rows = 128;
  map.keys = 256 * 4;
  std::string text = toText(map);
  EXPECT_NE(text.find("128 rows x 1024 key tiles, 2 x 8 a character\n"
                      "    0               128             256"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n126 ###############+...."), std::string::npos) << text;
}

// A cell is live iff one of its tiles is, and of one class iff all are.
TEST(TileMap, CellsHideNothing) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 60; ++i) {
    int64_t rows = random() % 300, keys = random() % 600;
    std::vector<TileClass> tiles(rows * keys);
    // Rare exceptions in a uniform map: what averages would lose.
    std::fill(tiles.begin(), tiles.end(), TileClass(random() % 3));
    for (int n = random() % 100; n && !tiles.empty(); --n)
      tiles[random() % tiles.size()] = TileClass(random() % 3);
    Result<CellMap> cells = reduce({"", rows, keys, [&](int64_t r, int64_t k) {
                                      return tiles[r * keys + k];
                                    }});
    ASSERT_TRUE(cells.isOk());
    EXPECT_LE(cells->rows, 64);
    EXPECT_LE(cells->keys, 128);
    std::vector<std::array<bool, 3>> seen(cells->rows * cells->keys);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t key = 0; key < keys; ++key)
        seen[row / cells->rowsPerCell * cells->keys + key / cells->keysPerCell]
            [size_t(tiles[row * keys + key])] = true;
    for (size_t cell = 0; cell < seen.size(); ++cell) {
      auto [isEmpty, isPartial, isFull] = seen[cell];
      EXPECT_EQ(cells->cells[cell], isPartial || (isEmpty && isFull)
                                        ? TileClass::partial
                                    : isFull ? TileClass::full
                                             : TileClass::empty);
    }
  }
}

TEST(TileMap, RefusesBadMapsAndPrintsNothing) {
  TileMap noFunction{"", 1, 1, nullptr}, negative = makeCausal(-1),
                                         huge = makeCausal(int64_t(1) << 40);
  TileMap wrong{"", 2, 2,
                [](int64_t, int64_t key) { return TileClass(key * 9); }};
  for (const TileMap *map : {&noFunction, &negative, &huge, &wrong}) {
    std::string text;
    llvm::raw_string_ostream os(text);
    EXPECT_EQ(printText(*map, os).getCode(), StatusCode::invalidArgument);
    EXPECT_EQ(printSvg(*map, os).getCode(), StatusCode::invalidArgument);
    EXPECT_EQ(text, "");
  }
}

// Runs give the cells that asking for every tile gives.
TEST(TileMap, RunsMakeTheSameCells) {
  std::mt19937 random(seed);
  for (TileMap map : {makeCausal(1), makeCausal(65), makeCausal(200)}) {
    map.keys *= 3;
    std::vector<TileClass> classes(map.rows * map.keys);
    for (size_t i = 0; i < classes.size(); ++i)
      classes[i] =
          i > 0 && random() % 16 ? classes[i - 1] : TileClass(random() % 3);
    map.classAt = [&](int64_t row, int64_t key) {
      return classes[row * map.keys + key];
    };
    CellMapBuilder builder(map.rows, map.keys);
    for (int64_t row = 0; row < map.rows; ++row)
      for (int64_t key = 0, end; key < map.keys; key = end) {
        TileClass tileClass = map.classAt(row, key);
        for (end = key + 1; end < map.keys; ++end)
          if (map.classAt(row, end) != tileClass)
            break;
        builder.add(row, key, end, tileClass);
      }
    Result<CellMap> expected = reduce(map);
    ASSERT_TRUE(expected.isOk());
    CellMap cells = builder.getCells();
    EXPECT_EQ(cells.cells, expected->cells);
    EXPECT_EQ(cells.rowsPerCell, expected->rowsPerCell);
    EXPECT_EQ(cells.keysPerCell, expected->keysPerCell);
  }
  EXPECT_TRUE(CellMapBuilder(0, 7).getCells().cells.empty());
}

TEST(TileMap, SvgHasOneRectangleForEachRun) {
  TileMap map = makeCausal(5);
  map.title = "a<b> & \"c\" \xff\x01\xef\xbf\xbf \xc3\xa9";
  std::string svg = toSvg(map);
  expectSvg(svg);
  EXPECT_NE(svg.find("<title>a&lt;b&gt; &amp; \"c\" \xef\xbf\xbd?? \xc3\xa9<"),
            std::string::npos);
  // Two backgrounds, three of the legend, five partial runs and four full ones.
  EXPECT_EQ(StringRef(svg).count("<rect"), 2u + 3 + 5 + 4);
  expectSvg(toSvg(makeCausal(0)));
}

TEST(TileMap, SvgOfAnyMapIsSmall) {
  // No two neighbouring cells are equal.
  expectSvg(toSvg({"worst", 64, 128, [](int64_t row, int64_t key) {
                     return TileClass(1 + (row + key) % 2);
                   }}));
  expectSvg(toSvg(makeCausal(1000)));
}

TEST(Schedule, SvgShowsItemsInOrder) {
  std::vector<int32_t> groups{4, 2};
  Result<WorkPlan> plan =
      WorkPlan::create(groups, 2, 2, [](int64_t head, int64_t tile) {
        return head == 0 ? 2 : 1 + tile;
      });
  ASSERT_TRUE(plan.isOk());
  std::string svg = toSvg(*plan, "plan <1>");
  expectSvg(svg);
  // The background, four items, and a legend of two groups and of several.
  EXPECT_EQ(StringRef(svg).count("<rect"), 1u + 4 + 3);
  EXPECT_EQ(StringRef(svg).count("<line"), 2u);
  EXPECT_NE(svg.find("makespan 4; dashed: mean 3.5; lower bound 4"),
            std::string::npos)
      << svg;
}

TEST(Schedule, SvgHasMapsAbove) {
  TileMap map = makeCausal(5);
  Result<CellMap> cells = reduce(map);
  ASSERT_TRUE(cells.isOk());
  std::vector<int32_t> groups{0, 1};
  Result<WorkPlan> plan = WorkPlan::create(
      groups, 2, 2, [](int64_t, int64_t tile) { return 1 + tile; });
  ASSERT_TRUE(plan.isOk());
  std::vector<MapPicture> maps = {{map, *cells}, {map, *cells}};
  std::string svg;
  llvm::raw_string_ostream os(svg);
  printSvg(maps, *plan, "all", os);
  expectSvg(svg);
  EXPECT_EQ(StringRef(svg).count(">causal<"), 2u);
  EXPECT_EQ(StringRef(svg).count("<svg"), 1u);
}

TEST(Schedule, SvgOfAnyPlanIsSmall) {
  std::vector<int32_t> groups(64);
  for (size_t head = 0; head < groups.size(); ++head)
    groups[head] = int32_t(head);
  for (int64_t workers : {1, 132, 257, 5000}) {
    Result<WorkPlan> plan = WorkPlan::create(
        groups, 1000, workers, [](int64_t, int64_t tile) { return tile; });
    ASSERT_TRUE(plan.isOk());
    expectSvg(toSvg(*plan, "many"));
  }
  Result<WorkPlan> none =
      WorkPlan::create(groups, 1, 3, [](int64_t, int64_t) { return 0; });
  ASSERT_TRUE(none.isOk());
  expectSvg(toSvg(*none, "none"));
  expectSvg(toSvg(WorkPlan(), "no workers"));
}
} // namespace

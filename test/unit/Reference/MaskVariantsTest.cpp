//===- MaskVariantsTest.cpp - the shipped masks against formulas ----------===//
//
// The masks are compared with functions written from their published
// definitions, not from the variants. Neighborhoods have a file of their own.
//
//===----------------------------------------------------------------------===//

#include "ExpectMask.h"

#include <set>

using namespace attn;
using namespace attn::test;

/// As many, more and fewer queries than keys, none of either, grouped heads.
static std::vector<Shape> shapes() {
  return {{1, 2, 3, 13, 13}, {2, 2, 2, 5, 18}, {1, 3, 1, 12, 5},
          {1, 1, 2, 1, 30},  {2, 1, 1, 4, 0},  {1, 1, 1, 0, 4}};
}

TEST(MaskVariants, DilatedWindow) {
  for (const Shape &shape : shapes())
    for (int64_t window : {0, 3, 4, 100})
      for (int64_t dilation : {1, 2, 3, 50})
        expectMask("dilated-window", shape,
                   {{"window", static_cast<double>(window)},
                    {"dilation", static_cast<double>(dilation)}},
                   {}, [&](const Point &at) {
                     return seesDilated(at.p, at.m, window, dilation);
                   });
}

//===----------------------------------------------------------------------===//
// Sinks, windows and kinds of heads
//===----------------------------------------------------------------------===//

TEST(MaskVariants, Streaming) {
  for (const Shape &shape : shapes())
    for (int64_t sinks : {0, 2, 40})
      for (int64_t window : {0, 1, 4, 40}) {
        Scalars scalars = {{"sinks", static_cast<double>(sinks)},
                           {"window", static_cast<double>(window)}};
        expectMask("streaming", shape, scalars, {}, [&](const Point &at) {
          return seesStream(shape.getPosition(at.p), at.m, sinks, window);
        });
        for (int64_t dense : {0, 3, 40}) {
          scalars["dense"] = static_cast<double>(dense);
          expectMask("tri-shape", shape, scalars, {}, [&](const Point &at) {
            return seesTriShape(shape, at, sinks, window, dense);
          });
        }
      }
}

TEST(MaskVariants, HeadsOfTwoKinds) {
  Numbers numbers(4);
  for (const Shape &shape : shapes())
    for (int64_t sinks : {0, 3})
      for (int64_t recent : {0, 2, 9}) {
        ReferenceTensor retrieval =
            makeTable({shape.h, shape.g}, [&] { return numbers.get(0, 1); });
        expectMask("duo", shape,
                   {{"sinks", static_cast<double>(sinks)},
                    {"recent", static_cast<double>(recent)}},
                   {{"retrieval", retrieval}}, [&](const Point &at) {
                     bool retrieves =
                         retrieval.values[shape.getHead(at.h, at.g)] != 0;
                     return seesAsHead(retrieves, shape.getPosition(at.p), at.m,
                                       sinks, recent);
                   });
      }
}

TEST(MaskVariants, HeadsOfTheirOwnSpan) {
  Numbers numbers(5);
  for (const Shape &shape : shapes()) {
    ReferenceTensor globals =
        makeTable({shape.h, shape.g}, [&] { return numbers.get(0, 4); });
    ReferenceTensor spans =
        makeTable({shape.h, shape.g}, [&] { return numbers.get(0, 9); });
    auto head = [&](const ReferenceTensor &table, const Point &at) {
      return static_cast<int64_t>(table.values[shape.getHead(at.h, at.g)]);
    };
    expectMask("moa", shape, {}, {{"globals", globals}, {"spans", spans}},
               [&](const Point &at) {
                 return seesAsHead(false, shape.getPosition(at.p), at.m,
                                   head(globals, at), head(spans, at));
               });
  }
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

TEST(MaskVariants, LocalAndVerticalBlocks) {
  Numbers numbers(6);
  std::vector<Shape> all = shapes();
  all.push_back({1, 2, 2, 33, 33});
  for (const Shape &shape : all)
    for (int i = 0; i < 12; ++i) {
      LocalVertical mask{};
      mask.block = numbers.get(1, 5);
      mask.local = numbers.get(0, 3);
      mask.vertical = numbers.get(1, 5);
      mask.step = numbers.get(-2, 2);
      mask.offset = numbers.get(0, 6);
      mask.dense = numbers.get(0, 2);
      Scalars scalars = {{"block", static_cast<double>(mask.block)},
                         {"local", static_cast<double>(mask.local)},
                         {"vertical", static_cast<double>(mask.vertical)},
                         {"head_step", static_cast<double>(mask.step)},
                         {"offset", static_cast<double>(mask.offset)},
                         {"dense", static_cast<double>(mask.dense)}};
      expectMask("s2", shape, scalars, {},
                 [&](const Point &at) { return mask.sees(shape, at); });
    }
}

// DKernel's golden mask: blocks of 1, two local ones, each third one vertical.
TEST(MaskVariants, LocalAndVerticalBlocksOfDKernel) {
  const std::vector<std::set<int64_t>> rows = {
      {0},       {0, 1},       {0, 1, 2},    {0, 2, 3},
      {0, 3, 4}, {0, 3, 4, 5}, {0, 3, 5, 6}, {0, 3, 6, 7}};
  expectMask("s2", {1, 1, 1, 8, 8},
             {{"block", 1},
              {"local", 2},
              {"vertical", 3},
              {"head_step", 0},
              {"offset", 0},
              {"dense", 0}},
             {}, [&](const Point &at) { return rows[at.p].count(at.m) != 0; });
}

/// `count` lists of block numbers below `blocks`: sets, which may be empty.
static std::vector<std::set<int64_t>> makeSets(Numbers &numbers, int64_t count,
                                               int64_t blocks) {
  std::vector<std::set<int64_t>> sets(count);
  for (std::set<int64_t> &set : sets)
    for (int64_t n = numbers.get(0, 3); n > 0 && blocks > 0; --n)
      set.insert(numbers.get(0, blocks - 1));
  return sets;
}

TEST(MaskVariants, BlockSparse) {
  Numbers numbers(7);
  for (const Shape &shape : shapes())
    for (int i = 0; i < 8; ++i) {
      int64_t rows = numbers.get(1, 4), cols = numbers.get(1, 4);
      bool causal = numbers.get(0, 1) == 1;
      int64_t numRows = (shape.p + rows - 1) / rows;
      auto sets =
          makeSets(numbers, shape.h * numRows, (shape.m + cols - 1) / cols);
      // A row lists its set backwards, twice, with absent entries between.
      std::vector<double> indices, indptr;
      for (int64_t h = 0; h < shape.h; ++h) {
        for (int64_t row = 0; row < numRows; ++row) {
          indptr.push_back(static_cast<double>(indices.size()));
          const auto &set = sets[h * numRows + row];
          for (int64_t times = numbers.get(1, 2); times > 0; --times) {
            for (auto it = set.rbegin(); it != set.rend(); ++it)
              indices.push_back(static_cast<double>(*it));
            if (numbers.get(0, 1))
              indices.push_back(-1);
          }
        }
        indptr.push_back(static_cast<double>(indices.size()));
      }
      int64_t count = indices.size();
      expectMask("block-sparse", shape,
                 {{"block_rows", static_cast<double>(rows)},
                  {"block_cols", static_cast<double>(cols)},
                  {"causal", causal}},
                 {{"indptr", {{shape.h, numRows + 1}, indptr}},
                  {"indices", {{count}, indices}}},
                 [&](const Point &at) {
                   const auto &set = sets[at.h * numRows + at.p / rows];
                   return set.count(at.m / cols) != 0 &&
                          (!causal || at.m <= shape.getPosition(at.p));
                 });
    }
}

TEST(MaskVariants, SelectedBlocks) {
  Numbers numbers(8);
  for (const Shape &shape : shapes())
    for (int i = 0; i < 8; ++i) {
      int64_t block = numbers.get(1, 4), rows = numbers.get(1, 3),
              sinks = numbers.get(0, 3), window = numbers.get(0, 3);
      int64_t numRows = (shape.p + rows - 1) / rows, numEntries = 5;
      auto sets = makeSets(numbers, shape.b * shape.h * numRows,
                           (shape.m + block - 1) / block);
      ReferenceTensor idx =
          makeTable({shape.b, shape.h, numRows, numEntries}, [] { return -1; });
      for (size_t list = 0; list < sets.size(); ++list) {
        int64_t at = static_cast<int64_t>(list) * numEntries;
        for (int64_t number : sets[list])
          idx.values[++at] = static_cast<double>(number);
        if (!sets[list].empty()) // The first entry stands there twice.
          idx.values[list * numEntries] = idx.values[at];
      }
      expectMask("selected-blocks", shape,
                 {{"block", static_cast<double>(block)},
                  {"rows", static_cast<double>(rows)},
                  {"sinks", static_cast<double>(sinks)},
                  {"window", static_cast<double>(window)}},
                 {{"idx", idx}}, [&](const Point &at) {
                   const auto &set =
                       sets[(at.b * shape.h + at.h) * numRows + at.p / rows];
                   return seesSelected(shape.getPosition(at.p), at.m, sinks,
                                       window, set.count(at.m / block) != 0);
                 });
    }
}

//===----------------------------------------------------------------------===//
// Sequences of different lengths
//===----------------------------------------------------------------------===//

TEST(MaskVariants, Documents) {
  Numbers numbers(9);
  for (int i = 0; i < 20; ++i) {
    // Some documents are empty.
    int64_t count = numbers.get(1, 5);
    std::vector<double> doc, first = {0};
    for (int64_t n = 0; n < count; ++n) {
      doc.insert(doc.end(), numbers.get(0, 7), static_cast<double>(n));
      first.push_back(static_cast<double>(doc.size()));
    }
    int64_t tokens = doc.size();
    expectMask("documents", {1, 2, 1, tokens, tokens}, {},
               {{"doc", {{tokens}, doc}}, {"first", {{count + 1}, first}}},
               [&](const Point &at) {
                 return doc[at.p] == doc[at.m] && at.m <= at.p;
               });
  }
}

TEST(MaskVariants, PaddedSequences) {
  Numbers numbers(10);
  for (int i = 0; i < 30; ++i) {
    Shape shape{numbers.get(1, 3), 2, 1, numbers.get(0, 9), numbers.get(0, 9)};
    bool causal = i % 2 == 0;
    ReferenceTensor queries =
        makeTable({shape.b}, [&] { return numbers.get(0, shape.p); });
    ReferenceTensor keys =
        makeTable({shape.b}, [&] { return numbers.get(0, shape.m); });
    expectMask("varlen", shape, {{"causal", causal}},
               {{"q_lengths", queries}, {"k_lengths", keys}},
               [&](const Point &at) {
                 auto nq = static_cast<int64_t>(queries.values[at.b]);
                 auto nk = static_cast<int64_t>(keys.values[at.b]);
                 return seesPadded(at.p, at.m, nq, nk, causal);
               });
  }
}

TEST(MaskVariants, PrefixOfEachSequence) {
  Numbers numbers(11);
  for (Shape shape : shapes()) {
    shape.b = 3;
    ReferenceTensor prefix =
        makeTable({shape.b}, [&] { return numbers.get(0, shape.m + 2); });
    expectMask("prefix-lm-batch", shape, {}, {{"prefix", prefix}},
               [&](const Point &at) {
                 return at.m <= shape.getPosition(at.p) ||
                        static_cast<double>(at.m) < prefix.values[at.b];
               });
  }
}

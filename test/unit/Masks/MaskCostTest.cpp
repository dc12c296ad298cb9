//===- MaskCostTest.cpp - time and memory of masks' iterations ------------===//
//
// An executable of its own, since it replaces the global operator new. What a
// work item visits is derived anew for each length: that has to take
// microseconds and a few bytes, however long.
//
//===----------------------------------------------------------------------===//

#include "Configuration.h"

#include <ctime>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>

using namespace attn;
using namespace attn::mask;
using namespace attn::test;

/// Bytes that operator new was asked for, those in use, and their most.
static size_t numBytes = 0, numUsed = 0, mostUsed = 0;

void *operator new(size_t size) {
  void *memory = std::malloc(size);
  if (!memory)
    throw std::bad_alloc();
  numBytes += size;
  numUsed += malloc_usable_size(memory);
  mostUsed = std::max(mostUsed, numUsed);
  return memory;
}
void operator delete(void *memory) noexcept {
  numUsed -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void *memory, size_t) noexcept { operator delete(memory); }

/// CPU time of this thread.
static double getSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

namespace {
/// The sweep over keys, or over queries, of a variant's numbers.
class Iteration {
public:
  Iteration(const MaskCase &given, bool bindsStatic, bool byKeys = true)
      : imported(importVariant(given.variant, given.scalars, bindsStatic)),
        mask(imported->pool, imported->predicate,
             imported->getVariable(byKeys ? "M" : "P"),
             getPoints(*imported, Box::rows, byKeys)),
        rows(imported->getVariable(byKeys ? "P" : "M")) {
    EXPECT_TRUE(setNumbers(mask, given));
    for (auto &[rank, variable] : imported->variables)
      mask.setBox(variable, {0, 0});
  }

  /// The segments of the last tile of a sequence of `length` tokens.
  size_t derive(int64_t length) {
    mask.setSymbol("|P|", length);
    mask.setSymbol("|M|", length);
    mask.setExtent(length);
    mask.setBox(rows, {length - 64, length - 1});
    return mask.getSegments().size();
  }

  std::unique_ptr<ImportedMask> imported;
  HostMask mask;
  Expr rows;
};
} // namespace

TEST(MaskCost, IterationsAreDerivedInMicroseconds) {
  constexpr int64_t kShort = 1024, kLong = int64_t(1) << 30;
  for (const std::string &variant : getMaskVariants()) {
    // These have entries for each token, or blocks of them.
    if (variant == "documents" || variant == "block-sparse" ||
        variant == "selected-blocks")
      continue;
    for (int which = 0; which < 4; ++which) {
      bool bindsStatic = which & 1, byKeys = which < 2;
      Random random(5);
      Iteration iteration(makeCase(variant, {2, 2, 2, kShort, kShort}, random),
                          bindsStatic, byKeys);
      iteration.derive(kShort);
      size_t bytes[2] = {};
      for (int i : {0, 1}) {
        size_t before = numBytes;
        iteration.derive(i ? kLong : kShort);
        bytes[i] = numBytes - before;
      }
      EXPECT_EQ(bytes[0], bytes[1]) << variant;
      constexpr int kInBatch = 10;
      std::vector<double> times;
      for (int i = 0; i < 101; ++i) {
        double before = getSeconds();
        for (int n = 0; n < kInBatch; ++n)
          iteration.derive(kLong - 64 * n);
        times.push_back((getSeconds() - before) / kInBatch);
      }
      llvm::sort(times);
      double median = times[times.size() / 2];
      // The slowest takes 3 on one machine and 10 on another.
      EXPECT_LT(median, 25e-6) << variant;
      std::cout << variant << (bindsStatic ? ", static" : "")
                << (byKeys ? ": " : ", transposed: ") << int64_t(median * 1e9)
                << " ns, " << bytes[1] << " bytes\n";
    }
  }
}

// 800,000 tokens in 1,000 documents, all tiles of queries.
TEST(MaskCost, PackedDocumentsAreSweptByDocuments) {
  constexpr int64_t kTile = 64, kDocuments = 1000;
  Random random(6);
  MaskCase given;
  given.variant = "documents";
  MaskTable doc{{}, {}, -1}, first{{kDocuments + 1}, {0}, 0};
  std::vector<int64_t> lengths;
  for (int64_t n = 0; n < kDocuments; ++n) {
    // Those after the middle make up for those before it.
    lengths.push_back(n < kDocuments / 2 ? random.pick(1, 1599)
                                         : 1600 - lengths[n - kDocuments / 2]);
    doc.values.insert(doc.values.end(), lengths[n], n);
    first.values.push_back(int64_t(doc.values.size()));
  }
  int64_t tokens = doc.values.size();
  ASSERT_EQ(tokens, 800000);
  doc.shape = {tokens};
  given.tables = {{"doc", doc}, {"first", first}};
  given.shape.p = given.shape.m = tokens;
  int64_t numLive = 0, numTiles = 0;
  for (int64_t at = 0; at < tokens; at += kTile, ++numTiles) {
    int64_t end = std::min(at + kTile, tokens);
    numLive += (end - first.values[doc.values[at]] + kTile - 1) / kTile;
  }
  Iteration iteration(given, false);
  iteration.mask.setExtent(tokens);
  int64_t numSteps = 0;
  size_t bytesBefore = numBytes;
  mostUsed = numUsed;
  size_t usedBefore = numUsed;
  double before = getSeconds();
  for (int64_t at = 0; at < tokens; at += kTile) {
    iteration.mask.setBox(iteration.rows,
                          {at, std::min(at + kTile, tokens) - 1});
    iteration.mask.forEachStep(kTile, [&](Step) { ++numSteps; });
  }
  double seconds = getSeconds() - before;
  std::cout << numSteps << " steps of " << numLive << " live tiles, "
            << int64_t(seconds * 1e3) << " ms, " << mostUsed - usedBefore
            << " bytes at once, " << (numBytes - bytesBefore) / numTiles
            << " a tile of queries\n";
  // A sweep of three segments has up to two steps more than tiles.
  EXPECT_GE(numSteps, numLive);
  EXPECT_LE(numSteps, numLive + 2 * numTiles);
  EXPECT_LT(seconds, 1);
  EXPECT_LT(mostUsed - usedBefore, size_t(tokens) / 50);
}

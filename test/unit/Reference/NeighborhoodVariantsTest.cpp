//===- NeighborhoodVariantsTest.cpp - neighborhoods against formulas ------===//
//
// The masks are compared with functions written from NATTEN's definition
// (window, stride, dilation and causality of an axis), not from the variants.
//
//===----------------------------------------------------------------------===//

#include "ExpectMask.h"

#include <algorithm>

using namespace attn;
using namespace attn::test;

static void add(const Axis &axis, Scalars &scalars, const std::string &suffix) {
  scalars["window" + suffix] = static_cast<double>(axis.window);
  scalars["stride" + suffix] = static_cast<double>(axis.stride);
  scalars["dilation" + suffix] = static_cast<double>(axis.dilation);
  scalars["causal" + suffix] = axis.causal;
}

static Axis makeAxis(Numbers &numbers, int64_t length) {
  // Small windows leave room for dilation, large ones for strides.
  int64_t dilation = numbers.get(1, std::min<int64_t>(length, 3));
  int64_t window = numbers.get(1, length / dilation);
  return {length, window, numbers.get(1, window), dilation,
          numbers.get(0, 1) == 1};
}

static void expectLine(const Axis &axis, int64_t extra) {
  Scalars scalars = {{"extra", static_cast<double>(extra)}};
  add(axis, scalars, "");
  expectMask("neighborhood-1d", {1, 1, 1, axis.length, axis.length + extra},
             scalars, {}, [&](const Point &at) {
               return at.m < extra || axis.sees(at.p, at.m - extra);
             });
}

TEST(NeighborhoodVariants, Line) {
  Numbers numbers(1);
  for (int i = 0; i < 80; ++i)
    expectLine(makeAxis(numbers, numbers.get(1, 40)), numbers.get(0, 3));
  for (bool causal : {false, true}) {
    expectLine({11, 11, 1, 1, causal}, 0); // The window is everything.
    expectLine({11, 11, 7, 1, causal}, 0);
    expectLine({17, 4, 3, 4, causal}, 0); // Groups of 5, 4, 4 and 4.
    expectLine({17, 5, 5, 3, causal}, 2);
    expectLine({12, 4, 4, 1, causal}, 0); // Blocks on the diagonal.
    expectLine({128, 3, 2, 10, causal}, 0);
    expectLine({0, 3, 2, 1, causal}, 2); // No query.
  }
}

// The last group of 4 does not fit into 10 and moves back.
TEST(NeighborhoodVariants, LastGroupMovesBack) {
  Axis axis{10, 4, 4, 1, false};
  Scalars scalars = {{"extra", 0}};
  add(axis, scalars, "");
  expectMask("neighborhood-1d", {1, 1, 1, 10, 10}, scalars, {},
             [](const Point &at) {
               return at.p < 8 ? at.p / 4 == at.m / 4 : at.m >= 6;
             });
}

// An even window has one key more on the left; a whole one is never cut.
TEST(NeighborhoodVariants, EvenWindow) {
  Scalars scalars = {{"extra", 0}};
  add({9, 4, 1, 1, false}, scalars, "");
  const int64_t first[] = {0, 0, 0, 1, 2, 3, 4, 5, 5};
  expectMask("neighborhood-1d", {1, 1, 1, 9, 9}, scalars, {},
             [&](const Point &at) {
               return at.m >= first[at.p] && at.m < first[at.p] + 4;
             });
}

TEST(NeighborhoodVariants, Image) {
  Numbers numbers(2);
  for (int i = 0; i < 80; ++i) {
    Axis y = makeAxis(numbers, numbers.get(1, 8));
    Axis x = makeAxis(numbers, numbers.get(1, 9));
    int64_t extra = numbers.get(0, 2), tokens = y.length * x.length;
    Scalars scalars = {{"extra", static_cast<double>(extra)},
                       {"width", static_cast<double>(x.length)}};
    add(y, scalars, "_y");
    add(x, scalars, "_x");
    expectMask("neighborhood-2d", {1, 1, 1, tokens, tokens + extra}, scalars,
               {}, [&](const Point &at) {
                 int64_t j = at.m - extra;
                 return j < 0 || seesImage(y, x, at.p, j);
               });
  }
}

static void expectVideo(const Axis &z, const Axis &y, const Axis &x,
                        int64_t extra) {
  int64_t frame = y.length * x.length, tokens = z.length * frame;
  Scalars scalars = {{"extra", static_cast<double>(extra)},
                     {"height", static_cast<double>(y.length)},
                     {"width", static_cast<double>(x.length)}};
  add(z, scalars, "_z");
  add(y, scalars, "_y");
  add(x, scalars, "_x");
  expectMask("neighborhood-3d", {1, 1, 1, tokens, tokens + extra}, scalars, {},
             [&](const Point &at) {
               int64_t j = at.m - extra;
               return j < 0 || seesVideo(z, y, x, at.p, j);
             });
}

TEST(NeighborhoodVariants, Video) {
  Numbers numbers(3);
  for (int i = 0; i < 60; ++i) {
    Axis z = makeAxis(numbers, numbers.get(1, 6));
    Axis y = makeAxis(numbers, numbers.get(1, 6));
    Axis x = makeAxis(numbers, numbers.get(1, 7));
    expectVideo(z, y, x, numbers.get(0, 2));
  }
  // Strides that differ from their halves, a dilation that leaves a rest.
  for (bool causal : {false, true})
    expectVideo({7, 3, 3, 1, causal}, {5, 5, 1, 1, causal},
                {11, 3, 3, 2, causal}, 1);
}

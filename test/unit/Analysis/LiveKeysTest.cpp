//===- LiveKeysTest.cpp - ranges of keys against point by point -----------===//

#include "attn/Analysis/LiveKeys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <functional>
#include <gtest/gtest.h>

using namespace mlir;
using namespace attn;

namespace {
/// A predicate as text over %p, %m, %w (a scalar), %d = |M| - |P| and numbers,
/// and the same as code.
struct Mask {
  const char *name, *text;
  std::function<bool(int64_t p, int64_t m, int64_t w, int64_t d)> holds;
};

class LiveKeysTest : public testing::TestWithParam<Mask> {
protected:
  LiveKeysTest() {
    context.loadDialect<arith::ArithDialect, cascade::CascadeDialect>();
  }

  /// The Einsum of scores under `predicate`.
  cascade::EinsumOp parse(const std::string &predicate) {
    module = parseSourceString<ModuleOp>(R"mlir(
      !Q = !cascade.tensor<[P, E], f32, empty = 0.0>
      !K = !cascade.tensor<[M, E], f32, empty = 0.0>
      !S = !cascade.tensor<[P, M], f32, empty = -inf>
      cascade.func @f(%q: !Q, %k: !K, %w: index) -> (s: !S) {
        %np = cascade.extent P
        %nm = cascade.extent M
        %d = arith.subi %nm, %np : index
        %two = arith.constant 2 : index
        %three = arith.constant 3 : index
        %s = cascade.einsum [p, m] = %q[p, e], %k[m, e] reduce add : !Q, !K -> !S
          where {
            %p = cascade.index p
            %m = cascade.index m
            )mlir" + predicate + R"mlir(
            cascade.yield %r : i1
          }
        cascade.return %s : !S
      })mlir",
                                         &context);
    cascade::EinsumOp found;
    if (module)
      module->walk([&](cascade::EinsumOp op) { found = op; });
    return found;
  }

  std::optional<LiveKeys> find(cascade::EinsumOp op, int64_t rows, int64_t keys,
                               const IntegerScalars &scalars) {
    RankExtents extents;
    extents["P"] = rows;
    extents["M"] = keys;
    return findLiveKeys(op, StringAttr::get(&context, "P"),
                        StringAttr::get(&context, "M"), extents, scalars);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};
} // namespace

TEST_P(LiveKeysTest, AgreesWithEachPoint) {
  cascade::EinsumOp op = parse(GetParam().text);
  ASSERT_TRUE(op);
  for (int64_t rows : {1, 2, 7, 16})
    for (int64_t keys : {1, 2, 9, 20})
      for (int64_t w : {-3, 0, 1, 4, 30}) {
        IntegerScalars scalars;
        scalars["w"] = w;
        auto live = find(op, rows, keys, scalars);
        ASSERT_TRUE(live);
        ASSERT_EQ(live->ranges.size(), static_cast<size_t>(rows));
        uint64_t points = 0;
        for (int64_t p = 0; p < rows; ++p) {
          KeyRange range;
          for (int64_t m = 0; m < keys; ++m) {
            if (!GetParam().holds(p, m, w, keys - rows))
              continue;
            ++points;
            if (range.last == 0)
              range.first = m;
            range.last = m + 1;
          }
          EXPECT_EQ(live->ranges[p].first, range.first) << p << ", w " << w;
          EXPECT_EQ(live->ranges[p].last, range.last) << p << ", w " << w;
        }
        EXPECT_EQ(live->points, points)
            << rows << " by " << keys << ", w " << w;
      }
}

INSTANTIATE_TEST_SUITE_P(
    Masks, LiveKeysTest,
    testing::Values(
        Mask{"causal",
             R"(%a = arith.addi %p, %d : index
                %r = arith.cmpi sle, %m, %a : index)",
             [](int64_t p, int64_t m, int64_t, int64_t d) {
               return m <= p + d;
             }},
        Mask{"window",
             R"(%a = arith.subi %p, %w : index
                %x = arith.cmpi slt, %a, %m : index
                %y = arith.cmpi sge, %p, %m : index
                %r = arith.andi %x, %y : i1)",
             [](int64_t p, int64_t m, int64_t w, int64_t) {
               return p - w < m && p >= m;
             }},
        Mask{"prefix",
             R"(%x = arith.cmpi slt, %m, %w : index
                %y = arith.cmpi sgt, %m, %p : index
                %r = arith.ori %x, %y : i1)",
             [](int64_t p, int64_t m, int64_t w, int64_t) {
               return m < w || m > p;
             }},
        Mask{"steep",
             R"(%a = arith.muli %m, %three : index
                %b = arith.muli %two, %p : index
                %c = arith.subi %b, %a : index
                %r = arith.cmpi sle, %c, %w : index)",
             [](int64_t p, int64_t m, int64_t w, int64_t) {
               return 2 * p - 3 * m <= w;
             }},
        Mask{"falling",
             R"(%a = arith.muli %m, %two : index
                %b = arith.subi %w, %a : index
                %r = arith.cmpi sgt, %b, %p : index)",
             [](int64_t p, int64_t m, int64_t w, int64_t) {
               return w - 2 * m > p;
             }},
        Mask{"equal",
             R"(%a = arith.muli %m, %two : index
                %r = arith.cmpi eq, %a, %p : index)",
             [](int64_t p, int64_t m, int64_t, int64_t) { return 2 * m == p; }},
        Mask{"unequal",
             R"(%a = arith.addi %p, %w : index
                %r = arith.cmpi ne, %m, %a : index)",
             [](int64_t p, int64_t m, int64_t w, int64_t) {
               return m != p + w;
             }},
        Mask{"rows_alone", R"(%r = arith.cmpi slt, %p, %w : index)",
             [](int64_t p, int64_t, int64_t w, int64_t) { return p < w; }}),
    [](const testing::TestParamInfo<Mask> &info) {
      return std::string(info.param.name);
    });

// A scalar that is not given, one that is too large to count with, and what is
// not affine leave all keys.
TEST_F(LiveKeysTest, UnknownIsNotUnderstood) {
  cascade::EinsumOp op = parse("%r = arith.cmpi sle, %m, %w : index");
  ASSERT_TRUE(op);
  EXPECT_FALSE(find(op, 4, 4, {}));
  IntegerScalars scalars;
  scalars["w"] = INT64_MAX;
  EXPECT_FALSE(find(op, 4, 4, scalars));
  op = parse("%a = arith.muli %m, %p : index\n"
             "%r = arith.cmpi sle, %a, %w : index");
  ASSERT_TRUE(op);
  scalars["w"] = 3;
  EXPECT_FALSE(find(op, 4, 4, scalars));
}

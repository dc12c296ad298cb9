//===- AttentionTest.cpp - runs an attention-like tile program ------------===//

#include "TileKernels.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace attn;
using namespace attn::test;

namespace {

double epsilon(DType type) {
  return type == DType::f32 ? 0x1p-24 : type == DType::bf16 ? 0x1p-8 : 0x1p-11;
}

/// Compares with sums in double over the rounded inputs.
void expectAttention(const AttentionCase &c, int threads = 1) {
  SCOPED_TRACE(testing::Message()
               << getName(c.type) << " P=" << c.queries << " M=" << c.keys
               << " E=" << c.headDim << " F=" << c.valueDim << " tiles "
               << c.tileQueries << "x" << c.tileKeys << " shift " << c.shift
               << " placement " << int(c.placement) << " on " << c.target);
  HostTensor q(c.type, {c.batch, c.heads, c.queries, c.headDim}, c.placement);
  HostTensor k(c.type, {c.batch, c.heads, c.keys, c.headDim}, c.placement);
  HostTensor v(c.type, {c.batch, c.heads, c.keys, c.valueDim}, c.placement);
  HostTensor o(c.type, {c.batch, c.heads, c.queries, c.valueDim}, c.placement);
  q.fill(1);
  k.fill(2);
  v.fill(3);
  float scale = 1.44269504f / std::sqrt(float(c.headDim));
  runKernel(compileAttention(c),
            {ArgumentValue::ofTensor("q", &q.view),
             ArgumentValue::ofTensor("k", &k.view),
             ArgumentValue::ofTensor("v", &v.view),
             ArgumentValue::ofTensor("o", &o.view),
             ArgumentValue::ofReal("scale", scale),
             ArgumentValue::ofInteger("shift", c.shift)},
            threads);
  if (testing::Test::HasFailure())
    return;
  for (int64_t b = 0; b < c.batch; ++b)
    for (int64_t h = 0; h < c.heads; ++h)
      for (int64_t p = 0; p < c.queries; ++p) {
        int64_t keys = std::max<int64_t>(0, std::min(c.keys, p + c.shift + 1));
        std::vector<double> s(keys);
        double most = -INFINITY, sum = 0;
        for (int64_t m = 0; m < keys; ++m) {
          for (int64_t e = 0; e < c.headDim; ++e)
            s[m] += double(q.get({b, h, p, e})) * k.get({b, h, m, e});
          most = std::max(most, s[m] *= scale);
        }
        std::vector<double> row(c.valueDim), size(c.valueDim);
        for (int64_t m = 0; m < keys; ++m) {
          double e = std::exp2(s[m] - most);
          sum += e;
          for (int64_t f = 0; f < c.valueDim; ++f) {
            row[f] += e * v.get({b, h, m, f});
            size[f] += e * std::abs(v.get({b, h, m, f}));
          }
        }
        for (int64_t f = 0; f < c.valueDim; ++f) {
          double expected = keys == 0 ? 0 : row[f] / sum;
          double magnitude = keys == 0 ? 0 : size[f] / sum;
          // P and the output are rounded once each; f32 sums add some of
          // theirs.
          double tolerance = 2 * epsilon(c.type) * magnitude +
                             64 * 0x1p-24 * magnitude + 1e-30;
          double actual = o.get({b, h, p, f});
          ASSERT_NEAR(actual, expected, tolerance)
              << "at " << h << " " << p << " " << f;
        }
      }
}

const DType kTypes[] = {DType::f32, DType::bf16, DType::f16};

TEST(CpuAttention, Types) {
  for (DType type : kTypes)
    for (const std::string &target : getRunnableTargets()) {
      AttentionCase c;
      c.type = type;
      c.target = target;
      expectAttention(c);
      c.shift = 20;
      expectAttention(c);
    }
}

TEST(CpuAttention, Lengths) {
  for (DType type : kTypes)
    for (int64_t queries : {0, 1, 63, 65, 129})
      for (int64_t keys : {0, 1, 63, 64, 65, 127, 300}) {
        AttentionCase c;
        c.type = type;
        c.queries = queries;
        c.keys = keys;
        c.heads = 1;
        expectAttention(c);
        c.shift = keys - queries;
        expectAttention(c);
      }
}

TEST(CpuAttention, HeadDims) {
  for (DType type : kTypes)
    for (int64_t dim : {1, 8, 32, 40, 80, 96, 111, 128, 192, 256}) {
      AttentionCase c;
      c.type = type;
      c.headDim = c.valueDim = dim;
      c.shift = 3;
      c.heads = 1;
      expectAttention(c);
    }
}

TEST(CpuAttention, Placements) {
  for (DType type : kTypes)
    for (Placement placement :
         {Placement::Transposed, Placement::Padded, Placement::Reversed}) {
      AttentionCase c;
      c.type = type;
      c.placement = placement;
      c.shift = 30;
      c.batch = 2;
      expectAttention(c);
    }
}

/// Memory beside the tensors cannot be read: a load beyond a valid count would
/// end the process.
TEST(CpuAttention, TouchesItsOperandsOnly) {
  for (DType type : kTypes)
    for (Placement placement : {Placement::GuardedBegin, Placement::GuardedEnd})
      for (int64_t tileQueries : {1, 64})
        for (int64_t dim : {40, 64, 111})
          for (int64_t keys : {1, 7, 64, 100, 299}) {
            AttentionCase c;
            c.type = type;
            c.placement = placement;
            c.heads = 1;
            c.queries = 3;
            c.keys = keys;
            c.tileQueries = tileQueries;
            c.tileKeys = 256;
            c.headDim = c.valueDim = dim;
            expectAttention(c);
          }
}

TEST(CpuAttention, FewQueries) {
  for (DType type : kTypes)
    for (int64_t tile : {1, 8, 16})
      for (int64_t dim : {64, 111})
        for (int64_t keys : {1, 100, 1000}) {
          AttentionCase c;
          c.type = type;
          c.queries = 5;
          c.heads = 1;
          c.tileQueries = tile;
          c.tileKeys = 512;
          c.keys = keys;
          c.headDim = c.valueDim = dim;
          expectAttention(c);
          c.shift = 7;
          expectAttention(c);
        }
}

TEST(CpuAttention, Tiles) {
  for (DType type : kTypes)
    for (int64_t tileQueries : {32, 48})
      for (int64_t tileKeys : {100, 256}) {
        AttentionCase c;
        c.type = type;
        c.tileQueries = tileQueries;
        c.tileKeys = tileKeys;
        c.queries = 200;
        c.keys = 333;
        c.heads = 1;
        c.shift = 100;
        expectAttention(c);
      }
}

TEST(CpuAttention, SameBitsForAnyThreads) {
  AttentionCase c;
  c.queries = 300;
  c.heads = 3;
  auto run = [&](int threads) {
    HostTensor q(c.type, {1, 3, 300, 64}), k(c.type, {1, 3, 90, 64});
    HostTensor v(c.type, {1, 3, 90, 64}), o(c.type, {1, 3, 300, 64});
    q.fill(4);
    k.fill(5);
    v.fill(6);
    runKernel(compileAttention(c),
              {ArgumentValue::ofTensor("q", &q.view),
               ArgumentValue::ofTensor("k", &k.view),
               ArgumentValue::ofTensor("v", &v.view),
               ArgumentValue::ofTensor("o", &o.view),
               ArgumentValue::ofReal("scale", 0.2),
               ArgumentValue::ofInteger("shift", 50)},
              threads);
    return o.bytes;
  };
  std::vector<uint8_t> one = run(1);
  for (int threads : {1, 2, 3, 8})
    EXPECT_EQ(run(threads), one);
}

/// A NaN in a key that a query sees reaches its row, and no row that does not.
TEST(CpuAttention, VisibleNaN) {
  AttentionCase c;
  c.shift = 0;
  c.heads = 1;
  c.keys = c.queries = 70;
  for (DType type : kTypes) {
    c.type = type;
    HostTensor q(type, {1, 1, 70, 64}), k(type, {1, 1, 70, 64});
    HostTensor v(type, {1, 1, 70, 64}), o(type, {1, 1, 70, 64});
    q.fill(4);
    k.fill(5);
    v.fill(6);
    k.set({0, 0, 33, 5}, NAN);
    runKernel(compileAttention(c), {ArgumentValue::ofTensor("q", &q.view),
                                    ArgumentValue::ofTensor("k", &k.view),
                                    ArgumentValue::ofTensor("v", &v.view),
                                    ArgumentValue::ofTensor("o", &o.view),
                                    ArgumentValue::ofReal("scale", 0.2),
                                    ArgumentValue::ofInteger("shift", 0)});
    for (int64_t p = 0; p < 70; ++p)
      EXPECT_EQ(std::isnan(o.get({0, 0, p, 7})), p >= 33) << p;
  }
}

} // namespace

//===- OverlapTest.cpp - the overlap tests against enumeration ------------===//

#include "lib/Runtime/BoundTensor.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace attn;

namespace {
/// The addresses of all elements, in some order, with repetitions.
std::vector<uint64_t> enumerate(const BoundTensor &tensor) {
  std::vector<uint64_t> addresses{tensor.address};
  for (size_t d = 0; d < tensor.shape.size(); ++d) {
    std::vector<uint64_t> next;
    for (uint64_t address : addresses)
      for (int64_t i = 0; i < tensor.shape[d]; ++i)
        next.push_back(address + i * tensor.strides[d] * tensor.elementBytes);
    addresses = std::move(next);
  }
  return addresses;
}

BoundTensor makeRandom(std::mt19937 &random) {
  auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  std::vector<int64_t> shape, strides;
  Manifest::Argument argument = Manifest::Argument::tensor(
      "t", Manifest::Argument::Access::read, DType::f32, {});
  for (int d = draw(1, 3); d > 0; --d) {
    shape.push_back(draw(1, 4));
    strides.push_back(draw(-14, 14));
    argument.shape.push_back(shape.back());
  }
  DLTensor view{};
  view.data = reinterpret_cast<void *>(uintptr_t(4096 + 4 * draw(0, 30)));
  view.device = {kDLCPU, 0};
  view.dtype = {kDLFloat, 32, 1};
  view.ndim = static_cast<int>(shape.size());
  view.shape = shape.data();
  view.strides = strides.data();
  BoundTensor bound;
  EXPECT_TRUE(bindTensor(argument, {kDLCPU, 0}, &view, bound).isOk());
  return bound;
}

// "Apart" has to be true; and has to be found where it is plain to see.
TEST(Overlap, IsSoundAgainstEnumeration) {
  std::mt19937 random(1);
  int numApart = 0, numProvenApart = 0, numProvenByResidue = 0;
  for (int i = 0; i < 20000; ++i) {
    BoundTensor a = makeRandom(random), b = makeRandom(random);
    std::vector<uint64_t> inA = enumerate(a), inB = enumerate(b);
    std::set<uint64_t> setA(inA.begin(), inA.end());
    EXPECT_EQ(*setA.begin(), a.begin);
    EXPECT_EQ(*setA.rbegin() + 4, a.end);
    if (setA.size() != inA.size()) {
      EXPECT_TRUE(mayOverlapItself(a));
    }
    bool meets = false;
    for (uint64_t address : inB)
      meets |= setA.count(address) != 0;
    if (meets) {
      EXPECT_TRUE(mayOverlap(a, b));
      EXPECT_TRUE(mayOverlap(b, a));
      continue;
    }
    ++numApart;
    numProvenApart += !mayOverlap(a, b);
    numProvenByResidue +=
        !mayOverlap(a, b) && a.begin < b.end && b.begin < a.end;
  }
  // Of those apart more than half lie in separate ranges.
  EXPECT_GT(numProvenApart, numApart / 2);
  EXPECT_GT(numProvenByResidue, 100);
}

TEST(Overlap, AnyPermutationOfACompactTensorIsApart) {
  BoundTensor tensor;
  tensor.isEmpty = false;
  tensor.shape = {2, 3, 1, 5};
  tensor.strides = {5, 10, 0, -1};
  EXPECT_FALSE(mayOverlapItself(tensor));
  tensor.strides[0] = 4;
  EXPECT_TRUE(mayOverlapItself(tensor));
}
} // namespace

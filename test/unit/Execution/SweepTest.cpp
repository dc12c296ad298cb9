//===- SweepTest.cpp - every variant over shapes, types and layouts -------===//
//
// Cases are drawn from the product of all choices with a seed that is printed;
// ATTN_SWEEP_SEED repeats one and ATTN_SWEEP_CASES says how many each variant
// gets.
//
//===----------------------------------------------------------------------===//

#include "RunCase.h"

#include "attn/Variants/Variants.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <cstring>
#include <random>

using namespace attn;
using namespace attn::test;

static uint64_t getNumber(const char *variable, uint64_t fallback) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

static uint64_t getSeed() {
  static const uint64_t seed =
      getNumber("ATTN_SWEEP_SEED", std::random_device()());
  return seed;
}

namespace {
/// Draws cases of one variant.
class Generator {
public:
  Generator(std::string variant, uint64_t seed)
      : variant(std::move(variant)),
        random(seed ^ std::hash<std::string>()(this->variant)) {}

  Case draw() {
    Case c;
    c.variant = variant;
    bool isLong = flip(8);
    do
      drawShape(c, isLong);
    while (!isLong && countWork(c) > kLargestWork);
    c.dtype = std::vector{DType::f32, DType::bf16, DType::f16}[pick({0, 1, 2})];
    c.inputs.kind =
        std::vector{InputKind::normal, InputKind::outliers, InputKind::rising,
                    InputKind::zeros}[pick({0, 0, 1, 2, 3})];
    c.inputs.layout = std::vector{Layout::contiguous, Layout::transposed,
                                  Layout::strided, Layout::misaligned,
                                  Layout::reversed}[pick({0, 1, 2, 3, 4})];
    c.inputs.nan = std::vector{NaNKind::none, NaNKind::hidden, NaNKind::key,
                               NaNKind::value}[pick({0, 0, 0, 1, 2, 3})];
    // A zero is empty and absorbs what it meets, a NaN among it, in the oracle;
    // in a kernel 0 * NaN is NaN.
    if (c.inputs.kind == InputKind::zeros && c.inputs.nan != NaNKind::hidden)
      c.inputs.nan = NaNKind::none;
    c.inputs.seed = random();
    c.threads = static_cast<int>(pick({1, 2, 5}));
    c.tileKeys = pick({0, 64, 256});
    return c;
  }

private:
  /// Multiplications that the oracle does one by one, a mask's point counted as
  /// 32: some seconds.
  static constexpr int64_t kLargestWork = 60'000'000;

  void drawShape(Case &c, bool isLong) {
    if (isLong) {
      // The longest once in a while: the oracle takes its time.
      c.shape.batch = c.shape.heads = c.shape.kvHeads = 1;
      c.shape.queryLength = c.shape.keyLength = flip(2) ? 1000 : 2048;
      c.shape.headDim = 32;
      return;
    }
    c.shape.batch = pick({1, 2});
    c.shape.kvHeads = pick({1, 2});
    c.shape.heads = *c.shape.kvHeads * pick({1, 3, 8});
    c.shape.queryLength = pick({0, 1, 2, 63, 64, 65, 127, 200});
    c.shape.keyLength = pick({0, 1, 2, 63, 64, 65, 127, 1000});
    c.shape.headDim =
        variant == "rope"
            ? pick({8, 32, 40, 64, 80, 96, 128, 192, 256})
            : pick({1, 8, 32, 40, 64, 80, 96, 111, 128, 192, 256});
  }

  static int64_t countWork(const Case &c) {
    return *c.shape.batch * *c.shape.heads * *c.shape.queryLength *
           *c.shape.keyLength * (2 * *c.shape.headDim + 32);
  }

  int64_t pick(std::vector<int64_t> choices) {
    return choices[random() % choices.size()];
  }
  bool flip(unsigned oneIn) { return random() % oneIn == 0; }

  std::string variant;
  std::mt19937_64 random;
};
} // namespace

class SweepTest : public testing::TestWithParam<std::string> {};

TEST_P(SweepTest, IsRight) {
  uint64_t seed = getSeed(), cases = getNumber("ATTN_SWEEP_CASES", 4);
  RecordProperty("seed", std::to_string(seed));
  std::printf("ATTN_SWEEP_SEED=%llu\n", static_cast<unsigned long long>(seed));
  Generator generator(GetParam(), seed);
  CaseRunner runner;
  for (uint64_t i = 0; i < cases; ++i) {
    Case c = generator.draw();
    // What a variant cannot have is not asked of it.
    if (!runner.hasRank(c.variant, "G"))
      c.shape.heads = c.shape.kvHeads;
    if (!runner.hasRank(c.variant, "P") || !runner.hasRank(c.variant, "M"))
      c.shape.keyLength = c.shape.queryLength;
    std::string failure = findFailure(runner, c);
    if (!failure.empty())
      ADD_FAILURE() << c.describe() << ": " << failure;
  }
}

// Run to run, and whatever the number of threads, the bits are the same.
TEST_P(SweepTest, HasTheSameBitsForEveryThreadCount) {
  Case c;
  c.variant = GetParam();
  c.shape.batch = 2;
  c.shape.kvHeads = 2;
  c.shape.heads = 2;
  c.shape.queryLength = c.shape.keyLength = 200;
  c.shape.headDim = 32;
  c.inputs.seed = getSeed();
  CaseRunner runner;
  Outcome first = runner.run(c, nullptr, /*check=*/false);
  ASSERT_TRUE(first.refusal.empty()) << first.refusal;
  for (int threads : {1, 2, 3, 7}) {
    c.threads = threads;
    Outcome again = runner.run(c, nullptr, /*check=*/false);
    for (auto &[name, values] : first.outputs)
      EXPECT_EQ(std::memcmp(values.data(), again.outputs[name].data(),
                            values.size() * sizeof(double)),
                0)
          << name << " differs with " << threads << " threads";
  }
}

static std::vector<std::string> getVariantNames() {
  std::vector<std::string> names;
  for (const Variant &variant : getVariants())
    names.push_back(std::string(variant.name));
  return names;
}

INSTANTIATE_TEST_SUITE_P(Variants, SweepTest,
                         testing::ValuesIn(getVariantNames()),
                         [](const testing::TestParamInfo<std::string> &info) {
                           std::string name = info.param;
                           for (char &c : name)
                             if (c == '-')
                               c = '_';
                           return name;
                         });

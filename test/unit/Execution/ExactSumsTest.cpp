//===- ExactSumsTest.cpp - sums of streams that any order gives -----------===//
//
// Kernels of invariant functions whose steps are shared by blocks, run by the
// interpreter of pipe. One call is run by several numbers of blocks, where a
// sum's parts are others and meet in other orders: the bits of all results have
// to be the same, and right. Inputs are such that digits of sums move, early or
// late, and cancel.
//
//===----------------------------------------------------------------------===//

#include "../Target/NVIDIA/Sass.h"
#include "InterpretVariant.h"

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
using Tensors = std::map<std::string, HostTensor>;
using Values = std::map<std::string, std::vector<double>>;

constexpr int64_t kDim = 16, kTileRows = 64, kStep = 16;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Runs a variant's kernels once for each number of blocks.
class StreamRun : public InterpretedRun {
public:
  using InterpretedRun::InterpretedRun;

  /// Numbers of blocks, and the outputs with each.
  std::vector<int64_t> blocks = {1, 2, 3, 5, 7, 13, 40, 64};
  std::vector<Values> results;
  /// What is written over the inputs that were drawn.
  std::function<void(Tensors &)> fill;

protected:
  Status interpret(const PipeLaunch &launch) override {
    if (fill)
      fill(inputs);
    for (int64_t number : blocks) {
      PipeLaunch own = launch;
      own.multiprocessors = number;
      own.seed += number;
      if (Status status = InterpretedRun::interpret(own); !status.isOk())
        return status;
      Values &values = results.emplace_back();
      for (const auto &[name, tensor] : outputs)
        values[name] = tensor.getValues();
    }
    return {};
  }
};

/// What the inputs of a call are like.
struct Inputs {
  /// How much larger the score of a key is than that of the one before it.
  double slope = 0;
  /// The powers of 2 by which values of the second half of the keys are larger
  /// than those of the first, and those of the last key than that of the first.
  double jump = 0, tilt = 0;
  /// Each key of the half that is the larger one has another with its score and
  /// the opposite value: what is left is what the other half has.
  bool cancels = false;
  /// The power of 2 of all values.
  double size = 0;
};

class ExactSumsTest : public testing::Test {
protected:
  void SetUp() override {
    seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    random.seed(seed);
    c.isScheduled = c.isInvariant = c.schedule.isStream = true;
  }

  double normal() { return std::normal_distribution<double>()(random); }
  double draw(double first, double last) {
    return std::uniform_real_distribution<double>(first, last)(random);
  }
  int64_t drawInt(int64_t first, int64_t last) {
    return std::uniform_int_distribution<int64_t>(first, last)(random);
  }
  /// Keys and values of one head each.
  void fillHead(const Inputs &like, int64_t keys, double *k, double *v);
  void fill(Tensors &inputs, const Inputs &like);
  /// Calls `change` with the values of each row of `tensor`.
  static void changeRows(HostTensor &tensor,
                         llvm::function_ref<void(double *)> change);
  std::string run(StreamRun &run) {
    PipeLaunch launch;
    launch.schedule = PipeSchedule::random;
    launch.seed = seed;
    return run.run(seed, launch);
  }
  /// The results of one run of `variant` on 3 blocks.
  Values runOnce(const char *variant, std::function<void(Tensors &)> fill = {});

  uint64_t seed = 0;
  std::mt19937_64 random;
  InterpretedCase c = {
      {2, 6, 2, 5, 300, kDim, kDim, {}}, DType::bf16, kTileRows, kStep};
};
} // namespace

static bool areSame(double a, double b) {
  return std::isnan(a) ? std::isnan(b)
                       : a == b && std::signbit(a) == std::signbit(b);
}

/// Where `some` and `others` differ, or nothing.
static std::string compare(const Values &some, const Values &others) {
  for (const auto &[name, values] : some) {
    const std::vector<double> &own = others.at(name);
    for (size_t i = 0; i < values.size(); ++i)
      if (!areSame(values[i], own[i]))
        return name + "[" + std::to_string(i) + "] is " +
               std::to_string(values[i]) + " and " + std::to_string(own[i]);
  }
  return "";
}

/// Which numbers of blocks give other bits than the first, or nothing.
static std::string compareBlocks(const StreamRun &run) {
  if (run.results.size() != run.blocks.size())
    return "not all have run";
  for (size_t i = 1; i < run.results.size(); ++i)
    if (std::string difference = compare(run.results[0], run.results[i]);
        !difference.empty())
      return std::to_string(run.blocks[i]) + " blocks: " + difference;
  return "";
}

void ExactSumsTest::changeRows(HostTensor &tensor,
                               llvm::function_ref<void(double *)> change) {
  std::vector<double> values = tensor.getValues();
  for (size_t at = 0; at < values.size(); at += kDim)
    change(&values[at]);
  tensor.setValues(values);
}

void ExactSumsTest::fillHead(const Inputs &like, int64_t keys, double *k,
                             double *v) {
  int64_t half = keys / 2;
  for (int64_t m = 0; m < keys; ++m) {
    bool isLarger = (m >= half) == (like.jump > 0);
    // The same distance from the other end of its half.
    int64_t partner = m < half ? half - 1 - m : half + keys - 1 - m;
    bool isPaired = like.cancels && isLarger && partner < m;
    double growth = like.size + like.tilt * static_cast<double>(m) / (keys - 1);
    if (m >= half)
      growth += like.jump;
    for (int64_t i = 0; i < kDim; ++i) {
      k[m * kDim + i] = isPaired ? k[partner * kDim + i] : normal();
      v[m * kDim + i] =
          isPaired ? -v[partner * kDim + i] : normal() * std::exp2(growth);
    }
    if (!isPaired)
      k[m * kDim] = like.slope * static_cast<double>(m);
  }
}

void ExactSumsTest::fill(Tensors &inputs, const Inputs &like) {
  HostTensor &k = inputs.at("k"), &v = inputs.at("v");
  int64_t keys = k.getShape()[2];
  std::vector<double> keyValues = k.getValues(), values = v.getValues();
  for (size_t at = 0; at < values.size(); at += keys * kDim)
    fillHead(like, keys, &keyValues[at], &values[at]);
  k.setValues(keyValues);
  v.setValues(values);
  // Scores are products over 4: that of a key's first number is that number.
  changeRows(inputs.at("q"), [&](double *row) {
    double sharpness = like.cancels ? 0.25 : 1;
    for (int64_t i = 0; i < kDim; ++i)
      row[i] = i == 0 ? 4 : normal() * sharpness;
  });
}

Values ExactSumsTest::runOnce(const char *variant,
                              std::function<void(Tensors &)> fill) {
  StreamRun own(variant, c);
  own.blocks = {3};
  own.fill = std::move(fill);
  std::string wrong = run(own);
  EXPECT_EQ(own.results.size(), 1u) << wrong;
  return own.results.empty() ? Values() : own.results[0];
}

//===----------------------------------------------------------------------===//
// Accuracy
//===----------------------------------------------------------------------===//

/// Columns of V differ by powers of 2 up to 20, and of rows' scores some are
/// nearly even and of others one key has nearly all.
TEST_F(ExactSumsTest, AreRightWithOutlyingColumns) {
  for (const char *variant : {"gqa", "causal-bottom-right"})
    for (DType dtype : {DType::bf16, DType::f16}) {
      c.dtype = dtype;
      StreamRun own(variant, c);
      own.blocks = {1, 3, 7, 40};
      own.fill = [&](Tensors &inputs) {
        std::vector<double> factors;
        for (int64_t i = 0; i < kDim; ++i)
          factors.push_back(std::exp2(drawInt(-10, 10)));
        // The largest term is in any place of its digit.
        double all = std::exp2(dtype == DType::bf16 ? drawInt(-60, 60) : 0);
        changeRows(inputs.at("v"), [&](double *row) {
          for (int64_t i = 0; i < kDim; ++i)
            row[i] *= factors[i] * all;
        });
        changeRows(inputs.at("q"), [&](double *row) {
          double sharpness = std::exp2(draw(-8, 4));
          for (int64_t i = 0; i < kDim; ++i)
            row[i] *= sharpness;
        });
      };
      EXPECT_EQ(run(own), "") << variant;
      EXPECT_EQ(compareBlocks(own), "") << variant;
    }
}

/// Values of any size, which the rule holds for down to 2^-126, but for the
/// largest.
TEST_F(ExactSumsTest, AreRightOfAnySize) {
  for (int64_t size = -120; size <= 100; size += 4) {
    StreamRun own("gqa", c);
    own.blocks = {3};
    own.fill = [&](Tensors &inputs) {
      fill(inputs, {0.01, 0, 0, false, static_cast<double>(size)});
    };
    EXPECT_EQ(run(own), "") << "values of 2^" << size;
  }
}

/// Scores are numbers of keys, which f32 has: the logarithm of their sum has
/// nearly all of its digits, wherever the sum lies among its bins. Of equal
/// scores the steps' errors are equal, too. (The rule allows errors of a naive
/// sum, which may be right by chance.)
TEST_F(ExactSumsTest, LogSumExpsHaveTheDigitsOfF32) {
  c.shape = {1, 1, 1, 5, 300, kDim, kDim, {}};
  for (double spread : {0.0, 0.25, 4.0})
    for (double shift = -14; shift < 3; shift += 0.6) {
      double exact = 0;
      StreamRun own("gqa", c);
      own.blocks = {3};
      own.fill = [&](Tensors &inputs) {
        changeRows(inputs.at("q"), [](double *row) {
          std::fill_n(row, kDim, 0);
          row[0] = 4;
        });
        changeRows(inputs.at("k"),
                   [&](double *row) { row[0] = row[0] * spread + shift; });
        changeRows(inputs.at("k"),
                   [&](double *row) { exact += std::exp(row[0]); });
        exact = std::log(exact);
      };
      std::string wrong = run(own);
      ASSERT_EQ(own.results.size(), 1u) << wrong;
      for (double lse : own.results[0]["lse"])
        // Scores are multiplied by log2(e) and back, each rounded to f32.
        ASSERT_NEAR(lse, exact,
                    (3 * std::fabs(shift) + std::fabs(exact)) * 0x1p-24 +
                        0x1p-21)
            << "spread " << spread << ", shift " << shift;
    }
}

/// What is added up otherwise, in streams that are exact: a maximum with a
/// sink, plain sums, and scores that are computed otherwise.
TEST_F(ExactSumsTest, AreRightInOtherVariants) {
  for (const char *variant :
       {"sink", "sigmoid", "relu-norm", "softcap", "alibi"}) {
    StreamRun own(variant, c);
    EXPECT_EQ(run(own), "") << variant;
    EXPECT_EQ(compareBlocks(own), "") << variant;
  }
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

/// Scores that grow or fall, by less and by more than a digit a step, and
/// values that do.
static const Inputs kInputs[] = {
    {0.3, 0, 0, false}, {-0.3, 0, 0, false},  {4, 0, 0, false},
    {-4, 0, 0, false},  {0.2, 0, -80, false}, {-0.2, 0, 80, false},
    {0, 20, 0, true},   {0, -20, 0, true},    {0, 40, 0, true},
    {0, -40, 0, true},  {0.05, 40, 0, false}, {-0.05, -40, 0, false},
    {1, -40, 0, false}, {-1, 40, 0, false},
};

static std::string describe(const Inputs &like) {
  return "slope " + std::to_string(like.slope) + ", jump " +
         std::to_string(like.jump) + ", tilt " + std::to_string(like.tilt) +
         (like.cancels ? ", cancels" : "");
}

/// Values next to the largest that have digits, and larger ones, of which rows
/// are no numbers.
TEST_F(ExactSumsTest, BitsOfLargeValues) {
  for (double size : {100, 118})
    for (double slope : {0.3, -0.3, 0.6, -0.6}) {
      StreamRun own("gqa", c);
      own.fill = [&](Tensors &inputs) {
        fill(inputs, {slope, 0, 0, false, size});
      };
      std::string wrong = run(own);
      EXPECT_EQ(compareBlocks(own), "") << slope;
      if (size == 100)
        EXPECT_EQ(wrong, "") << slope;
      else
        for (double value : own.results.front().at("o"))
          ASSERT_TRUE(std::isnan(value));
    }
}

/// As many steps as digits are promised for, each with the largest digit, and
/// one more.
TEST_F(ExactSumsTest, BitsOfManySteps) {
  for (int64_t steps : {32767, 32768}) {
    c.shape = {1, 1, 1, 1, steps * kStep, kDim, kDim, {}};
    Values values = runOnce("gqa", [&](Tensors &inputs) {
      changeRows(inputs.at("q"),
                 [](double *row) { std::fill_n(row, kDim, 0); });
      // A step's part is 1/2, which is 0 and then the half of a digit.
      changeRows(inputs.at("v"),
                 [](double *row) { std::fill_n(row, kDim, 0.5 / kStep); });
    });
    ASSERT_FALSE(HasFailure());
    for (double value : values["o"])
      if (steps == 32767)
        ASSERT_EQ(value, 0.5 / kStep);
      else
        ASSERT_TRUE(std::isnan(value));
  }
}

TEST_F(ExactSumsTest, BitsAreThoseOfAnyNumberOfBlocks) {
  for (const char *variant : {"gqa", "causal-bottom-right"})
    for (const Inputs &like : kInputs) {
      SCOPED_TRACE(std::string(variant) + ": " + describe(like));
      StreamRun own(variant, c);
      own.fill = [&](Tensors &inputs) { fill(inputs, like); };
      std::string wrong = run(own);
      // What rounding leaves of sums that cancel is no part of the rule.
      if (!like.cancels)
        EXPECT_EQ(wrong, "");
      ASSERT_EQ(own.results.size(), own.blocks.size()) << wrong;
      EXPECT_EQ(compareBlocks(own), "");
      for (const auto &[name, values] : own.results[0])
        for (double value : values)
          ASSERT_TRUE(std::isfinite(value)) << name;
    }
}

/// The inputs show what they are for. Of scores that grow by much a few keys
/// have all, which no order changes.
TEST_F(ExactSumsTest, BitsOfOtherKernelsAreNot) {
  c.isInvariant = false;
  for (const Inputs &like : kInputs) {
    if (std::fabs(like.slope) >= 1)
      continue;
    StreamRun own("gqa", c);
    own.fill = [&](Tensors &inputs) { fill(inputs, like); };
    std::string wrong = run(own);
    ASSERT_EQ(own.results.size(), own.blocks.size()) << wrong;
    EXPECT_NE(compareBlocks(own), "") << describe(like);
  }
}

//===----------------------------------------------------------------------===//
// Rows of no number, and of nothing
//===----------------------------------------------------------------------===//

/// A value that is no number, or is infinite, makes a row that sees it no
/// number; of its log-sum-exp it is no part. Rows of other tiles stay.
TEST_F(ExactSumsTest, RowsThatSeeWhatIsNoNumberAreNone) {
  c.shape = {2, 2, 2, 150, 200, kDim, kDim, {}};
  const char *variant = "causal-bottom-right";
  int64_t queries = 150, keys = 200;
  Values before = runOnce(variant);
  ASSERT_FALSE(HasFailure());
  for (double value : {kNaN, kInfinity, -kInfinity}) {
    // Of the second request's first head.
    int64_t head = 2, key = drawInt(60, keys - 1),
            column = drawInt(0, kDim - 1);
    SCOPED_TRACE(std::to_string(value) + " at " + std::to_string(key));
    Values after = runOnce(variant, [&](Tensors &inputs) {
      HostTensor &v = inputs.at("v");
      std::vector<double> values = v.getValues();
      values[(head * keys + key) * kDim + column] = value;
      v.setValues(values);
    });
    ASSERT_FALSE(HasFailure());
    EXPECT_EQ(compare({{"lse", before["lse"]}}, {{"lse", after["lse"]}}), "");
    for (int64_t row = 0; row < 4 * queries; ++row) {
      int64_t position = row % queries;
      auto sees = [&](int64_t p) { return key <= p + keys - queries; };
      int64_t last =
          std::min(position / kTileRows * kTileRows + kTileRows, queries) - 1;
      for (int64_t i = row * kDim; i < (row + 1) * kDim; ++i)
        if (row / queries == head && sees(position))
          ASSERT_TRUE(std::isnan(after["o"][i])) << position;
        else if (row / queries != head || !sees(last))
          ASSERT_TRUE(areSame(after["o"][i], before["o"][i])) << position;
    }
  }
}

/// The same of keys: a row that sees one has no log-sum-exp either.
TEST_F(ExactSumsTest, RowsThatSeeKeysOfNoNumberAreNone) {
  c.shape = {2, 2, 2, 70, 200, kDim, kDim, {}};
  Values before = runOnce("gqa");
  ASSERT_FALSE(HasFailure());
  int64_t key = drawInt(0, 199), head = drawInt(0, 3);
  SCOPED_TRACE("key " + std::to_string(key) + " of head " +
               std::to_string(head));
  Values after = runOnce("gqa", [&](Tensors &inputs) {
    HostTensor &k = inputs.at("k");
    std::vector<double> values = k.getValues();
    values[(head * 200 + key) * kDim] = kNaN;
    k.setValues(values);
  });
  for (auto [name, width] :
       {std::pair("o", kDim), std::pair("lse", int64_t(1))})
    for (size_t i = 0; i < before[name].size(); ++i)
      if (static_cast<int64_t>(i) / (70 * width) == head)
        ASSERT_TRUE(std::isnan(after[name][i])) << name << " " << i;
      else
        ASSERT_TRUE(areSame(after[name][i], before[name][i]))
            << name << " " << i;
}

/// Queries before the first key, and those of no keys.
TEST_F(ExactSumsTest, RowsOfNothingAreThoseOfOtherKernels) {
  for (int64_t keys : {0, 40, 100}) {
    c.shape = {1, 2, 1, 150, keys, kDim, kDim, {}};
    SCOPED_TRACE(std::to_string(keys) + " keys");
    Values exact = runOnce("causal-bottom-right");
    c.isInvariant = false;
    Values others = runOnce("causal-bottom-right");
    c.isInvariant = true;
    ASSERT_FALSE(HasFailure());
    for (auto [name, width, nothing] :
         {std::tuple("o", kDim, 0.0),
          std::tuple("lse", int64_t(1), -kInfinity)})
      for (size_t i = 0; i < exact[name].size(); ++i)
        if (static_cast<int64_t>(i) / width % 150 < 150 - keys) {
          ASSERT_TRUE(areSame(exact[name][i], others[name][i])) << name << i;
          ASSERT_EQ(exact[name][i], nothing) << name << i;
        }
  }
}

//===----------------------------------------------------------------------===//
// Machine code
//===----------------------------------------------------------------------===//

/// Digits leave few registers: what ptxas spills is none of a step's.
TEST_F(ExactSumsTest, StepsSpillNothing) {
  if (!std::getenv("ATTN_PTXAS") && !llvm::sys::findProgramByName("ptxas"))
    GTEST_SKIP() << "ptxas is absent";
  c = {{1, 4, 1, 1, 256, 128, 128, {}}, DType::bf16, 32, 128};
  c.isScheduled = c.isInvariant = c.schedule.isStream = true;
  c.pack = 4;
  c.kv.page = 64;
  for (const char *variant : {"gqa", "causal-bottom-right", "softcap"}) {
    SCOPED_TRACE(variant);
    auto context = createContext();
    Source source;
    auto lowered = lowerVariant(*context, variant, c, source);
    ASSERT_TRUE(lowered.isOk()) << lowered.getStatus().message();
    auto compiled = nvidia::compile(**lowered, CodeKind::MachineCode);
    ASSERT_TRUE(succeeded(compiled));
    std::vector<Instruction> code = readCode(compiled->bytes);
    // Of 128 keys and columns, in depths of 16.
    llvm::ArrayRef<Instruction> loop = findLoop(code, 16);
    ASSERT_FALSE(loop.empty());
    EXPECT_EQ(countSpills(loop), 0);
    RecordProperty(variant, std::to_string(loop.size()) + " instructions, " +
                                std::to_string(countSpills(code)) +
                                " spills outside");
  }
}

//===- EmulatedTest.cpp - attention on AMD GPUs, lane by lane -------------===//

#include "EmulatedRun.h"

#include "test/unit/Execution/Tables.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsAMDGPU.h"
#include "llvm/IR/Module.h"
#include "gtest/gtest.h"

#include <random>

using namespace attn;
using namespace attn::test;

namespace {
struct Emulated {
  const char *variant;
  std::map<std::string, std::string> parameters;
};

class EmulatedTest
    : public testing::TestWithParam<std::tuple<const char *, Emulated>> {
protected:
  const char *getTarget() { return std::get<0>(GetParam()); }

  InterpretedCase makeCase(const AttentionShape &shape, DType dtype,
                           int64_t rows, int64_t keys) {
    InterpretedCase c = {shape, dtype, rows, keys};
    c.target = getTarget();
    c.parameters = std::get<1>(GetParam()).parameters;
    c.nan = NaNKind::hidden;
    return c;
  }
  PipeLaunch makeLaunch() {
    PipeLaunch launch;
    launch.multiprocessors = 2;
    launch.seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(launch.seed));
    return launch;
  }
};
} // namespace

// Rows and keys that tiles do not divide, several heads, more keys than
// queries, and NaN in keys that no query sees.
TEST_P(EmulatedTest, AreRight) {
  PipeLaunch launch = makeLaunch();
  const char *variant = std::get<1>(GetParam()).variant;
  InterpretedCase c =
      makeCase({1, 2, 1, 70, 90, 32, 32, {}}, DType::bf16, 64, 32);
  c.isScheduled = true;
  EXPECT_EQ(EmulatedRun(variant, c).run(launch.seed, launch), "");
  c = makeCase({1, 2, 2, 130, 70, 64, 64, {}}, DType::f16, 128, 64);
  c.isScheduled = true;
  EXPECT_EQ(EmulatedRun(variant, c).run(launch.seed, launch), "");
}

namespace {
class EmulatedTargetTest : public testing::TestWithParam<const char *> {
protected:
  /// Several blocks where there is work for them.
  std::string run(const char *variant, InterpretedCase c,
                  std::function<void(llvm::Module &)> edit = {},
                  int blocks = 3) {
    c.target = GetParam();
    EmulatedRun run(variant, c);
    // Far more than what is right takes.
    if (edit)
      run.mostInstructions = 500'000;
    run.editIR = std::move(edit);
    PipeLaunch launch;
    launch.multiprocessors = blocks;
    launch.seed = std::random_device()();
    std::printf("seed %llu\n", static_cast<unsigned long long>(launch.seed));
    return run.run(launch.seed, launch);
  }
};
} // namespace

TEST_P(EmulatedTargetTest, PagesAreRight) {
  InterpretedCase c = {{2, 4, 2, 40, 90, 32, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  for (int64_t page : {8, 64}) {
    c.kv.page = page;
    EXPECT_EQ(run("gqa", c), "") << "pages of " << page;
  }
}

TEST_P(EmulatedTargetTest, QuantisedCachesAreRight) {
  InterpretedCase c = {{1, 4, 2, 40, 90, 64, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  for (DType dtype : {DType::e4m3, DType::i8}) {
    c.kv.dtype = dtype;
    c.dtype = dtype == DType::i8 ? DType::f16 : DType::bf16;
    EXPECT_EQ(run("gqa", c), "") << getName(dtype).data();
  }
}

// Few queries, heads of a group packed, whose steps blocks share.
TEST_P(EmulatedTargetTest, StreamsAreRight) {
  InterpretedCase c = {{3, 4, 2, 1, 150, 32, 64, {}}, DType::bf16, 64, 32};
  c.isScheduled = c.schedule.isStream = true;
  c.schedule.slots = 3;
  c.pack = 2;
  EXPECT_EQ(run("gqa", c), "");
  c.kv.page = 16;
  EXPECT_EQ(run("causal-bottom-right", c), "");
  c.shape.headDim = c.shape.valueDim = 64;
  c.kv.dtype = DType::e4m3;
  EXPECT_EQ(run("causal-bottom-right", c), "");
}

// Parts of an item in so many blocks that these meet in groups, or that each
// warp folds some; rows of one warp and of several; a block with parts of two
// items.
TEST_P(EmulatedTargetTest, ManyPartsAreRight) {
  InterpretedCase c = {{1, 2, 1, 1, 1500, 32, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = c.schedule.isStream = true;
  c.schedule.slots = 2;
  c.pack = 2;
  for (auto [batch, queries] : {std::pair(1, 1), {1, 20}, {2, 1}})
    for (int blocks : {9, 30, 40, 60}) {
      c.shape.batch = batch;
      c.shape.queryLength = queries;
      EXPECT_EQ(run("gqa", c, {}, blocks), "")
          << batch << " items of " << queries << " queries, " << blocks
          << " blocks";
    }
}

// Of so many lengths, each another one, that warps share them out where the
// line is cut: some each, or several a lane.
TEST_P(EmulatedTargetTest, ManySequencesAreRight) {
  InterpretedCase c = {{0, 0, 0, 1, 70, 32, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = c.schedule.isStream = true;
  c.schedule.slots = 2;
  c.pack = 2;
  c.kv.page = 16;
  for (auto [batch, heads, blocks] : {std::tuple(66, 2, 7), {530, 1, 40}}) {
    c.shape.batch = batch;
    c.shape.kvHeads = heads;
    c.shape.heads = 2 * heads;
    std::vector<int32_t> lengths;
    for (int32_t i = 0; i < batch; ++i)
      lengths.push_back(i * i % 71);
    c.arrays["k_lengths"] = makeTable({batch}, lengths);
    c.arrays["q_lengths"] = makeTable({batch}, std::vector<int32_t>(batch, 1));
    EXPECT_EQ(run("varlen", c, {}, blocks), "")
        << batch << " sequences, " << blocks << " blocks";
  }
}

// Segments, more than a warp has lanes, of a few tiles that warps share out;
// and of so many tiles that lanes count each its own.
TEST_P(EmulatedTargetTest, SegmentsAreRight) {
  for (auto [queries, segments, blocks] :
       {std::tuple(150, 70, 5), {2300, 3, 5}}) {
    InterpretedCase c = {
        {1, 2, 1, queries, 70, 32, 32, {{"S", segments}}}, DType::bf16, 64, 32};
    c.isScheduled = c.schedule.isStream = true;
    c.schedule.slots = 2;
    c.pack = 2;
    c.kv.page = 16;
    std::map<std::string, std::vector<int32_t>> tables;
    for (int32_t i = 0; i < segments; ++i) {
      int32_t first = i * 613 % queries;
      tables["lengths"].push_back(i * 37 % 71);
      tables["first"].push_back(first);
      tables["last"].push_back(std::min(first + queries / 4, queries));
      tables["causal"].push_back(i % 2);
    }
    for (auto &[name, values] : tables)
      c.arrays[name] = makeTable({segments}, values);
    EXPECT_EQ(run("segments", c, {}, blocks), "")
        << queries << " queries, " << blocks << " blocks";
  }
}

// Parts whose sums are whole numbers.
TEST_P(EmulatedTargetTest, InvariantStreamsAreRight) {
  InterpretedCase c = {{2, 2, 1, 1, 2600, 32, 32, {}}, DType::bf16, 64, 64};
  c.isScheduled = c.isInvariant = c.schedule.isStream = true;
  c.schedule.slots = 2;
  c.pack = 2;
  EXPECT_EQ(run("gqa", c), "");
}

// Neighbouring shares are those of blocks that a multiprocessor has at once; of
// few steps the first of its blocks has all.
TEST(EmulatedBlocksTest, SeveralOfAMultiprocessorAreRight) {
  InterpretedCase c = {{2, 2, 1, 1, 1500, 32, 32, {}}, DType::bf16, 64, 32};
  c.target = "gfx1100";
  c.isScheduled = c.schedule.isStream = true;
  c.schedule.slots = 2;
  c.pack = 2;
  for (bool isInvariant : {false, true})
    for (int multiprocessors : {1, 3, 20, 40}) {
      c.isInvariant = isInvariant;
      EmulatedRun run("gqa", c);
      run.blocks = 2;
      PipeLaunch launch;
      launch.multiprocessors = multiprocessors;
      launch.seed = std::random_device()();
      std::printf("seed %llu\n", static_cast<unsigned long long>(launch.seed));
      EXPECT_EQ(run.run(launch.seed, launch), "")
          << multiprocessors << " multiprocessors"
          << (isInvariant ? ", invariant" : "");
    }
}

// A group that fills the slots it reads.
TEST_P(EmulatedTargetTest, OneRoleIsRight) {
  InterpretedCase c = {{1, 2, 1, 70, 150, 32, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  c.schedule.split = 1;
  c.nan = NaNKind::hidden;
  for (int64_t keys : {64, 150})
    for (int64_t slots : {1, 2}) {
      c.shape.keyLength = keys;
      c.schedule.slots = slots;
      EXPECT_EQ(run("causal-bottom-right", c), "")
          << keys << " keys, " << slots << " slots";
    }
}

TEST_P(EmulatedTargetTest, AnyStridesAreRight) {
  InterpretedCase c = {{1, 4, 2, 70, 90, 16, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = c.anyStrides = true;
  EXPECT_EQ(run("gqa", c), "");
}

TEST_P(EmulatedTargetTest, ThreadsAreRight) {
  InterpretedCase c = {{1, 2, 1, 5, 23, 8, 8, {}}, DType::f32, 4, 8};
  for (const char *variant : {"full", "causal-bottom-right", "rope", "linear"})
    EXPECT_EQ(run(variant, c), "") << variant;
}

/// Changes the first instruction that `change` takes.
static bool changeFirst(llvm::Module &module,
                        llvm::function_ref<bool(llvm::Instruction &)> change) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (change(instruction))
        return true;
  return false;
}

static bool isCallOf(llvm::Instruction &instruction,
                     std::initializer_list<llvm::Intrinsic::ID> functions) {
  auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  return call && llvm::is_contained(functions, call->getIntrinsicID());
}

namespace Intrinsic = llvm::Intrinsic;

/// A product's sides in each other's place.
static bool swapSides(llvm::Instruction &instruction) {
  if (!isCallOf(instruction, {Intrinsic::amdgcn_mfma_f32_16x16x16bf16_1k,
                              Intrinsic::amdgcn_wmma_f32_16x16x16_bf16}))
    return false;
  llvm::Value *lhs = instruction.getOperand(0);
  instruction.setOperand(0, instruction.getOperand(1));
  instruction.setOperand(1, lhs);
  return true;
}

/// A lane's number that is its neighbour's.
static bool shiftLanes(llvm::Instruction &instruction) {
  auto *mask = llvm::dyn_cast<llvm::BinaryOperator>(&instruction);
  if (!mask || mask->getOpcode() != llvm::Instruction::And ||
      !isCallOf(*llvm::cast<llvm::Instruction>(mask->getOperand(0)),
                {Intrinsic::amdgcn_workitem_id_x}))
    return false;
  auto *bits = llvm::dyn_cast<llvm::ConstantInt>(mask->getOperand(1));
  if (!bits || (bits->getZExtValue() != 31 && bits->getZExtValue() != 63))
    return false;
  auto *other = llvm::BinaryOperator::CreateXor(
      mask, llvm::ConstantInt::get(mask->getType(), 1));
  other->insertAfter(mask->getIterator());
  mask->replaceUsesWithIf(
      other, [&](llvm::Use &use) { return use.getUser() != other; });
  return true;
}

/// What a lane takes of another, its own.
static bool keepOwn(llvm::Instruction &instruction) {
  bool isSwizzle = isCallOf(instruction, {Intrinsic::amdgcn_ds_swizzle,
                                          Intrinsic::amdgcn_permlanex16});
  bool isPermute = isCallOf(instruction, {Intrinsic::amdgcn_ds_bpermute});
  if (!isSwizzle && !isPermute)
    return false;
  bool hasOld = isCallOf(instruction, {Intrinsic::amdgcn_permlanex16});
  instruction.replaceAllUsesWith(
      instruction.getOperand(hasOld || isPermute ? 1 : 0));
  return true;
}

/// An arrival that counts nothing.
static bool dropArrival(llvm::Instruction &instruction) {
  auto *add = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction);
  if (!add || add->getPointerAddressSpace() != 3)
    return false;
  add->setOperand(1, llvm::ConstantInt::get(add->getType(), 0));
  return true;
}

// Each is seen, by the results or by lanes that wait for ever, where the same
// code without it is right.
TEST_P(EmulatedTargetTest, MistakesAreSeen) {
  InterpretedCase c = {{1, 1, 1, 64, 64, 32, 32, {}}, DType::bf16, 64, 32};
  c.isScheduled = true;
  ASSERT_EQ(run("full", c, [](llvm::Module &) {}), "");
  struct {
    const char *name;
    bool (*change)(llvm::Instruction &instruction);
    const char *finding;
  } faults[] = {{"sides of a product", swapSides, "misses the error rule"},
                {"a lane's number", shiftLanes, "misses the error rule"},
                {"an exchange of lanes", keepOwn, "misses the error rule"},
                {"an arrival", dropArrival, "it does not end"}};
  for (const auto &fault : faults) {
    bool isChanged = false;
    std::string finding = run("full", c, [&](llvm::Module &module) {
      isChanged = changeFirst(module, fault.change);
    });
    EXPECT_TRUE(isChanged) << fault.name;
    EXPECT_NE(finding.find(fault.finding), std::string::npos)
        << fault.name << ": " << finding;
  }
}

INSTANTIATE_TEST_SUITE_P(Gpus, EmulatedTargetTest,
                         testing::Values("gfx942", "gfx90a", "gfx950",
                                         "gfx1100"),
                         [](const auto &info) { return info.param; });

INSTANTIATE_TEST_SUITE_P(
    Variants, EmulatedTest,
    testing::Combine(
        testing::Values("gfx942", "gfx90a", "gfx1100"),
        testing::Values(
            Emulated{"full", {}}, Emulated{"causal-bottom-right", {}},
            Emulated{"gqa", {}}, Emulated{"alibi", {}}, Emulated{"bias", {}},
            Emulated{"documents", {}}, Emulated{"softcap", {}},
            Emulated{"sink", {}}, Emulated{"sigmoid", {}},
            Emulated{"relu-norm", {}}, Emulated{"varlen", {{"causal", "1"}}},
            Emulated{"sliding-window", {{"window", "33"}}},
            Emulated{"streaming", {{"sinks", "3"}, {"window", "9"}}})),
    [](const auto &info) {
      std::string name = std::string(std::get<0>(info.param)) + "_" +
                         std::get<1>(info.param).variant;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

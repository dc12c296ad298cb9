//===- GpuProgramTest.cpp - who chooses a schedule, and the cache ---------===//
//
// Kernels are compiled to PTX, for which no ptxas is needed.
//
//===----------------------------------------------------------------------===//

#include "lib/Driver/GpuCache.h"
#include "lib/Driver/GpuLowering.h"
#include "test/unit/Target/NVIDIA/Sass.h"

#include "attn/Driver/Execution.h"
#include "attn/Runtime/Cache.h"
#include "attn/Variants/Variants.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/Program.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;

namespace {
/// A variant bound to a head dimension.
class Bound {
public:
  explicit Bound(const std::string &text, int64_t width = 64) {
    module = parseSourceString<ModuleOp>(text, context.get());
    func = *module->getOps<cascade::FuncOp>().begin();
    AttentionShape shape;
    shape.headDim = width;
    if (text.find("LEN") != std::string::npos)
      shape.ranks["LEN"] = 512;
    problem.dtype = DType::bf16;
    EXPECT_TRUE(resolveExtents(func, shape, problem).isOk());
    EXPECT_TRUE(resolveScalars(func, {}, problem).isOk());
    bindStatics(func, problem, pipeline);
    pipeline.dtype = "bf16";
  }

  GpuProgram compile(const GpuOptions &options,
                     CodeKind kind = CodeKind::Assembly) {
    auto program = compileGpuProgram(func, pipeline, options, kind);
    if (program.isOk())
      return std::move(*program);
    ADD_FAILURE() << program.getStatus().message();
    return {};
  }
  GpuLowering getLowering() {
    return GpuLowering(func, pipeline, getMachineModel());
  }
  ScheduleKey getKey() { return *getLowering().getKey(); }
  std::vector<ScheduleCandidate> rank(const ScheduleFields &given = {}) {
    auto model = getLowering().getModel();
    return std::get<ScheduleModel>(model).rank(given, /*isSearch=*/false);
  }

  std::unique_ptr<MLIRContext> context = createContext();
  OwningOpRef<ModuleOp> module;
  cascade::FuncOp func;
  Problem problem;
  PipelineOptions pipeline;
};

std::string getText(const char *variant) {
  return lookupVariant(variant)->text;
}

std::string replace(std::string text, const std::string &from,
                    const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TileSchedule parse(const std::string &text) {
  return parseScheduleFields(text, ' ', "test")->apply({});
}
} // namespace

static const char kOther[] =
    "rows=64 keys=32 slots=3 turns=0 split=0 cluster=1";

TEST(GpuProgram, TakesTheTablesSchedule) {
  Bound full(getText("full"));
  GpuOptions options;
  options.table.set({"full", full.getKey(), parse(kOther), ""});
  GpuProgram program = full.compile(options);
  ASSERT_TRUE(program.schedule);
  EXPECT_EQ(format(*program.schedule), kOther);
  EXPECT_EQ(program.origin, ScheduleOrigin::ownTable);
  EXPECT_EQ(program.numBuilds, 1);
  // Fields that the user gives go before an entry without them.
  options.schedule.keys = 64;
  program = full.compile(options);
  ASSERT_TRUE(program.schedule);
  EXPECT_EQ(program.schedule->keys, 64);
  EXPECT_EQ(program.origin, ScheduleOrigin::model);
}

// A user's own text of the same structure, under other names.
TEST(GpuProgram, LooksUpByStructure) {
  Bound full(getText("full"));
  std::string text = replace(getText("full"), "@full", "@mine");
  text = replace(text, "%q", "%queries");
  text = replace(text, "[B, H, P", "[B, H, LEN");
  text = replace(replace(text, ", p,", ", len,"), ", p]", ", len]");
  Bound mine(text);
  EXPECT_EQ(mine.getKey().cascade, full.getKey().cascade);
  Bound causal(getText("causal-bottom-right"));
  EXPECT_NE(causal.getKey().cascade, full.getKey().cascade);
  // The width is another part of the key.
  Bound wide(getText("full"), 128);
  EXPECT_EQ(wide.getKey().cascade, full.getKey().cascade);
  EXPECT_NE(wide.getKey().widths, full.getKey().widths);
}

// `full` has no boxes to gain: given lengths make no other kernel of it.
TEST(GpuProgram, LooksUpAtGivenLengthsWithoutThem) {
  Bound full(getText("full"));
  ScheduleKey key = full.getKey();
  for (const char *rank : {"P", "M"})
    full.pipeline.extents.emplace_back(rank, 4096);
  EXPECT_EQ(full.getKey().widths, key.widths);
  EXPECT_EQ(full.getKey().cascade, key.cascade);
}

// A warp has two products of 16 rows for each 8 columns: of steps of 32 keys 64
// for the scores and 64 for the output. A few values that wait for an item's
// end may be spilled, but no loop may touch them, and exponentials stand
// between products.
TEST(GpuProgram, KeepsSpillsOutOfLoopsWithEqualRegisters) {
  if (!std::getenv("ATTN_PTXAS") && !llvm::sys::findProgramByName("ptxas"))
    GTEST_SKIP() << "ptxas is absent";
  // With a role that loads, and in one role.
  for (const auto &[variant, split] :
       std::vector<std::pair<const char *, int64_t>>{
           {"full", 0},
           {"causal-bottom-right", 0},
           {"full", 1},
           {"causal-bottom-right", 1}}) {
    Bound bound(getText(variant), 128);
    GpuOptions options;
    options.target = "sm_80";
    options.schedule.split = split;
    options.schedule.rows = 128;
    options.schedule.keys = 32;
    GpuProgram program = bound.compile(options, CodeKind::MachineCode);
    ASSERT_TRUE(program.schedule) << program.reason;
    EXPECT_NE(program.code.portable.find(".target sm_80"), std::string::npos);
    std::vector<test::Instruction> code = test::readCode(program.code.bytes);
    auto loops = test::findLoops(code, 128, /*isSm80=*/true);
    EXPECT_GE(loops.size(), 2u) << variant;
    for (ArrayRef<test::Instruction> loop : loops) {
      EXPECT_EQ(test::countSpills(loop), 0) << variant;
      EXPECT_LE(loop.size(), split == 0 ? 720u : 840u) << variant;
      auto isExponential = [](test::Instruction i) {
        return i.getOpcode() == 0x308; // MUFU
      };
      const auto *first = llvm::find_if(loop, isExponential);
      ArrayRef<test::Instruction> rest(first, loop.end());
      EXPECT_GT(test::countProducts(rest), 0) << variant;
    }
  }
}

// An entry that no longer builds is no reason to give up.
TEST(GpuProgram, GoesOnAfterAnEntryThatDoesNotBuild) {
  Bound full(getText("full"));
  GpuOptions options;
  options.table.set({"full", full.getKey(),
                     parse("rows=192 keys=256 slots=2 turns=1 split=0 "
                           "cluster=1"),
                     ""});
  GpuProgram program = full.compile(options);
  ASSERT_TRUE(program.schedule);
  EXPECT_NE(program.origin, ScheduleOrigin::ownTable);
  EXPECT_GE(program.numBuilds, 2);
  EXPECT_EQ(program.reason, "");
}

TEST(GpuProgram, RefusesTilesThatDoNotBuild) {
  Bound full(getText("full"));
  GpuOptions options;
  options.schedule.rows = 192;
  options.schedule.keys = 256;
  auto program =
      compileGpuProgram(full.func, full.pipeline, options, CodeKind::Assembly);
  ASSERT_FALSE(program.isOk());
  EXPECT_EQ(program.getStatus().getFeature(), "schedule rows=192 keys=256");
  EXPECT_NE(program.getStatus().getReason().find("expects tiles of at most"),
            std::string::npos)
      << program.getStatus().message();
}

// Few queries are decoding: what takes time is reading the keys, once and by
// all blocks. What the user says of the kind of schedule goes before that.
TEST(GpuProgram, SharesStepsWhereQueriesAreFew) {
  Bound gqa(getText("gqa"));
  GpuOptions options;
  for (auto [queries, isStream] :
       {std::pair(0, true), {1, true}, {16, true}, {17, false}}) {
    options.queries = queries;
    GpuProgram program = gqa.compile(options);
    ASSERT_TRUE(program.schedule) << queries;
    EXPECT_EQ(program.schedule->isStream, isStream) << queries;
    if (isStream) {
      EXPECT_EQ(program.schedule->rows, 32) << queries;
      EXPECT_EQ(program.schedule->keys, 128) << queries;
    }
  }
  options.queries = 1;
  options.table.set({"gqa", gqa.getKey(), parse(kOther), ""});
  EXPECT_EQ(format(*gqa.compile(options).schedule), kOther);
  options.schedule.stream = 0;
  EXPECT_FALSE(gqa.compile(options).schedule->isStream);
}

// Heads that are packed are rows too.
TEST(GpuProgram, HasTilesOfFewRowsWhereTheyDo) {
  Bound gqa(getText("gqa"));
  gqa.pipeline.packing.emplace();
  GpuOptions options;
  for (auto [queries, width, rows] :
       {std::tuple(1, 4, 32), {8, 4, 32}, {9, 4, 64}, {16, 4, 64}}) {
    options.queries = queries;
    gqa.pipeline.packing->width = width;
    GpuProgram program = gqa.compile(options);
    ASSERT_TRUE(program.schedule) << queries;
    EXPECT_EQ(program.schedule->rows, rows) << queries << " of " << width;
  }
}

// Parts of 256 columns do not fit the registers of those that bring them
// together.
TEST(GpuProgram, GoesOnWhereStepsCannotBeShared) {
  Bound wide(getText("gqa"), 256);
  GpuOptions options;
  wide.pipeline.packing.emplace().width = 4;
  options.queries = 16;
  GpuProgram program = wide.compile(options);
  ASSERT_TRUE(program.schedule);
  EXPECT_FALSE(program.schedule->isStream);
}

// Of runs nobody knows before how long they are.
TEST(GpuProgram, SharesStepsOfRuns) {
  Bound segments(getText("segments"));
  GpuProgram program = segments.compile({});
  ASSERT_TRUE(program.schedule);
  EXPECT_TRUE(program.schedule->isStream);
  EXPECT_EQ(program.schedule->rows, 128);
  GpuOptions options;
  options.queries = 4;
  EXPECT_EQ(segments.compile(options).schedule->rows, 64);
}

// The shapes that were timed (docs/performance.md) are the first.
TEST(ScheduleModel, RanksWhatWasTimedFirst) {
  for (const char *variant : {"full", "causal-bottom-right"}) {
    for (auto [width, rows, keys] :
         {std::tuple(64, 192, 128), {128, 128, 128}, {256, 128, 64}}) {
      auto first = Bound(getText(variant), width).rank().front();
      EXPECT_EQ(first.schedule.rows, rows) << variant << width;
      EXPECT_EQ(first.schedule.keys, keys) << variant << width;
      EXPECT_EQ(first.estimate.refusal, "");
    }
  }
}

TEST(ScheduleModel, RefusesWithReasons) {
  auto candidates = Bound(getText("full"), 256).rank();
  bool isRefused = false;
  std::map<std::string, int> reasons;
  for (const ScheduleCandidate &candidate : candidates) {
    const std::string &refusal = candidate.estimate.refusal;
    // Those that fit come first.
    EXPECT_TRUE(!isRefused || !refusal.empty());
    isRefused |= !refusal.empty();
    if (!refusal.empty())
      ++reasons[refusal.substr(0, refusal.find(':'))];
  }
  EXPECT_GT(reasons["shared memory"], 0);
  EXPECT_GT(reasons["registers of a thread that multiplies"], 0);
  ScheduleFields given;
  given.rows = 100;
  EXPECT_EQ(Bound(getText("full")).rank(given).front().estimate.refusal,
            "rows: expects a multiple of 64 up to 192");
}

// As many slots as there is room for, beside what results are stored from.
TEST(ScheduleModel, StreamsKeepMemoryBusy) {
  ScheduleFields given;
  given.stream = 1;
  given.rows = 64;
  for (auto [width, slots] : {std::pair(64, 3), {128, 2}, {192, 2}}) {
    auto first = Bound(getText("gqa"), width).rank(given).front();
    EXPECT_EQ(first.schedule.keys, 128) << width;
    EXPECT_EQ(first.schedule.slots, slots) << width;
  }
  given.slots = 2;
  EXPECT_EQ(Bound(getText("gqa")).rank(given).front().schedule.slots, 2);
}

// Rows that no query sees are cleared by bits of at most 128 columns.
TEST(ScheduleModel, KnowsMasksWithHoles) {
  ScheduleFields given;
  given.rows = 64;
  given.keys = 144;
  EXPECT_NE(
      Bound(getText("dilated-window")).rank(given).front().estimate.refusal,
      "");
  EXPECT_EQ(Bound(getText("full")).rank(given).front().estimate.refusal, "");
}

TEST(GpuCache, KeepsPrograms) {
  Bound full(getText("full"));
  std::unique_ptr<Cache> cache = Cache::createInMemory();
  GpuOptions options;
  options.cache = cache.get();
  GpuProgram first = full.compile(options, CodeKind::Best);
  EXPECT_FALSE(first.isCached);
  GpuProgram second = full.compile(options, CodeKind::Best);
  EXPECT_TRUE(second.isCached);
  EXPECT_EQ(cache->getStatistics().builds, 1);
  EXPECT_EQ(second.code.bytes, first.code.bytes);
  EXPECT_EQ(second.code.kind, first.code.kind);
  EXPECT_EQ(second.code.manifest.cacheKey, first.code.manifest.cacheKey);
  ASSERT_TRUE(second.schedule);
  EXPECT_TRUE(*second.schedule == *first.schedule);
  EXPECT_EQ(second.origin, first.origin);
  // Whatever the code depends on is in the key.
  auto describe = [&](const GpuOptions &options) {
    return describeCompilation(full.func, full.pipeline, options,
                               CodeKind::Best);
  };
  std::string key = describe(options);
  GpuOptions other = options;
  other.schedule.keys = 64;
  EXPECT_NE(describe(other), key);
  other = options;
  other.length = 4096;
  EXPECT_NE(describe(other), key);
  other = options;
  other.table.set({"full", full.getKey(), parse(kOther), ""});
  EXPECT_NE(describe(other), key);
  full.pipeline.dtype = "f16";
  EXPECT_NE(describe(options), key);
}

TEST(GpuCache, KeepsWhyThreadsRunIt) {
  Bound rope(getText("rope"));
  GpuProgram program = rope.compile({}, CodeKind::Best);
  EXPECT_FALSE(program.schedule);
  EXPECT_NE(program.reason, "");
  auto bytes = pack(program);
  ASSERT_TRUE(bytes.isOk()) << bytes.getStatus().message();
  auto again = unpack(*bytes);
  ASSERT_TRUE(again.isOk()) << again.getStatus().message();
  EXPECT_FALSE(again->schedule);
  EXPECT_EQ(again->reason, program.reason);
}

TEST(GpuCache, RefusesOtherBytes) {
  for (const char *bytes : {"", "threads", "9 rows=1\n", "0 nothing=1\n"})
    EXPECT_FALSE(unpack(bytes).isOk()) << bytes;
}

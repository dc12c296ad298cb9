//===- FindingsTest.cpp - each mistake has its finding --------------------===//

#include "SmallPrograms.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Regex.h"
#include "gtest/gtest.h"

#include <ostream>

using namespace attn;
using namespace attn::test;

namespace {
struct Mistake {
  std::string name;
  /// A regular expression that the findings match, under every schedule.
  std::string finding;
  SmallProgram program;
  int64_t rows = 64;
  int64_t multiprocessors = 1;
};

void PrintTo(const Mistake &mistake, std::ostream *os) { *os << mistake.name; }
} // namespace

static std::string storeTile(const std::string &tile) {
  return "pipe.store " + tile + " -> %y[%c0, %c0] : !tile -> !out\n";
}

static std::string waitAt(const std::string &cursor, const std::string &name) {
  return name + " = pipe.wait %r[" + cursor + "] : !ring\n";
}

static std::string release(const std::string &cursor) {
  return "pipe.release %r[" + cursor + "] : !ring\n";
}

static std::string advance(const std::string &from, const std::string &to) {
  return to + " = pipe.advance " + from + " : !cursor\n";
}

static std::string multiply(const std::string &slot, const std::string &token) {
  return token + " = pipe.mma_async %eye, " + slot +
         " contract(1, 0) : !half, !slot -> !token\n";
}

static std::string waitFor(const std::string &token, const std::string &name) {
  return name + " = pipe.mma_wait " + token + " pending(0) : !token\n";
}

/// Both groups' tiles of ones, at their own rows of y.
static const char *const kStoreAtGroup = R"(
  %row = arith.muli %group, %c64 : i32
  %v = arith.constant dense<1.0> : !tile
  pipe.store %v -> %y[%row, %c0] : !tile -> !out
)";

static void addRingMistakes(std::vector<Mistake> &list) {
  auto add = [&](std::string name, std::string finding, std::string load,
                 std::string compute, int64_t groups = 1, int64_t readers = 1) {
    Mistake mistake{std::move(name), std::move(finding), {}};
    mistake.program.load = std::move(load);
    mistake.program.compute = std::move(compute);
    mistake.program.groups = groups;
    mistake.program.readers = readers;
    list.push_back(std::move(mistake));
  };
  std::string one = fill("%c", "%c0");
  std::string next = advance("%c", "%n");
  std::string third = next + advance("%n", "%o");
  add("NobodyFills", "waits for filling 0 of slot 0, of which 0 have begun", "",
      waitAt("%c", "%a"));
  add("NobodyReleases",
      "waits to fill filling 1 of slot 0 .* released by 0 of 1",
      one + third + fill("%o", "%c0"), waitAt("%c", "%a"));
  add("NobodyReads", "which no group waits for", one, "");
  add("FillsTwice", "fills filling 0 of slot 0 again", one + one,
      waitAt("%c", "%a"));
  add("SkipsAFilling", "waits to fill filling 1 of slot 0",
      third + fill("%o", "%c0"), "");
  add("ReadsWhatNoCopyWrites", "reads uninitialised rows of filling 0",
      "pipe.fill %r[%c] as %slot : !ring {\n}\n", read("%c", "%d"));
  add("ReadsWhatItReleased", "reads filling 0 of slot 0 after it released it",
      one,
      waitAt("%c", "%a") + release("%c") + multiply("%a", "%p") +
          waitFor("%p", "%d"));
  add("WaitsForWhatItReleased", "which it has released", one,
      read("%c", "%d") + waitAt("%c", "%a"));
  // Group 1 reads without being one of the ring's readers.
  add("WaitsTooLate", "which holds filling 1 by now",
      one + third + fill("%o", "%c0"),
      third +
          "%last = arith.cmpi eq, %group, %c1 : i32\n"
          "scf.if %last {\n" +
          waitAt("%o", "%z0") + waitAt("%c", "%z1") + "} else {\n" +
          waitAt("%c", "%a") + release("%c") + "}\n",
      2);
  add("ReleasesWhatItDidNotWaitFor", "for which it has not waited", one,
      release("%c") + waitAt("%c", "%a"));
  add("ReleasesTwice", "releases filling 0 of slot 0 again", one,
      waitAt("%c", "%a") + release("%c") + release("%c"));
  add("ClearsWhatItReleased", "reads filling 0 of slot 0 after it released it",
      one,
      waitAt("%c", "%a") + release("%c") + "pipe.clear %a from %c1 : !slot\n");
  add("ClearsATile", "expects a ring's slot, but got a pipe.shared_tile", "",
      "pipe.clear %t from %c1 : !staging\n");
  add("ReleasesUnderAProduct", "while a product that reads it is in flight",
      one,
      waitAt("%c", "%a") + multiply("%a", "%p") + release("%c") +
          waitFor("%p", "%d"));
  add("TooManyRelease", "which enough groups have released", one,
      waitAt("%c", "%a") + release("%c"), 2, 1);
  add("LoadsBeyondIntegers", "expects coordinates of 32 bits",
      "%far = arith.constant 2147483600 : i32\n" + fill("%c", "%far"),
      waitAt("%c", "%a"));
  add("DividesByZero", "divided by zero",
      "%row = arith.divui %c64, %c0 : i32\n" + fill("%c", "%row"),
      waitAt("%c", "%a"));
  for (auto [name, from, to] :
       {std::tuple("BitsOfNarrowFloats", "bf16", "i16"),
        std::tuple("BitsOfWideFloats", "f64", "i64"),
        std::tuple("NarrowFloatsOfBits", "i16", "f16"),
        std::tuple("WideFloatsOfBits", "i64", "f64"),
        std::tuple("NarrowFloatsOfOthers", "bf16", "f16")})
    add(name, "bits are those of a float of 32 bits, or become one",
        "%one = arith.constant 1" + std::string(*from == 'i' ? "" : ".0") +
            " : " + from + "\n%bits = arith.bitcast %one : " + from + " to " +
            to + "\n" + one,
        waitAt("%c", "%a"));
  add("LoadsAnOutput", "reads uninitialised elements of output 'b'",
      "pipe.fill %r[%c] as %slot : !ring {\n"
      "pipe.load %b[%c0, %c0] -> %slot : !in -> !slot\n}\n",
      waitAt("%c", "%a"));
  std::string message = "%m = pipe.message %r[%c] : !ring\n";
  std::string withMessage = "pipe.fill %r[%c] as %slot message(%c1) : !ring "
                            "{\npipe.load %x[%c0, %c0] -> %slot : !in -> "
                            "!slot\n}\n";
  add("ReadsAMessageEarly", "for which it has not waited", withMessage,
      message + waitAt("%c", "%a"));
  list.back().program.ring = ", message";
  add("ReadsAMessageLate", "the message of .* after it released it",
      withMessage, waitAt("%c", "%a") + release("%c") + message);
  list.back().program.ring = ", message";
}

static const char *const kTwice = "%c2 = arith.constant 2 : i32\n"
                                  "scf.for %i = %c0 to %c2 step %c1 : i32 {\n";

static void addProductMistakes(std::vector<Mistake> &list) {
  auto add = [&](std::string name, std::string finding, std::string compute) {
    Mistake mistake{std::move(name), std::move(finding), {}};
    mistake.program.load = fill("%c", "%c0");
    mistake.program.compute = waitAt("%c", "%a") + compute;
    list.push_back(std::move(mistake));
  };
  std::string product = multiply("%a", "%p");
  add("EndsWithAProductInFlight", "does not wait for before it ends", product);
  add("TakesAnAccumulatorTwice", "token that was used before",
      product + kTwice + waitFor("%p", "%d") + "}\n");
  add("AddsToATokenTwice", "token that was used before",
      product + kTwice +
          "%q = pipe.mma_async %eye, %a, %p contract(1, 0) : !half, !slot, "
          "!token -> !token\n" +
          waitFor("%q", "%d") + "}\n");
  add("WaitsForTooFew", "may still be in flight",
      product +
          "%yes = arith.constant true\n"
          "%d = scf.if %yes -> !tile {\n"
          "%e = pipe.mma_wait %p pending(1) : !token\nscf.yield %e : !tile\n"
          "} else {\n" +
          waitFor("%p", "%e") + "scf.yield %e : !tile\n}\n");
  add("RetiresItself", "one of the 1 that may be pending, but 1 are younger",
      product + multiply("%a", "%q") +
          "%p1 = pipe.mma_retire %p pending(1) : !token\n" +
          waitFor("%p1", "%d") + waitFor("%q", "%e"));
  add("HasNoInstruction", "has 64 or 32 rows, but this one has 16",
      "%thin = arith.constant dense<1.0> : tensor<16x64xbf16, "
      "#pipe.fragment<registers = [8 x d1 by 8], "
      "lanes = [8 x d1 by 1, 4 x d0 by 1], warps = [4 x d0 by 4]>>\n"
      "%p = pipe.mma_async %thin, %a contract(1, 0) : tensor<16x64xbf16, "
      "#pipe.fragment<registers = [8 x d1 by 8], "
      "lanes = [8 x d1 by 1, 4 x d0 by 1], warps = [4 x d0 by 4]>>, !slot -> "
      "!pipe.token<tensor<16x64xf32, #pipe.fragment<registers = [8 x d1 by 8], "
      "lanes = [8 x d1 by 1, 4 x d0 by 1], warps = [4 x d0 by 4]>>>\n");
  add("HasOtherRegisters", "expects a fragment of 32 registers, 32 lanes",
      "%p = pipe.mma_async %a, %a contract(1, 1) : !slot, !slot -> "
      "!pipe.token<tensor<64x64xf32, #pipe.fragment<registers = "
      "[64 x d1 by 1], lanes = [16 x d0 by 1], warps = [4 x d0 by 16]>>>\n");
  add("MultipliesAnUnstagedTile", "reads uninitialised rows of a shared tile",
      "%p = pipe.mma_async %t, %a contract(1, 1) : !staging, !slot -> "
      "!token\n");
  std::string ones = "%v = arith.constant dense<1.0> : !half\n"
                     "pipe.stage %v -> %t : !half -> !staging\n";
  add("MultipliesOtherWarpsRows", "rows of a tile that other warps stage",
      ones + "%p = pipe.mma_async %eye, %t contract(1, 1) : !half, !staging -> "
             "!token\n");
  add("StagesUnderAProduct", "while a product that reads it is in flight",
      ones +
          "%p = pipe.mma_async %t, %a contract(1, 1) : !staging, !slot -> "
          "!token\n"
          "pipe.stage %v -> %t : !half -> !staging\n" +
          waitFor("%p", "%d"));
}

static void addStoreMistakes(std::vector<Mistake> &list) {
  auto add = [&](std::string name, std::string finding, std::string compute,
                 int64_t groups = 1) {
    Mistake mistake{std::move(name), std::move(finding), {}};
    mistake.program.compute = std::move(compute);
    mistake.program.groups = groups;
    list.push_back(std::move(mistake));
  };
  std::string ones = "%v = arith.constant dense<1.0> : !half\n";
  std::string stage = "pipe.stage %v -> %t : !half -> !staging\n";
  std::string bulk = "pipe.bulk_store %t -> %b[%c0, %c0] : !staging -> !in\n";
  add("StoresUnstaged", "that nothing has staged; the first is row 0", bulk);
  add("StoresTwice", "that were written before",
      ones + stage + bulk + stage + bulk);
  add("GroupsStoreOneElement", "that were written before",
      "%w = arith.constant dense<1.0> : !tile\n" + storeTile("%w"), 2);
  add("GroupsStageOneTile", "uses a shared tile that .* nothing orders",
      ones + stage, 2);
  add("StoresOtherWarpsRows", "row 16, which warp 2 staged",
      "%v = arith.constant dense<1.0> : tensor<64x64xbf16, "
      "#pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], "
      "lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [2 x d0 by 32, 2 x d0 by "
      "16]>>\n"
      "pipe.stage %v -> %t : tensor<64x64xbf16, "
      "#pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], "
      "lanes = [4 x d1 by 2, 8 x d0 by 1], warps = [2 x d0 by 32, 2 x d0 by "
      "16]>> -> !staging\n" +
          bulk);
  add("StoresToAnInput", "writes tensor 'x', but its pipe.access is",
      ones + stage + "pipe.bulk_store %t -> %x[%c0, %c0] : !staging -> !in\n");
  add("StoresBeyondIntegers", "expects coordinates of 32 bits",
      "%far = arith.constant 2147483600 : i32\n"
      "%w = arith.constant dense<1.0> : !tile\n"
      "pipe.store %w -> %y[%far, %c0] : !tile -> !out\n");
  add("StagesASlot", "expects a pipe.shared_tile, but got a ring's slot",
      "%q = pipe.cursor : !pipe.cursor<1>\n"
      "%e = pipe.wait %parts[%q] : !pipe.ring<1 x !pipe.shared<16x64xbf16, "
      "swizzle = 128>>\n"
      "%v = arith.constant dense<1.0> : tensor<16x64xbf16, "
      "#pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], "
      "lanes = [4 x d1 by 2, 8 x d0 by 1], warps = []>>\n"
      "pipe.stage %v -> %e : tensor<16x64xbf16, "
      "#pipe.fragment<registers = [2 x d1 by 1, 2 x d0 by 8, 8 x d1 by 8], "
      "lanes = [4 x d1 by 2, 8 x d0 by 1], warps = []>> -> "
      "!pipe.shared<16x64xbf16, swizzle = 128>\n");
  list.back().program.declare =
      "%parts = pipe.ring readers(1) : !pipe.ring<1 x !pipe.shared<16x64xbf16, "
      "swizzle = 128>>\n";
  list.back().program.load = "%q = pipe.cursor : !pipe.cursor<1>\n"
                             "pipe.fill %parts[%q] as %slot : !pipe.ring<1 x "
                             "!pipe.shared<16x64xbf16, swizzle = 128>> {\n}\n";
}

static void addTurnMistakes(std::vector<Mistake> &list) {
  auto add = [&](std::string name, std::string finding, std::string compute,
                 int64_t groups, int64_t turns) {
    Mistake mistake{std::move(name), std::move(finding), {}};
    mistake.program.compute = std::move(compute) + kStoreAtGroup;
    mistake.program.groups = groups;
    mistake.program.declare =
        "%turn = pipe.turn : !pipe.turn<" + std::to_string(turns) + ">\n";
    mistake.rows = 128;
    list.push_back(std::move(mistake));
  };
  std::string take = "pipe.take_turn %turn by %group : !pipe.turn<2>\n";
  std::string pass = "pipe.pass_turn %turn by %group : !pipe.turn<2>\n";
  add("PassesWhatItHasNot", "passes a turn that it has not taken", pass, 2, 2);
  add("TakesTwice", "waits for its turn; it is held by group 0", take + take, 2,
      2);
  add("TakesTurnsAlone", "waits for its turn; it is group 1's",
      "%mine = arith.cmpi eq, %group, %c0 : i32\nscf.if %mine {\n" + take +
          pass + take + "}\n",
      2, 2);
  add("TakesAnothersTurn", "takes one of 2 for group 0",
      "pipe.take_turn %turn by %c0 : !pipe.turn<2>\n" + pass, 2, 2);
  add("TakesATurnOfOtherGroups", "takes one of 3 for group",
      "pipe.take_turn %turn by %group : !pipe.turn<3>\n", 2, 3);
}

static void addWorkMistakes(std::vector<Mistake> &list) {
  auto add = [&](std::string name, std::string finding, std::string kind,
                 std::string load, std::string compute = "") {
    Mistake mistake{std::move(name), std::move(finding), {}};
    mistake.program.load =
        "%first = pipe.first_item %work : !pipe.work<" + kind + ">\n" + load;
    mistake.program.compute = std::move(compute);
    mistake.program.declare = "%items = arith.constant 3 : i32\n"
                              "%work = pipe.work items(%items) : !pipe.work<" +
                              kind + ">\n";
    list.push_back(std::move(mistake));
  };
  std::string next =
      "pipe.next_item %work after %first : !pipe.work<dynamic>\n";
  add("TakesAfterAnOldItem", "expects the item that this block took last, 1",
      "dynamic",
      "pipe.work_loop %i = %first {\n%a = " + next +
          "pipe.yield %a : i32\n}\n");
  add("LeavesItems", "ends without asking for the item after 1", "dynamic",
      "%a = " + next);
  add("TakesAfterTheLast", "expects one of the 3 items, but got -1",
      "persistent",
      "%m = arith.constant -1 : i32\n"
      "%a = pipe.next_item %work after %m : !pipe.work<persistent>\n");
  add("StartsWithNoItem", "expects a first item, but got -1", "persistent",
      "%m = arith.constant -1 : i32\n"
      "pipe.work_loop %i = %m {\npipe.yield %m : i32\n}\n");
  add("SplitsClusters", "multiples of the cluster's 2 blocks, but got 3",
      "single", "");
  list.back().program.cluster = 2;
  // One block of a cluster fills no share.
  Mistake half{"FillsHalfOfAClustersSlot", "no group can go on", {}};
  half.program.cluster = 2;
  half.program.ring = ", cluster";
  half.program.load = "%rank = pipe.block_in_cluster\n"
                      "%mine = arith.cmpi eq, %rank, %c0 : i32\n"
                      "scf.if %mine {\n" +
                      fill("%c", "%c0") + "}\n";
  half.program.compute = waitAt("%c", "%a");
  list.push_back(std::move(half));
}

static void addOtherMistakes(std::vector<Mistake> &list) {
  auto add = [&](std::string name, std::string finding, std::string compute) {
    Mistake mistake{std::move(name), std::move(finding), {}};
    mistake.program.compute = std::move(compute);
    list.push_back(std::move(mistake));
  };
  add("DoesNotEnd", "has not ended after 10000 operations; group 0",
      "scf.while : () -> () {\n%yes = arith.constant true\n"
      "scf.condition(%yes)\n} do {\nscf.yield\n}\n");
  add("StepsByNothing", "expects a positive step of signed integers, but got 0",
      "scf.for %i = %c0 to %c1 step %c0 : i32 {\n}\n");
  add("HasAnUnknownOp", "does not know 'scf.execute_region'",
      "scf.execute_region {\nscf.yield\n}\n");
  add("HasAnUnknownArithmeticOp", "does not know 'arith.mulsi_extended'",
      "%low, %high = arith.mulsi_extended %c0, %c1 : i32\n");
  add("SpreadsARowOverWarps", "expects one warp to hold all of a line's parts",
      "%v = arith.constant dense<1.0> : tensor<32x4xf32, #pipe.fragment<"
      "registers = [], lanes = [32 x d0 by 1], warps = [4 x d1 by 1]>>\n"
      "%m = pipe.row_reduce add %v : tensor<32x4xf32, #pipe.fragment<"
      "registers = [], lanes = [32 x d0 by 1], warps = [4 x d1 by 1]>> -> "
      "tensor<32xf32, #pipe.slice<1, #pipe.fragment<"
      "registers = [], lanes = [32 x d0 by 1], warps = [4 x d1 by 1]>>>\n");
  add("SharesARowByThree", "expects a power of 2 of lanes .* but got 3",
      "%v = arith.constant dense<1.0> : tensor<8x3xf32, #pipe.fragment<"
      "registers = [], lanes = [3 x d1 by 1, 8 x d0 by 1], warps = []>>\n"
      "%m = pipe.row_reduce add %v : tensor<8x3xf32, #pipe.fragment<"
      "registers = [], lanes = [3 x d1 by 1, 8 x d0 by 1], warps = []>> -> "
      "tensor<8xf32, #pipe.slice<1, #pipe.fragment<"
      "registers = [], lanes = [3 x d1 by 1, 8 x d0 by 1], warps = []>>>\n");
  add("MixesElementsInAConstant", "one for all elements of a tile",
      "%v = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>\n");
  add("WaitsOutsideOfRoles", "expects to stand in a pipe.role", "");
  list.back().program.declare = "%q = pipe.cursor : !cursor\n"
                                "%a = pipe.wait %r[%q] : !ring\n";
}

static const std::vector<Mistake> &getMistakes() {
  static const std::vector<Mistake> mistakes = [] {
    std::vector<Mistake> list;
    addRingMistakes(list);
    addProductMistakes(list);
    addStoreMistakes(list);
    addTurnMistakes(list);
    addWorkMistakes(list);
    addOtherMistakes(list);
    return list;
  }();
  return mistakes;
}

class FindingsTest : public testing::TestWithParam<Mistake> {};

TEST_P(FindingsTest, IsReported) {
  const Mistake &mistake = GetParam();
  PipeProgram program(mistake.program.getText());
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  for (PipeLaunch launch : getLaunches(mistake.multiprocessors, 5)) {
    SCOPED_TRACE(describe(launch));
    launch.maxOperations = 10000;
    PipeOutcome outcome = program.run(makeRows(mistake.rows), launch);
    EXPECT_TRUE(llvm::Regex(mistake.finding).match(print(outcome)))
        << print(outcome);
  }
}

INSTANTIATE_TEST_SUITE_P(Each, FindingsTest, testing::ValuesIn(getMistakes()),
                         [](const testing::TestParamInfo<Mistake> &info) {
                           return info.param.name;
                         });

/// A finding is an error at its op, with notes at the other parties.
TEST(FindingsTest, AreDiagnostics) {
  SmallProgram small;
  small.load = fill("%c", "%c0");
  small.compute = waitAt("%c", "%a") + release("%c") + release("%c");
  PipeProgram program(small.getText());
  ASSERT_TRUE(program.isValid()) << program.getDiagnostics();
  PipeOutcome outcome = program.run(makeRows(64));
  ASSERT_EQ(outcome.findings.size(), 1u);
  std::vector<mlir::Location> errors, notes;
  mlir::ScopedDiagnosticHandler handler(
      program.getKernel().getContext(), [&](mlir::Diagnostic &diagnostic) {
        EXPECT_EQ(diagnostic.str(), outcome.findings[0].message);
        errors.push_back(diagnostic.getLocation());
        for (mlir::Diagnostic &note : diagnostic.getNotes())
          notes.push_back(note.getLocation());
        return mlir::success();
      });
  emitFindings(outcome);
  ASSERT_EQ(errors.size(), 1u);
  ASSERT_EQ(notes.size(), 1u);
  // The second release, and the first.
  auto error = mlir::cast<mlir::FileLineColLoc>(errors[0]);
  auto note = mlir::cast<mlir::FileLineColLoc>(notes[0]);
  EXPECT_EQ(error.getLine(), note.getLine() + 1);
}

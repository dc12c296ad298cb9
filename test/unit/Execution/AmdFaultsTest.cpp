//===- AmdFaultsTest.cpp - mistakes in kernels for AMD GPUs are seen ------===//

#include "InterpretVariant.h"

#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Builders.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::test;

namespace {
struct Fault {
  const char *name;
  /// Makes the mistake; false if there is no place for it.
  bool (*apply)(ModuleOp module);
};
} // namespace

static bool replaceFragments(ModuleOp module,
                             FragmentAttr (*replace)(FragmentAttr)) {
  AttrTypeReplacer replacer;
  bool isReplaced = false;
  replacer.addReplacement([&](FragmentAttr from) {
    FragmentAttr to = replace(from);
    isReplaced |= to != from;
    return std::pair<Attribute, WalkResult>(to, WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  return isReplaced;
}

template <typename OpT> static bool eraseFirst(ModuleOp module) {
  OpT first;
  module.walk([&](OpT op) {
    first = op;
    return WalkResult::interrupt();
  });
  if (first)
    first->erase();
  return static_cast<bool>(first);
}

static const Fault faults[] = {
    {"halves of a wave exchanged",
     [](ModuleOp module) {
       // The row is lane / shares then, in place of lane mod rows.
       return replaceFragments(module, [](FragmentAttr from) {
         SmallVector<DigitAttr> lanes(from.getLanes());
         if (lanes.size() < 2)
           return from;
         std::swap(lanes[0], lanes[1]);
         return FragmentAttr::get(from.getContext(), from.getRegisters(), lanes,
                                  from.getWarps());
       });
     }},
    {"neighbours of a wave's lanes are of other lanes",
     [](ModuleOp module) {
       // Runs of one column in turn: a lane's share of each run is its own.
       return replaceFragments(module, [](FragmentAttr from) {
         SmallVector<DigitAttr> lanes(from.getLanes()),
             registers(from.getRegisters());
         if (lanes.size() < 2 || registers.empty() || lanes[1].getDim() != 1 ||
             registers[0].getDim() != 1)
           return from;
         auto set = [&](DigitAttr &digit, int64_t stride) {
           digit =
               DigitAttr::get(from.getContext(), digit.getSize(), 1, stride);
         };
         set(lanes[1], 1);
         set(registers[0], lanes[1].getSize());
         return FragmentAttr::get(from.getContext(), registers, lanes,
                                  from.getWarps());
       });
     }},
    {"waves take each other's rows",
     [](ModuleOp module) {
       return replaceFragments(module, [](FragmentAttr from) {
         if (from.getWarps().size() != 1 || from.getLanes().empty() ||
             from.getWarps()[0].getDim() != 0)
           return from;
         SmallVector<DigitAttr> lanes(from.getLanes());
         // Rows to waves in turn.
         int64_t waves = from.getWarps()[0].getSize();
         lanes[0] =
             DigitAttr::get(from.getContext(), lanes[0].getSize(), 0, waves);
         auto warp = DigitAttr::get(from.getContext(), waves, 0, 1);
         return FragmentAttr::get(from.getContext(), from.getRegisters(), lanes,
                                  {warp});
       });
     }},
    {"neighbours of a run in another order",
     [](ModuleOp module) {
       return replaceFragments(module, [](FragmentAttr from) {
         SmallVector<DigitAttr> registers(from.getRegisters());
         if (from.getLanes().size() < 2 || registers.empty() ||
             registers[0].getDim() != 1 || registers[0].getSize() % 2 != 0)
           return from;
         MLIRContext *context = from.getContext();
         int64_t half = registers[0].getSize() / 2;
         registers[0] = DigitAttr::get(context, half, 1, 2);
         registers.insert(registers.begin() + 1,
                          DigitAttr::get(context, 2, 1, 1));
         return FragmentAttr::get(context, registers, from.getLanes(),
                                  from.getWarps());
       });
     }},
    {"a slot is not released", eraseFirst<ReleaseOp>},
};

class AmdFaultsTest
    : public testing::TestWithParam<std::tuple<const char *, Fault>> {};

// Each is seen where the same kernels without it are right: by a finding, or by
// the result.
TEST_P(AmdFaultsTest, AreSeen) {
  const char *target = std::get<0>(GetParam());
  const Fault &fault = std::get<1>(GetParam());
  for (int64_t rows : {64, 128}) {
    InterpretedCase c = {
        {1, 2, 1, 140, 150, 32, 32, {}}, DType::bf16, rows, 32};
    c.isScheduled = true;
    c.target = target;
    c.nan = NaNKind::hidden;
    PipeLaunch launch;
    launch.target = getPipeTarget(target);
    EXPECT_EQ(InterpretedRun("gqa", c).run(1, launch), "");
    bool isApplied = false;
    EXPECT_NE(InterpretedRun("gqa", c).run(
                  1, launch,
                  [&](ModuleOp module) { isApplied = fault.apply(module); }),
              "")
        << "tiles of " << rows;
    EXPECT_TRUE(isApplied) << "no place for the fault";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeded, AmdFaultsTest,
                         testing::Combine(testing::Values("gfx942", "gfx1100"),
                                          testing::ValuesIn(faults)),
                         [](const auto &info) {
                           std::string name =
                               std::string(std::get<0>(info.param)) + "_" +
                               std::get<1>(info.param).name;
                           for (char &c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c)))
                               c = '_';
                           return name;
                         });

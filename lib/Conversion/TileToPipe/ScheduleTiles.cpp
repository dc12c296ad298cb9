//===- ScheduleTiles.cpp - tile programs that get a schedule --------------===//

#include "attn/Conversion/ScheduleTiles.h"

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace attn;

/// Leaves of an invariant stream up to some key, in keys, or the next larger
/// power of 2 of steps; behind the last run they have `kLongLeafKeys`. Where
/// they are cut must depend on the number of a key alone. Short ones let blocks
/// share short items, but each takes time to fill and drain the pipeline and to
/// be combined with those before it.
struct LeafRun {
  int64_t end, leafKeys;
};
static constexpr LeafRun kLeaves[] = {{65536, 1024}};
/// Where warps share out keys of 8 bits, steps of which are shorter.
static constexpr LeafRun kSharedLeaves[] = {{16384, 512}, {65536, 1024}};
static constexpr int64_t kLongLeafKeys = 2048;

static pipe::LeavesAttr getLeaves(MLIRContext *context, ArrayRef<LeafRun> runs,
                                  int64_t stepKeys) {
  auto getSize = [&](int64_t keys) {
    return static_cast<int64_t>(
        llvm::PowerOf2Ceil(llvm::divideCeil(keys, stepKeys)));
  };
  SmallVector<int64_t> counts, sizes;
  int64_t begin = 0;
  for (const LeafRun &run : runs) {
    counts.push_back((run.end - begin) / run.leafKeys);
    sizes.push_back(getSize(run.leafKeys));
    begin = run.end;
  }
  sizes.push_back(getSize(kLongLeafKeys));
  return pipe::LeavesAttr::get(context, counts, sizes);
}

namespace {
struct ScheduleTiles final
    : PassWrapper<ScheduleTiles, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScheduleTiles)

  ScheduleTiles(const MachineModel &machine, const ScheduleOptions &options,
                bool keepOthers)
      : machine(machine) {
    slots = options.slots;
    takesTurns = options.takesTurns;
    split = options.split;
    cluster = options.cluster;
    isStream = options.isStream;
    leaves = ArrayRef(options.leaves);
    this->keepOthers = keepOthers;
  }
  ScheduleTiles(const ScheduleTiles &other)
      : PassWrapper(other), machine(other.machine) {}

  StringRef getArgument() const final { return "schedule-tiles"; }
  StringRef getDescription() const final {
    return "Write tile programs for roles that load and multiply";
  }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<pipe::PipeDialect, arith::ArithDialect, math::MathDialect,
                    scf::SCFDialect>();
  }

  void runOnOperation() override {
    OpBuilder builder(&getContext());
    for (tile::ProgramOp program :
         llvm::make_early_inc_range(getOperation().getOps<tile::ProgramOp>())) {
      StepPlan plan(program, machine);
      ScheduleOptions options = getOptions(program);
      Refusal refusal = plan.analyze();
      if (!refusal.op && options.cluster > 1)
        refusal = plan.checkCluster(options.cluster);
      if (!refusal.op && options.isStream)
        refusal = plan.checkStream(options.cluster);
      if (!refusal.op && plan.getSplit(options.split).isMerged())
        refusal = plan.checkMerged(options);
      if (!refusal.op && program.getInvariant())
        refusal = plan.checkInvariant();
      if (!refusal.op && program.getInvariant() && options.isStream && !plan.sweep.getExact()) {
        plan.leaves = chooseLeaves(plan);
        if (!plan.leaves)
          return signalPassFailure();
      }
      if (refusal.op && !keepOthers) {
        refusal.op->emitOpError("has no schedule for ")
            << machine.name << ": " << refusal.reason;
        return signalPassFailure();
      }
      if (refusal.op) {
        remark::missed(
            refusal.op->getLoc(),
            remark::RemarkOpts::name("NotScheduled").category("schedule-tiles"))
            << program.getSymName().str() + ": " + refusal.reason;
        continue;
      }
      if (failed(Scheduler(plan, options, builder).run()))
        return signalPassFailure();
    }
  }

  /// The pass' option, or those that suit the program's steps.
  pipe::LeavesAttr chooseLeaves(const StepPlan &plan) {
    bool sharesKeys = plan.machine.shares > 1;
    if (leaves.empty())
      return getLeaves(&getContext(),
                       sharesKeys ? ArrayRef(kSharedLeaves) : kLeaves,
                       plan.sweep.getTile());
    SmallVector<int64_t> counts, sizes;
    for (auto [i, number] : llvm::enumerate(leaves))
      (i % 2 == 0 && i + 1 < leaves.size() ? counts : sizes).push_back(number);
    tile::ProgramOp program = plan.program;
    auto emitError = [&] { return program.emitOpError(); };
    return pipe::LeavesAttr::getChecked(
        function_ref<InFlightDiagnostic()>(emitError), &getContext(),
        ArrayRef(counts), ArrayRef(sizes));
  }

  /// A program's own, or the pass'.
  ScheduleOptions getOptions(tile::ProgramOp program) {
    ScheduleOptions options;
    options.slots = slots;
    options.takesTurns = takesTurns;
    options.split = split;
    options.cluster = cluster;
    options.isStream = isStream;
    if (tile::ScheduleAttr own = program.getScheduleAttr()) {
      options.slots = own.getSlots();
      options.takesTurns = own.getTurns();
      options.split = own.getSplit();
      options.cluster = own.getCluster();
      options.isStream = own.getStream();
    }
    return options;
  }

  const MachineModel &machine;
  Option<int64_t> slots{*this, "slots",
                        llvm::cl::desc("Slots of the rings of what a sweep "
                                       "loads"),
                        llvm::cl::init(2)};
  Option<bool> takesTurns{*this, "turns",
                          llvm::cl::desc("Groups start their products one "
                                         "after the other"),
                          llvm::cl::init(true)};
  Option<int64_t> split{*this, "split",
                        llvm::cl::desc("Which of the machine's splits of "
                                       "registers between roles"),
                        llvm::cl::init(0)};
  Option<int64_t> cluster{*this, "cluster",
                          llvm::cl::desc("Neighbouring blocks that fetch "
                                         "together what a sweep loads"),
                          llvm::cl::init(1)};
  Option<bool> isStream{*this, "stream",
                        llvm::cl::desc("Blocks do equal runs of the steps of "
                                       "all items"),
                        llvm::cl::init(false)};
  ListOption<int64_t> leaves{
      *this, "leaves",
      llvm::cl::desc("Of an invariant stream: a count of leaves and the steps "
                     "of each, and so on, and the steps of all others")};
  Option<bool> keepOthers{*this, "keep-others",
                          llvm::cl::desc("Leave programs without a schedule as "
                                         "they are, with a remark"),
                          llvm::cl::init(false)};
};
} // namespace

std::unique_ptr<Pass>
attn::createScheduleTilesPass(const MachineModel &machine,
                              const ScheduleOptions &options, bool keepOthers) {
  return std::make_unique<ScheduleTiles>(machine, options, keepOthers);
}

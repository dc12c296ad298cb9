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
        refusal = plan.checkInvariant(options.isStream);
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

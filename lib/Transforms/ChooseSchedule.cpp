//===- ChooseSchedule.cpp - -cascade-choose-schedule ----------------------===//

#include "attn/Transforms/Passes.h"

#include "attn/Analysis/ScheduleChooser.h"

#include "mlir/IR/Remarks.h"

namespace attn {
#define GEN_PASS_DEF_CHOOSESCHEDULEPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

#define DEBUG_TYPE "cascade-choose-schedule"

using namespace mlir;
using namespace attn;

namespace {
struct ChooseSchedule final
    : attn::impl::ChooseSchedulePassBase<ChooseSchedule> {
  using ChooseSchedulePassBase::ChooseSchedulePassBase;

  void runOnOperation() override {
    if (failed(choose(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult choose(cascade::FuncOp func);
  /// Puts the sizes that the options give into the schedule.
  void setGiven(cascade::FuncOp func);
  ScheduleTarget getTarget() const;
};
} // namespace

ScheduleTarget ChooseSchedule::getTarget() const {
  ScheduleTarget target;
  target.bufferBytes = buffer;
  target.limits.rowGranule = std::max<uint64_t>(rowGranule, 1);
  target.limits.keyGranule = std::max<uint64_t>(keyGranule, 1);
  target.limits.rowsDivide = rowsDivide;
  target.holdPoints = holdPoints;
  target.copiesKeys = copiesKeys;
  target.pointBytes = pointBytes;
  target.flopsPerByte = flopsPerByte;
  target.hasNarrowRate = hasNarrowRate;
  target.fewBelow = fewBelow;
  target.fewBytes = fewBytes;
  return target;
}

void ChooseSchedule::setGiven(cascade::FuncOp func) {
  if (rows == 0 && keys == 0)
    return;
  cascade::ScheduleAttr old = func.getScheduleAttr();
  func.setScheduleAttr(
      cascade::ScheduleAttr::get(func.getContext(),
                                 rows  ? int64_t(rows)
                                 : old ? old.getRows()
                                       : 0,
                                 keys  ? int64_t(keys)
                                 : old ? old.getKeys()
                                       : 0,
                                 old ? old.getFew() : cascade::FewRowsAttr(),
                                 old ? old.getRoles() : cascade::RolesAttr()));
}

LogicalResult ChooseSchedule::choose(cascade::FuncOp func) {
  if (rows > cascade::kMaxTile || keys > cascade::kMaxTile)
    return emitError(func.getLoc(), "expects tiles of 1 to ")
           << cascade::kMaxTile << " coordinates, but got rows=" << rows
           << " and keys=" << keys;
  setGiven(func);
  if (onlyGiven)
    return success();
  RankExtents extents;
  if (auto wrong = parseRankExtents(extentOptions, extents))
    return emitError(func.getLoc(),
                     "expects option 'extents' to be a list of RANK=N "
                     "with N at least 1, but got '")
           << *wrong << "'";
  auto opts = remark::RemarkOpts::name("Schedule")
                  .category(DEBUG_TYPE)
                  .function(func.getSymName());
  std::string refusal;
  if (!chooseSchedule(func, getTarget(), extents, refusal)) {
    remark::missed(func.getLoc(), opts) << "chooses no tiles: " + refusal;
    return success();
  }
  cascade::ScheduleAttr schedule = func.getScheduleAttr();
  remark::passed(func.getLoc(), opts)
      << "tiles of " + std::to_string(schedule.getRows()) + " rows by " +
             std::to_string(schedule.getKeys()) + " keys";
  return success();
}

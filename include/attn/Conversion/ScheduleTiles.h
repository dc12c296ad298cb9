//===- ScheduleTiles.h - tile programs that get a schedule ------*- C++ -*-===//

#ifndef ATTN_CONVERSION_SCHEDULETILES_H
#define ATTN_CONVERSION_SCHEDULETILES_H

#include "attn/Analysis/Schedule.h"
#include "attn/Conversion/MachineModel.h"

#include <memory>

namespace mlir {
class Pass;
} // namespace mlir

namespace attn {

/// Each `tile.program` with one sweep of products becomes a `pipe.kernel` of a
/// role that loads and one that multiplies, pipelined over the steps of the
/// sweep, as its `schedule` says or, without one, `options`. A program without
/// a schedule is refused at the op that has none, or with `keepOthers` left for
/// another pass, with a remark.
std::unique_ptr<mlir::Pass>
createScheduleTilesPass(const MachineModel &machine,
                        const ScheduleOptions &options = {},
                        bool keepOthers = false);

} // namespace attn

#endif // ATTN_CONVERSION_SCHEDULETILES_H

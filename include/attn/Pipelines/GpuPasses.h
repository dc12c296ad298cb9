//===- GpuPasses.h - from tile programs to pipe kernels ---------*- C++ -*-===//

#ifndef ATTN_PIPELINES_GPUPASSES_H
#define ATTN_PIPELINES_GPUPASSES_H

#include "attn/Conversion/ScheduleTiles.h"

#include "mlir/Pass/PassManager.h"

namespace attn {

/// Adds the passes that come before schedules and do not depend on them.
void addFoldPasses(mlir::OpPassManager &passes);

/// Adds the passes that give tile programs schedules for this machine.
void addSchedulePasses(mlir::OpPassManager &passes,
                       const ScheduleOptions &options,
                       const MachineModel &machine);

/// Adds the passes that let ordinary threads run tile programs.
void addThreadPasses(mlir::OpPassManager &passes);

} // namespace attn

#endif // ATTN_PIPELINES_GPUPASSES_H

//===- Pipelines.h - what pipelines of all GPUs have in common ------------===//

#ifndef ATTN_TARGET_GPU_PIPELINES_H
#define ATTN_TARGET_GPU_PIPELINES_H

#include "attn/Conversion/MachineModel.h"
#include "attn/Conversion/ScheduleTiles.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace attn::gpu {

/// Adds the passes that come before schedules, of which they depend on nothing
/// but whether blocks share steps, where programs do not say so themselves, and
/// how many warps of `machine` do.
void addFoldPasses(mlir::OpPassManager &passes, bool isStream = false,
                   const MachineModel *machine = nullptr);

/// Adds the passes that give tile programs schedules for `machine`.
void addSchedulePasses(mlir::OpPassManager &passes,
                       const ScheduleOptions &options,
                       const MachineModel &machine);

/// Adds the passes that let ordinary threads run tile programs.
void addThreadPasses(mlir::OpPassManager &passes);

/// Adds the passes from what a target makes of kernels to the LLVM dialect.
void addLoweringPasses(mlir::OpPassManager &passes);

/// A vendor's targets: their names, the usual one first, which an empty name
/// says too, and their models.
struct Targets {
  llvm::ArrayRef<llvm::StringRef> (*getNames)();
  const MachineModel &(*getModel)(llvm::StringRef target, bool anyStrides);
};

/// Registers pipeline `lowering`, which `build` fills, and `schedule`, both
/// with an option `target`.
void registerPipelines(llvm::StringRef lowering,
                       void (*build)(mlir::OpPassManager &passes,
                                     llvm::StringRef target),
                       llvm::StringRef schedule, const Targets &targets);

} // namespace attn::gpu

#endif // ATTN_TARGET_GPU_PIPELINES_H

//===- Execution.h - compiles a cascade into a kernel to run --------------===//

#ifndef ATTN_DRIVER_EXECUTION_H
#define ATTN_DRIVER_EXECUTION_H

#include "attn/Driver/GpuOptions.h"
#include "attn/Driver/HostTensor.h"
#include "attn/Driver/KernelRun.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/Source.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Manifest.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attn {

/// Sets what a kernel is specialised for, as `problem` gives it: the head
/// dimensions among `func`'s ranks (E and F), where it updates an argument the
/// heads of a group (G), and the scalars with
/// `cascade.static`.
void bindStatics(cascade::FuncOp func, const Problem &problem,
                 PipelineOptions &pipeline);

/// The ranks of queries and of keys, as the tools know them.
inline constexpr llvm::StringLiteral kQueryRank = "P", kKeyRank = "M";

/// Sets, beside the statics, the lengths (of these two) and all integer
/// scalars: the kernel is one for this canvas.
void bindLengths(cascade::FuncOp func, const Problem &problem,
                 PipelineOptions &pipeline);

/// The numerics contract of `func` as a JSON object.
std::string describeNumerics(cascade::FuncOp func, const Problem &problem);

/// A module that holds a copy of `func` alone.
mlir::OwningOpRef<mlir::ModuleOp> isolate(cascade::FuncOp func);

/// A kernel that an artifact was loaded as, and the module after the stages
/// "bind", "reduce" and "tile".
struct CompiledKernel {
  api::Kernel kernel;
  Manifest manifest;
  mlir::OwningOpRef<mlir::ModuleOp> bound, reduced, tiled;
  /// Of a GPU's kernel that ordinary threads run: why it has no schedule.
  std::string unscheduled;
  /// Of one with a schedule that, and who chose it.
  std::optional<TileSchedule> schedule;
  std::string scheduleOrigin;
  /// Whether it came from the cache; absent where none was asked.
  std::optional<bool> isCached;
  /// From the cascade to the loaded kernel.
  double compileMs = 0;
};

/// Compiles a copy of `func` for `target` to an artifact and loads it; for a
/// GPU as `gpu` says. Refuses what no lowering takes, after a diagnostic that
/// names the operation.
Result<CompiledKernel> compileKernel(cascade::FuncOp func,
                                     const Problem &problem,
                                     const PipelineOptions &options,
                                     const std::string &target,
                                     const GpuOptions &gpu = {});

/// Takes a copy of `func` through the stages up to `last` and no further: there
/// is no kernel, no manifest, and no module of later stages.
Result<CompiledKernel> compileToStage(cascade::FuncOp func,
                                      const PipelineOptions &options,
                                      llvm::StringRef last);

/// The results of `func` as tensors full of NaN.
Result<std::map<std::string, HostTensor>>
createOutputs(cascade::FuncOp func, const Problem &problem, Layout layout);

} // namespace attn

#endif // ATTN_DRIVER_EXECUTION_H

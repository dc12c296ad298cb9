//===- GpuProgram.h - a cascade as kernels for a GPU ------------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_GPUPROGRAM_H
#define ATTN_LIB_DRIVER_GPUPROGRAM_H

#include "attn/Driver/GpuOptions.h"
#include "attn/Driver/Problem.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Status.h"
#include "attn/Target/GpuTarget.h"

namespace attn {

/// Who chose a schedule: the user's table, the one that ships, the model, or
/// the user by giving rows and keys.
enum class ScheduleOrigin { ownTable, table, model, given };

llvm::StringRef getName(ScheduleOrigin origin);

/// A program's code for a GPU.
struct GpuProgram {
  CompiledCode code;
  /// Absent where ordinary threads run the program; then `reason` says why.
  std::optional<TileSchedule> schedule;
  ScheduleOrigin origin = ScheduleOrigin::model;
  std::string reason;
  /// Schedules that were built until one fitted; 0 from the cache.
  int64_t numBuilds = 0;
  bool isCached = false;
};

/// Compiles `func`, or takes it from the cache of `gpu`. A program all of whose
/// kernels can be scheduled is, by the table's schedule or else by the best of
/// the model's that builds; any other is written for ordinary threads. Fields
/// and tiles that are given are kept to. Refuses what neither can run.
Result<GpuProgram> compileGpuProgram(cascade::FuncOp func,
                                     const PipelineOptions &options,
                                     const GpuOptions &gpu, CodeKind kind);

/// The keys of `problem`, as the driver names ranks, if it has any.
std::optional<int64_t> getKeyLength(const Problem &problem);

/// Whether blocks are to share a line of steps, and heads tiles, where nobody
/// says otherwise: few queries are of no more blocks than there are heads, and
/// of runs nobody knows before how long they are.
bool prefersStream(cascade::FuncOp func, const PipelineOptions &options,
                   const GpuOptions &gpu);

/// The queries of the problem, if it has them.
std::optional<int64_t> getQueryLength(const Problem &problem);

/// The code with its manifest, to be stored or loaded.
Artifact makeArtifact(const CompiledCode &code);

} // namespace attn

#endif // ATTN_LIB_DRIVER_GPUPROGRAM_H

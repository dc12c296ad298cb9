//===- Pipelines.h - from a cascade to tile programs ----------------------===//

#ifndef ATTN_PIPELINES_PIPELINES_H
#define ATTN_PIPELINES_PIPELINES_H

#include "attn/Analysis/RankLayout.h"
#include "attn/Analysis/ScheduleChooser.h"
#include "attn/Transforms/PackRanks.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attn {

/// What is fixed when a cascade is compiled, and its schedule.
struct PipelineOptions {
  /// Static extents of ranks: head dimensions.
  std::vector<std::pair<std::string, int64_t>> extents;
  /// Values of integer scalars that are not parameters of the kernel.
  std::vector<std::pair<std::string, int64_t>> scalars;
  /// Ranks whose coordinates run through boxes of a canvas that their tensors
  /// hold row after row (SetLayout.h).
  std::vector<std::pair<std::string, RankLayout>> layouts;
  /// Queries' ranks that become one, for tiles of rows (PackRanks.h).
  std::optional<PackRanksOptions> packing;
  /// "f32", "bf16" or "f16"; empty keeps the types as written.
  std::string dtype;
  /// Coordinates of a tile of rows, and of keys, whatever the function's
  /// schedule says.
  std::optional<int64_t> tileRows, tileKeys;
  /// Below so many rows each is a work item of a program of its own; 0: there
  /// is no such program.
  std::optional<int64_t> fewRows;
  /// Keys of which full ranges that end by a mask have a multiple.
  std::optional<int64_t> fullMultiple;
  /// Whether weights beside elements of 8 bits may be f16 where others are
  /// bf16: the machine multiplies both as fast.
  bool halvesWeights = false;
  /// The machine that fields of the schedule are chosen for, and the extents
  /// that it is chosen at, RANK=N. Without one the schedule stays as it is and
  /// each pass takes its default.
  std::optional<ScheduleTarget> schedule;
  std::vector<std::string> scheduleExtents;
  /// Called after each stage with its name and the module; may be empty.
  std::function<void(llvm::StringRef stage, mlir::ModuleOp module)> onStage;
};

/// The stages from source to tile programs: "bind", "schedule", "reduce",
/// "tile".
llvm::ArrayRef<llvm::StringRef> getCascadeStages();

/// Adds the passes of one stage.
void addCascadeStage(mlir::OpPassManager &passes, llvm::StringRef stage,
                     const PipelineOptions &options);

/// Runs the stages on `module`, the last of them being `last` or, if that is
/// empty, all. Fails with diagnostics.
mlir::LogicalResult runCascadeStages(mlir::ModuleOp module,
                                     const PipelineOptions &options,
                                     llvm::StringRef last = "");

} // namespace attn

#endif // ATTN_PIPELINES_PIPELINES_H

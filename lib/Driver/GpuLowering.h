//===- GpuLowering.h - one schedule of a cascade at a time ------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_GPULOWERING_H
#define ATTN_LIB_DRIVER_GPULOWERING_H

#include "attn/Conversion/ScheduleModel.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Target/GpuTarget.h"
#include "attn/Transforms/ChooseBoxes.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <variant>

namespace attn {

/// Why a schedule could not be built.
struct BuildFailure {
  enum class Kind {
    /// No lowering has these tiles, or not on this machine.
    refused,
    registers,
    sharedMemory,
    /// ptxas spills, serialises products or refuses.
    assembler,
  };
  Kind kind;
  std::string reason;
};

/// Lowers one function by schedules. What does not depend on the schedule is
/// done once, and the tile programs are kept while tiles stay the same.
class GpuLowering {
public:
  GpuLowering(cascade::FuncOp func, const PipelineOptions &options,
              const MachineModel &machine);

  /// Another one of the function's copy in a context of its own, so that both
  /// can be used at once by two threads. It is muted. Null if the function's
  /// text is not the function's.
  std::unique_ptr<GpuLowering> clone();

  const MachineModel &getMachine() const { return machine; }

  /// While muted it shows its stages to nobody.
  void mute(bool isMuted);
  bool isShown() const { return static_cast<bool>(options.onStage); }

  /// Whether tiles may be boxes of a canvas, which the function was bound to;
  /// they are unless `useBoxes` says otherwise.
  bool hasBoxes();
  void useBoxes(bool use);
  /// Keys that a row takes by tiles of these sizes, a step's own cost among
  /// them; to compare with others in boxes.
  double getBoxCost(int64_t rows, int64_t keys);

  /// What the function's schedules are looked up by, without a length; nothing
  /// for a function that cannot be bound.
  std::optional<ScheduleKey> getKey();

  /// The estimates of all schedules, or why the function has none.
  std::variant<ScheduleModel, std::string> getModel();

  /// The code of the function by `schedule`.
  std::variant<CompiledCode, BuildFailure> build(const TileSchedule &schedule,
                                                 CodeKind kind);

  /// The code of the function by ordinary threads, in tiles of so many rows and
  /// keys. Fails with diagnostics.
  mlir::FailureOr<CompiledCode> buildForThreads(int64_t rows, int64_t keys,
                                                CodeKind kind);

private:
  mlir::OwningOpRef<mlir::ModuleOp> lowerTiles(int64_t rows, int64_t keys,
                                               const PipelineOptions &options);

  /// The boxes for tiles of these sizes, or null.
  const BoxChoice *getBoxes(int64_t rows, int64_t keys);
  mlir::OwningOpRef<mlir::ModuleOp> bind();

  /// Of a clone, where its function lives.
  std::unique_ptr<mlir::MLIRContext> ownContext;
  mlir::OwningOpRef<mlir::ModuleOp> ownModule;

  cascade::FuncOp func;
  PipelineOptions options;
  decltype(PipelineOptions::onStage) onStage;
  const MachineModel &machine;
  /// The function bound to its canvas; null before it is asked for, or without
  /// one.
  mlir::OwningOpRef<mlir::ModuleOp> bound;
  bool isBound = false, usesBoxes = true;
  std::map<std::pair<int64_t, int64_t>, std::vector<BoxChoice>> boxes;
  /// The tile programs for the tiles that were built last.
  mlir::OwningOpRef<mlir::ModuleOp> tiles;
  std::pair<int64_t, int64_t> shape;
};

} // namespace attn

#endif // ATTN_LIB_DRIVER_GPULOWERING_H

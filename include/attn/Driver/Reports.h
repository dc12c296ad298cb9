//===- Reports.h - what the analyses say of a compilation -----------------===//

#ifndef ATTN_DRIVER_REPORTS_H
#define ATTN_DRIVER_REPORTS_H

#include "attn/Analysis/TileChooser.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/MaskReport.h"
#include "attn/Driver/RunReport.h"

#include <optional>
#include <set>
#include <string>

namespace attn {

/// The passes over each rank of the cascade in `before`, beside those after.
std::vector<PassesOverRank> comparePasses(mlir::ModuleOp before,
                                          mlir::ModuleOp after);

/// Which reports to make, and what the I/O report is to assume.
struct ReportRequest {
  /// Some of passes, io, tiles, resources.
  std::set<std::string> names;
  /// The buffer to count bytes at and to choose the schedule for; absent: the
  /// second-level cache of the target.
  std::optional<MemoryLevel> buffer;
  /// With a buffer: tiles have a multiple of so many rows, which divides them;
  /// scores and weights are held in it.
  uint64_t rowGranule = 1;
  bool rowsDivide = false, holdPoints = false;
  /// Each pass by itself, what lives across spilled, in place of the schedule.
  bool unfused = false;
  /// Of the tile report: the keys of a tile, and the workers that share the
  /// work.
  int64_t tileKeys = 64, workers = 1;

  bool has(llvm::StringRef name) const { return names.count(name.str()) != 0; }
  /// The last stage that the reports need (see getCascadeStages); empty if they
  /// need the kernel.
  llvm::StringRef getLastStage() const;
};

/// Lets `pipeline` choose the schedule: for the buffer that is asked for, at
/// the extents of `problem`, or else for `target` (a name of the CPU's table),
/// for all extents. An unknown target leaves the schedule as it is.
void setSchedule(const ReportRequest &request, llvm::StringRef target,
                 const Problem &problem, PipelineOptions &pipeline);

/// What reports speak of: the cascade after the stages "bind" and "reduce", the
/// tile programs, and the kernel's manifest. The last two may be null.
struct ReportSources {
  mlir::ModuleOp bound, reduced, tiled;
  const Manifest *manifest;
  /// What the integer tensors hold that are not generated.
  Arrays arrays = {};
};

/// The report of the mask of `sources`, in the query tiles of its kernel.
/// Refuses what `reportMask` refuses.
Result<MaskReport> getMaskReport(const ReportSources &sources,
                                 const Problem &problem,
                                 const ReportRequest &request);

/// Adds the reports asked for, and the bytes and tiles where they can be told,
/// to `report`. Bytes are those at the second-level cache of `target`, a name
/// of the CPU's table, unless a buffer is asked for.
void addReports(const ReportSources &sources, const Problem &problem,
                llvm::StringRef target, const ReportRequest &request,
                RunReport &report);

} // namespace attn

#endif // ATTN_DRIVER_REPORTS_H

//===- Reports.h - what the analyses say of a compilation -----------------===//

#ifndef ATTN_DRIVER_REPORTS_H
#define ATTN_DRIVER_REPORTS_H

#include "attn/Driver/Execution.h"
#include "attn/Driver/RunReport.h"

#include <set>
#include <string>

namespace attn {

/// The passes over each rank of the cascade in `before`, beside those after.
std::vector<PassesOverRank> comparePasses(mlir::ModuleOp before,
                                          mlir::ModuleOp after);

/// What reports speak of: the cascade after the stages "bind" and "reduce", the
/// tile programs, and the kernel's manifest.
struct ReportSources {
  mlir::ModuleOp bound, reduced, tiled;
  const Manifest &manifest;
};

/// Adds the reports in `names` (passes, io, tiles, resources), and the bytes
/// and tiles where they can be told, to `report`.
void addReports(const ReportSources &sources, const Problem &problem,
                const PipelineOptions &pipeline,
                const std::set<std::string> &names, RunReport &report);

} // namespace attn

#endif // ATTN_DRIVER_REPORTS_H

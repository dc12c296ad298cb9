//===- ScheduleOptions.h - --schedule and its like --------------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_SCHEDULEOPTIONS_H
#define ATTN_LIB_DRIVER_SCHEDULEOPTIONS_H

#include "attn/Driver/CommandLine.h"
#include "attn/Driver/GpuOptions.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Cache.h"
#include "dialects/Cascade/Cascade.h"

#include <memory>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// `specs` and the options that a GPU has.
std::vector<OptionSpec> addScheduleSpecs(llvm::ArrayRef<OptionSpec> specs);
std::vector<llvm::StringRef> getGpuOptionNames();

/// `--schedule`, `--tile-rows`, `--tile-keys` and what else a GPU has. Refuses
/// a field that is given twice, and what the parsers of schedules and tables
/// refuse.
Result<GpuOptions> parseGpuOptions(const CommandLine &line);

/// Takes `options.pack`, of a function whose key heads have `group` query heads
/// each, if that is known. Refuses what is no such number, and a function whose
/// ranks stay apart.
Status setPacking(cascade::FuncOp func, const GpuOptions &options,
                  std::optional<int64_t> group, PipelineOptions &pipeline);

/// Refuses options that mean something for a GPU only.
Status refuseGpuOptions(const CommandLine &line);

/// The table in `path`; an empty one where there is no such file and
/// `mayBeAbsent`.
Result<ScheduleTable> readScheduleFile(const std::string &path,
                                       bool mayBeAbsent);

/// The cache of kernels, or null where its directory cannot be used, which a
/// note of `tool` to `errors` says.
std::unique_ptr<Cache> openKernelCache(llvm::StringRef tool,
                                       llvm::raw_ostream &errors);

} // namespace attn

#endif // ATTN_LIB_DRIVER_SCHEDULEOPTIONS_H

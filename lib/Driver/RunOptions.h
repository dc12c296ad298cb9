//===- RunOptions.h - attn-run's command line -----------------------------===//

#ifndef ATTN_LIB_DRIVER_RUNOPTIONS_H
#define ATTN_LIB_DRIVER_RUNOPTIONS_H

#include "attn/Driver/CommandLine.h"
#include "attn/Driver/GpuOptions.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/KvOptions.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/Reports.h"

#include <map>
#include <optional>
#include <string>

namespace attn {

struct RunOptions {
  bool help = false, list = false, check = false, bench = false, json = false;
  /// Take command lines from the standard input.
  bool serve = false;
  /// Compile as far as the reports need and run nothing.
  bool dryRun = false;
  /// The variant or file; empty for `--list` alone.
  std::string program, function, target;
  AttentionShape shape;
  std::optional<DType> dtype;
  std::map<std::string, std::string> parameters;
  /// Files of tensor arguments and of results, by name. A result without a
  /// name is the first.
  std::map<std::string, std::string> inputFiles, outputFiles;
  InputOptions inputs;
  Layout outputLayout = Layout::contiguous;
  int64_t threads = 1;
  KvOptions kv;
  /// `--invariant`.
  bool invariant = false;
  std::optional<int64_t> tileRows, tileKeys;
  GpuOptions gpu;
  bool usesCache = true;
  ReportRequest reports;
};

/// The options that attn-run and attn-compile share first, then the run's own.
llvm::ArrayRef<OptionSpec> getRunSpecs();

Result<RunOptions> parseRunOptions(llvm::ArrayRef<std::string> arguments);

/// `--batch`, `--heads` and so on, and `--extent`.
Result<AttentionShape> parseShape(const CommandLine &line);

/// `--target`, "host" if absent. Refuses what the table of machines lacks.
Result<std::string> parseTarget(const CommandLine &line);

/// `--report=a,b`, `--buffer`, `--io-model`, `--tile-keys` and `--workers`.
/// Refuses unknown names, a buffer that is not NAME=BYTES, a model of a buffer
/// that is not given, and numbers below 1.
Result<ReportRequest> parseReports(const CommandLine &line);

} // namespace attn

#endif // ATTN_LIB_DRIVER_RUNOPTIONS_H

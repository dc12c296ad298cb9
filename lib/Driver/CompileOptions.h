//===- CompileOptions.h - attn-compile's command line -----------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_COMPILEOPTIONS_H
#define ATTN_LIB_DRIVER_COMPILEOPTIONS_H

#include "attn/Driver/CommandLine.h"
#include "attn/Driver/KvOptions.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/Reports.h"

#include <map>
#include <optional>
#include <string>

namespace attn {

struct CompileOptions {
  /// A variant or file, one of its functions, and where output goes; `-` is
  /// standard output.
  std::string program, function, file;
  bool hasFile = false;
  /// Where the header of a library's or an object's C functions goes, which may
  /// be empty, and what they begin with; empty is the kernel's name.
  std::string header, symbol;
  /// What to emit: `mlir` after `lastStage`, or else `lastStage` is empty.
  std::string kind, lastStage;
  /// Where to write the module after each stage; may be empty.
  std::string directory;
  std::string target;
  DType dtype = DType::f32;
  AttentionShape shape;
  std::map<std::string, std::string> parameters;
  std::optional<int64_t> tileRows, tileKeys;
  KvOptions kv;
  /// `--invariant`.
  bool invariant = false;
  ReportRequest reports;
};

llvm::ArrayRef<OptionSpec> getCompileSpecs();

/// The stages that `lastStage` may be, in order.
llvm::ArrayRef<llvm::StringRef> getCompileStages();

/// The options for a CPU. Refuses values that are not of the option, and those
/// that contradict each other.
Result<CompileOptions> parseCompileOptions(const CommandLine &line);

} // namespace attn

#endif // ATTN_LIB_DRIVER_COMPILEOPTIONS_H

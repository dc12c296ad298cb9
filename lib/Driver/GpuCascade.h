//===- GpuCascade.h - the cascade that a command line names -----*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_GPUCASCADE_H
#define ATTN_LIB_DRIVER_GPUCASCADE_H

#include "GpuProgram.h"

#include "attn/Driver/CommandLine.h"
#include "attn/Driver/Source.h"

namespace attn {

/// A cascade with all that a compilation of it takes.
struct GpuCascade {
  Source source;
  Problem problem;
  PipelineOptions pipeline;
  GpuOptions options;
};

/// Options of the command line that mean something for a cascade.
llvm::ArrayRef<llvm::StringRef> getCascadeOptions();

/// Loads and binds the cascade that `line` names.
Result<GpuCascade> loadGpuCascade(mlir::MLIRContext &context,
                                  const CommandLine &line);

/// Loads, binds and compiles it, or takes it from `cache`, which may be null.
Result<GpuProgram> compileGpuCascade(mlir::MLIRContext &context,
                                     const CommandLine &line, CodeKind kind,
                                     Cache *cache);

/// Lowers the tile programs of `module`, each as it can be.
Status lowerTilesForGpu(mlir::ModuleOp module, const std::string &name,
                        llvm::StringRef target);

} // namespace attn

#endif // ATTN_LIB_DRIVER_GPUCASCADE_H

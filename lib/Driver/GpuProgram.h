//===- GpuProgram.h - a cascade as kernels for a GPU ------------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_GPUPROGRAM_H
#define ATTN_LIB_DRIVER_GPUPROGRAM_H

#include "attn/Driver/CommandLine.h"
#include "attn/Driver/Problem.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Status.h"
#include "attn/Target/NVIDIA/NVIDIA.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attn {

/// The pipe kernels of a program.
struct GpuProgram {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// Empty for a program with schedules; else why ordinary threads run it.
  std::string reason;
};

/// Lowers `func`. A program all of whose kernels can be scheduled is; any other
/// is written for ordinary threads. Stages and the tiles that `options` gives
/// are kept to. Refuses what neither can run.
Result<GpuProgram> lowerForGpu(cascade::FuncOp func, const Problem &problem,
                               const PipelineOptions &options);

/// The code with its manifest, to be stored or loaded.
Artifact makeArtifact(const nvidia::CompiledCode &code);

/// Options of the command line that mean something for a cascade.
llvm::ArrayRef<llvm::StringRef> getCascadeOptions();

/// Loads, binds and lowers the cascade that `line` names.
Result<GpuProgram> lowerCascadeForGpu(mlir::MLIRContext &context,
                                      const CommandLine &line);

/// Lowers the tile programs of `module`, each as it can be.
Status lowerTilesForGpu(mlir::ModuleOp module, const std::string &name);

} // namespace attn

#endif // ATTN_LIB_DRIVER_GPUPROGRAM_H

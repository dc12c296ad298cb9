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

/// A program's code for a GPU.
struct GpuProgram {
  nvidia::CompiledCode code;
  /// Empty for a program with schedules; else why ordinary threads run it.
  std::string reason;
};

/// Compiles `func`. A program all of whose kernels can be scheduled is, with
/// the largest tiles whose registers fit; any other is written for ordinary
/// threads. Tiles that `options` gives are kept to. Refuses what neither can
/// run.
Result<GpuProgram> compileGpuProgram(cascade::FuncOp func,
                                     const PipelineOptions &options,
                                     nvidia::CodeKind kind);

/// The code with its manifest, to be stored or loaded.
Artifact makeArtifact(const nvidia::CompiledCode &code);

/// Options of the command line that mean something for a cascade.
llvm::ArrayRef<llvm::StringRef> getCascadeOptions();

/// Loads, binds and compiles the cascade that `line` names.
Result<GpuProgram> compileGpuCascade(mlir::MLIRContext &context,
                                     const CommandLine &line,
                                     nvidia::CodeKind kind);

/// Lowers the tile programs of `module`, each as it can be.
Status lowerTilesForGpu(mlir::ModuleOp module, const std::string &name);

} // namespace attn

#endif // ATTN_LIB_DRIVER_GPUPROGRAM_H

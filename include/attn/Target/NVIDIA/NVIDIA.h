//===- NVIDIA.h - from pipe kernels to code for NVIDIA GPUs ---------------===//

#ifndef ATTN_TARGET_NVIDIA_NVIDIA_H
#define ATTN_TARGET_NVIDIA_NVIDIA_H

#include "attn/Target/GpuTarget.h"

#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace attn::nvidia {

/// The names of the targets of this library, the usual one first. Wherever one
/// is asked for, that is what an empty name says.
llvm::ArrayRef<llvm::StringRef> getTargetNames();

/// What schedules for a target are made for: tensors whose rows are copied as
/// wholes, or tensors of any strides and alignment, which threads copy element
/// by element.
const MachineModel &getMachineModel(llvm::StringRef target = "",
                                    bool anyStrides = false);

/// The schedules that were measured for it and ship with attn. Refuses what
/// ScheduleTable::parse refuses.
Result<ScheduleTable> readScheduleTable(llvm::StringRef target = "");

/// Adds the passes from pipe kernels to the LLVM dialect.
void buildPipeline(mlir::OpPassManager &passes, llvm::StringRef target = "");

/// Registers `nvidia-pipeline` and `nvidia-schedule`, and `schedule-tiles` for
/// the usual target.
void registerPipelines();

/// PTX of a module in the LLVM dialect, by LLVM's back end. Emits an error and
/// fails where LLVM refuses.
mlir::FailureOr<std::string> emitPtx(mlir::ModuleOp module,
                                     llvm::StringRef target = "");

struct Assembly {
  std::string cubin;
  /// What ptxas says of each.
  std::vector<Resources> kernels;
  /// ptxas' own words.
  std::string log;
};

/// Compiles PTX for the target that it names by the program ptxas (what
/// ATTN_PTXAS names, else the one on PATH or where CUDA is installed; none if
/// ATTN_PTXAS is empty), else, for kernels that set no budgets of registers, by
/// the library nvJitLink (ATTN_NVJITLINK, else the loader's). Fails with an
/// error at `module` where there is none, where it refuses, and where it says
/// that it serialises wgmma, ignores a budget (warnings C75xx) or spills.
mlir::FailureOr<Assembly> assemble(mlir::ModuleOp module, llvm::StringRef ptx);

/// Whether there is a compiler for `assemble`.
mlir::FailureOr<bool> canAssemble(mlir::ModuleOp module, llvm::StringRef ptx);

/// The files of the compilers that `assemble` would use, for telling one
/// version from another.
std::vector<std::string> listAssemblers();

/// As gpu::buildManifest.
mlir::FailureOr<Manifest> buildManifest(mlir::ModuleOp module,
                                        llvm::StringRef target = "");

/// A module of pipe kernels, lowered in place, as code and its manifest. `Best`
/// is a cubin where a compiler of PTX is found, else PTX, which the driver
/// compiles.
mlir::FailureOr<CompiledCode> compile(mlir::ModuleOp module, CodeKind kind,
                                      llvm::StringRef target = "");

/// What the driver asks of these targets.
const GpuVendor &getVendor();

} // namespace attn::nvidia

#endif // ATTN_TARGET_NVIDIA_NVIDIA_H

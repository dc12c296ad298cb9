//===- NVIDIA.h - from pipe kernels to code for NVIDIA GPUs ---------------===//

#ifndef ATTN_TARGET_NVIDIA_NVIDIA_H
#define ATTN_TARGET_NVIDIA_NVIDIA_H

#include "attn/Conversion/ScheduleTiles.h"
#include "attn/Runtime/Manifest.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <string>

namespace attn::nvidia {

/// What schedules for sm_90a are made for.
const MachineModel &getMachineModel();

/// Rows of a program's tile and of a step to try in this order, where operands
/// of products have at most `width` columns.
llvm::SmallVector<std::pair<int64_t, int64_t>> getTileShapes(int64_t width);

/// Adds the passes that give tile programs schedules for this machine.
void addSchedulePasses(mlir::OpPassManager &passes,
                       const ScheduleOptions &options = {});

/// Adds the passes from pipe kernels to the LLVM dialect.
void buildPipeline(mlir::OpPassManager &passes);

/// Registers `nvidia-pipeline`, and `nvidia-schedule` and `schedule-tiles` for
/// this machine.
void registerPipelines();

/// PTX for sm_90a of a module in the LLVM dialect, by LLVM's back end. Emits an
/// error and fails where LLVM refuses.
mlir::FailureOr<std::string> emitPtx(mlir::ModuleOp module);

/// What ptxas says of one kernel.
struct Resources {
  std::string kernel;
  int64_t registers = 0, spillStores = 0, spillLoads = 0, stackBytes = 0;
};

struct Assembly {
  std::string cubin;
  std::vector<Resources> kernels;
  /// ptxas' own words.
  std::string log;
};

/// Compiles PTX for sm_90a by the program ptxas (the variable ATTN_PTXAS, else
/// the one on PATH), else, for kernels that set no budgets of registers, by the
/// library nvJitLink (ATTN_NVJITLINK, else the loader's). Fails with an error
/// at `module` where there is none, where it refuses, and where it says that it
/// serialises wgmma, ignores a budget (warnings C75xx) or spills.
mlir::FailureOr<Assembly> assemble(mlir::ModuleOp module, llvm::StringRef ptx);

/// Whether there is a compiler for `assemble`.
mlir::FailureOr<bool> canAssemble(mlir::ModuleOp module, llvm::StringRef ptx);

/// The names of the targets of this library.
llvm::ArrayRef<llvm::StringRef> getTargetNames();

/// `Best` is a cubin where a compiler of PTX is found, else PTX, which the
/// driver compiles.
enum class CodeKind { LLVMDialect, Ptx, Cubin, Best };

/// A module of pipe kernels, lowered in place, as code and its manifest.
struct CompiledCode {
  Manifest manifest;
  /// What `Best` came to; else what was asked for.
  CodeKind kind;
  /// Text of the LLVM dialect, PTX, or a cubin.
  std::string bytes;
  /// What ptxas says; empty but for a cubin.
  std::vector<Resources> resources;
};
mlir::FailureOr<CompiledCode> compile(mlir::ModuleOp module, CodeKind kind);

} // namespace attn::nvidia

#endif // ATTN_TARGET_NVIDIA_NVIDIA_H

//===- CodeObject.h - machine code for AMD GPUs -----------------*- C++ -*-===//
//
// From the LLVM dialect by LLVM's back end and lld to a code object, as HIP
// loads it. Nothing of ROCm is needed.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_AMD_CODEOBJECT_H
#define ATTN_TARGET_AMD_CODEOBJECT_H

#include "attn/Target/GpuTarget.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace attn::amd {

/// What a code object says of one of its kernels (User guide for AMDGPU back
/// end, "Code object V5 metadata"). Bytes and counts, registers of a lane.
struct KernelMetadata {
  /// Of those that the host passes. `kind` is `by_value` or `global_buffer`.
  struct Argument {
    int64_t offset, size;
    std::string kind;
  };

  std::string name;
  std::vector<Argument> arguments;
  int64_t sharedBytes, scratchBytes, waveLanes, maxThreads;
  int64_t vectorRegisters, accumulatorRegisters, scalarRegisters;
  int64_t spilledVectorRegisters, spilledScalarRegisters;
};

/// The kernels of `module` as text of LLVM IR, for a GPU such as gfx942. What
/// `launches` say of threads and shared memory becomes part of the code: the
/// array `getSharedMemory` of a kernel gets its bytes, so that a launch asks
/// for none. Fails with an error where the module cannot be translated, or has
/// not the kernels.
mlir::FailureOr<std::string> emitLLVMIR(mlir::ModuleOp module,
                                        llvm::StringRef gpu,
                                        llvm::ArrayRef<Launch> launches);

/// As assembly. Fails with the back end's errors.
mlir::FailureOr<std::string> emitAssembly(mlir::ModuleOp module,
                                          llvm::StringRef gpu,
                                          llvm::ArrayRef<Launch> launches);

/// As a code object, linked by the ld.lld on PATH.
mlir::FailureOr<std::string> emitCodeObject(mlir::ModuleOp module,
                                            llvm::StringRef gpu,
                                            llvm::ArrayRef<Launch> launches);

/// The kernels of a code object. Fails with an error at `module` where it has
/// no metadata, or not of this kind.
mlir::FailureOr<std::vector<KernelMetadata>>
readMetadata(mlir::ModuleOp module, llvm::StringRef codeObject);

/// Whether `kernels` are what `manifest` launches, with the same parameters,
/// threads and shared memory, waves of `waveLanes` lanes, and all that a lane
/// holds in registers. Else errors at `module`.
mlir::LogicalResult verifyMetadata(mlir::ModuleOp module,
                                   llvm::ArrayRef<KernelMetadata> kernels,
                                   const Manifest &manifest, int64_t waveLanes);

/// A module of pipe kernels, lowered in place, as code and its manifest. `Best`
/// is a code object, whose metadata is verified.
mlir::FailureOr<CompiledCode> compile(mlir::ModuleOp module, CodeKind kind,
                                      llvm::StringRef target);

/// What the driver asks of these targets.
const GpuVendor &getVendor();

} // namespace attn::amd

#endif // ATTN_TARGET_AMD_CODEOBJECT_H

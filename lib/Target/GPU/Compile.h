//===- Compile.h - from pipe kernels to a manifest and LLVM -----*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_GPU_COMPILE_H
#define ATTN_LIB_TARGET_GPU_COMPILE_H

#include "Architecture.h"

#include "attn/Target/GpuTarget.h"

#include "mlir/Pass/PassManager.h"

namespace attn::gpu {

/// Lowers a module of pipe kernels to the LLVM dialect, in place, by the passes
/// that `build` adds for `architecture`. The result has the manifest whole, and
/// bytes if the LLVM dialect is what `kind` asks for. Fails with errors.
mlir::FailureOr<CompiledCode>
lowerToLLVM(mlir::ModuleOp module, const Architecture &architecture,
            void (*build)(mlir::OpPassManager &passes, llvm::StringRef target),
            CodeKind kind);

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_COMPILE_H

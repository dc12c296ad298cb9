//===- Assembler.h - what makes machine code of PTX -------------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_NVIDIA_ASSEMBLER_H
#define ATTN_LIB_TARGET_NVIDIA_ASSEMBLER_H

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace attn::nvidia {

/// The GPU that a text of PTX is for, as its `.target` says.
llvm::StringRef getPtxTarget(llvm::StringRef ptx);

/// A compiler of PTX.
class Assembler {
public:
  struct Output {
    std::string cubin;
    /// The compiler's words, its figures among them (`ptxas -v`).
    std::string log;
  };

  virtual ~Assembler() = default;

  /// Fails with an error at `module` where the compiler refuses.
  virtual mlir::FailureOr<Output> run(mlir::ModuleOp module,
                                      llvm::StringRef ptx) = 0;
};

/// The program ptxas: what ATTN_PTXAS names, else the one on PATH, else that of
/// CUDA_HOME, CUDA_PATH or /usr/local/cuda. Null where there is none, or where
/// ATTN_PTXAS is empty; an error where it names no program.
mlir::FailureOr<std::unique_ptr<Assembler>> findPtxas(mlir::ModuleOp module);

/// The library nvJitLink, which holds ptxas: what ATTN_NVJITLINK names, else
/// the loader's. Null where there is none; an error where ATTN_NVJITLINK names
/// another library.
mlir::FailureOr<std::unique_ptr<Assembler>>
findLinkLibrary(mlir::ModuleOp module);

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_ASSEMBLER_H

//===- CPU.h - compiles tile programs for a CPU -----------------*- C++ -*-===//
//
// A module of tile programs becomes machine code and a manifest. The stages are
// passes (see `buildPipeline`), each of which can be run by attn-opt from what
// the one before printed.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_CPU_CPU_H
#define ATTN_TARGET_CPU_CPU_H

#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Kernel.h"
#include "attn/Target/CPU/Machine.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/LLVM.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace attn::cpu {

/// What a compilation may choose.
struct CompileOptions {
  /// A name that `getMachine` knows.
  std::string target = "host";
  /// What the numerics contract and the schedule add to the manifest: a JSON
  /// object, and the text that the cache key is computed from beside the code.
  std::string numerics = "{}";
  std::string cacheText;
  /// Of an object and a shared object: what the C functions begin with that
  /// they export (CInterface.h), empty for the kernel's name. Without one they
  /// export the phases.
  std::optional<std::string> cSymbol;
  /// Called after each stage ("split", "vector", "arith", "llvm") with its name
  /// and the module; may be empty.
  std::function<void(llvm::StringRef stage, mlir::ModuleOp module)> onStage;
};

/// Adds the passes from tile programs to the LLVM dialect. `target` is a
/// machine's name.
void buildPipeline(mlir::OpPassManager &passes, llvm::StringRef target);

/// Lowers `module` in place to the LLVM dialect and returns the kernel's
/// manifest. Fails with diagnostics.
mlir::FailureOr<Manifest> lowerToLLVM(mlir::ModuleOp module,
                                      const CompileOptions &options);

/// The optimised LLVM IR of a module that `lowerToLLVM` returned.
std::unique_ptr<llvm::Module> translateToLLVMIR(mlir::ModuleOp module,
                                                llvm::LLVMContext &context,
                                                const Machine &machine);

/// Machine code as an ELF object, or its assembly. `module` holds tile programs
/// and is lowered in place.
struct CompiledCode {
  Manifest manifest;
  std::string bytes;
};
enum class CodeKind { Object, Assembly, LLVMIR };
mlir::FailureOr<CompiledCode> compile(mlir::ModuleOp module,
                                      const CompileOptions &options,
                                      CodeKind kind = CodeKind::Object);

/// A shared object that exports the phases' symbols or C functions only. Needs
/// `ld.lld`, `ld.lld-22` or `ld` on PATH; fails with a diagnostic otherwise.
mlir::FailureOr<CompiledCode>
compileSharedObject(mlir::ModuleOp module, const CompileOptions &options);

/// The shared object and its manifest as one artifact.
mlir::FailureOr<Artifact> compileArtifact(mlir::ModuleOp module,
                                          const CompileOptions &options);

/// A kernel in this process. Its code lives as long as the kernel.
mlir::FailureOr<std::shared_ptr<const Kernel>>
compileToJit(mlir::ModuleOp module, const CompileOptions &options);

} // namespace attn::cpu

#endif // ATTN_TARGET_CPU_CPU_H

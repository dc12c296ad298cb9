//===- ThreadsProgram.h - a cascade as kernels of ordinary threads --------===//

#ifndef ATTN_LIB_DRIVER_THREADSPROGRAM_H
#define ATTN_LIB_DRIVER_THREADSPROGRAM_H

#include "attn/Driver/CommandLine.h"
#include "attn/Runtime/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attn {

/// The options of the command line that say what cascade is compiled.
llvm::ArrayRef<llvm::StringRef> getCascadeOptions();

/// Lowers the cascade that `line` names through tile programs to pipe kernels
/// of ordinary threads.
Result<mlir::OwningOpRef<mlir::ModuleOp>>
lowerCascadeForThreads(mlir::MLIRContext &context, const CommandLine &line);

/// Lowers the tile programs of `module`, which `name` names in messages, so.
Status lowerTilesForThreads(mlir::ModuleOp module, const std::string &name);

} // namespace attn

#endif // ATTN_LIB_DRIVER_THREADSPROGRAM_H

//===- Linker.h - shared objects by a linker on PATH ------------*- C++ -*-===//

#ifndef ATTN_SUPPORT_LINKER_H
#define ATTN_SUPPORT_LINKER_H

#include "mlir/IR/Operation.h"

#include <string>

namespace attn {

/// Links one object into a shared object by the first of `linkers` that is on
/// PATH, with `options` beside -shared. No library is named: code that needs
/// one is refused. Fails with an error at `where`.
mlir::FailureOr<std::string>
linkSharedObject(mlir::Operation *where, llvm::StringRef object,
                 llvm::ArrayRef<llvm::StringRef> linkers,
                 llvm::ArrayRef<llvm::StringRef> options);

} // namespace attn

#endif // ATTN_SUPPORT_LINKER_H

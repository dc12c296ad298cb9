//===- CompileGpu.h - attn-compile for GPU targets ------------------------===//

#ifndef ATTN_LIB_DRIVER_COMPILEGPU_H
#define ATTN_LIB_DRIVER_COMPILEGPU_H

#include "attn/Driver/CommandLine.h"

#include "llvm/ADT/StringRef.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace attn {

/// Whether `target` is a GPU that attn-compile writes code for.
bool isGpuTarget(llvm::StringRef target);

/// Compiles the pipe kernels, the tile programs or the cascade of the file or
/// variant that `line` names, and writes what it asks for to its file or `out`.
/// Notes go to `errors`.
Status compileForGpu(const CommandLine &line, llvm::raw_ostream &out,
                     llvm::raw_ostream &errors);

} // namespace attn

#endif // ATTN_LIB_DRIVER_COMPILEGPU_H

//===- GpuCache.h - kernels for a GPU in the disk cache ---------*- C++ -*-===//

#ifndef ATTN_LIB_DRIVER_GPUCACHE_H
#define ATTN_LIB_DRIVER_GPUCACHE_H

#include "GpuProgram.h"

namespace attn {

/// All that the code of `func` depends on: its text, what is bound and chosen,
/// and the versions of attn, LLVM and ptxas. This program's own file stands for
/// the passes and tables in it.
std::string describeCompilation(cascade::FuncOp func,
                                const PipelineOptions &options,
                                const GpuOptions &gpu, CodeKind kind);

/// A program without its figures, as the cache keeps it.
Result<std::string> pack(const GpuProgram &program);

/// Refuses what `pack` has not made.
Result<GpuProgram> unpack(const std::string &bytes);

} // namespace attn

#endif // ATTN_LIB_DRIVER_GPUCACHE_H

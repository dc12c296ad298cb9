//===- Memory.h - loads that need no branch, and fences ---------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_AMD_MEMORY_H
#define ATTN_LIB_TARGET_AMD_MEMORY_H

#include "GPU/Lowering.h"

namespace attn::amd {

/// LLVM's names of who is ordered.
inline constexpr llvm::StringLiteral kBlockScope = "workgroup",
                                     kDeviceScope = "agent";

/// What hosts give kernels beside their own arguments, 256 bytes.
mlir::Value getHiddenArguments(mlir::OpBuilder &b, mlir::Location loc);

/// `address` in global memory where `predicate` holds, else one that can be
/// read: so no branch cuts a row of loads.
mlir::Value chooseAddress(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value predicate, mlir::Value address);

/// Four words from `address` on where `predicate` holds, else zeros.
mlir::Value loadChunkIf(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value address, mlir::Value predicate);

/// Orders accesses of shared memory alone: what is on its way from global
/// memory stays so.
void fenceShared(mlir::OpBuilder &b, mlir::Location loc,
                 mlir::LLVM::AtomicOrdering ordering);

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_MEMORY_H

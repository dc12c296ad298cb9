//===- Bytes.h - numbers of 8 bits, by whole numbers ------------*- C++ -*-===//
//
// The GPUs' own conversions are of other floats of 8 bits (gfx942: those whose
// negative zero is no number), or there are none.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_AMD_BYTES_H
#define ATTN_LIB_TARGET_AMD_BYTES_H

#include "GPU/Primitives.h"

namespace attn::amd {

/// As Primitives' functions of these names.
llvm::SmallVector<mlir::Value> widenBytes(mlir::OpBuilder &b,
                                          mlir::Location loc, mlir::Value word,
                                          gpu::ByteType type, bool isBF16);
mlir::Value narrowToByte(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value value, gpu::ByteType type);

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_BYTES_H

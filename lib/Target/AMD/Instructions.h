//===- Instructions.h - what the lowering asks of AMD GPUs ------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_AMD_INSTRUCTIONS_H
#define ATTN_LIB_TARGET_AMD_INSTRUCTIONS_H

#include "MatrixInstruction.h"

#include "GPU/Architecture.h"

namespace attn::amd {

/// By waves of 64 lanes (CDNA 2 and 3), and of 32 (RDNA 3).
const gpu::Primitives &getGfx9Primitives();
const gpu::Primitives &getGfx11Primitives();

/// Refuses sides of products that lanes cannot read.
mlir::LogicalResult verifyProduct(pipe::MmaAsyncOp op);
/// Adds the patterns of products by MFMA, or by WMMA.
void populateMfmaPatterns(const mlir::TypeConverter &converter,
                          const gpu::KernelValues &values,
                          mlir::RewritePatternSet &patterns);
void populateWmmaPatterns(const mlir::TypeConverter &converter,
                          const gpu::KernelValues &values,
                          mlir::RewritePatternSet &patterns);

/// The one of that name, or without a name the usual one; null if there is
/// none.
const gpu::Architecture *findArchitecture(llvm::StringRef name);

/// The same, with an error at `where` if there is none.
const gpu::Architecture *getArchitecture(mlir::Operation *where,
                                         llvm::StringRef name);

#define ATTN_AMD_TARGET(NAME) const gpu::Architecture &get##NAME();
#include "Targets.def"
#undef ATTN_AMD_TARGET

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_INSTRUCTIONS_H

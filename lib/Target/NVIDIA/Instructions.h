//===- Instructions.h - what the lowering asks of NVIDIA GPUs ---*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_NVIDIA_INSTRUCTIONS_H
#define ATTN_LIB_TARGET_NVIDIA_INSTRUCTIONS_H

#include "GPU/Architecture.h"

namespace attn::nvidia {

using gpu::Architecture;
using gpu::KernelValues;

inline constexpr int64_t kWarpSize = 32;

/// On what became of a product that runs beside what follows it: its name.
inline constexpr llvm::StringLiteral kInFlightAttr = "nvidia.in_flight";

/// On the cast of a product's registers that stands for the wait for it.
inline constexpr llvm::StringLiteral kWaitAttr = "nvidia.wait";

/// Of sm_80, sm_89 and sm_90a.
const gpu::Primitives &getAmperePrimitives();
const gpu::Primitives &getAdaPrimitives();
const gpu::Primitives &getHopperPrimitives();
const gpu::BulkCopies &getBulkCopies();

mlir::LogicalResult verifyMmaSync(pipe::MmaAsyncOp op);
mlir::LogicalResult verifyWgmma(pipe::MmaAsyncOp op);
mlir::LogicalResult verifyShares(pipe::MmaAsyncOp op);
void populateMmaSyncPatterns(const mlir::TypeConverter &converter,
                             const KernelValues &values,
                             mlir::RewritePatternSet &patterns);
/// Products of which each warp has a share, in place of other patterns' of all.
void populateSharePatterns(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
void populateWgmmaPatterns(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);

/// Spreads the instructions of products that have a name over what they run
/// beside, and removes the marks of waits.
void spreadProducts(mlir::LLVM::LLVMFuncOp function);

/// The one of that name, or without a name the usual one; null if there is
/// none.
const Architecture *findArchitecture(llvm::StringRef name);

/// The same, with an error at `where` if there is none.
const Architecture *getArchitecture(mlir::Operation *where,
                                    llvm::StringRef name);

const Architecture &getHopper();
const Architecture &getAmpere();
const Architecture &getAda();

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_INSTRUCTIONS_H

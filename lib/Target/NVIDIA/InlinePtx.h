//===- InlinePtx.h - instructions that the NVVM dialect lacks -------------===//
//
// The only place that writes PTX. Each function emits one instruction, or a
// short sequence that must not be taken apart. Why not a dialect op:
//  * waits on an mbarrier: the dialect's loop branches by `bra.uni` on a
//    condition of one lane;
//  * predicated arrivals and stores: no op takes the predicate, and a branch
//    would cut the block that ptxas schedules;
//  * wgmma with the left side in registers: the op takes descriptors only;
//  * ldmatrix and mma.sync: their order is kept, and ldmatrix has an offset;
//  * tanh.approx: LLVM has no intrinsic;
//  * conjunctions of predicates: LLVM would turn a select by one into two
//    selects;
//  * tests of bits: LLVM would shift each to the lowest place, and ptxas moves
//    seven bits at once to predicates only where they stay in their own;
//  * conversions of floats of 8 bits, and of integers by the bits of a float:
//  the
//    dialect has none to bf16;
//  * atomic additions that order memory: LLVM lowers those of any ordering to
//    relaxed ones;
//  * reductions over a named barrier: the dialect's op has them over the
//    block's;
//  * waits for products: an op has no link to the accumulators, and LLVM could
//    move their readers above it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_NVIDIA_INLINEPTX_H
#define ATTN_LIB_TARGET_NVIDIA_INLINEPTX_H

#include "GPU/Primitives.h"
#include "dialects/Pipe/Pipe.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

namespace attn::nvidia {

/// Whether the hardware suspends a thread that waits, or it looks again and
/// again, perhaps with a rest between so that others get on.
enum class WaitKind { Suspended, Tested, Rested };

/// Spins until the phase of `parity` (i32) of the mbarrier has completed.
void waitBarrier(mlir::OpBuilder &b, mlir::Location loc, mlir::Value barrier,
                 mlir::Value parity, WaitKind kind);

/// One arrival at this block's mbarrier, where `predicate` holds.
void arriveIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value barrier,
              mlir::Value predicate);

/// One arrival at the mbarrier at shared::cluster address `barrier` (i32).
void arriveRemoteIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value barrier,
                    mlir::Value predicate);

/// The shared::cluster address (i32) of this block's `address` in block `rank`.
mlir::Value mapToBlock(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value address, mlir::Value rank);

/// Whether two predicates hold.
mlir::Value joinPredicates(mlir::OpBuilder &b, mlir::Location loc,
                           mlir::Value lhs, mlir::Value rhs);

/// Whether `value` (i32) is not 0 in some of the `threads` that meet at the
/// named barrier.
mlir::Value reduceOverBarrier(mlir::OpBuilder &b, mlir::Location loc,
                              mlir::Value barrier, int64_t threads,
                              mlir::Value value);

/// Whether bit number `bit` of `word` (i32) is set.
mlir::Value testBit(mlir::OpBuilder &b, mlir::Location loc, mlir::Value word,
                    unsigned bit);

using gpu::ByteType;

/// The four numbers of `word` (i32) as two words of two bf16 (f16 unless
/// `isBF16`), all exact; floats by conversions, if the GPU has them.
llvm::SmallVector<mlir::Value> widenBytes(mlir::OpBuilder &b,
                                          mlir::Location loc, mlir::Value word,
                                          ByteType type, bool isBF16,
                                          bool hasFloat8);

/// The nearest number of `type`, a float, to `value` (f32), the largest one
/// where that is beyond it: the last 8 bits of an i32, by whole numbers alone.
mlir::Value narrowToByte(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value value, ByteType type);

/// The registers (i32) that ldmatrix gives a lane of `count` (2 or 4) matrices,
/// from the rows that lanes name by shared address `address` and `offset`
/// bytes.
llvm::SmallVector<mlir::Value> loadMatrices(mlir::OpBuilder &b,
                                            mlir::Location loc,
                                            mlir::Value address, int64_t offset,
                                            int64_t count, bool isTransposed);

/// Operands of one mma.sync.m16n8k16 on 16-bit elements.
struct MmaSync {
  /// "bf16" or "f16".
  llvm::StringRef element;
  /// Four registers, and two.
  llvm::ArrayRef<mlir::Value> lhs, rhs;
};

/// The product added to `accumulators` (four f32).
llvm::SmallVector<mlir::Value> multiply(mlir::OpBuilder &b, mlir::Location loc,
                                        const MmaSync &operands,
                                        mlir::ValueRange accumulators);

/// Operands of one wgmma m64nNk16 on 16-bit elements.
struct Wgmma {
  /// "bf16" or "f16".
  llvm::StringRef element;
  int64_t n;
  /// Descriptor of the left side, or its four registers.
  llvm::SmallVector<mlir::Value, 4> lhs;
  mlir::Value rhs;
  /// Whether rows of memory run along M (N) rather than along K.
  bool transposeLhs, transposeRhs;
};

/// Starts a product onto `accumulators` (N / 2 f32), or onto zero if empty, and
/// returns the accumulators.
llvm::SmallVector<mlir::Value> startWgmma(mlir::OpBuilder &b,
                                          mlir::Location loc,
                                          const Wgmma &operands,
                                          mlir::ValueRange accumulators);

/// Waits until at most `pending` groups of products are in flight. The values
/// returned are `accumulators` after the wait.
llvm::SmallVector<mlir::Value> waitWgmma(mlir::OpBuilder &b, mlir::Location loc,
                                         int64_t pending,
                                         mlir::ValueRange accumulators);

/// The hyperbolic tangent of an f32, to about 2^-11 of its value.
mlir::Value approximateTanh(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value value);

/// The element of `type` (at least 8 bits) at `address` in global memory where
/// `predicate` holds, else zero; as an integer of 32 or 64 bits.
mlir::Value loadGlobalIf(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value address, unsigned bits,
                         mlir::Value predicate);

/// An i32 of shared memory, where `predicate` holds, else 0. It is read where
/// it stands.
mlir::Value loadSharedIf(mlir::OpBuilder &b, mlir::Location loc,
                         mlir::Value address, mlir::Value predicate);

/// Stores `value` (f32, i32, i16) to global memory, `offset` bytes from
/// `address`, where `predicate` holds.
void storeGlobalIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value address,
                   int64_t offset, mlir::Value value, mlir::Value predicate);

/// Adds `value` (i32) to what is at `address` in global memory and gives what
/// was there before. It releases to the device's threads what is before it, and
/// acquires what they released.
mlir::Value addGlobal(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value address, mlir::Value value);

/// Asks for the line at `address` in global memory to come to the L2 cache, by
/// PTX: LLVM selects the intrinsic from sm_90 on, where all GPUs have it.
void prefetchGlobal(mlir::OpBuilder &b, mlir::Location loc,
                    mlir::Value address);

/// An L2 eviction policy as createpolicy.fractional.L2 encodes it for all
/// accesses (CUTLASS, TMA::CacheHintSm90).
int64_t getCachePolicy(pipe::CacheHint hint);

/// Four registers (i32) to or from 16 bytes of global memory that blocks share,
/// `offset` bytes from `address`, where `predicate` holds; else zeros. What is
/// stored stays in L2 while keys and values pass through it.
void storeGlobalChunkIf(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value address, int64_t offset,
                        mlir::ValueRange registers, mlir::Value predicate);
llvm::SmallVector<mlir::Value>
loadGlobalChunkIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value address,
                  int64_t offset, mlir::Value predicate);

/// Waits, in lanes where `predicate` holds, until this thread's bulk stores
/// have read shared memory; then all lanes of the warp wait for each other.
void waitBulkReadsIf(mlir::OpBuilder &b, mlir::Location loc,
                     mlir::Value predicate);

/// Waits, in lanes where `predicate` holds, until this thread's bulk stores
/// are done.
void waitBulkStoresIf(mlir::OpBuilder &b, mlir::Location loc,
                      mlir::Value predicate);

/// All lanes of the warp wait for each other; then the lane where `predicate`
/// holds starts one bulk tensor store for each of `sources` (shared addresses)
/// with its coordinates, innermost first, and commits them as a group.
void storeTensorIf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value map,
                   mlir::ValueRange sources,
                   llvm::ArrayRef<llvm::SmallVector<mlir::Value>> coordinates,
                   mlir::Value predicate);

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_INLINEPTX_H

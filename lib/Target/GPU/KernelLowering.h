//===- KernelLowering.h - the function of one kernel ------------*- C++ -*-===//

#ifndef ATTN_LIB_TARGET_GPU_KERNELLOWERING_H
#define ATTN_LIB_TARGET_GPU_KERNELLOWERING_H

#include "Lowering.h"

namespace attn::gpu {

/// PTX ISA, bar: barriers 0 to 15; 0 is the block's. Words of shared memory are
/// as many.
inline constexpr int64_t kNumNamedBarriers = 16;

/// Builds the function of one kernel.
class KernelLowering {
public:
  KernelLowering(pipe::KernelOp kernel, const Architecture &architecture,
                 mlir::IRRewriter &rewriter);

  mlir::FailureOr<KernelValues> run();

private:
  // What it declares (LowerKernel.cpp).
  mlir::LogicalResult createFunction();
  void createEntry();
  void prefetchMaps();
  void prefetchTables();
  mlir::LogicalResult lowerDeclarations();
  void lowerRing(pipe::RingOp ring);
  /// The offset of `bytes` of shared memory, which `op` declares.
  int64_t allocate(mlir::Operation *op, int64_t bytes, int64_t alignment);
  mlir::Value allocateArray(pipe::ArrayOp array);
  mlir::LogicalResult initialise();

  // Its roles (LowerRoles.cpp).
  mlir::LogicalResult lowerRoles();
  mlir::LogicalResult countThreads();
  mlir::LogicalResult lowerRole(pipe::RoleOp role, int64_t firstGroup);

  /// What a block may have of its multiprocessor's.
  int64_t getRegistersOfBlock() {
    return architecture.registersOfBlock /
           static_cast<int64_t>(kernel.getBlocks());
  }
  /// Whether this is the block's first thread.
  mlir::Value createIsFirst();
  mlir::Value createShuffled(mlir::Value value);
  mlir::Value i32(int64_t value) { return createI32(rewriter, loc, value); }
  void replaceByCast(mlir::Operation *op, mlir::ValueRange values);
  /// The values of a tile at `address`: the address and the descriptor's bits.
  llvm::SmallVector<mlir::Value> createTile(int64_t offset);

  pipe::KernelOp kernel;
  const Architecture &architecture;
  mlir::IRRewriter &rewriter;
  mlir::Location loc;
  int64_t groupThreads;
  KernelValues values;
  /// Of shared memory.
  std::string symbol;
  mlir::Value shared;
  /// Next free byte of shared memory for tiles.
  int64_t controlOffset = 0, tileOffset = 0;
  int64_t nextNamedBarrier = 1;
  int64_t numThreads = 0;
  bool hasSeveralRoles = false;
  /// Where tiles in shared memory are declared, and their bytes.
  llvm::SmallVector<std::pair<mlir::Location, int64_t>> sharedTiles;
  /// Offsets and counts of the barriers to initialise.
  llvm::SmallVector<std::pair<int64_t, int64_t>> barriers;
  /// What the work has of global memory.
  llvm::SmallVector<mlir::Value> workMemory;
  /// The arrays in global memory of all blocks, bytes of a block's, and of
  /// those that have been placed.
  mlir::Value globalArrays;
  int64_t globalBytes = 0, globalOffset = 0;
};

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_KERNELLOWERING_H

//===- ChunkQueue.h - copies by way of registers ----------------*- C++ -*-===//
//
// A lane loads chunks of 16 bytes to its registers and stores them to shared
// memory in the order in which they were asked for. Some are on their way at a
// time: before the slot is waited for, then before the oldest are stored.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_AMD_CHUNKQUEUE_H
#define ATTN_LIB_TARGET_AMD_CHUNKQUEUE_H

#include "GPU/Primitives.h"

namespace attn::amd {

class ChunkQueue final : public gpu::LaneCopier {
public:
  ChunkQueue(const gpu::Primitives &primitives, llvm::function_ref<void()> wait)
      : primitives(primitives), wait(wait) {}

  // Registers of one turn would not be those of another.
  bool mayLoop() const override { return false; }
  void copy(mlir::OpBuilder &b, mlir::Location loc, mlir::Value dest,
            mlir::Value source, mlir::Value bytes, bool isWhole) override;
  void finish(mlir::OpBuilder &b, mlir::Location loc, mlir::Value full,
              const gpu::KernelValues &values, mlir::Value isSender,
              bool hasMessages) override;

private:
  /// Stores the oldest `count`.
  void store(mlir::OpBuilder &b, mlir::Location loc, size_t count);

  struct Chunk {
    mlir::Value dest, words;
  };

  const gpu::Primitives &primitives;
  llvm::function_ref<void()> wait;
  bool hasWaited = false;
  llvm::SmallVector<Chunk> chunks;
};

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_CHUNKQUEUE_H

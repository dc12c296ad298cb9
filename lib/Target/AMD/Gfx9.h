//===- Gfx9.h - MFMA by waves of 64 lanes -----------------------*- C++ -*-===//
//
// What gfx90a and those after it share. The lanes of a wave bring 16 bytes each
// to shared memory, by way of their registers. Each wave multiplies 16 rows of
// its group's 64, or 32 of 128, for which it reads as much of the right side.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_AMD_GFX9_H
#define ATTN_LIB_TARGET_AMD_GFX9_H

#include "Models.h"

#include "GPU/Architecture.h"

namespace attn::amd {

/// How they differ.
struct Gfx9Numbers {
  llvm::StringRef name;
  /// Of a block, and of the cache that compute units share.
  int64_t sharedBytes, cacheBytes;
  /// Clocks of a product of 64 rows and a depth of 16 a column.
  double productColumn;
};

/// With groups of 64 rows, and the same with groups of 128.
MachineModel createGfx9Model(const Gfx9Numbers &numbers);
MachineModel createTallGfx9Model(MachineModel model);

gpu::Architecture createGfx9(llvm::StringRef name,
                             const MachineModel &(*getModel)(bool anyStrides));

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_GFX9_H

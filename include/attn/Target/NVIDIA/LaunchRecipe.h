//===- LaunchRecipe.h - what a host needs to launch a pipe kernel ---------===//

#ifndef ATTN_TARGET_NVIDIA_LAUNCHRECIPE_H
#define ATTN_TARGET_NVIDIA_LAUNCHRECIPE_H

#include "attn/Runtime/Manifest.h"
#include "dialects/Pipe/Pipe.h"

namespace attn::nvidia {

/// How bulk copies see a tensor: boxes of so many elements a dimension, the
/// outermost first, swizzled over `swizzle` bytes.
struct TensorMap {
  unsigned argument;
  llvm::SmallVector<int64_t> box;
  int64_t swizzle;

  bool operator==(const TensorMap &other) const {
    return argument == other.argument && box == other.box &&
           swizzle == other.swizzle;
  }
};

/// Gives every load and bulk store of `kernel` the number of its tensor map, an
/// attribute, and returns the maps in that order.
mlir::FailureOr<llvm::SmallVector<TensorMap>>
assignTensorMaps(pipe::KernelOp kernel);

/// The manifest of `kernel`, but for what only its lowering tells: the threads
/// and the shared memory of the launch, and the cache key. Fails with a
/// diagnostic where the number of items is no expression over the arguments.
mlir::FailureOr<Manifest> buildManifest(pipe::KernelOp kernel);

} // namespace attn::nvidia

#endif // ATTN_TARGET_NVIDIA_LAUNCHRECIPE_H

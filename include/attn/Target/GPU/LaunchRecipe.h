//===- LaunchRecipe.h - what a host needs to launch pipe kernels ----------===//

#ifndef ATTN_TARGET_GPU_LAUNCHRECIPE_H
#define ATTN_TARGET_GPU_LAUNCHRECIPE_H

#include "attn/Runtime/Manifest.h"
#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/BuiltinOps.h"

namespace attn::gpu {

struct Architecture;

/// On loads and bulk stores: the number of the tensor map that they use.
inline constexpr llvm::StringLiteral kMapAttr = "gpu.map";

/// How bulk copies see a tensor: boxes of so many elements a dimension,
/// swizzled over `swizzle` bytes, and the dimensions in the order in which a
/// box runs through them, outermost first.
struct TensorMap {
  unsigned argument;
  llvm::SmallVector<int64_t> box, order;
  int64_t swizzle;

  bool operator==(const TensorMap &other) const {
    return argument == other.argument && box == other.box &&
           order == other.order && swizzle == other.swizzle;
  }
};

/// The dimensions of a tensor of rank `rank` in the order in which copies of
/// rows packed by `packing`, which may be null, run through them.
llvm::SmallVector<int64_t> getMapOrder(unsigned rank,
                                       pipe::PackingAttr packing);

/// Gives every load and bulk store of `kernel` the number of its tensor map, an
/// attribute, and returns the maps in that order.
mlir::FailureOr<llvm::SmallVector<TensorMap>>
assignTensorMaps(pipe::KernelOp kernel);

/// The manifest of the kernels of `module`, which are launched one after
/// another, but for what only their lowering tells: threads and shared memory
/// of the launches, and the cache key. Fails with a diagnostic where a number
/// of items is no expression over the arguments, or two kernels disagree about
/// one.
mlir::FailureOr<Manifest> buildManifest(mlir::ModuleOp module,
                                        const Architecture &architecture);

} // namespace attn::gpu

#endif // ATTN_TARGET_GPU_LAUNCHRECIPE_H

//===- LaunchRecipe.cpp - what a host needs to launch a pipe kernel -------===//

#include "attn/Target/NVIDIA/LaunchRecipe.h"

#include "Lowering.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

/// CUDA driver API, cuTensorMapEncodeTiled: at most 256 elements a dimension.
static constexpr int64_t kMaxBox = 256;

FailureOr<SmallVector<TensorMap>>
attn::nvidia::assignTensorMaps(KernelOp kernel) {
  SmallVector<TensorMap> maps;
  Builder builder(kernel.getContext());
  auto assign = [&](Operation *op, Value tensor, int64_t rows,
                    SharedType tile) -> LogicalResult {
    auto argument = dyn_cast<BlockArgument>(tensor);
    if (!argument || argument.getOwner() != &kernel.getBody().front())
      return op->emitOpError("expects a tensor that is an argument of the "
                             "kernel");
    if (rows > kMaxBox)
      return op->emitOpError("expects copies of at most ")
             << kMaxBox << " rows on this target, but got " << rows;
    TensorMap map;
    map.argument = argument.getArgNumber();
    map.box.assign(cast<GlobalType>(tensor.getType()).getRank() - 2, 1);
    map.box.append({rows, tile.getPanelColumns()});
    map.swizzle = tile.getSwizzle();
    auto *found = llvm::find(maps, map);
    int64_t number = found - maps.begin();
    if (found == maps.end())
      maps.push_back(map);
    op->setAttr(kMapAttr, builder.getI64IntegerAttr(number));
    return success();
  };
  WalkResult result = kernel.walk([&](Operation *op) -> WalkResult {
    if (auto load = dyn_cast<LoadOp>(op)) {
      SharedType tile = load.getSlot().getType();
      auto fill = cast<FillOp>(load->getParentOp());
      int64_t blocks =
          fill.getRing().getType().getCluster() ? kernel.getCluster() : 1;
      if (tile.getNumRows() % (8 * blocks))
        return load.emitOpError("expects slots of a multiple of 8 rows for "
                                "each of the cluster's ")
               << blocks << " blocks, but got " << tile;
      return assign(op, load.getSource(), tile.getNumRows() / blocks, tile);
    }
    if (auto store = dyn_cast<BulkStoreOp>(op)) {
      SharedType tile = store.getTile().getType();
      return assign(op, store.getDest(), tile.getRowsOfPart(), tile);
    }
    return success();
  });
  if (result.wasInterrupted())
    return failure();
  return maps;
}

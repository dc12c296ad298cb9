//===- PackedRows.cpp - one rank that is two in memory --------------------===//

#include "PackedRows.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

SmallVector<AffineExpr>
attn::unpackCoordinates(const MemoryTensor &tensor,
                        ArrayRef<AffineExpr> coordinates) {
  if (!tensor.packing)
    return llvm::to_vector(coordinates);
  PackingAttr packing = tensor.packing;
  SmallVector<AffineExpr> result;
  for (auto rank : packing.getRanks().getAsRange<StringAttr>()) {
    bool isInner = rank == packing.getInner();
    bool isPart = isInner || rank == packing.getOuter();
    AffineExpr expr = coordinates[*tensor.type.getRankPosition(
        isPart ? packing.getRank() : rank)];
    if (isPart)
      expr = isInner ? expr % packing.getWidth()
                     : expr.floorDiv(packing.getWidth());
    result.push_back(expr);
  }
  return result;
}

bool attn::hasGaps(FuncOp func, PackingAttr packing) {
  return packing &&
         func.getStaticExtent(packing.getInner()) != packing.getWidth();
}

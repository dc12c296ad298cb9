//===- PackedRows.cpp - one rank that is two in memory --------------------===//

#include "PackedRows.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

SmallVector<StringAttr> attn::getMemoryRanks(NamedTensorType type,
                                             PackingAttr packing) {
  if (packing)
    return llvm::to_vector(packing.getRanks().getAsRange<StringAttr>());
  return llvm::to_vector(type.getRanks());
}

SmallVector<AffineExpr> attn::unpackCoordinates(const MemoryTensor &tensor,
                                                AddressMap &address) {
  if (!tensor.packing)
    return address.coordinates;
  PackingAttr packing = tensor.packing;
  SmallVector<AffineExpr> result;
  for (auto rank : packing.getRanks().getAsRange<StringAttr>()) {
    bool isInner = rank == packing.getInner();
    bool isPart = isInner || rank == packing.getOuter();
    AffineExpr expr = address.coordinates[*tensor.type.getRankPosition(
        isPart ? packing.getRank() : rank)];
    // A step of a slice lies in one run, in which its base is.
    if (isPart && tensor.run)
      expr = isInner ? expr : address.addIndex(tensor.run);
    else if (isPart)
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

PackingAttr attn::getPackingWith(FuncOp func, StringAttr part) {
  for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
    if (PackingAttr packing = func.getArgumentPacking(i);
        packing && packing.getOuter() == part)
      return packing;
  return {};
}

StringAttr attn::getTableWidth(PagesAttr pages) {
  return StringAttr::get(pages.getContext(),
                         pages.getTable().getValue() + "_width");
}

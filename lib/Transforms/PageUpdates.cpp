//===- PageUpdates.cpp - puts updated tensors into pages ------------------===//
//
// A coordinate `%slots[t]` of a rank becomes the page `%slots[t] floordiv 16`
// and the place in it, `%slots[t] mod 16`: what is outside of the one is
// outside of the other.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/PageUpdates.h"
#include "attn/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

namespace attn {
#define GEN_PASS_DEF_PAGEUPDATESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// The dimension of what `op` updates at which it has a whole entry.
static std::optional<unsigned> findEntryDim(EinsumOp op) {
  for (auto [dim, expr] : llvm::enumerate(op.getOutputMap().getResults()))
    if (isa<AffineSymbolExpr>(expr))
      return dim;
  return std::nullopt;
}

static StringAttr getPlaceRank(StringAttr rank) {
  return StringAttr::get(rank.getContext(), rank.getValue() + "_place");
}

/// `map` with quotient and remainder of coordinate `dim`.
static AffineMap splitCoordinate(AffineMap map, unsigned dim, int64_t size) {
  SmallVector<AffineExpr> results(map.getResults());
  AffineExpr entry = results[dim];
  results[dim] = entry.floorDiv(size);
  results.insert(results.end() - 1, entry % size);
  return AffineMap::get(map.getNumDims(), map.getNumSymbols(), results,
                        map.getContext());
}

/// Splits the coordinate `dim` of what `op` updates.
static LogicalResult pageUpdate(FuncOp func, EinsumOp op, unsigned dim,
                                int64_t size) {
  for (Operation *user : op.getInto().getUsers())
    if (user != op)
      return op.emitOpError("expects to be the only use of what it updates, "
                            "which is to lie in pages");
  auto type = cast<NamedTensorType>(op.getType());
  SmallVector<StringAttr> ranks(type.getRanks());
  StringAttr place = getPlaceRank(ranks[dim]);
  if (!func.getRankDeclaration(place)) {
    OpBuilder atStart = OpBuilder::atBlockBegin(&func.getBody().front());
    OperationState state(func.getLoc(), RankOp::getOperationName());
    state.addAttribute("name", place);
    state.addAttribute("extent", atStart.getI64IntegerAttr(size));
    atStart.create(state);
  }
  ranks.insert(ranks.end() - 1, place);
  op.getInto().setType(type.withRanks(ranks));
  op.getResult().setType(type.withRanks(ranks));
  SmallVector<Attribute> maps(op.getIndexingMaps().getValue());
  maps.back() =
      AffineMapAttr::get(splitCoordinate(op.getOutputMap(), dim, size));
  op.setIndexingMapsAttr(ArrayAttr::get(op.getContext(), maps));
  return success();
}

/// `cascade.extents` with as many pages of `size` as hold the coordinates.
static void countPages(FuncOp func, ArrayRef<StringAttr> ranks, int64_t size) {
  auto extents = func->getAttrOfType<DictionaryAttr>(FuncOp::kExtentsAttr);
  if (!extents)
    return;
  NamedAttrList list(extents);
  for (StringAttr rank : ranks)
    if (auto extent = extents.getAs<IntegerAttr>(rank))
      list.set(rank, IntegerAttr::get(extent.getType(),
                                      llvm::divideCeil(extent.getInt(), size)));
  func->setAttr(FuncOp::kExtentsAttr, list.getDictionary(func.getContext()));
}

FailureOr<bool> attn::pageUpdates(FuncOp func, int64_t size) {
  Operation *terminator = func.getBody().front().getTerminator();
  llvm::SetVector<StringAttr> paged;
  for (auto [i, result] : llvm::enumerate(terminator->getOperands())) {
    auto op = result.getDefiningOp<EinsumOp>();
    if (!op || !func.getUpdatedArgument(i))
      continue;
    std::optional<unsigned> dim = findEntryDim(op);
    if (!dim)
      continue;
    paged.insert(cast<NamedTensorType>(op.getType()).getRanks()[*dim]);
    if (failed(pageUpdate(func, op, *dim, size)))
      return failure();
  }
  if (paged.empty())
    return false;
  countPages(func, paged.getArrayRef(), size);
  func.setType(FunctionType::get(func.getContext(),
                                 func.getBody().getArgumentTypes(),
                                 terminator->getOperandTypes()));
  return true;
}

namespace {
struct PageUpdates final : attn::impl::PageUpdatesPassBase<PageUpdates> {
  using PageUpdatesPassBase::PageUpdatesPassBase;

  void runOnOperation() override {
    if (size < 1) {
      getOperation().emitError("expects pages of at least one coordinate, but "
                               "got size=")
          << size.getValue();
      return signalPassFailure();
    }
    if (failed(pageUpdates(getOperation(), size)))
      signalPassFailure();
  }
};
} // namespace

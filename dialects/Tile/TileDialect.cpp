//===- TileDialect.cpp - registers the tile dialect -----------------------===//

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn::tile;

#include "dialects/Tile/TileDialect.cpp.inc"
#include "dialects/Tile/TileEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Tile/TileAttrs.cpp.inc"

void TileDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Tile/TileOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Tile/TileAttrs.cpp.inc"
      >();
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t slots, bool, int64_t split,
                                   int64_t cluster) {
  // schedule_c1
  constexpr int64_t kMost = 16;
  if (slots >= 1 && slots <= kMost && split >= 0 && split < kMost &&
      cluster >= 1 && cluster <= kMost)
    return success();
  return emitError() << "expects slots and a cluster of 1 to " << kMost
                     << " and a split of 0 to " << kMost - 1
                     << ", but got slots = " << slots
                     << ", cluster = " << cluster << " and split = " << split;
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> extents,
                                 ArrayRef<int64_t> tiles) {
  // layout_c1
  auto isPositive = [](int64_t number) { return number > 0; };
  if (extents.empty() || extents.size() > 3 || extents.size() != tiles.size() ||
      !llvm::all_of(extents, isPositive) || !llvm::all_of(tiles, isPositive))
    return emitError() << "expects one to three axes, each with a positive "
                          "extent and box, but got extents ["
                       << extents << "] and boxes [" << tiles << "]";
  return success();
}

int64_t LayoutAttr::countPoints() const {
  return llvm::product_of(getExtents());
}

int64_t LayoutAttr::countPositions() const {
  int64_t count = 1;
  for (auto [extent, tile] : llvm::zip(getExtents(), getTiles()))
    count *= llvm::divideCeil(extent, tile) * tile;
  return count;
}

TypedAttr attn::tile::getIdentity(ReduceKind kind, Type elementType) {
  Builder builder(elementType.getContext());
  if (auto type = dyn_cast<FloatType>(elementType)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    switch (kind) {
    case ReduceKind::Add:
      return builder.getFloatAttr(type, llvm::APFloat::getZero(semantics));
    case ReduceKind::Mul:
      return builder.getFloatAttr(type, 1.0);
    case ReduceKind::Max:
      return builder.getFloatAttr(type, llvm::APFloat::getInf(semantics, true));
    case ReduceKind::Min:
      return builder.getFloatAttr(type, llvm::APFloat::getInf(semantics));
    case ReduceKind::And:
    case ReduceKind::Or:
      return {};
    }
  }
  unsigned width =
      elementType.isIndex() ? 64 : elementType.getIntOrFloatBitWidth();
  llvm::APInt value(width, 0);
  switch (kind) {
  case ReduceKind::Add:
  case ReduceKind::Or:
    break;
  case ReduceKind::Mul:
    value = llvm::APInt(width, 1);
    break;
  case ReduceKind::Max:
    value = llvm::APInt::getSignedMinValue(width);
    break;
  case ReduceKind::Min:
    value = llvm::APInt::getSignedMaxValue(width);
    break;
  case ReduceKind::And:
    value = llvm::APInt::getAllOnes(width);
    break;
  }
  return builder.getIntegerAttr(elementType, value);
}

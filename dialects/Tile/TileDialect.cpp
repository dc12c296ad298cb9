//===- TileDialect.cpp - registers the tile dialect -----------------------===//

#include "dialects/Tile/Tile.h"

#include "dialects/AttributeChecks.h"

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
                                   int64_t cluster, bool) {
  // schedule_c1
  return attn::checkRoles(emitError, slots, split, cluster);
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> extents,
                                 ArrayRef<int64_t> tiles) {
  // layout_c1
  return attn::checkLayout(emitError, extents, tiles);
}

LogicalResult PagesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t size, int64_t along) {
  // pages_c1
  if (size < 1 || along < 0)
    return emitError() << "expects pages of at least one position along a "
                          "dimension, but got "
                       << size << " along " << along;
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

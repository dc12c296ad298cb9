//===- TileDialect.cpp - registers the tile dialect -----------------------===//

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::tile;

#include "dialects/Tile/TileDialect.cpp.inc"
#include "dialects/Tile/TileEnums.cpp.inc"

void TileDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Tile/TileOps.cpp.inc"
      >();
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

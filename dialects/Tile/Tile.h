//===- Tile.h - the tile dialect: how work is cut -------------------------===//

#ifndef DIALECTS_TILE_TILE_H
#define DIALECTS_TILE_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Tile/TileDialect.h.inc"
#include "dialects/Tile/TileEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Tile/TileAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.h.inc"

namespace attn::tile {

/// Names of the attributes of a program's arguments.
inline constexpr llvm::StringLiteral kNameAttr = "tile.name";
inline constexpr llvm::StringLiteral kAccessAttr = "tile.access";
inline constexpr llvm::StringLiteral kShapeAttr = "tile.shape";
inline constexpr llvm::StringLiteral kExtentAttr = "tile.extent";
inline constexpr llvm::StringLiteral kValueAttr = "tile.value";
inline constexpr llvm::StringLiteral kPositiveAttr = "tile.positive";
/// Of a tensor: the most that the program covers of ranks, by name.
inline constexpr llvm::StringLiteral kMostAttr = "tile.most";

/// The element that `kind` of any `x` with it is `x`, in `elementType`.
mlir::TypedAttr getIdentity(ReduceKind kind, mlir::Type elementType);

/// Whether `op` computes a tile that is there only for predicates of masks and
/// the `where` of loads in its own block: where those hold it is not needed.
bool isOnlyForMasks(mlir::Operation *op);

} // namespace attn::tile

#endif // DIALECTS_TILE_TILE_H

//===- ProductChain.h - two matrix products, one feeding the other --------===//

#ifndef LIB_TRANSFORMS_PRODUCTCHAIN_H
#define LIB_TRANSFORMS_PRODUCTCHAIN_H

#include "dialects/Cascade/Cascade.h"

#include <array>

namespace attn {

/// True if each operand and the result is read at its ranks, one variable a
/// rank.
bool isPlain(cascade::EinsumOp einsum);

/// Whether each point is the product of one element of each operand, of which
/// none that is empty counts; integers count as floats.
bool isElementProduct(cascade::EinsumOp einsum);

/// Why the products of a chain cannot change their order, most telling first.
enum class ChainObstacle { None, Law, Predicate, Empty, Factor, Uses };

/// outer = sum of f(inner) * c, inner = sum of a * b, with f the Einsums over
/// single elements between them.
struct ProductChain {
  cascade::EinsumOp inner, outer;
  /// Operands of `inner`, and the operand of `outer` beside the chain.
  mlir::Value a, b, c;
  /// The three factors as they are written: c comes first if the chain goes
  /// through the right operand of `outer`.
  std::array<mlir::Value, 3> factors;
  /// From `inner` to `outer`. If nothing obstructs, each multiplies by scalars.
  llvm::SmallVector<cascade::EinsumOp> between;
  ChainObstacle obstacle = ChainObstacle::None;
  mlir::Location where;
  std::string reason;
};

/// The chains that end in `outer`: one for each operand that comes from another
/// product through Einsums over single elements.
llvm::SmallVector<ProductChain, 2> findChains(cascade::EinsumOp outer);

} // namespace attn

#endif // LIB_TRANSFORMS_PRODUCTCHAIN_H

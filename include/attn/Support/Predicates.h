//===- Predicates.h - comparisons of integers -------------------*- C++ -*-===//

#ifndef ATTN_SUPPORT_PREDICATES_H
#define ATTN_SUPPORT_PREDICATES_H

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace attn {

/// The predicate that holds of (b, a) where `predicate` holds of (a, b).
inline mlir::arith::CmpIPredicate
swapSides(mlir::arith::CmpIPredicate predicate) {
  using P = mlir::arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
  case P::ne:
    return predicate;
  case P::slt:
    return P::sgt;
  case P::sle:
    return P::sge;
  case P::sgt:
    return P::slt;
  case P::sge:
    return P::sle;
  case P::ult:
    return P::ugt;
  case P::ule:
    return P::uge;
  case P::ugt:
    return P::ult;
  case P::uge:
    return P::ule;
  }
  llvm_unreachable("unknown predicate");
}

} // namespace attn

#endif // ATTN_SUPPORT_PREDICATES_H

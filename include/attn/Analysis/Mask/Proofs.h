//===- Proofs.h - what holds of a mask whatever its numbers are -*- C++ -*-===//
//
// Proofs on mask predicates when a kernel is compiled, by MLIR's Presburger
// library. A question becomes "no point satisfies these predicates": they turn
// into linear constraints over integers, one per variable, symbol and
// subexpression that is not linear. Hash-consing makes equal subexpressions one
// integer. What is known of each integer is added to the constraints:
//
//   x floordiv d, x mod d   d a number: exactly what they are. Otherwise with
//                           q * d, q = x floordiv d, as one more integer
//   min, max, select        they are one of their operands, by cases
//   products                the bounds that follow from those of the factors
//   reads, unknowns         their constant bounds
//
// The points of the constraints are thus a superset of those that satisfy the
// predicates, and "empty" is a proof. A question that is too large, or takes
// too many cases, is not proved.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_PROOFS_H
#define ATTN_ANALYSIS_MASK_PROOFS_H

#include "attn/Analysis/Mask/NormalForm.h"

namespace attn::mask {

/// True only if no point satisfies all atoms of `term`.
bool isProvedEmpty(ExprPool &pool, const Term &term);

/// True only if no point satisfies both terms.
bool areProvedDisjoint(ExprPool &pool, const Term &lhs, const Term &rhs);

/// True only if `predicate` holds wherever all of `facts` do.
bool isProvedImplied(ExprPool &pool, llvm::ArrayRef<Atom> facts,
                     Expr predicate);

/// True only if `expr` is a multiple of `divisor`, which is positive, wherever
/// all of `facts` hold.
bool isProvedMultiple(ExprPool &pool, Expr expr, int64_t divisor,
                      llvm::ArrayRef<Atom> facts = {});

/// Drops terms that are proved empty and atoms that others make superfluous.
/// Terms hold at the same points as before, so they stay disjoint.
///
/// What a box of points is found to be by its ranges gets no worse: a residual
/// goes if all other atoms imply it, but anything else only if guards without
/// variables and one more atom do, which has to be a bound in the same
/// direction of the same axis if a bound is to go. `p < n` and `m <= p` say `m
/// < n` of each point, yet over rows beyond n only `m < n` itself keeps keys
/// out.
void simplify(ExprPool &pool, std::vector<Term> &terms);

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_PROOFS_H

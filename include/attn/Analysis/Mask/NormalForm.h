//===- NormalForm.h - a mask as a union of disjoint terms -------*- C++ -*-===//
//
// For one *swept* variable (the keys; the queries for the transposed iteration)
// a predicate becomes a union of terms, no two of which hold at one point. A
// term is a conjunction of atoms:
//
//   interval    lower <= axis, axis <= upper. The axis is the swept variable or
//               a digit of it, `(m floordiv w) mod n`: what a predicate over
//               the coordinates of an image says of the flat key.
//   guard       a predicate without the swept variable
//   congruence  a multiple of a modulus
//   member      an element of a list
//   residual    anything else: it is computed point by point
//
// Comparisons are solved for the swept variable through sums, minima and
// maxima, quotients and products by positive numbers; each step is an
// equivalence, so bounds are exact whatever the functions in them are. Terms
// are disjoint by construction: `a or b` is expanded as `a` and `not a, b`, and
// so is the negation of a conjunction; bounds of one axis in one direction are
// one bound. Terms that are proved empty and atoms that follow from others are
// dropped at the end (Proofs.h).
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_NORMALFORM_H
#define ATTN_ANALYSIS_MASK_NORMALFORM_H

#include "attn/Analysis/Mask/Expr.h"

namespace attn::mask {

/// Blocks of at least so many keys are worth a run of a sweep each.
inline constexpr int64_t kLeastBlock = 8;

enum class AtomKind : uint8_t {
  Lower,
  Upper,
  Guard,
  Congruence,
  Member,
  Residual
};

struct Atom {
  AtomKind kind;
  /// What the atom says, as a predicate.
  Expr predicate;
  /// Lower, Upper: what is bounded. Congruence: what is a multiple of `bound`.
  /// Member: the element.
  Expr axis = {};
  /// Lower: the least value, Upper: the greatest, Congruence: the modulus.
  Expr bound = {};
};

struct Term {
  llvm::SmallVector<Atom, 4> atoms;
};

struct NormalForm {
  Expr swept;
  std::vector<Term> terms;
  /// Why parts of the predicate are residual, in the words of a remark.
  std::vector<std::string> reasons;

  bool hasResidual() const;
};

/// The normal form of `predicate`, solved for the variable `swept`. More than
/// 32 terms become one of a residual.
NormalForm normalize(ExprPool &pool, Expr predicate, Expr swept);

/// One line a term, as in
///   term 0: p - window + 1 <= m <= p
///   term 1: 0 <= m <= p - window, (m floordiv 64 + h) = 0 mod 8
void print(llvm::raw_ostream &os, const ExprPool &pool, const NormalForm &form);

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_NORMALFORM_H

//===- Separability.h - F(a, y) = G(a) * H(y) -----------------------------===//
//
// The algebra behind pass reduction (DESIGN.md; RedFuser, arXiv 2603.10026,
// states the test; the rules here are structural and therefore proofs).
//
// Let X = sum over m of F(a_m, y) where y is known only after all of m was
// seen. If F(a, y) = G(a) * H(y) in a monoid * that distributes over the sum,
// then
//   X = (sum of G(a_m)) * H(y)                                     (defer), and
//   X(y') = X(y) * H(y') / H(y)                                    (rescale),
// so that no second pass over m is needed.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_SEPARABILITY_H
#define ATTN_ANALYSIS_SEPARABILITY_H

#include "attn/Analysis/ScalarExpr.h"

namespace attn {

/// What a leaf of the expression is to the separation.
enum class LeafRole {
  Element,   ///< varies with the reduced rank: goes to G
  Barrier,   ///< the late value: goes to H
  Invariant, ///< neither: goes to either side
};

/// F = G * H. A null side is the identity.
struct Separation {
  ScalarExpr element;
  ScalarExpr barrier;
  /// The separation went through a homomorphism (exp: + -> *) of an element
  /// whose range is unbounded: G alone may overflow where F does not.
  bool mayOverflow = false;
};

/// Why there is no separation: the law that fails and the operation at which it
/// does.
struct SeparationFailure {
  mlir::Operation *op = nullptr;
  std::string law;
};

/// Separates `expr` in `monoid`, or says why not in `why`.
std::optional<Separation>
separate(const cascade::AlgebraRegistry &algebra,
         const cascade::MonoidInfo &monoid, const ScalarExpr &expr,
         llvm::function_ref<LeafRole(unsigned)> roleOf, SeparationFailure &why);

/// H(y') * inverse(H(y)) in `monoid`, simplified by the laws of its operations
/// (exp(-y') / exp(-y) becomes exp(y - y'), which cannot overflow where the
/// quotient is small). `after` gives the leaf for y' that belongs to a barrier
/// leaf. Nothing if an inverse is missing.
std::optional<ScalarExpr>
makeRescale(const cascade::AlgebraRegistry &algebra,
            const cascade::MonoidInfo &monoid, const ScalarExpr &barrier,
            llvm::function_ref<std::optional<unsigned>(unsigned)> after);

/// A point that shows that no separation exists: with multiplication,
/// F(x,y) F(x0,y0) != F(x,y0) F(x0,y); with addition likewise. Nothing if no
/// such point was found. Used to word remarks, never to accept.
std::optional<std::string>
findSeparationWitness(const cascade::MonoidInfo &monoid, const ScalarExpr &expr,
                      llvm::function_ref<LeafRole(unsigned)> roleOf);

/// The coefficients of `expr` as a polynomial in the one barrier leaf, lowest
/// degree first; null entries are zero. Its finite-rank form is the sum of
/// coefficient(a) * y^j. Nothing if it is no polynomial of degree at most 8.
std::optional<llvm::SmallVector<ScalarExpr>>
expandPolynomial(const cascade::AlgebraRegistry &algebra,
                 const ScalarExpr &expr,
                 llvm::function_ref<LeafRole(unsigned)> roleOf);

} // namespace attn

#endif // ATTN_ANALYSIS_SEPARABILITY_H

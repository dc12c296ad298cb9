//===- RankPolynomial.h - counts as polynomials in rank extents -----------===//

#ifndef ATTN_ANALYSIS_RANKPOLYNOMIAL_H
#define ATTN_ANALYSIS_RANKPOLYNOMIAL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// Extents of ranks by name.
using RankExtents = llvm::StringMap<int64_t>;

/// A sum of products of rank extents: `4*P*M + P`. Terms keep the order in
/// which they were added, so that it prints as its author would write it.
class RankPolynomial {
public:
  RankPolynomial() = default;
  /// `coefficient` times the product of `ranks`.
  RankPolynomial(int64_t coefficient, llvm::ArrayRef<llvm::StringRef> ranks);

  RankPolynomial &operator+=(const RankPolynomial &other);
  RankPolynomial &operator*=(int64_t factor);

  bool isZero() const { return terms.empty(); }

  /// Its value, or nothing if an extent is unknown or the value does not fit
  /// in 63 bits.
  std::optional<int64_t> evaluate(const RankExtents &extents) const;

  void print(llvm::raw_ostream &os) const;
  std::string str() const;

private:
  struct Term {
    int64_t coefficient;
    std::vector<std::string> ranks;
  };
  std::vector<Term> terms;
};

/// Reads `B=2,P=1024` into `extents`. On failure returns the part that is not
/// `RANK=POSITIVE INTEGER`.
std::optional<std::string>
parseRankExtents(llvm::ArrayRef<std::string> assignments, RankExtents &extents);

} // namespace attn

#endif // ATTN_ANALYSIS_RANKPOLYNOMIAL_H

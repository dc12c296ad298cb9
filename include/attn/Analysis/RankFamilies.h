//===- RankFamilies.h - ranks and their parts -----------------------------===//
//
// `cascade.split` makes M into M1 and M0, `cascade.merge` makes R of G and P, a
// scan over M by M0 steps through tiles of M0, and an Einsum that reads
// `x[m1 * 16 + m0]` cuts the rank of `x`. A rank that is no other's part, with
// all of its parts, is a family: an Einsum over M1 and M0 sweeps M.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_RANKFAMILIES_H
#define ATTN_ANALYSIS_RANKFAMILIES_H

#include "attn/Analysis/RankPolynomial.h"
#include "dialects/Cascade/Cascade.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallSet.h"

namespace attn {

using RankSet = llvm::SmallDenseSet<mlir::StringAttr, 4>;

class RankFamilies {
public:
  explicit RankFamilies(cascade::FuncOp func);

  /// The ranks that are no part of another, in order of appearance.
  llvm::ArrayRef<mlir::StringAttr> getRoots() const { return roots; }

  /// `root` and its parts, as they are written in the source, `root` first.
  llvm::SmallVector<llvm::StringRef> getSpellings(mlir::StringAttr root) const;

  /// The rank called `rank` in the scope of `op`: the tile's rank of an
  /// enclosing scan is apart from a rank of the same name outside.
  mlir::StringAttr resolve(mlir::Operation *op, mlir::StringAttr rank) const;

  /// The part of a scan's rank that a step holds fixed: the rank itself for a
  /// scan by coordinates, else the number of the tile.
  mlir::StringAttr getSteppedPart(cascade::ScanOp scan) const;

  /// The resolved ranks of `type` and, if `op` stands in scans, the parts that
  /// they step through; only members of the family of `root`.
  RankSet getMembers(mlir::Operation *op, cascade::NamedTensorType type,
                     mlir::StringAttr root) const;

  /// The parts of `root` that the scans around `op` step through.
  RankSet getSteppedMembers(mlir::Operation *op, mlir::StringAttr root) const;

  /// True if `rank` is `root` or a part of it.
  bool isMember(mlir::StringAttr rank, mlir::StringAttr root) const;

  /// True if coordinates of `ranks` determine one of `rank`.
  bool covers(const RankSet &ranks, mlir::StringAttr rank) const;

  /// True if coordinates of `ranks` determine one of `rank`'s outermost part:
  /// they name a run of neighbouring coordinates.
  bool coversOuter(const RankSet &ranks, mlir::StringAttr rank) const;

  /// Adds the extents that follow from `extents`: a whole is the product of its
  /// parts, an outer part is its whole over the inner one, rounded up.
  void completeExtents(RankExtents &extents) const;

  /// True if one of the two is the other or a part of it.
  bool overlap(mlir::StringAttr a, mlir::StringAttr b) const {
    return isMember(a, b) || isMember(b, a);
  }

private:
  struct Cut {
    mlir::StringAttr outer, inner;
  };
  void addCut(mlir::StringAttr rank, mlir::StringAttr outer,
              mlir::StringAttr inner);
  void addAffineCuts(cascade::EinsumOp einsum);

  llvm::DenseMap<mlir::StringAttr, llvm::SmallVector<Cut, 1>> cuts;
  llvm::SmallVector<mlir::StringAttr> roots;
};

} // namespace attn

#endif // ATTN_ANALYSIS_RANKFAMILIES_H

//===- PassCount.h - passes over each rank of a cascade -------------------===//
//
// A pass over a fiber visits each of its elements; an element that must be
// visited again after all others costs one more pass (FuseMax, arXiv
// 2406.10491, section III). The count belongs to the cascade, not to a mapping.
//
// For each family of ranks (RankFamilies.h) an edge from a value to an Einsum
// depends on the family's coordinates by
//
//   none < point < tile < { prefix, suffix } < all
//
// and each value is available at (stream, k), while pass k goes over the fiber,
// or (after, k), when it has ended: (stream, k) < (after, k) < (stream, k + 1).
// An `all` edge turns (stream, k) into (after, k), and an Einsum over the whole
// family that reads an (after, k) value runs in pass k + 1. One over a part of
// it only (the tiles' maxima, say) stays at (after, k): its sweeps go over the
// short fiber of the part and are counted apart, as summary passes. Prefixes
// want an ascending order and suffixes a descending one: both in one pass cost
// one more.
//
// A scan is one sweep over its rank: its carries are prefixes, its emitted
// results stream, its final carries come after. Passes over other ranks inside
// its step are counted for one step.
//
// Values that depend on the function's arguments alone are computed in the
// pass that first reads them, not kept from an earlier one.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_PASSCOUNT_H
#define ATTN_ANALYSIS_PASSCOUNT_H

#include "attn/Analysis/RankPolynomial.h"
#include "dialects/Cascade/Cascade.h"

namespace attn {

/// A tensor whose whole fibers are kept, spilled or computed again: pass `from`
/// makes it (or is the first to read it, if it is an argument) and pass `to` is
/// the last to read it.
struct LiveTensor {
  mlir::Value value;
  unsigned from, to;
  /// Number of the later passes that read it.
  unsigned laterReads;
  /// Its elements.
  RankPolynomial words;

  bool isArgument() const { return !value.getDefiningOp(); }
};

/// A use of `value` that cannot run before pass `pass`.
struct ForcingEdge {
  unsigned pass;
  mlir::Value value;
  mlir::Operation *user;
  /// The reduction (or the prefix in the other direction) that needs all
  /// elements of pass `pass - 1`; `value` itself or what it is computed from.
  mlir::Value reduction;
};

/// The passes over one family of ranks.
struct RankPasses {
  mlir::StringAttr rank;
  /// The family's ranks as written, `rank` first.
  llvm::SmallVector<llvm::StringRef> parts;
  unsigned passes = 0;
  /// Sweeps over the parts alone, after the passes that made what they read.
  unsigned summaryPasses = 0;
  llvm::SmallVector<LiveTensor> live;
  llvm::SmallVector<ForcingEdge> edges;
  /// The pass of each Einsum and scan over the whole family.
  llvm::DenseMap<mlir::Operation *, unsigned> passOf;

  /// Elements that live across the boundary between `pass` and the next.
  RankPolynomial getLiveWords(unsigned pass) const;
  /// Elements moved if all live tensors are spilled: one write (arguments have
  /// none) and one read for each later pass.
  RankPolynomial getSpillWords() const;
};

/// The passes over each family of ranks that is swept, in order of appearance.
/// Never fails: what the lattice cannot tell counts as `all`.
llvm::SmallVector<RankPasses> countPasses(cascade::FuncOp func);

/// One line of a report, and what it speaks about.
struct ReportLine {
  mlir::Location loc;
  std::string text;
};

/// The report: `rank M: 3 passes`, the live tensors of each boundary with their
/// elements (evaluated where `extents` has all of them) and the forcing edges.
llvm::SmallVector<ReportLine> describePasses(cascade::FuncOp func,
                                             llvm::ArrayRef<RankPasses> counts,
                                             const RankExtents &extents);

} // namespace attn

#endif // ATTN_ANALYSIS_PASSCOUNT_H

//===- BoundMask.h - the mask of an Einsum at a problem's numbers ---------===//

#ifndef ATTN_LIB_DRIVER_BOUNDMASK_H
#define ATTN_LIB_DRIVER_BOUNDMASK_H

#include "attn/Analysis/Mask/HostMask.h"
#include "attn/Analysis/Mask/Import.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/Problem.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// A rank of the product of queries and keys that is neither: it tells heads
/// apart.
struct HeadRank {
  std::string name;
  int64_t extent;
  /// The mask is not the same along it.
  bool isAsked;
};

/// The head ranks of `op`, which is over P and M, in its order. Needs extents.
std::vector<HeadRank> getHeadRanks(cascade::EinsumOp op,
                                   const Problem &problem);

/// The extent of `rank` in `func`.
int64_t getExtent(cascade::FuncOp func, llvm::StringRef rank,
                  const Problem &problem);

/// Boxes are of one head, and of one query or a tile of queries.
class BoundMask {
public:
  /// `op` is over P and M and has a mask; sets `isAsked` of the `ranks`.
  /// Refuses masks that depend on another rank, and tables of more than 2^28
  /// elements.
  static Result<std::unique_ptr<BoundMask>>
  create(cascade::EinsumOp op, const Problem &problem, const Arrays &arrays,
         std::vector<HeadRank> &ranks);

  /// Coordinates of the ranks that are asked.
  void setHead(llvm::ArrayRef<int64_t> coordinates);

  /// Calls `visit` with each range of keys of query `p`: all are live if
  /// `isFull`; else `testPoint` tells of each.
  void forEachRange(int64_t p, llvm::function_ref<void(mask::Step)> visit);
  TileClass testPoint(int64_t p, int64_t m);

  /// The ranges that a kernel visits for queries [first, last).
  void forEachVisited(int64_t first, int64_t last,
                      llvm::function_ref<void(mask::Step)> visit);

  /// Of each guard that asks for the head alone, whether it is true; those that
  /// are, in words, into `text`.
  std::vector<bool> testGuards(std::string &text);

  std::vector<std::string> getReasons() const;

private:
  BoundMask(std::unique_ptr<mask::ImportedMask> imported, mask::Expr queries,
            mask::Expr keys, std::vector<mask::Expr> heads);
  Status bindTables(cascade::FuncOp func, const Problem &problem,
                    const Arrays &arrays);

  std::unique_ptr<mask::ImportedMask> imported;
  mask::Expr queries;
  std::vector<mask::Expr> heads;
  /// In the first a query is a point too.
  mask::HostMask rowMask, tileMask;
  mask::HostOps guardOps;
  mask::IntervalEvaluator<mask::HostOps> guards;
  std::vector<std::vector<int64_t>> tableValues;
};

} // namespace attn

#endif // ATTN_LIB_DRIVER_BOUNDMASK_H

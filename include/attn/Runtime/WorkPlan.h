//===- WorkPlan.h - which worker computes which query tiles ---------------===//
//
// Heads of one model may see very different numbers of keys: some all of them,
// some a window, some a selection. What an item costs is known before the run,
// so the items are dealt out longest first, each to the worker that has the
// least (LPT). The longest worker then takes at most 4/3 - 1/(3W) times what it
// takes in the best of all plans (Graham 1969); no item is split.
//
// Code is specialised by the shape of a mask, the group of its head, not by its
// numbers. The balance is over all groups together; what a worker has of one
// group lies together, so that it enters the code of each group once.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_WORKPLAN_H
#define ATTN_RUNTIME_WORKPLAN_H

#include "attn/Runtime/ArrayView.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace attn {

/// One query tile of one head. `cost` is in the unit of the caller's choice.
struct WorkItem {
  int32_t group, head, queryTile;
  int64_t cost;
};

/// Pure; 0 for a tile that there is no work for.
using WorkCost = std::function<int64_t(int64_t head, int64_t queryTile)>;

struct WorkPlan {
  static constexpr int64_t maxWorkers = 1 << 20;

  /// Longest first; of equal cost in the order of heads, then of query tiles.
  /// A scheduler that deals at run time takes them from the front.
  std::vector<WorkItem> items;

  /// Worker w has the items `order[workerOffsets[w]]` up to
  /// `order[workerOffsets[w + 1]]`: by ascending group, in each longest first.
  std::vector<int32_t> order;
  std::vector<int64_t> workerOffsets{0};

  /// The cost of each worker, the greatest of them, and the sum.
  std::vector<int64_t> loads;
  int64_t makespan = 0, total = 0;

  /// No plan has a smaller makespan: the mean load, rounded up, or the longest
  /// item if that is more.
  int64_t lowerBound = 0;

  int64_t countWorkers() const { return static_cast<int64_t>(loads.size()); }

  /// Positions in `order`, from the first to before the last.
  struct Range {
    int64_t first, last;
  };

  /// What a worker has of one group, for a launch of that group's code; empty
  /// for workers and groups that there are not.
  Range getItems(int64_t worker, int32_t group) const;

  /// Plans the tiles of all heads; `groups` has one group a head. Items of cost
  /// 0 are dropped. Refuses negative costs, sums above 2^63 - 1, and more than
  /// 2^31 - 1 items or `maxWorkers` workers.
  static Result<WorkPlan> create(ArrayView<int32_t> groups, int64_t queryTiles,
                                 int64_t workers, const WorkCost &cost);

  /// The same for costs [heads][query tiles].
  static Result<WorkPlan> create(ArrayView<int32_t> groups, int64_t queryTiles,
                                 int64_t workers, ArrayView<int64_t> costs);
};

} // namespace attn

#endif // ATTN_RUNTIME_WORKPLAN_H

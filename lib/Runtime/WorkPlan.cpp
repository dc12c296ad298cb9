//===- WorkPlan.cpp - longest first, to the worker that has the least -----===//

#include "attn/Runtime/WorkPlan.h"

#include "WorkChecks.h"

#include <algorithm>
#include <queue>
#include <tuple>

using namespace attn;

static Status refusePlan(std::string reason, std::string alternative) {
  return refuseArgument("work plan", std::move(reason), std::move(alternative));
}

static Status checkSizes(ArrayView<int32_t> groups, int64_t queryTiles,
                         int64_t workers) {
  if (Status status = checkView(groups, "groups of heads"); !status.isOk())
    return status;
  if (workers < 1 || workers > WorkPlan::maxWorkers)
    return refusePlan("expects 1 to " + std::to_string(WorkPlan::maxWorkers) +
                          " workers, but got " + std::to_string(workers),
                      "give the number of cores or multiprocessors to use");
  if (queryTiles < 0 ||
      (groups.size > 0 && queryTiles > maxTileIds / groups.size))
    return refusePlan("expects 0 to 2^31 - 1 query tiles of all heads, but "
                      "got " +
                          std::to_string(queryTiles) + " of each of " +
                          std::to_string(groups.size),
                      "use larger tiles, or fewer heads at a time");
  return {};
}

/// The items of a cost above 0, longest first, and their sum.
static Status collectItems(ArrayView<int32_t> groups, int64_t queryTiles,
                           const WorkCost &cost, WorkPlan &plan) {
  for (int64_t head = 0; head < groups.size; ++head)
    for (int64_t tile = 0; tile < queryTiles; ++tile) {
      int64_t itemCost = cost(head, tile);
      if (itemCost < 0 ||
          itemCost > std::numeric_limits<int64_t>::max() - plan.total)
        return refusePlan(
            "expects costs from 0 on whose sum fits in 64 bits, but got " +
                std::to_string(itemCost) + " for query tile " +
                std::to_string(tile) + " of head " + std::to_string(head) +
                " after " + std::to_string(plan.total),
            "count in a larger unit");
      if (itemCost == 0)
        continue;
      plan.total += itemCost;
      plan.items.push_back({groups[head], static_cast<int32_t>(head),
                            static_cast<int32_t>(tile), itemCost});
    }
  std::sort(plan.items.begin(), plan.items.end(),
            [](const WorkItem &a, const WorkItem &b) {
              return std::tuple(-a.cost, a.head, a.queryTile) <
                     std::tuple(-b.cost, b.head, b.queryTile);
            });
  return {};
}

/// The worker of each item. Of workers that have the same the first one takes
/// the next item, so that the plan is the same every time.
static std::vector<int32_t> deal(WorkPlan &plan) {
  using Worker = std::pair<int64_t, int32_t>; // what it has, its number
  std::priority_queue<Worker, std::vector<Worker>, std::greater<Worker>> queue;
  for (int64_t worker = 0; worker < plan.countWorkers(); ++worker)
    queue.push({0, static_cast<int32_t>(worker)});
  std::vector<int32_t> workerOf;
  workerOf.reserve(plan.items.size());
  for (const WorkItem &item : plan.items) {
    auto [load, worker] = queue.top();
    queue.pop();
    plan.loads[worker] = load + item.cost;
    workerOf.push_back(worker);
    queue.push({load + item.cost, worker});
  }
  return workerOf;
}

/// Lists the items by worker and group; each list keeps the order of the items.
static void orderItems(WorkPlan &plan, const std::vector<int32_t> &workerOf) {
  plan.order.resize(plan.items.size());
  for (size_t i = 0; i < plan.order.size(); ++i)
    plan.order[i] = static_cast<int32_t>(i);
  std::sort(plan.order.begin(), plan.order.end(), [&](int32_t a, int32_t b) {
    return std::tuple(workerOf[a], plan.items[a].group, a) <
           std::tuple(workerOf[b], plan.items[b].group, b);
  });
  plan.workerOffsets.assign(plan.loads.size() + 1, 0);
  for (int32_t worker : workerOf)
    ++plan.workerOffsets[worker + 1];
  for (size_t worker = 0; worker < plan.loads.size(); ++worker)
    plan.workerOffsets[worker + 1] += plan.workerOffsets[worker];
}

Result<WorkPlan> WorkPlan::create(ArrayView<int32_t> groups, int64_t queryTiles,
                                  int64_t workers, const WorkCost &cost) {
  if (Status status = checkSizes(groups, queryTiles, workers); !status.isOk())
    return status;
  if (!cost)
    return refusePlan("expects a function of costs, but got none",
                      "give a function of head and query tile");
  return refuseWithoutMemory("work plan", [&]() -> Result<WorkPlan> {
    WorkPlan plan;
    if (Status status = collectItems(groups, queryTiles, cost, plan);
        !status.isOk())
      return status;
    plan.loads.assign(workers, 0);
    orderItems(plan, deal(plan));
    plan.makespan = *std::max_element(plan.loads.begin(), plan.loads.end());
    int64_t mean = plan.total / workers + (plan.total % workers != 0);
    plan.lowerBound =
        std::max(mean, plan.items.empty() ? 0 : plan.items.front().cost);
    return plan;
  });
}

Result<WorkPlan> WorkPlan::create(ArrayView<int32_t> groups, int64_t queryTiles,
                                  int64_t workers, ArrayView<int64_t> costs) {
  if (Status status = checkSizes(groups, queryTiles, workers); !status.isOk())
    return status;
  if (Status status = checkView(costs, "costs"); !status.isOk())
    return status;
  if (costs.size != groups.size * queryTiles)
    return refusePlan("expects costs of " + std::to_string(groups.size) +
                          " heads x " + std::to_string(queryTiles) +
                          " query tiles, but got " + std::to_string(costs.size),
                      "give one cost for each tile");
  return create(groups, queryTiles, workers,
                WorkCost([&](int64_t head, int64_t tile) {
                  return costs[head * queryTiles + tile];
                }));
}

WorkPlan::Range WorkPlan::getItems(int64_t worker, int32_t group) const {
  if (worker < 0 || worker >= countWorkers())
    return {0, 0};
  auto begin = order.begin() + workerOffsets[worker];
  auto end = order.begin() + workerOffsets[worker + 1];
  auto first =
      std::lower_bound(begin, end, group, [&](int32_t item, int32_t g) {
        return items[item].group < g;
      });
  auto last = std::upper_bound(first, end, group, [&](int32_t g, int32_t item) {
    return g < items[item].group;
  });
  return {first - order.begin(), last - order.begin()};
}

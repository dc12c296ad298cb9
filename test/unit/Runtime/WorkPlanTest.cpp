//===- WorkPlanTest.cpp - work plans against the best of all plans --------===//

#include "attn/Runtime/WorkPlan.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <tuple>

using namespace attn;

namespace {
constexpr unsigned seed = 1;

class WorkPlanTest : public testing::Test {
protected:
  WorkPlanTest() : trace(__FILE__, __LINE__, "seed " + std::to_string(seed)) {}

  int64_t draw(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }

  std::mt19937 random{seed};
  testing::ScopedTrace trace;
};

/// The least makespan of all plans: each item to each worker.
int64_t findBest(const std::vector<int64_t> &costs, size_t next,
                 std::vector<int64_t> &loads, int64_t best) {
  int64_t makespan = *std::max_element(loads.begin(), loads.end());
  if (makespan >= best)
    return best;
  if (next == costs.size())
    return makespan;
  for (size_t worker = 0; worker < loads.size(); ++worker) {
    loads[worker] += costs[next];
    best = findBest(costs, next + 1, loads, best);
    loads[worker] -= costs[next];
    // Workers that have nothing are alike.
    if (loads[worker] == 0)
      break;
  }
  return best;
}

/// Everything that a plan says of itself follows from its items.
void expectConsistent(const WorkPlan &plan, const std::vector<int32_t> &groups,
                      int64_t queryTiles, const std::vector<int64_t> &costs) {
  std::vector<int64_t> seen(costs.size());
  int64_t total = 0, longest = 0, numDealt = 0, makespan = 0;
  for (const WorkItem &item : plan.items) {
    seen[item.head * queryTiles + item.queryTile] += item.cost;
    EXPECT_GT(item.cost, 0);
    EXPECT_EQ(item.group, groups[item.head]);
    total += item.cost;
    longest = std::max(longest, item.cost);
  }
  EXPECT_EQ(seen, costs);
  EXPECT_EQ(plan.total, total);
  EXPECT_TRUE(std::is_sorted(plan.items.begin(), plan.items.end(),
                             [](const WorkItem &a, const WorkItem &b) {
                               return std::tuple(-a.cost, a.head, a.queryTile) <
                                      std::tuple(-b.cost, b.head, b.queryTile);
                             }));
  std::vector<int32_t> dealt = plan.order;
  std::sort(dealt.begin(), dealt.end());
  for (size_t i = 0; i < dealt.size(); ++i)
    EXPECT_EQ(dealt[i], int32_t(i));
  for (int64_t worker = 0; worker < plan.countWorkers(); ++worker) {
    int64_t load = 0;
    for (int32_t group = 0; group < 4; ++group) {
      WorkPlan::Range range = plan.getItems(worker, group);
      for (int64_t i = range.first; i < range.last; ++i, ++numDealt) {
        EXPECT_EQ(plan.items[plan.order[i]].group, group);
        EXPECT_TRUE(i == range.first || plan.order[i - 1] < plan.order[i]);
        load += plan.items[plan.order[i]].cost;
      }
    }
    EXPECT_EQ(plan.loads[worker], load);
    makespan = std::max(makespan, load);
  }
  EXPECT_EQ(numDealt, int64_t(plan.items.size()));
  EXPECT_EQ(plan.makespan, makespan);
  int64_t workers = plan.countWorkers();
  EXPECT_EQ(plan.lowerBound,
            std::max((total + workers - 1) / workers, longest));
  EXPECT_GE(plan.makespan, plan.lowerBound);
}

TEST_F(WorkPlanTest, IsWithinGrahamsBoundOfTheBestPlan) {
  int numNotBest = 0;
  for (int i = 0; i < 3000; ++i) {
    int64_t heads = draw(0, 3), queryTiles = draw(0, 4), workers = draw(1, 4);
    std::vector<int32_t> groups;
    std::vector<int64_t> costs;
    for (int64_t head = 0; head < heads; ++head)
      groups.push_back(draw(0, 3));
    for (int64_t item = 0; item < heads * queryTiles; ++item)
      costs.push_back(draw(0, 9));
    Result<WorkPlan> plan =
        WorkPlan::create(groups, queryTiles, workers, costs);
    ASSERT_TRUE(plan.isOk()) << plan.getStatus().message();
    expectConsistent(*plan, groups, queryTiles, costs);
    std::vector<int64_t> loads(workers);
    int64_t best = findBest(costs, 0, loads, plan->makespan + 1);
    EXPECT_LE(plan->lowerBound, best);
    // makespan <= (4/3 - 1/(3W)) best, in integers.
    EXPECT_LE(3 * workers * plan->makespan, (4 * workers - 1) * best);
    numNotBest += plan->makespan > best;
  }
  EXPECT_GT(numNotBest, 50) << "the bound was not put to the test";
}

// Graham's own worst case: 2 workers, costs 3 3 2 2 2, best 6, dealt 7.
TEST_F(WorkPlanTest, MeetsGrahamsBound) {
  Result<WorkPlan> plan =
      WorkPlan::create(std::vector<int32_t>{0}, 5, 2,
                       [](int64_t, int64_t tile) { return tile < 3 ? 2 : 3; });
  ASSERT_TRUE(plan.isOk());
  EXPECT_EQ(plan->makespan, 7);
  EXPECT_EQ(plan->lowerBound, 6);
}

// One long head and many short ones: the balance does not care for groups.
TEST_F(WorkPlanTest, BalancesAllGroupsTogether) {
  std::vector<int32_t> groups(16, 1);
  groups[5] = 0;
  int64_t queryTiles = 64;
  auto cost = [&](int64_t head, int64_t tile) {
    return head == 5 ? tile + 1 : std::min<int64_t>(tile + 1, 4);
  };
  Result<WorkPlan> plan = WorkPlan::create(groups, queryTiles, 132, cost);
  ASSERT_TRUE(plan.isOk());
  std::vector<int64_t> costs;
  for (int64_t head = 0; head < 16; ++head)
    for (int64_t tile = 0; tile < queryTiles; ++tile)
      costs.push_back(cost(head, tile));
  expectConsistent(*plan, groups, queryTiles, costs);
  EXPECT_EQ(plan->makespan, plan->lowerBound);
  Result<WorkPlan> again = WorkPlan::create(groups, queryTiles, 132, cost);
  ASSERT_TRUE(again.isOk());
  EXPECT_EQ(again->order, plan->order);
  EXPECT_EQ(again->workerOffsets, plan->workerOffsets);
}

TEST_F(WorkPlanTest, RefusesBadInput) {
  std::vector<int32_t> groups(2);
  auto one = [](int64_t, int64_t) { return 1; };
  auto expectRefused = [](const Result<WorkPlan> &plan, const char *part) {
    ASSERT_FALSE(plan.isOk());
    EXPECT_NE(plan.getStatus().message().find(part), std::string::npos)
        << plan.getStatus().message();
    EXPECT_FALSE(plan.getStatus().getAlternative().empty());
  };
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  for (int64_t workers : {int64_t(-1), int64_t(0), huge})
    expectRefused(WorkPlan::create(groups, 3, workers, one), "workers, but");
  expectRefused(WorkPlan::create(groups, -1, 4, one), "got -1 of each of 2");
  expectRefused(WorkPlan::create(groups, huge, 4, one), "2^31 - 1");
  expectRefused(WorkPlan::create({nullptr, 2}, 3, 4, one), "null");
  expectRefused(WorkPlan::create(groups, 3, 4, WorkCost()), "got none");
  expectRefused(
      WorkPlan::create(groups, 3, 4, [](int64_t, int64_t t) { return 1 - t; }),
      "got -1 for query tile 2 of head 0 after 1");
  expectRefused(
      WorkPlan::create(groups, 3, 4, [](int64_t, int64_t) { return huge; }),
      "fits in 64 bits");
  std::vector<int64_t> costs(5);
  expectRefused(WorkPlan::create(groups, 3, 4, costs),
                "2 heads x 3 query tiles, but got 5");
  expectRefused(WorkPlan::create(groups, 3, 4, ArrayView<int64_t>(nullptr, 6)),
                "null");
  Result<WorkPlan> plan = WorkPlan::create(groups, 3, 4, one);
  ASSERT_TRUE(plan.isOk());
  for (int64_t worker : {-1, 0, 4}) {
    WorkPlan::Range range = plan->getItems(worker, 9);
    EXPECT_EQ(range.first, range.last);
  }
}
} // namespace

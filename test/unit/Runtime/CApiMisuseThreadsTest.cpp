//===- CApiMisuseThreadsTest.cpp - two threads at one object, and forks ---===//

#include "Misuse.h"
#include "attn-c/KvCache.h"

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

using namespace attn;
using namespace attn::test;

namespace {
/// Makes `call` until it is refused, for at most a minute; in its own time the
/// other thread uses the same object.
attn_status untilRefused(const std::function<attn_status()> &call) {
  auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  attn_status status = ATTN_OK;
  while (status == ATTN_OK && std::chrono::steady_clock::now() < end)
    status = call();
  return status;
}

/// Does `work` again and again until the object goes.
class Busy {
public:
  explicit Busy(std::function<void()> work)
      : thread([this, work = std::move(work)] {
          while (!stop)
            work();
        }) {}
  ~Busy() {
    stop = true;
    thread.join();
  }

private:
  std::atomic<bool> stop{false};
  std::thread thread;
};

// A row of many times the same element: a run takes a while.
TEST(CApiMisuseThreads, APlanInUse) {
  WideCall call;
  call.x.shape[1] = 1 << 22;
  call.x.strides = {0, 0};
  call.u.shape[0] = 1 << 22;
  std::vector<float> updated(1 << 22);
  call.u.view.data = updated.data();
  attn_plan plan;
  ASSERT_EQ(call.prepare(&plan), ATTN_OK) << attn_last_error_message();
  {
    // It is refused where this thread runs, too.
    Busy busy([&] { (void)attn_plan_run(plan); });
    refuses("two threads: run and run", ATTN_INVALID_ARGUMENT, "plan",
            [&] { return untilRefused([&] { return attn_plan_run(plan); }); });
    refuses("two threads: run and rebind", ATTN_INVALID_ARGUMENT, "plan", [&] {
      return untilRefused(
          [&] { return attn_plan_rebind(plan, &call.get("x"), 1); });
    });
  }
  EXPECT_EQ(attn_plan_run(plan), ATTN_OK) << attn_last_error_message();
  EXPECT_EQ(call.o.data[0], 0.5f * (1 << 22));
  EXPECT_EQ(attn_plan_release(plan), ATTN_OK);
}

TEST(CApiMisuseThreads, ACacheInUse) {
  const int32_t pages = 1 << 16;
  attn_paged_cache_options options = {sizeof(options), pages, 1, 0};
  attn_cache cache;
  ASSERT_EQ(attn_paged_cache_create(&options, &cache), ATTN_OK);
  std::vector<int32_t> tokens(pages), table(pages);
  std::iota(tokens.begin(), tokens.end(), 0);
  std::vector<int64_t> slots(pages);
  attn_sequence sequence;
  attn_page_copy copy;
  ASSERT_EQ(attn_sequence_create(cache, nullptr, 0, &sequence, nullptr),
            ATTN_OK);
  {
    Busy busy([&] {
      (void)attn_sequence_append(cache, sequence, tokens.data(), tokens.size(),
                                 slots.data(), &copy);
      (void)attn_sequence_truncate(cache, sequence, 0);
    });
    int64_t length;
    attn_sequence made;
    attn_cache_stats stats = {};
    stats.struct_size = sizeof(stats);
    refuses("two threads: append and length", ATTN_INVALID_ARGUMENT, "cache",
            [&] {
              return untilRefused([&] {
                return attn_sequence_length(cache, sequence, &length);
              });
            });
    refuses("two threads: append and stats", ATTN_INVALID_ARGUMENT, "cache",
            [&] {
              return untilRefused(
                  [&] { return attn_cache_get_stats(cache, &stats); });
            });
    refuses("two threads: append and create", ATTN_INVALID_ARGUMENT, "cache",
            [&] {
              return untilRefused([&] {
                attn_status status =
                    attn_sequence_create(cache, nullptr, 0, &made, nullptr);
                while (status == ATTN_OK &&
                       attn_sequence_free(cache, made) != ATTN_OK)
                  std::this_thread::yield();
                return status;
              });
            });
  }
  EXPECT_EQ(attn_sequence_truncate(cache, sequence, 0), ATTN_OK);
  EXPECT_EQ(attn_cache_release(cache), ATTN_OK);
}

/// A plan by a team of three.
attn_plan prepareTeam(WideCall &call) {
  attn_plan_options options = {sizeof(options), {}, 0};
  attn_plan plan = {};
  if (attn_pool_create(3, &options.pool) != ATTN_OK ||
      call.prepare(&plan, &options) != ATTN_OK ||
      attn_pool_release(options.pool) != ATTN_OK)
    return {};
  return plan;
}

// The cases of a child are counted in its parent.
TEST(CApiMisuseThreads, ATeamAfterAFork) {
  WideCall call;
  attn_plan team = prepareTeam(call);
  ASSERT_EQ(attn_plan_run(team), ATTN_OK);
  attn_pool pool;
  ASSERT_EQ(attn_pool_create(3, &pool), ATTN_OK);
  std::string message(1000, '\0');
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  EXPECT_EQ(runForked([&] {
              if (attn_plan_run(team) != ATTN_UNSUPPORTED)
                return 1;
              std::string text = attn_last_error_message();
              if (write(pipes[1], text.data(), text.size()) < 0)
                return 2;
              attn_plan_options options = {sizeof(options), pool, 0};
              attn_plan plan = {poison};
              if (call.prepare(&plan, &options) == ATTN_OK &&
                  attn_plan_run(plan) != ATTN_UNSUPPORTED)
                return 3;
              call.expectWorks();
              return testing::Test::HasFailure() ? 4 : 0;
            }),
            0);
  message.resize(size_t(read(pipes[0], message.data(), message.size())));
  EXPECT_NE(message.find("thread pool: "), std::string::npos) << message;
  EXPECT_NE(message.find("; "), std::string::npos) << message;
  close(pipes[0]);
  close(pipes[1]);
  call.expectRuns(team);
  EXPECT_EQ(attn_plan_release(team), ATTN_OK);
  EXPECT_EQ(attn_pool_release(pool), ATTN_OK);
}

// The child has what the other thread holds in the moment of the fork for ever.
TEST(CApiMisuseThreads, AForkWhileAnotherThreadCalls) {
  WideCall call, others;
  attn_plan plan, used;
  ASSERT_EQ(call.prepare(&plan), ATTN_OK);
  ASSERT_EQ(others.prepare(&used), ATTN_OK);
  attn_plan team = prepareTeam(others);
  Busy running([&] { (void)attn_plan_run(used); });
  Busy inTeam([&] { (void)attn_plan_run(team); });
  Busy making([] {
    attn_cache cache;
    (void)attn_dense_cache_create(1, 1, &cache);
    (void)attn_cache_release(cache);
    (void)attn_pool_create(0, nullptr);
  });
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(runForked([&] {
                call.expectRuns(plan);
                // In use by a thread that the child has not, or free.
                attn_status status = attn_plan_run(used);
                if (status != ATTN_OK && status != ATTN_INVALID_ARGUMENT)
                  return 1;
                if (attn_plan_run(team) == ATTN_OK)
                  return 2;
                attn_plan own = prepareTeam(call);
                call.expectRuns(own);
                if (attn_plan_release(own) != ATTN_OK ||
                    attn_plan_release(used) != ATTN_OK ||
                    attn_plan_release(team) != ATTN_OK)
                  return 3;
                return testing::Test::HasFailure() ? 4 : 0;
              }),
              0);
}
} // namespace

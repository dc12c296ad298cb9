//===- ThreadPool.cpp - a fixed team of threads that runs kernels ---------===//
//
// A round hands one task to every worker. The caller publishes the task by
// raising `round`; the last worker to finish brings `numWorking` to 0. Both
// sides watch the atomic for some microseconds, which is how long the phases of
// one kernel are apart, and sleep on a condition variable after that.
//
//===----------------------------------------------------------------------===//

#include "attn/Runtime/ThreadPool.h"

#include <pthread.h>
#include <system_error>

using namespace attn;

/// How many forks lie between the first process and this one.
static int numForksBefore = 0;

[[gnu::constructor]] static void countForks() {
  pthread_atfork(nullptr, nullptr, [] { ++numForksBefore; });
}

ThreadPool::ThreadPool()
    : team(std::make_unique<Team>()), numForks(numForksBefore) {}

Status ThreadPool::check() const {
  if (team->workers.empty() || numForks == numForksBefore)
    return {};
  return Status::error(StatusCode::unsupported, "thread pool",
                       "expects threads, but they stayed in the process that "
                       "this one was forked from",
                       "make a pool and its plans after the fork");
}

/// About 10 to 20 microseconds: a sleeping thread takes longer to wake.
static constexpr int numSpins = 500;

template <typename Condition> static bool spinUntil(Condition condition) {
  for (int i = 0; i < numSpins; ++i) {
    if (condition())
      return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  return false;
}

Result<std::shared_ptr<ThreadPool>> ThreadPool::create(int numThreads) {
  if (numThreads < 1 || numThreads > maxThreads)
    return Status::error(StatusCode::invalidArgument, "thread pool",
                         "expects 1 to " + std::to_string(maxThreads) +
                             " threads, but got " + std::to_string(numThreads),
                         "give the number of cores to use");
  std::shared_ptr<ThreadPool> pool(new ThreadPool);
  Team *team = pool->team.get();
  team->workers.reserve(numThreads - 1);
  try {
    for (int thread = 1; thread < numThreads; ++thread)
      team->workers.emplace_back(&Team::work, team, thread);
  } catch (const std::system_error &error) {
    return Status::error(StatusCode::resourceExhausted, "thread pool",
                         "expects to start " + std::to_string(numThreads - 1) +
                             " threads, but got: " + error.what(),
                         "use fewer threads");
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  if (!check().isOk()) {
    // Nothing of it can be destroyed without its threads.
    (void)team.release();
    return;
  }
  {
    std::lock_guard<std::mutex> lock(team->sleep);
    team->stopping = true;
    team->round.fetch_add(1, std::memory_order_release);
  }
  team->roundBegins.notify_all();
  for (std::thread &worker : team->workers)
    worker.join();
}

void ThreadPool::Team::waitForRound(uint64_t last) {
  auto begun = [&] { return round.load(std::memory_order_acquire) != last; };
  if (spinUntil(begun))
    return;
  std::unique_lock<std::mutex> lock(sleep);
  roundBegins.wait(lock, begun);
}

void ThreadPool::Team::waitForWorkers() {
  auto ended = [&] { return numWorking.load(std::memory_order_acquire) == 0; };
  if (spinUntil(ended))
    return;
  std::unique_lock<std::mutex> lock(sleep);
  roundEnds.wait(lock, ended);
}

void ThreadPool::Team::work(int thread) {
  // No round begins before all workers have ended the last one, so that each
  // worker sees every round.
  for (uint64_t last = 0;; ++last) {
    waitForRound(last);
    if (stopping)
      return;
    task(context, thread);
    if (numWorking.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      // Under the lock, or the caller could miss it between test and sleep.
      std::lock_guard<std::mutex> lock(sleep);
      roundEnds.notify_one();
    }
  }
}

void ThreadPool::run(Task task, void *context) {
  Team &all = *team;
  if (all.workers.empty())
    return task(context, 0);
  std::lock_guard<std::mutex> myTurn(all.turn);
  all.task = task;
  all.context = context;
  all.numWorking.store(static_cast<int>(all.workers.size()),
                       std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> lock(all.sleep);
    all.round.fetch_add(1, std::memory_order_release);
  }
  all.roundBegins.notify_all();
  task(context, 0);
  all.waitForWorkers();
}

//===- ThreadPool.cpp - a fixed team of threads that runs kernels ---------===//
//
// A round hands one task to every worker. The caller publishes the task by
// raising `round`; the last worker to finish brings `numWorking` to 0. Both
// sides watch the atomic for some microseconds, which is how long the phases of
// one kernel are apart, and sleep on a condition variable after that.
//
//===----------------------------------------------------------------------===//

#include "attn/Runtime/ThreadPool.h"

#include <system_error>

using namespace attn;

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
  pool->workers.reserve(numThreads - 1);
  try {
    for (int thread = 1; thread < numThreads; ++thread)
      pool->workers.emplace_back(&ThreadPool::work, pool.get(), thread);
  } catch (const std::system_error &error) {
    return Status::error(StatusCode::resourceExhausted, "thread pool",
                         "expects to start " + std::to_string(numThreads - 1) +
                             " threads, but got: " + error.what(),
                         "use fewer threads");
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(sleep);
    stopping = true;
    round.fetch_add(1, std::memory_order_release);
  }
  roundBegins.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::waitForRound(uint64_t last) {
  auto begun = [&] { return round.load(std::memory_order_acquire) != last; };
  if (spinUntil(begun))
    return;
  std::unique_lock<std::mutex> lock(sleep);
  roundBegins.wait(lock, begun);
}

void ThreadPool::waitForWorkers() {
  auto ended = [&] { return numWorking.load(std::memory_order_acquire) == 0; };
  if (spinUntil(ended))
    return;
  std::unique_lock<std::mutex> lock(sleep);
  roundEnds.wait(lock, ended);
}

void ThreadPool::work(int thread) {
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

void ThreadPool::run(Task newTask, void *newContext) {
  if (workers.empty())
    return newTask(newContext, 0);
  std::lock_guard<std::mutex> myTurn(turn);
  task = newTask;
  context = newContext;
  numWorking.store(static_cast<int>(workers.size()), std::memory_order_relaxed);
  {
    std::lock_guard<std::mutex> lock(sleep);
    round.fetch_add(1, std::memory_order_release);
  }
  roundBegins.notify_all();
  newTask(newContext, 0);
  waitForWorkers();
}

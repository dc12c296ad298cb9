//===- ThreadPool.h - a fixed team of threads that runs kernels -----------===//

#ifndef ATTN_RUNTIME_THREADPOOL_H
#define ATTN_RUNTIME_THREADPOOL_H

#include "attn/Runtime/Status.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace attn {

/// A team of threads of which the caller of `run` is one, so that a team of one
/// starts no thread at all. May be shared by many plans; runs of several
/// callers take turns. fork() leaves a child process none of the threads.
class ThreadPool {
public:
  static constexpr int maxThreads = 1024;

  using Task = void (*)(void *context, int thread);

  /// Refuses a count outside 1..maxThreads and threads that the system denies.
  static Result<std::shared_ptr<ThreadPool>> create(int numThreads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int getNumThreads() const {
    return static_cast<int>(team->workers.size()) + 1;
  }

  /// Refuses a team whose threads another process has.
  Status check() const;

  /// Calls `task(context, thread)` once for each thread 0..getNumThreads()-1,
  /// thread 0 being the caller, and returns when all have returned: what they
  /// wrote is visible then. Allocates nothing. A task may not call `run`.
  /// Pre-condition: check().isOk().
  void run(Task task, void *context);

private:
  /// What the threads share.
  struct Team {
    void work(int thread);
    void waitForRound(uint64_t last);
    void waitForWorkers();

    std::vector<std::thread> workers;
    /// Held by the caller whose task the team runs.
    std::mutex turn;
    /// Guard sleeping only; awake threads meet in the atomics below.
    std::mutex sleep;
    std::condition_variable roundBegins, roundEnds;
    Task task = nullptr;
    void *context = nullptr;
    std::atomic<uint64_t> round{0};
    std::atomic<int> numWorking{0};
    bool stopping = false;
  };

  ThreadPool();

  std::unique_ptr<Team> team;
  /// How many forks lay between this process and its first one.
  int numForks;
};

} // namespace attn

#endif // ATTN_RUNTIME_THREADPOOL_H

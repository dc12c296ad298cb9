//===- Run.cpp - runs a plan's phases over its threads --------------------===//
//
// The items of a phase are handed out in chunks by a counter: a chunk is small
// enough that uneven items (rows of a causal mask) even out, and large enough
// that the counter costs nothing. Which thread runs an item does not change
// what it computes, so that the results are the same for every team.
//
//===----------------------------------------------------------------------===//

#include "BoundTensor.h"
#include "attn/Runtime/ExclusiveUse.h"
#include "attn/Runtime/Plan.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

using namespace attn;

namespace {
/// While it lives, floating point rounds to nearest and keeps subnormals: what
/// the caller or a worker has set must not show in the results.
class StandardFloats {
#if defined(__x86_64__)
public:
  // Intel SDM 10.2.3: all exceptions masked, no DAZ, no FTZ.
  StandardFloats() : saved(_mm_getcsr()) { _mm_setcsr(0x1F80); }
  ~StandardFloats() { _mm_setcsr(saved); }

private:
  unsigned saved;
#endif
};

/// One phase, as its threads share it.
struct Round {
  KernelFunction function;
  const int64_t *parameters;
  int64_t numItems, chunk;
  uint8_t *scratch;
  int64_t scratchStride;
  std::atomic<int64_t> next{0};
};
} // namespace

/// Chunks a thread gets on average.
static constexpr int64_t chunksPerThread = 32;

static void runChunks(void *context, int thread) {
  auto &round = *static_cast<Round *>(context);
  StandardFloats floats;
  uint8_t *scratch = round.scratch + thread * round.scratchStride;
  for (;;) {
    int64_t begin =
        round.next.fetch_add(round.chunk, std::memory_order_relaxed);
    if (begin >= round.numItems)
      return;
    int64_t size = std::min(round.chunk, round.numItems - begin);
    round.function(round.parameters, begin, begin + size, scratch);
  }
}

Status Plan::run() {
  ExclusiveUse use(inUse);
  if (Status status = use.check(kernel->getManifest().name); !status.isOk())
    return status;
  if (pool)
    if (Status status = pool->check(); !status.isOk())
      return status;
  int64_t numThreads = pool ? pool->getNumThreads() : 1;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i] == 0)
      continue;
    KernelFunction function = kernel->getFunctions()[i];
    if (numThreads == 1 || items[i] == 1) {
      StandardFloats floats;
      function(parameters.data(), 0, items[i], scratch.get());
      continue;
    }
    Round round{function,
                parameters.data(),
                items[i],
                std::max<int64_t>(1, items[i] / (numThreads * chunksPerThread)),
                scratch.get(),
                scratchStride};
    pool->run(runChunks, &round);
  }
  return {};
}

//===- attn-bench-cpu.cpp - attention beside the machine's peaks ----------===//
//
// Every case alternates with its peak in one process; a share is a run's speed
// over that of the peak measured beside it, and the median over the repetitions
// is printed. One JSON object a case. `attn-run --check` tells whether the same
// kernels are right. Usage: attn-bench-cpu [NAME-PART
// [REPEAT]]
//
//===----------------------------------------------------------------------===//

#include "Bench.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace attn::bench;

static const Case kCases[] = {
    {"f32-d128", "full", false, 8, 2048, 2048, 128},
    {"f32-d64", "full", false, 8, 2048, 2048, 64},
    {"bf16-d128", "full", true, 8, 2048, 2048, 128},
    {"bf16-d64", "full", true, 8, 2048, 2048, 64},
    {"f32-d128-causal", "causal-top-left", false, 8, 2048, 2048, 128},
    {"f32-d64-causal", "causal-top-left", false, 8, 2048, 2048, 64},
    {"bf16-d128-causal", "causal-top-left", true, 8, 2048, 2048, 128},
    {"bf16-d64-causal", "causal-top-left", true, 8, 2048, 2048, 64},
    {"f32-decode", "full", false, 32, 1, 4096, 128},
    {"bf16-decode", "full", true, 32, 1, 4096, 128},
    // 128 MB of keys and values: more than the last cache.
    {"bf16-decode-64", "full", true, 64, 1, 4096, 128},
};

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

static void measure(const Case &c, int repeat) {
  AttentionRun one(c, 1), two(c, 2);
  bool decode = c.queries == 1;
  one.run();
  two.run();
  std::vector<double> shares, rates, speedups, peaks;
  for (int i = 0; i < repeat; ++i) {
    auto peak = [&] {
      if (decode)
        return measureReadBandwidth(one.getKeys(), one.getValues(),
                                    one.getCacheBytes() / 2);
      return c.bf16 ? measureBf16Peak() : measureFmaPeak();
    };
    double before = peak();
    double start = threadSeconds(), wall = wallSeconds();
    one.run();
    double elapsed = threadSeconds() - start, wallOne = wallSeconds() - wall;
    wall = wallSeconds();
    two.run();
    double wallTwo = wallSeconds() - wall;
    double best = std::max(before, peak());
    double rate =
        (decode ? one.getCacheBytes() : one.getFlops()) / elapsed / 1e9;
    rates.push_back(rate);
    peaks.push_back(best);
    shares.push_back(rate / best);
    speedups.push_back(wallOne / wallTwo);
  }
  std::printf("{\"case\": \"%s\", \"unit\": \"%s\", \"rate\": %.1f, \"peak\": "
              "%.1f, \"share\": %.3f, \"best_share\": %.3f, \"two_threads\": "
              "%.2f, \"compile_ms\": %.0f}\n",
              c.name, decode ? "GB/s" : "GFLOP/s", median(rates), median(peaks),
              median(shares), *std::max_element(shares.begin(), shares.end()),
              median(speedups), one.getCompileSeconds() * 1e3);
  std::fflush(stdout);
}

int main(int argc, char **argv) {
  int repeat = argc > 2 ? std::max(1, std::atoi(argv[2])) : 11;
  for (const Case &c : kCases)
    if (argc < 2 || std::strstr(c.name, argv[1]))
      measure(c, repeat);
  return 0;
}

//===- Bench.h - peaks and attention kernels to compare ---------*- C++ -*-===//

#ifndef TOOLS_BENCHMARKS_CPU_ATTENTION_BENCH_H
#define TOOLS_BENCHMARKS_CPU_ATTENTION_BENCH_H

#include "attn/Driver/KernelRun.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace attn::bench {

/// CPU seconds of this thread: neighbours on the machine do not count.
double threadSeconds();
/// Seconds of the clock on the wall.
double wallSeconds();

/// GFLOP/s of independent 512-bit (or 256-bit) fused multiply-adds.
double measureFmaPeak();
/// GFLOP/s of independent 512-bit bf16 pair dots; 0 without the instruction.
double measureBf16Peak();
/// GB/s of the best of three read loops over `bytes` of each of two memories.
double measureReadBandwidth(const uint8_t *first, const uint8_t *second,
                            size_t bytes);

/// A shipped variant on one shape.
struct Case {
  const char *name, *variant;
  bool bf16;
  int64_t heads, queries, keys, headDim;
};

/// A compiled variant bound to its own tensors.
class AttentionRun {
public:
  /// Exits with a message when the variant cannot be compiled or bound.
  AttentionRun(const Case &c, int threads);
  ~AttentionRun();
  void run();
  double getCompileSeconds() const { return compileSeconds; }
  /// Multiplications and additions of the visible pairs.
  double getFlops() const { return flops; }
  /// Bytes of K and V.
  double getCacheBytes() const;
  const uint8_t *getKeys() const;
  const uint8_t *getValues() const;

private:
  struct Tensors;
  double compileSeconds = 0, flops = 0;
  std::unique_ptr<Tensors> tensors;
  api::Kernel kernel;
  api::Plan plan;
};

} // namespace attn::bench

#endif // TOOLS_BENCHMARKS_CPU_ATTENTION_BENCH_H

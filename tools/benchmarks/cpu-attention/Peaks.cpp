//===- Peaks.cpp - what the machine can do --------------------------------===//

#include "Bench.h"

#include <algorithm>
#include <ctime>
#include <immintrin.h>

static double seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec + 1e-9 * now.tv_nsec;
}

double attn::bench::threadSeconds() { return seconds(CLOCK_THREAD_CPUTIME_ID); }
double attn::bench::wallSeconds() { return seconds(CLOCK_MONOTONIC); }

// Twelve chains hide a latency of 4 to 6 cycles on two ports.
#define TWELVE(op, r)                                                          \
  "1:\n" op " %%" r "13,%%" r "14,%%" r "0\n" op " %%" r "13,%%" r "14,%%" r   \
  "1\n" op " %%" r "13,%%" r "14,%%" r "2\n" op " %%" r "13,%%" r "14,%%" r    \
  "3\n" op " %%" r "13,%%" r "14,%%" r "4\n" op " %%" r "13,%%" r "14,%%" r    \
  "5\n" op " %%" r "13,%%" r "14,%%" r "6\n" op " %%" r "13,%%" r "14,%%" r    \
  "7\n" op " %%" r "13,%%" r "14,%%" r "8\n" op " %%" r "13,%%" r "14,%%" r    \
  "9\n" op " %%" r "13,%%" r "14,%%" r "10\n" op " %%" r "13,%%" r "14,%%" r   \
  "11\n"                                                                       \
  "dec %0\n jnz 1b\n"
#define CLOBBERS                                                               \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",      \
      "xmm9", "xmm10", "xmm11"

static constexpr long kIterations = 500000;

double attn::bench::measureFmaPeak() {
  long n = kIterations;
  double start = threadSeconds();
  if (__builtin_cpu_supports("avx512f")) {
    asm volatile(TWELVE("vfmadd231ps", "zmm") : "+r"(n) : : CLOBBERS);
    return kIterations * 12 * 32.0 / (threadSeconds() - start) / 1e9;
  }
  asm volatile(TWELVE("vfmadd231ps", "ymm") : "+r"(n) : : CLOBBERS);
  return kIterations * 12 * 16.0 / (threadSeconds() - start) / 1e9;
}

double attn::bench::measureBf16Peak() {
  if (!__builtin_cpu_supports("avx512bf16"))
    return 0;
  long n = kIterations;
  double start = threadSeconds();
  asm volatile(TWELVE("vdpbf16ps", "zmm") : "+r"(n) : : CLOBBERS);
  return kIterations * 12 * 64.0 / (threadSeconds() - start) / 1e9;
}

/// Sums 64-byte lines in `streams` places at once.
__attribute__((target("avx2"))) static double
readOnce(const uint8_t *memory, size_t bytes, size_t streams) {
  size_t part = bytes / streams / 256 * 256;
  __m256i sums[4] = {};
  double start = attn::bench::threadSeconds();
  for (size_t at = 0; at < part; at += 128)
    for (size_t s = 0; s < streams; ++s) {
      auto *line = reinterpret_cast<const __m256i *>(memory + s * part + at);
      for (int i = 0; i < 4; ++i)
        sums[i] = _mm256_xor_si256(sums[i], _mm256_loadu_si256(line + i));
    }
  double elapsed = attn::bench::threadSeconds() - start;
  __m256i all = _mm256_xor_si256(_mm256_xor_si256(sums[0], sums[1]),
                                 _mm256_xor_si256(sums[2], sums[3]));
  asm volatile("" : : "x"(all));
  return double(part) * streams / elapsed / 1e9;
}

double attn::bench::measureReadBandwidth(const uint8_t *first,
                                         const uint8_t *second, size_t bytes) {
  double best = 0;
  for (size_t streams : {1, 2, 4}) {
    double time = bytes / readOnce(first, bytes, streams) +
                  bytes / readOnce(second, bytes, streams);
    best = std::max(best, 2 * bytes / time);
  }
  return best;
}

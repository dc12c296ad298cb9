/*===- rowsum.c - a kernel written by hand, as the compiler emits them ----===*\
|*
|* Two phases over x[B, N] and o[B]: the first leaves the sum of row b in the
|* workspace, the second writes scale times the sum of row B-1-b, which another
|* thread may have formed.
|*
\*===----------------------------------------------------------------------===*/

#include <stdint.h>

enum { X, X_ROW, X_COLUMN, O, O_ROW, ROWS, COLUMNS, SCALE, WORKSPACE };

void rowSumSum(const int64_t *p, int64_t begin, int64_t end, uint8_t *scratch) {
  const float *x = (const float *)(intptr_t)p[X];
  float *sums = (float *)(intptr_t)p[WORKSPACE];
  volatile float *sum = (volatile float *)scratch;
  for (int64_t b = begin; b < end; ++b) {
    *sum = 0.0f;
    for (int64_t n = 0; n < p[COLUMNS]; ++n)
      *sum += x[b * p[X_ROW] + n * p[X_COLUMN]];
    sums[b] = *sum;
  }
}

void rowSumScale(const int64_t *p, int64_t begin, int64_t end,
                 uint8_t *scratch) {
  (void)scratch;
  float *o = (float *)(intptr_t)p[O];
  const float *sums = (const float *)(intptr_t)p[WORKSPACE];
  union {
    uint32_t bits;
    float value;
  } scale = {(uint32_t)p[SCALE]};
  for (int64_t b = begin; b < end; ++b)
    o[b * p[O_ROW]] = scale.value * sums[p[ROWS] - 1 - b];
}

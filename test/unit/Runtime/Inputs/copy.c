/*===- copy.c - a kernel over any type of two bytes -----------------------===*\
|*
|* o[i] = x[i], one item an element.
|*
\*===----------------------------------------------------------------------===*/

#include <stdint.h>

void copyHalves(const int64_t *p, int64_t begin, int64_t end,
                uint8_t *scratch) {
  (void)scratch;
  const uint16_t *x = (const uint16_t *)(intptr_t)p[0];
  uint16_t *o = (uint16_t *)(intptr_t)p[2];
  for (int64_t i = begin; i < end; ++i)
    o[i * p[3]] = x[i * p[1]];
}

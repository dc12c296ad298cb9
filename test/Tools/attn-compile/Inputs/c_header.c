/*===- c_header.c - an engine that has nothing of attn but headers --------===*\
|*
|* Calls three kernels by the headers that attn-compile wrote: causal attention
|* of grouped heads, packed documents (tables), a window (a scalar). Compares
|* with a plain loop, and gives each something that does not fit. Strict C11
|* that is C++, too.
|*
\*===----------------------------------------------------------------------===*/

#include "causal.h"
#include "documents.h"
#include "window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { batch = 2, heads = 2, groups = 3, width = 16, most = 80 };

static float q[batch * heads * groups * most * width];
static float k[batch * heads * most * width];
static float v[batch * heads * most * width];
static float o[batch * heads * groups * most * width];
static float lse[batch * heads * groups * most];
static int32_t document[most];
static int32_t first[4] = {0, 30, 31, most};
static int64_t queries, keys, window;
static int failures;

static void check(int condition, const char *what) {
  if (!condition) {
    printf("wrong: %s\n", what);
    ++failures;
  }
}

static void fill(float *values, size_t count, unsigned seed) {
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
}

static int isCausal(int64_t p, int64_t m) { return m <= p + keys - queries; }
static int isInDocument(int64_t p, int64_t m) {
  return m <= p && document[m] == document[p];
}
static int isInWindow(int64_t p, int64_t m) {
  return isCausal(p, m) && m > p + keys - queries - window;
}

/* The greatest difference from attention as it is written. q, k, v and o have
 * their rows one after the other. */
static double compare(int (*sees)(int64_t, int64_t), double scale) {
  double worst = 0;
  for (int64_t row = 0; row < batch * heads * groups * queries; ++row) {
    int64_t p = row % queries, head = row / queries / groups;
    double top = -INFINITY, sum = 0, mean[width] = {0};
    double scores[most];
    for (int64_t m = 0; m < keys; ++m) {
      scores[m] = -INFINITY;
      if (!sees(p, m))
        continue;
      scores[m] = 0;
      for (int e = 0; e < width; ++e)
        scores[m] += scale * (double)q[row * width + e] *
                     (double)k[(head * keys + m) * width + e];
      top = scores[m] > top ? scores[m] : top;
    }
    for (int64_t m = 0; m < keys; ++m) {
      double weight = sees(p, m) ? exp(scores[m] - top) : 0;
      sum += weight;
      for (int f = 0; f < width; ++f)
        mean[f] += weight * (double)v[(head * keys + m) * width + f];
    }
    for (int f = 0; f < width; ++f)
      worst = fmax(worst, fabs((double)o[row * width + f] - mean[f] / sum));
    worst = fmax(worst, fabs((double)lse[row] - (top + log(sum))));
  }
  return worst;
}

/* Compact row-major strides. */
static void setStrides(int64_t *strides, int rank, const int64_t *extents) {
  int64_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= extents[d];
  }
}

/* What the three structs have in common. */
#define SET_TENSORS(a)                                                         \
  do {                                                                         \
    const int64_t wide[5] = {batch, heads, groups, queries, width};            \
    const int64_t narrow[4] = {batch, heads, keys, width};                     \
    (a).extents.B = batch;                                                     \
    (a).extents.H = heads;                                                     \
    (a).extents.G = groups;                                                    \
    (a).extents.P = queries;                                                   \
    (a).extents.M = keys;                                                      \
    (a).q.data = q;                                                            \
    (a).k.data = k;                                                            \
    (a).v.data = v;                                                            \
    (a).o.data = o;                                                            \
    (a).lse.data = lse;                                                        \
    (a).scale = 0.25f;                                                         \
    setStrides((a).q.strides, 5, wide);                                        \
    setStrides((a).o.strides, 5, wide);                                        \
    setStrides((a).lse.strides, 4, wide);                                      \
    setStrides((a).k.strides, 4, narrow);                                      \
    setStrides((a).v.strides, 4, narrow);                                      \
  } while (0)

/* Runs a kernel and compares. */
#define RUN(name, a, sees)                                                     \
  do {                                                                         \
    int64_t bytes = -1;                                                        \
    void *memory;                                                              \
    check(name##_memory_bytes(&(a), &bytes) == 0, #name "_memory_bytes");      \
    memory = bytes ? aligned_alloc(128, (size_t)bytes) : NULL;                 \
    fill(o, sizeof(o) / sizeof(*o), 9);                                        \
    check(name##_run(&(a), memory, bytes) == 0, #name "_run");                 \
    check(compare(sees, 0.25) < 1e-5, #name);                                  \
    free(memory);                                                              \
  } while (0)

/* That a changed copy of the arguments is answered by a status whose message
 * begins with a place, and that nothing is written. */
#define REFUSED(change, status, place)                                         \
  do {                                                                         \
    causal_arguments a = right;                                                \
    float before = o[0];                                                       \
    const char *message = causal_message(status);                              \
    change;                                                                    \
    check(causal_run(&a, memory, bytes) == (status), #change);                 \
    check(o[0] == before && message, #status);                                 \
    check(strncmp(message, place, strlen(place)) == 0, message);               \
  } while (0)

static void refuse(void) {
  causal_arguments right = causal_make_arguments();
  int64_t bytes = 0;
  char *memory;
  SET_TENSORS(right);
  check(causal_memory_bytes(&right, &bytes) == 0, "bytes");
  memory = (char *)aligned_alloc(128, (size_t)bytes + 128);
  REFUSED(a.struct_size -= 8, CAUSAL_OTHER_CONTRACT, "arguments: expects ");
  REFUSED(a.contract ^= 1, CAUSAL_OTHER_CONTRACT, "arguments: ");
  REFUSED(a.extents.M = -1, CAUSAL_EXTENT_M, "extents.M: expects ");
  REFUSED(a.extents.B = INT64_MAX, CAUSAL_STRIDES_q, "q.strides: ");
  REFUSED(a.q.data = NULL, CAUSAL_DATA_q, "q.data: expects ");
  REFUSED(a.lse.data = NULL, CAUSAL_DATA_lse, "lse.data: expects ");
  REFUSED(a.o.data = (float *)((char *)o + 2), CAUSAL_DATA_o, "o.data: ");
  REFUSED(a.k.strides[2] = INT64_MIN, CAUSAL_STRIDES_k, "k.strides: ");
  REFUSED(a.v.strides[0] = -((int64_t)1 << 50), CAUSAL_STRIDES_v, "v.strid");
  /* Extents that no tensor reaches, since the strides are 0, and that make more
   * work than can be counted. */
  REFUSED((a.extents.B = a.extents.H = INT64_MAX / 2,
           memset(a.q.strides, 0, 16), memset(a.k.strides, 0, 16),
           memset(a.v.strides, 0, 16), memset(a.o.strides, 0, 16),
           memset(a.lse.strides, 0, 16)),
          CAUSAL_TOO_LARGE, "extents: expects ");
  check(causal_run(&right, memory, bytes - 1) == CAUSAL_SMALL_MEMORY, "small");
  check(causal_run(&right, NULL, bytes) == CAUSAL_SMALL_MEMORY, "no memory");
  check(causal_run(&right, memory + 64, bytes) == CAUSAL_LOOSE_MEMORY, "loose");
  check(causal_run(NULL, memory, bytes) == CAUSAL_NULL, "no arguments");
  check(causal_memory_bytes(&right, NULL) == CAUSAL_NULL, "no place");
  check(causal_memory_bytes(NULL, &bytes) == CAUSAL_NULL, "no arguments");
  check(causal_message(-1) == NULL && causal_message(1000) == NULL, "messages");
  /* Without queries there is nothing to do, and no tensor of them. */
  right.extents.P = 0;
  right.q.data = NULL;
  right.o.data = right.lse.data = NULL;
  check(causal_run(&right, memory, bytes) == CAUSAL_OK, "no queries");
  free(memory);
}

int main(void) {
  causal_arguments causal = causal_make_arguments();
  documents_arguments documents = documents_make_arguments();
  window_arguments sliding = window_make_arguments();
  fill(q, sizeof(q) / sizeof(*q), 1);
  fill(k, sizeof(k) / sizeof(*k), 2);
  fill(v, sizeof(v) / sizeof(*v), 3);

  /* Both the kernel of many queries and that of few. */
  keys = most;
  for (queries = 3; queries < most; queries += 67) {
    SET_TENSORS(causal);
    RUN(causal, causal, isCausal);
  }
  refuse();

  queries = most;
  for (int p = 0, n = 0; p < most; ++p) {
    n += p == first[n + 1];
    document[p] = n;
  }
  SET_TENSORS(documents);
  documents.extents.N = 4;
  documents.doc.data = document;
  documents.doc.strides[0] = 1;
  documents.first.data = first;
  documents.first.strides[0] = 1;
  RUN(documents, documents, isInDocument);

  queries = 33;
  window = 11;
  SET_TENSORS(sliding);
  sliding.window = window;
  RUN(window, sliding, isInWindow);
  window = 1;
  sliding.window = window;
  RUN(window, sliding, isInWindow);

  if (!failures)
    printf("right, by attn %s\n", CAUSAL_VERSION);
  return failures != 0;
}

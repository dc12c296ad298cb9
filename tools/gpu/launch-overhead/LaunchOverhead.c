/*===- LaunchOverhead.c - a launch through attn beside a bare one ---------===*/
/*
 *   attn-launch-overhead KERNEL.attn FORWARDING-DRIVER.so
 *
 * Launches attention (test/Device/programs/attention-full.mlir) of one head and
 * 128 queries and keys many times, in turn by attn_plan_launch and by the bare
 * cuLaunchKernelEx call that the former makes, as the forwarding driver saw it.
 * Prints one JSON row, in microseconds. Exit status: 0, or 1 with a message.
 */

#define _GNU_SOURCE
#include "ForwardingDriver.h"

#include "attn-c/Attn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { rows = 128, columns = 128, count = 20000, batch = 50 };

struct driver {
  int (*init)(unsigned flags);
  int (*retain)(void **context, int device);
  int (*set_current)(void *context);
  int (*synchronize)(void *stream);
  int (*allocate)(void **address, size_t bytes);
  int (*clear)(void *address, unsigned char value, size_t bytes);
  int (*create_stream)(void **stream, unsigned flags);
  const struct attn_recorded_launch *(*recorded)(void);
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec * 1e-3;
}

static int compare(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double quantile(double *times, double part) {
  qsort(times, count, sizeof(double), compare);
  return times[(size_t)(part * (count - 1))];
}

static int fail(const char *what) {
  fprintf(stderr, "attn-launch-overhead: %s: %s\n", what,
          attn_last_error_message());
  return 1;
}

static int open_driver(const char *path, struct driver *driver) {
  void *library = dlopen(path, RTLD_NOW);
  if (!library) {
    fprintf(stderr, "attn-launch-overhead: %s\n", dlerror());
    return 0;
  }
  *(void **)&driver->init = dlsym(library, "cuInit");
  *(void **)&driver->retain = dlsym(library, "cuDevicePrimaryCtxRetain");
  *(void **)&driver->set_current = dlsym(library, "cuCtxSetCurrent");
  *(void **)&driver->synchronize = dlsym(library, "cuStreamSynchronize");
  *(void **)&driver->allocate = dlsym(library, "cuMemAlloc_v2");
  *(void **)&driver->clear = dlsym(library, "cuMemsetD8_v2");
  *(void **)&driver->create_stream = dlsym(library, "cuStreamCreate");
  *(void **)&driver->recorded = dlsym(library, "attn_get_recorded_launch");
  return driver->init && driver->retain && driver->set_current &&
         driver->synchronize && driver->allocate && driver->clear &&
         driver->create_stream && driver->recorded;
}

/* The tensors of attention_full, zeros, in device memory. */
static int bind(const struct driver *driver, attn_kernel kernel,
                attn_plan *plan) {
  static const char *const names[] = {"q", "k", "v", "o", "lse"};
  static int64_t shape[] = {1, rows, columns};
  static DLTensor tensors[5];
  static attn_argument arguments[6];
  for (int i = 0; i < 5; ++i) {
    size_t bytes = rows * columns * 4;
    tensors[i].device.device_type = kDLCUDA;
    tensors[i].ndim = i < 4 ? 3 : 2;
    tensors[i].dtype.code = i < 4 ? kDLBfloat : kDLFloat;
    tensors[i].dtype.bits = i < 4 ? 16 : 32;
    tensors[i].dtype.lanes = 1;
    tensors[i].shape = shape;
    if (driver->allocate(&tensors[i].data, bytes) ||
        driver->clear(tensors[i].data, 0, bytes))
      return 0;
    arguments[i].name = names[i];
    arguments[i].kind = ATTN_TENSOR;
    arguments[i].tensor = &tensors[i];
  }
  arguments[5].name = "scale";
  arguments[5].kind = ATTN_REAL;
  arguments[5].real = 0.088;
  return attn_plan_prepare(kernel, arguments, 6, NULL, plan) == ATTN_OK;
}

int main(int argc, char **argv) {
  static double through[count], bare[count], difference[count];
  struct driver driver;
  attn_kernel kernel = {0};
  attn_plan plan = {0};
  void *stream = NULL, *context = NULL;
  if (argc != 3) {
    fprintf(stderr, "usage: %s KERNEL.attn FORWARDING-DRIVER.so\n", argv[0]);
    return 1;
  }
  setenv("ATTN_CUDA_DRIVER", argv[2], 1);
  if (!open_driver(argv[2], &driver))
    return fail("the forwarding driver lacks a function");
  if (driver.init(0) || driver.retain(&context, 0) ||
      driver.set_current(context))
    return fail("there is no context of device 0");
  if (attn_kernel_load_file(argv[1], &kernel) != ATTN_OK)
    return fail("load");
  if (!bind(&driver, kernel, &plan))
    return fail("prepare");
  if (driver.create_stream(&stream, 1 /* CU_STREAM_NON_BLOCKING */))
    return fail("cuStreamCreate");
  if (attn_plan_launch(plan, stream) != ATTN_OK)
    return fail("launch");
  struct attn_recorded_launch launch = *driver.recorded();
  for (int i = -10 * batch; i < count; ++i) {
    /* So that the queue of launches never fills, which would time the GPU. */
    if (i % batch == 0 && driver.synchronize(stream))
      return fail("cuStreamSynchronize");
    double times[3];
    int failed = 0;
    for (int k = 0; k < 2; ++k) {
      times[k] = now();
      if ((i + k) % 2)
        failed |= attn_plan_launch(plan, stream);
      else
        failed |= launch.forward(&launch.config, launch.function,
                                 launch.parameters, NULL);
    }
    times[2] = now();
    if (failed)
      return fail("launch");
    if (i < 0)
      continue;
    through[i] = i % 2 ? times[1] - times[0] : times[2] - times[1];
    bare[i] = i % 2 ? times[2] - times[1] : times[1] - times[0];
    difference[i] = through[i] - bare[i];
  }
  if (driver.synchronize(stream))
    return fail("cuStreamSynchronize");
  printf("{\"launches\": %d, \"attn_us\": {\"median\": %.3f, \"p99\": %.3f}, "
         "\"bare_us\": {\"median\": %.3f, \"p99\": %.3f}, "
         "\"difference_us\": {\"median\": %.3f, \"p99\": %.3f}}\n",
         count, quantile(through, 0.5), quantile(through, 0.99),
         quantile(bare, 0.5), quantile(bare, 0.99), quantile(difference, 0.5),
         quantile(difference, 0.99));
  attn_plan_release(plan);
  attn_kernel_release(kernel);
  return 0;
}

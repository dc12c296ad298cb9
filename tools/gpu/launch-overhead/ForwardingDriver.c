/*===- ForwardingDriver.c - a driver that remembers the last launch -------===*/

#define _GNU_SOURCE
#include "ForwardingDriver.h"

#include <dlfcn.h>

static struct attn_recorded_launch recorded;

const struct attn_recorded_launch *attn_get_recorded_launch(void) {
  return &recorded;
}

int cuLaunchKernelEx(const struct attn_launch_config *config, void *function,
                     void **parameters, void **extra) {
  static attn_launch_function *forward;
  if (!forward) {
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (library)
      forward = (attn_launch_function *)dlsym(library, "cuLaunchKernelEx");
    if (!forward)
      return 999; /* CUDA_ERROR_UNKNOWN */
  }
  recorded.config = *config;
  recorded.function = function;
  recorded.parameters = parameters;
  recorded.forward = forward;
  return forward(config, function, parameters, extra);
}

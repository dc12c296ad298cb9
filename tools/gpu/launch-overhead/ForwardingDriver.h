/*===- ForwardingDriver.h - a driver that remembers the last launch -------===*/

#ifndef ATTN_TOOLS_GPU_FORWARDINGDRIVER_H
#define ATTN_TOOLS_GPU_FORWARDINGDRIVER_H

/* CUlaunchConfig of the CUDA Driver API, 12.4. */
struct attn_launch_config {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;
  void *stream;
  void *attributes;
  unsigned num_attributes;
};

typedef int attn_launch_function(const struct attn_launch_config *config,
                                 void *function, void **parameters,
                                 void **extra);

/* What cuLaunchKernelEx was last called with, and the driver's own function.
 * What the pointers refer to belongs to the caller of that launch. */
struct attn_recorded_launch {
  struct attn_launch_config config;
  void *function;
  void **parameters;
  attn_launch_function *forward;
};

const struct attn_recorded_launch *attn_get_recorded_launch(void);

#endif

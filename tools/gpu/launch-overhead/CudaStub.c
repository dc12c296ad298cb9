/*===- CudaStub.c - what ForwardingDriver links in libcuda's place --------===*/

int cuLaunchKernelEx(const void *config, void *function, void **parameters,
                     void **extra) {
  (void)config, (void)function, (void)parameters, (void)extra;
  return 999; /* CUDA_ERROR_UNKNOWN: the stub is for linking only. */
}

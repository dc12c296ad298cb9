//===- Driver.h - AMD's HIP runtime library, found at run time ------------===//

#ifndef ATTN_LIB_RUNTIME_HIP_DRIVER_H
#define ATTN_LIB_RUNTIME_HIP_DRIVER_H

#include "../GPU/DriverLibrary.h"
#include "DriverTypes.h"

namespace attn::hip {

/// The functions that are called, in the versions of ROCm 6.0.
struct DriverTable {
  DriverFunction<int *> getVersion{"hipDriverGetVersion"};
  DriverFunction<unsigned> init{"hipInit"};
  DriverFunction<ResultCode, const char **> nameError{"hipDrvGetErrorName"};
  DriverFunction<ResultCode, const char **> describeError{
      "hipDrvGetErrorString"};
  DriverFunction<int *> getDevice{"hipGetDevice"};
  DriverFunction<int> setDevice{"hipSetDevice"};
  DriverFunction<int *, DeviceAttribute, int> getDeviceAttribute{
      "hipDeviceGetAttribute"};
  DriverFunction<DeviceProperties *, int> getDeviceProperties{
      "hipGetDevicePropertiesR0600"};
  DriverFunction<CaptureMode *> exchangeCaptureMode{
      "hipThreadExchangeStreamCaptureMode"};
  DriverFunction<StreamHandle, CaptureStatus *> isCapturing{
      "hipStreamIsCapturing"};
  DriverFunction<StreamHandle> synchronize{"hipStreamSynchronize"};
  DriverFunction<ModuleHandle *, const void *> loadModule{"hipModuleLoadData"};
  DriverFunction<ModuleHandle> unloadModule{"hipModuleUnload"};
  DriverFunction<FunctionHandle *, ModuleHandle, const char *> getFunction{
      "hipModuleGetFunction"};
  DriverFunction<void **, size_t> allocate{"hipMalloc"};
  DriverFunction<void *> release{"hipFree"};
  DriverFunction<void *, unsigned char, size_t> fill{"hipMemsetD8"};
  DriverFunction<void *, void *, size_t, StreamHandle> copy{
      "hipMemcpyDtoDAsync"};
  DriverFunction<FunctionHandle, unsigned, unsigned, unsigned, unsigned,
                 unsigned, unsigned, unsigned, StreamHandle, void **, void **>
      launch{"hipModuleLaunchKernel"};

  /// Calls `visit` for every function.
  template <typename F> void forEach(F visit) {
    visit(getVersion), visit(init), visit(nameError), visit(describeError);
    visit(getDevice), visit(setDevice), visit(getDeviceAttribute);
    visit(getDeviceProperties), visit(exchangeCaptureMode);
    visit(isCapturing), visit(synchronize), visit(loadModule);
    visit(unloadModule), visit(getFunction), visit(allocate), visit(release);
    visit(fill), visit(copy), visit(launch);
  }
};

class Driver final : public DriverTable, public DriverLibrary {
public:
  /// The library that the environment variable ATTN_HIP_DRIVER names, else
  /// libamdhip64.so. `unsupported` where there is none or it lacks a function.
  static Result<const Driver *> get();

private:
  Driver();
  Status bind(void *library, const std::string &path) override;
  const char *getErrorName(ResultCode code) const override;
  const char *getErrorText(ResultCode code) const override;
  const char *getAlternative(ResultCode code) const override;
};

} // namespace attn::hip

#endif // ATTN_LIB_RUNTIME_HIP_DRIVER_H

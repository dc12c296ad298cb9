//===- Driver.h - NVIDIA's driver, found at run time ----------------------===//
//
// libcuda is opened with dlopen, so that nothing of CUDA is needed to build or
// to start. Every function that the runtime calls stands in DriverTable with
// its exported name; `Driver::call` turns what it returns into a Status.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_DRIVER_H
#define ATTN_LIB_RUNTIME_CUDA_DRIVER_H

#include "DriverTypes.h"
#include "attn/Runtime/Status.h"

#include <string>
#include <string_view>

namespace attn::cuda {

/// One exported function.
template <typename... Parameters> struct DriverFunction {
  const char *symbol;
  ResultCode (*address)(Parameters...) = nullptr;
};

/// The functions that are called, in the versions of CUDA 12.0.
struct DriverTable {
  DriverFunction<int *> getVersion{"cuDriverGetVersion"};
  DriverFunction<unsigned> init{"cuInit"};
  DriverFunction<ResultCode, const char **> getErrorName{"cuGetErrorName"};
  DriverFunction<ResultCode, const char **> getErrorString{"cuGetErrorString"};
  DriverFunction<Device *, int> getDevice{"cuDeviceGet"};
  DriverFunction<int *, DeviceAttribute, Device> getDeviceAttribute{
      "cuDeviceGetAttribute"};
  DriverFunction<ContextHandle *, Device> retainPrimaryContext{
      "cuDevicePrimaryCtxRetain"};
  DriverFunction<Device> releasePrimaryContext{"cuDevicePrimaryCtxRelease_v2"};
  DriverFunction<ContextHandle *> getCurrentContext{"cuCtxGetCurrent"};
  DriverFunction<ContextHandle> pushContext{"cuCtxPushCurrent_v2"};
  DriverFunction<ContextHandle *> popContext{"cuCtxPopCurrent_v2"};
  DriverFunction<Device *> getContextDevice{"cuCtxGetDevice"};
  DriverFunction<ContextHandle, unsigned long long *> getContextId{
      "cuCtxGetId"};
  DriverFunction<CaptureMode *> exchangeCaptureMode{
      "cuThreadExchangeStreamCaptureMode"};
  DriverFunction<StreamHandle, CaptureStatus *> isCapturing{
      "cuStreamIsCapturing"};
  DriverFunction<StreamHandle> synchronize{"cuStreamSynchronize"};
  DriverFunction<ModuleHandle *, const void *, unsigned, JitOption *, void **>
      loadModule{"cuModuleLoadDataEx"};
  DriverFunction<ModuleHandle> unloadModule{"cuModuleUnload"};
  DriverFunction<FunctionHandle *, ModuleHandle, const char *> getFunction{
      "cuModuleGetFunction"};
  DriverFunction<FunctionHandle, FunctionAttribute, int> setFunctionAttribute{
      "cuFuncSetAttribute"};
  DriverFunction<DevicePointer *, size_t> allocate{"cuMemAlloc_v2"};
  DriverFunction<DevicePointer> release{"cuMemFree_v2"};
  DriverFunction<DevicePointer, unsigned char, size_t> fill{"cuMemsetD8_v2"};
  DriverFunction<DevicePointer, DevicePointer, size_t, StreamHandle> copy{
      "cuMemcpyDtoDAsync_v2"};
  DriverFunction<size_t *, const MemoryProperties *, GranularityOption>
      getGranularity{"cuMemGetAllocationGranularity"};
  DriverFunction<DevicePointer *, size_t, size_t, DevicePointer,
                 unsigned long long>
      reserveAddresses{"cuMemAddressReserve"};
  DriverFunction<DevicePointer, size_t> freeAddresses{"cuMemAddressFree"};
  DriverFunction<MemoryHandle *, size_t, const MemoryProperties *,
                 unsigned long long>
      createMemory{"cuMemCreate"};
  DriverFunction<MemoryHandle> releaseMemory{"cuMemRelease"};
  DriverFunction<DevicePointer, size_t, size_t, MemoryHandle,
                 unsigned long long>
      mapMemory{"cuMemMap"};
  DriverFunction<DevicePointer, size_t> unmapMemory{"cuMemUnmap"};
  DriverFunction<DevicePointer, size_t, const MemoryAccess *, size_t>
      setMemoryAccess{"cuMemSetAccess"};
  DriverFunction<TensorMap *, TensorMapType, unsigned, void *, const uint64_t *,
                 const uint64_t *, const unsigned *, const unsigned *,
                 TensorMapInterleave, TensorMapSwizzle, TensorMapL2Promotion,
                 TensorMapFill>
      encodeTensorMap{"cuTensorMapEncodeTiled"};
  DriverFunction<TensorMap *, void *> replaceAddress{
      "cuTensorMapReplaceAddress"};
  DriverFunction<const LaunchConfig *, FunctionHandle, void **, void **> launch{
      "cuLaunchKernelEx"};

  /// Calls `visit` for every function but `getVersion`, which is asked first.
  template <typename F> void forEach(F visit) {
    visit(init), visit(getErrorName), visit(getErrorString), visit(getDevice);
    visit(getDeviceAttribute), visit(retainPrimaryContext);
    visit(releasePrimaryContext), visit(getCurrentContext);
    visit(pushContext), visit(popContext), visit(getContextDevice);
    visit(getContextId), visit(exchangeCaptureMode), visit(isCapturing);
    visit(synchronize), visit(loadModule), visit(unloadModule);
    visit(getFunction), visit(setFunctionAttribute), visit(allocate);
    visit(release), visit(fill), visit(encodeTensorMap), visit(launch);
    visit(replaceAddress);
    visit(getGranularity), visit(reserveAddresses), visit(freeAddresses);
    visit(createMemory), visit(releaseMemory), visit(mapMemory);
    visit(unmapMemory), visit(setMemoryAccess), visit(copy);
  }
};

/// An initialised driver. Immutable; lives until the process ends, since
/// libcuda cannot be unloaded while its threads run.
class Driver : public DriverTable {
public:
  /// The oldest version with tensor maps and extensible launches: CUDA 12.0.
  static constexpr int minimumVersion = 12000;

  /// The driver in the library that the environment variable ATTN_CUDA_DRIVER
  /// names, else libcuda.so.1; opened once. `unsupported` where there is none,
  /// where it is older than `minimumVersion` or lacks a function, `device`
  /// where it does not start. A refusal is not remembered.
  static Result<const Driver *> get();

  /// As the driver states it: 1000 * major + 10 * minor of its CUDA.
  int getVersionNumber() const { return version; }

  /// Calls `function` and reports what it returns: `device`, with the driver's
  /// name of the error and the function's. `feature` heads the message.
  /// Allocates nothing on success.
  template <typename... Parameters, typename... Values>
  Status call(std::string_view feature,
              const DriverFunction<Parameters...> &function,
              Values... values) const {
    ResultCode code = function.address(values...);
    return code == success ? Status() : report(feature, function.symbol, code);
  }

  /// The Status for what the function called `symbol` returned.
  /// Pre-condition: `code` is no success.
  Status report(std::string_view feature, const char *symbol, ResultCode code,
                std::string_view details = {}) const;

  /// "12.4" for 12040.
  static std::string formatVersion(int version);

private:
  Driver() = default;
  static Result<const Driver *> open(const std::string &path);
  Status bind(void *library, const std::string &path);

  int version = 0;
};

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_DRIVER_H

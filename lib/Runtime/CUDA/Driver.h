//===- Driver.h - NVIDIA's driver, found at run time ----------------------===//
//
// libcuda's functions, and the versions of it that the runtime takes.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_DRIVER_H
#define ATTN_LIB_RUNTIME_CUDA_DRIVER_H

#include "../GPU/DriverLibrary.h"
#include "DriverTypes.h"

namespace attn::cuda {

/// The functions that are called, in the versions of CUDA 12.0.
struct DriverTable {
  DriverFunction<int *> getVersion{"cuDriverGetVersion"};
  DriverFunction<unsigned> init{"cuInit"};
  DriverFunction<ResultCode, const char **> nameError{"cuGetErrorName"};
  DriverFunction<ResultCode, const char **> describeError{"cuGetErrorString"};
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
    visit(init), visit(nameError), visit(describeError), visit(getDevice);
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

class Driver final : public DriverTable, public DriverLibrary {
public:
  /// The oldest version with tensor maps and extensible launches: CUDA 12.0.
  static constexpr int minimumVersion = 12000;

  /// The driver in the library that the environment variable ATTN_CUDA_DRIVER
  /// names, else libcuda.so.1. `unsupported` where there is none, where it is
  /// older than `minimumVersion` or lacks a function.
  static Result<const Driver *> get();

  /// "12.4" for 12040.
  static std::string formatVersion(int version);

private:
  Driver();
  Status bind(void *library, const std::string &path) override;
  const char *getErrorName(ResultCode code) const override;
  const char *getErrorText(ResultCode code) const override;
  const char *getAlternative(ResultCode code) const override;
};

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_DRIVER_H

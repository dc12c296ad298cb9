//===- CudaDevice.h - a device in a context of CUDA -----------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_CUDADEVICE_H
#define ATTN_LIB_RUNTIME_CUDA_CUDADEVICE_H

#include "../GPU/Device.h"
#include "Driver.h"

namespace attn::cuda {

/// A driver's context and its device.
class CudaDevice final : public gpu::Device {
public:
  /// The calling thread's current context, else the primary context of device
  /// 0, which is then retained until this is released.
  static Result<std::shared_ptr<const CudaDevice>> acquire(const Driver &);
  ~CudaDevice() override;
  CudaDevice(const CudaDevice &) = delete;
  CudaDevice &operator=(const CudaDevice &) = delete;

  const Driver &getCudaDriver() const {
    return static_cast<const Driver &>(driver);
  }
  ContextHandle getHandle() const { return handle; }
  int getNumber() const { return device; }
  int getComputeMajor() const { return computeMajor; }
  int getComputeMinor() const { return computeMinor; }

  DLDevice getDLDevice() const override { return {kDLCUDA, device}; }
  unsigned long long getId() const override { return id; }
  int64_t getMaxBlocks(size_t dim, int64_t threads) const override;
  Status enter(Entry &entry) const override;
  void leave(Entry &entry) const override;
  Status checkNoCapture(const std::string &feature) const override;
  Status synchronize(const std::string &feature) const override;
  Status allocate(DevicePointer &address, uint64_t bytes,
                  const std::string &feature) const override;
  void release(DevicePointer address) const override;
  Status clear(DevicePointer address, uint64_t bytes,
               const std::string &feature) const override;
  Status copy(DevicePointer to, DevicePointer from, uint64_t bytes,
              StreamHandle stream, const char *feature) const override;
  /// Of a cubin, or of PTX text, which the driver then compiles: what that
  /// refuses is reported in its words.
  Status loadModule(ModuleHandle &module, const std::string &image,
                    const std::string &feature) const override;
  void unloadModule(ModuleHandle module) const override;
  Result<FunctionHandle>
  findFunction(ModuleHandle module, const std::string &symbol,
               int64_t sharedBytes, const std::string &feature) const override;
  Status encodeTensorMap(const Manifest::Argument &argument,
                         const Launch::Parameter &parameter,
                         const BoundTensor &tensor, DevicePointer zeros,
                         bool isMove, void *place) const override;
  Result<bool> isCapturing(StreamHandle stream,
                           const std::string &feature) const override;
  Status launch(const gpu::LaunchShape &shape, FunctionHandle function,
                StreamHandle stream, void **parameters, const Launch &launch,
                const std::string &name) const override;
  StreamHandle getDefaultStream() const override { return getLegacyStream(); }

private:
  explicit CudaDevice(const Driver &driver) : Device(driver) {}
  Status initialize();

  ContextHandle handle = nullptr;
  unsigned long long id = 0;
  cuda::Device device = 0;
  bool retained = false;
  int computeMajor = 0, computeMinor = 0;
};

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_CUDADEVICE_H

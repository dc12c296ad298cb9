//===- HipDevice.h - a device of HIP --------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_HIP_HIPDEVICE_H
#define ATTN_LIB_RUNTIME_HIP_HIPDEVICE_H

#include "../GPU/Device.h"
#include "Driver.h"

namespace attn::hip {

/// HIP has one context a device, which a thread chooses by its number.
class HipDevice final : public gpu::Device {
public:
  /// The calling thread's current device: 0 until it sets another.
  static Result<std::shared_ptr<const HipDevice>> acquire(const Driver &);

  int getNumber() const { return number; }
  /// As "gfx942", without the features that code may leave open.
  const std::string &getArch() const { return arch; }

  DLDevice getDLDevice() const override { return {kDLROCM, number}; }
  unsigned long long getId() const override {
    return static_cast<unsigned long long>(number);
  }
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
  /// Of a code object.
  Status loadModule(ModuleHandle &module, const std::string &image,
                    const std::string &feature) const override;
  void unloadModule(ModuleHandle module) const override;
  Result<FunctionHandle>
  findFunction(ModuleHandle module, const std::string &symbol,
               int64_t sharedBytes, const std::string &feature) const override;
  Result<bool> isCapturing(StreamHandle stream,
                           const std::string &feature) const override;
  Status launch(const gpu::LaunchShape &shape, FunctionHandle function,
                StreamHandle stream, void **parameters, const Launch &launch,
                const std::string &name) const override;
  StreamHandle getDefaultStream() const override { return nullptr; }

private:
  explicit HipDevice(const Driver &driver) : Device(driver) {}
  Status initialize();
  const Driver &getHipDriver() const {
    return static_cast<const Driver &>(driver);
  }

  int number = 0;
  std::string arch;
};

} // namespace attn::hip

#endif // ATTN_LIB_RUNTIME_HIP_HIPDEVICE_H

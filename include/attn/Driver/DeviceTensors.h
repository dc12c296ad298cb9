//===- DeviceTensors.h - copies of tensors on a GPU -------------*- C++ -*-===//

#ifndef ATTN_DRIVER_DEVICETENSORS_H
#define ATTN_DRIVER_DEVICETENSORS_H

#include "attn/Driver/HostTensor.h"

#include <map>
#include <memory>
#include <string>

namespace attn {

/// Copies of tensors in the memory of the first GPU, with what lies between and
/// around their elements.
class DeviceTensors {
public:
  /// Makes the first GPU current on this thread: AMD's where `target` is one of
  /// its, else NVIDIA's. Refuses where there is no driver or no GPU.
  static Result<DeviceTensors> create(llvm::StringRef target = {});
  DeviceTensors(DeviceTensors &&);
  ~DeviceTensors();

  /// Copies `tensor` to the device, again if it is there.
  Status upload(const std::string &name, HostTensor &tensor);
  /// Copies the device's back into it.
  Status download(const std::string &name, HostTensor &tensor);
  /// `tensor`'s view with the data on the device, where it was uploaded.
  DLTensor getView(const std::string &name, HostTensor &tensor) const;

  /// Writes more than the caches hold, so that a run after it finds none of its
  /// tensors there.
  Status flushCaches();
  /// As the driver calls it.
  const std::string &getDeviceName() const { return deviceName; }

private:
  struct Driver;
  DeviceTensors();

  std::unique_ptr<Driver> driver;
  /// By name: the device's address of the first byte of the tensor's memory,
  /// and of the allocation.
  std::map<std::string, std::pair<uint64_t, uint64_t>> addresses;
  std::string deviceName;
  /// What flushCaches writes; 0 before its first call.
  uint64_t scratch = 0;
};

} // namespace attn

#endif // ATTN_DRIVER_DEVICETENSORS_H

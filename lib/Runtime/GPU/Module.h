//===- Module.h - a kernel's machine code on a device ---------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_MODULE_H
#define ATTN_LIB_RUNTIME_GPU_MODULE_H

#include "Device.h"

#include <string>

namespace attn::gpu {

/// A loaded module; unloaded with its last owner.
class Module {
public:
  /// Loads what `Device::loadModule` takes. A module of the same bytes in the
  /// same context that is still alive is shared; one image is loaded at a time.
  /// `name` heads the messages.
  static Result<std::shared_ptr<const Module>>
  load(std::shared_ptr<const Device> device, const std::string &image,
       const std::string &name);
  ~Module();
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  const std::string &getImage() const { return image; }

  /// As Device::findFunction. Pre-condition: the device is entered.
  Result<FunctionHandle> find(const std::string &symbol, int64_t sharedBytes,
                              const std::string &name) const {
    return device->findFunction(handle, symbol, sharedBytes, name);
  }

private:
  Module(std::shared_ptr<const Device> device, std::string image)
      : device(std::move(device)), image(std::move(image)) {}
  Status load(const std::string &name);

  std::shared_ptr<const Device> device;
  std::string image;
  ModuleHandle handle = nullptr;
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_MODULE_H

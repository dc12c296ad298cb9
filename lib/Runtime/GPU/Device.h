//===- Device.h - what the runtime asks of a GPU --------------------------===//
//
// Kernels, plans and caches of GPUs are the same for all vendors. What differs
// is here: a device implements these calls over its vendor's driver, and a
// `Vendor` (Vendor.h) says which artifacts it takes.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_DEVICE_H
#define ATTN_LIB_RUNTIME_GPU_DEVICE_H

#include "../BoundTensor.h"
#include "DriverLibrary.h"
#include "Handles.h"
#include "attn/Runtime/Launch.h"

#include <memory>
#include <string>

namespace attn::gpu {

/// The blocks of a launch and what each of them has.
struct LaunchShape {
  unsigned grid[3];
  unsigned threads;
  unsigned cluster[3];
  unsigned sharedBytes;
};

/// A device, in the context in which kernels live, with what the runtime has to
/// know of it. Shared by all that lives in it. Every call that has a `feature`
/// heads its messages by that, and where the driver fails returns `device`.
class Device {
public:
  virtual ~Device() = default;

  const DriverLibrary &getDriver() const { return driver; }
  virtual DLDevice getDLDevice() const = 0;
  /// Unlike any handle, never that of another context later on.
  virtual unsigned long long getId() const = 0;
  int getMultiprocessors() const { return multiprocessors; }
  /// The most shared memory that a block can have.
  int getMaxSharedBytes() const { return maxSharedBytes; }

  /// The most blocks of a grid along `dim`, of so many threads each.
  virtual int64_t getMaxBlocks(size_t dim, int64_t threads) const = 0;

  /// What DeviceScope has to restore.
  struct Entry {
    int mode, previous;
    bool isEntered = false, isRelaxed = false;
  };
  virtual Status enter(Entry &entry) const = 0;
  virtual void leave(Entry &entry) const = 0;

  // Pre-condition of what follows: the device is entered.

  /// Refuses while the default stream cannot be used because a stream that it
  /// waits for captures; the capture goes on.
  virtual Status checkNoCapture(const std::string &feature) const = 0;
  /// Waits for the default stream.
  virtual Status synchronize(const std::string &feature) const = 0;

  /// What is aligned to 256 bytes or more.
  virtual Status allocate(DevicePointer &address, uint64_t bytes,
                          const std::string &feature) const = 0;
  virtual void release(DevicePointer address) const = 0;
  virtual Status clear(DevicePointer address, uint64_t bytes,
                       const std::string &feature) const = 0;
  virtual Status copy(DevicePointer to, DevicePointer from, uint64_t bytes,
                      StreamHandle stream, const char *feature) const = 0;

  virtual Status loadModule(ModuleHandle &module, const std::string &image,
                            const std::string &feature) const = 0;
  virtual void unloadModule(ModuleHandle module) const = 0;
  /// The function called `symbol`, for blocks of so much shared memory;
  /// `corrupt` where there is none.
  virtual Result<FunctionHandle>
  findFunction(ModuleHandle module, const std::string &symbol,
               int64_t sharedBytes, const std::string &feature) const = 0;

  /// Writes what a parameter of the kind tensorMap asks for to `place`: 128
  /// bytes, which are those of another tensor of the same shape where `isMove`.
  /// `zeros` is what the map of an empty tensor is of. Refused by devices
  /// without tensor maps.
  virtual Status encodeTensorMap(const Manifest::Argument &argument,
                                 const Launch::Parameter &parameter,
                                 const BoundTensor &tensor, DevicePointer zeros,
                                 bool isMove, void *place) const;

  // No pre-condition: of a thread that has the device entered these are one
  // call of the driver, or as many as HIP needs to know that it has.

  virtual Result<bool> isCapturing(StreamHandle stream,
                                   const std::string &feature) const = 0;
  /// `name` is the kernel's, and heads messages.
  virtual Status launch(const LaunchShape &shape, FunctionHandle function,
                        StreamHandle stream, void **parameters,
                        const Launch &launch,
                        const std::string &name) const = 0;
  /// The stream that `synchronize` waits for.
  virtual StreamHandle getDefaultStream() const = 0;

protected:
  explicit Device(const DriverLibrary &driver) : driver(driver) {}

  const DriverLibrary &driver;
  int multiprocessors = 0, maxSharedBytes = 0;
};

/// Makes a device the calling thread's current one while it lives, and keeps
/// its calls from ending a capture that goes on in this or another thread:
/// objects may be released at any time, as by a garbage collector.
class DeviceScope {
public:
  explicit DeviceScope(const Device &device) : device(device) {}
  ~DeviceScope() { device.leave(entry); }
  DeviceScope(const DeviceScope &) = delete;
  DeviceScope &operator=(const DeviceScope &) = delete;

  /// To be called once, before all that needs the device.
  Status enter() { return device.enter(entry); }

private:
  const Device &device;
  Device::Entry entry{};
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_DEVICE_H

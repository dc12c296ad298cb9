//===- CudaVirtualMemory.cpp - a GPU's addresses and memory ---------------===//
//
// CUDA's virtual memory management. Its calls belong to a device rather than a
// context, but some drivers want one to be current; and a capture that goes on
// in this thread must not be ended by them.
//
//===----------------------------------------------------------------------===//

#include "attn/Runtime/KvCache/VirtualMemory.h"

#include "CudaDevice.h"

#include <new>

using namespace attn;
using namespace attn::cuda;

static const char *const feature = "cache";

namespace {
class CudaVirtualMemory : public VirtualMemory {
public:
  explicit CudaVirtualMemory(std::shared_ptr<const CudaDevice> context)
      : context(std::move(context)) {}
  /// Asks the device what it has.
  Status initialize();

  uint64_t getGranularity() const override { return granularity; }
  Result<Address> reserve(uint64_t bytes) override;
  Status free(Address address, uint64_t bytes) override;
  Result<Granule> create() override;
  Status release(Granule granule) override;
  Status map(Address address, Granule granule) override;
  Status unmap(Address address) override;

private:
  const Driver &getDriver() const { return context->getCudaDriver(); }
  MemoryLocation getLocation() const {
    return {locationDevice, context->getNumber()};
  }
  MemoryProperties getProperties() const {
    return {memoryPinned, 0, getLocation(), nullptr, {}};
  }
  /// Calls a function of the driver in the context.
  template <typename... Parameters, typename... Values>
  Status call(const DriverFunction<Parameters...> &function,
              Values... values) const {
    gpu::DeviceScope scope(*context);
    if (Status status = scope.enter(); !status.isOk())
      return status;
    return getDriver().call(feature, function, values...);
  }

  std::shared_ptr<const CudaDevice> context;
  size_t granularity = 0;
};
} // namespace

Status CudaVirtualMemory::initialize() {
  int isSupported = 0;
  if (Status status = call(getDriver().getDeviceAttribute, &isSupported,
                           virtualMemoryManagement, context->getNumber());
      !status.isOk())
    return status;
  if (!isSupported)
    return Status::error(StatusCode::unsupported, feature,
                         "expects a device with virtual memory management, but "
                         "device " +
                             std::to_string(context->getNumber()) + " has none",
                         "use a paged or a dense cache");
  MemoryProperties properties = getProperties();
  return call(getDriver().getGranularity, &granularity, &properties,
              granularityMinimum);
}

Result<VirtualMemory::Address> CudaVirtualMemory::reserve(uint64_t bytes) {
  DevicePointer address = 0;
  Status status =
      call(getDriver().reserveAddresses, &address, static_cast<size_t>(bytes),
           granularity, DevicePointer(0), 0ull);
  if (!status.isOk())
    return status;
  return static_cast<Address>(address);
}

Status CudaVirtualMemory::free(Address address, uint64_t bytes) {
  return call(getDriver().freeAddresses, DevicePointer(address),
              static_cast<size_t>(bytes));
}

Result<VirtualMemory::Granule> CudaVirtualMemory::create() {
  MemoryHandle granule = 0;
  MemoryProperties properties = getProperties();
  Status status =
      call(getDriver().createMemory, &granule, granularity, &properties, 0ull);
  if (!status.isOk())
    return status;
  return static_cast<Granule>(granule);
}

Status CudaVirtualMemory::release(Granule granule) {
  return call(getDriver().releaseMemory, MemoryHandle(granule));
}

Status CudaVirtualMemory::map(Address address, Granule granule) {
  const Driver &driver = getDriver();
  gpu::DeviceScope scope(*context);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  if (Status status =
          driver.call(feature, driver.mapMemory, DevicePointer(address),
                      granularity, size_t(0), MemoryHandle(granule), 0ull);
      !status.isOk())
    return status;
  MemoryAccess access = {getLocation(), accessReadWrite};
  Status status =
      driver.call(feature, driver.setMemoryAccess, DevicePointer(address),
                  granularity, &access, size_t(1));
  if (!status.isOk())
    driver.unmapMemory.address(DevicePointer(address), granularity);
  return status;
}

Status CudaVirtualMemory::unmap(Address address) {
  return call(getDriver().unmapMemory, DevicePointer(address), granularity);
}

Result<std::shared_ptr<VirtualMemory>> attn::createCudaVirtualMemory() {
  using Created = Result<std::shared_ptr<VirtualMemory>>;
  try {
    Result<const Driver *> driver = Driver::get();
    if (!driver.isOk())
      return driver.takeStatus();
    Result<std::shared_ptr<const CudaDevice>> context =
        CudaDevice::acquire(**driver);
    if (!context.isOk())
      return context.takeStatus();
    auto memory = std::make_shared<CudaVirtualMemory>(std::move(*context));
    if (Status status = memory->initialize(); !status.isOk())
      return status;
    return Created(std::move(memory));
  } catch (const std::bad_alloc &) {
    return Status::error(StatusCode::resourceExhausted, feature,
                         "expects memory of the host, but got none",
                         "free what is not needed");
  }
}

//===- DeviceBlocks.cpp - blocks of keys and values on a GPU --------------===//

#include "attn/Runtime/KvCache/DeviceBlocks.h"

#include "../KvCache/BlockCopies.h"
#include "DeviceMemory.h"
#include "Vendor.h"

using namespace attn;
using namespace attn::gpu;

static const char *const feature = "cache";

namespace {
class GpuBlocks : public DeviceBlocks {
public:
  GpuBlocks(const KvLayout &layout, int32_t numBlocks,
            std::shared_ptr<const Device> device)
      : DeviceBlocks(layout, numBlocks), device(std::move(device)) {}
  Status allocate();

  uint64_t getAddress() const override { return memory.getAddress(); }
  Status copy(const PageCopy &copy, void *stream) override;

private:
  std::shared_ptr<const Device> device;
  DeviceMemory memory;
};
} // namespace

Status GpuBlocks::allocate() {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(getLayout().getBlockBytes(), getNumBlocks(),
                             &bytes))
    return refuse(std::to_string(getNumBlocks()) + " blocks of " +
                      std::to_string(getLayout().getBlockBytes()) +
                      " bytes have more than 2^64 bytes",
                  "make the cache smaller", StatusCode::resourceExhausted);
  DeviceScope scope(*device);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  return memory.allocate(device, bytes, feature);
}

Status GpuBlocks::copy(const PageCopy &copy, void *stream) {
  return refuseWithoutMemory([&]() -> Status {
    const KvLayout &layout = getLayout();
    if (Status status = checkCopy(copy, layout, getNumBlocks()); !status.isOk())
      return status;
    DeviceScope scope(*device);
    if (Status status = scope.enter(); !status.isOk())
      return status;
    auto getBlock = [&](PageId block) {
      return getAddress() + static_cast<uint64_t>(block) *
                                static_cast<uint64_t>(layout.getBlockBytes());
    };
    for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
      KvLayout::Stream rows = layout.getStream(i);
      auto offset = static_cast<uint64_t>(rows.offset);
      auto bytes = static_cast<uint64_t>(copy.numTokens * rows.tokenBytes);
      if (bytes == 0)
        continue;
      if (Status status = device->copy(
              getBlock(copy.to) + offset, getBlock(copy.from) + offset, bytes,
              static_cast<StreamHandle>(stream), feature);
          !status.isOk())
        return status;
    }
    return {};
  });
}

Result<std::unique_ptr<DeviceBlocks>>
DeviceBlocks::create(const KvLayout &layout, int32_t numBlocks) {
  using Created = Result<std::unique_ptr<DeviceBlocks>>;
  return refuseWithoutMemory([&]() -> Created {
    if (Status status = checkNumBlocks(numBlocks); !status.isOk())
      return status;
    Result<std::shared_ptr<const Device>> device = getAnyDevice();
    if (!device.isOk())
      return device.takeStatus();
    auto blocks =
        std::make_unique<GpuBlocks>(layout, numBlocks, std::move(*device));
    if (Status status = blocks->allocate(); !status.isOk())
      return status;
    return Created(std::move(blocks));
  });
}

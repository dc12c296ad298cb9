//===- CudaBlocks.cpp - blocks of keys and values on a GPU ----------------===//

#include "attn/Runtime/KvCache/DeviceBlocks.h"

#include "../KvCache/BlockCopies.h"
#include "DeviceMemory.h"

using namespace attn;
using namespace attn::cuda;

static const char *const feature = "cache";

namespace {
class CudaBlocks : public DeviceBlocks {
public:
  CudaBlocks(const KvLayout &layout, int32_t numBlocks,
             std::shared_ptr<const Context> context)
      : DeviceBlocks(layout, numBlocks), context(std::move(context)) {}
  Status allocate();

  uint64_t getAddress() const override { return memory.getAddress(); }
  Status copy(const PageCopy &copy, void *stream) override;

private:
  std::shared_ptr<const Context> context;
  DeviceMemory memory;
};
} // namespace

Status CudaBlocks::allocate() {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(getLayout().getBlockBytes(), getNumBlocks(),
                             &bytes))
    return refuse(std::to_string(getNumBlocks()) + " blocks of " +
                      std::to_string(getLayout().getBlockBytes()) +
                      " bytes have more than 2^64 bytes",
                  "make the cache smaller", StatusCode::resourceExhausted);
  ContextScope scope(*context);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  return memory.allocate(context, bytes, feature);
}

Status CudaBlocks::copy(const PageCopy &copy, void *stream) {
  return refuseWithoutMemory([&]() -> Status {
    const KvLayout &layout = getLayout();
    if (Status status = checkCopy(copy, layout, getNumBlocks()); !status.isOk())
      return status;
    const Driver &driver = context->getDriver();
    ContextScope scope(*context);
    if (Status status = scope.enter(); !status.isOk())
      return status;
    auto getBlock = [&](PageId block) {
      return getAddress() + static_cast<uint64_t>(block) *
                                static_cast<uint64_t>(layout.getBlockBytes());
    };
    for (int64_t i = 0; i < layout.getNumStreams(); ++i) {
      KvLayout::Stream rows = layout.getStream(i);
      auto offset = static_cast<uint64_t>(rows.offset);
      auto bytes = static_cast<size_t>(copy.numTokens * rows.tokenBytes);
      if (bytes == 0)
        continue;
      if (Status status = driver.call(
              feature, driver.copy, DevicePointer(getBlock(copy.to) + offset),
              DevicePointer(getBlock(copy.from) + offset), bytes,
              static_cast<StreamHandle>(stream));
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
    Result<const Driver *> driver = Driver::get();
    if (!driver.isOk())
      return driver.takeStatus();
    Result<std::shared_ptr<const Context>> context = Context::acquire(**driver);
    if (!context.isOk())
      return context.takeStatus();
    auto blocks =
        std::make_unique<CudaBlocks>(layout, numBlocks, std::move(*context));
    if (Status status = blocks->allocate(); !status.isOk())
      return status;
    return Created(std::move(blocks));
  });
}

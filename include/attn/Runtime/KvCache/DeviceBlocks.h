//===- DeviceBlocks.h - blocks of keys and values on a GPU ------*- C++ -*-===//
//
// What HostBlocks is on a CPU: the memory of a paged, dense or streaming cache,
// in one piece. It is all taken at once, and never read or written but by what
// streams are told.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_DEVICEBLOCKS_H
#define ATTN_RUNTIME_KVCACHE_DEVICEBLOCKS_H

#include "attn/Runtime/KvCache/KvLayout.h"
#include "attn/Runtime/KvCache/Sequence.h"

#include <memory>

namespace attn {

class DeviceBlocks {
public:
  /// Blocks that hold anything, of the calling thread's current CUDA context,
  /// else of CUDA's device 0; without CUDA's driver of HIP's current device.
  /// Refused where there is no driver or not the memory.
  static Result<std::unique_ptr<DeviceBlocks>> create(const KvLayout &layout,
                                                      int32_t numBlocks);
  /// Waits for the kernels that use it.
  virtual ~DeviceBlocks() = default;
  DeviceBlocks(const DeviceBlocks &) = delete;
  DeviceBlocks &operator=(const DeviceBlocks &) = delete;

  const KvLayout &getLayout() const { return layout; }
  int32_t getNumBlocks() const { return numBlocks; }

  /// Where the first block begins, the others follow; 0 without blocks.
  virtual uint64_t getAddress() const = 0;
  /// Enqueues what a cache has asked for: a copy for each stream of the layout,
  /// one if rows lie by token. Refuses blocks and tokens that there are not.
  /// What a copy that fails leaves where it was to go is undefined.
  /// Pre-condition: `stream`, a CUstream or hipStream_t, is of the blocks'
  /// context.
  virtual Status copy(const PageCopy &copy, void *stream) = 0;

protected:
  DeviceBlocks(const KvLayout &layout, int32_t numBlocks)
      : layout(layout), numBlocks(numBlocks) {}

private:
  KvLayout layout;
  int32_t numBlocks;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_DEVICEBLOCKS_H

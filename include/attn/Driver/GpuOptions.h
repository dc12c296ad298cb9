//===- GpuOptions.h - what a user says of a compilation for a GPU ---------===//

#ifndef ATTN_DRIVER_GPUOPTIONS_H
#define ATTN_DRIVER_GPUOPTIONS_H

#include "attn/Analysis/ScheduleTable.h"

#include <optional>
#include <string>

namespace attn {

class Cache;

/// Up to so many queries of a sequence what a kernel takes is the time to read
/// the keys.
inline constexpr int64_t kFewQueries = 16;

struct GpuOptions {
  /// The GPU, as `--target` says it; empty for the usual one.
  std::string target;
  /// Fields of the schedule that are kept to.
  ScheduleFields schedule;
  /// Entries that go before those that ship.
  ScheduleTable table;
  /// The kernel is for the given lengths and integer parameters alone.
  bool specialize = false;
  /// Tensors may have any strides and alignment: threads copy them.
  bool anyStrides = false;
  /// Query heads of a key head, at the most, whose queries are rows of one
  /// tile.
  std::optional<int64_t> pack;
  /// The most keys that the program will run with, if that is known.
  std::optional<int64_t> length;
  /// The most queries of a sequence, if that is known. If they are few, heads
  /// are packed and blocks share a line of steps where nothing else is said.
  std::optional<int64_t> queries;

  bool hasFewQueries() const { return queries && *queries <= kFewQueries; }
  /// Where kernels are kept; may be null.
  Cache *cache = nullptr;
};

} // namespace attn

#endif // ATTN_DRIVER_GPUOPTIONS_H

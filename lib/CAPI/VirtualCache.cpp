//===- VirtualCache.cpp - the C interface of virtually contiguous caches --===//

#include "Caches.h"

using namespace attn;
using namespace attn::capi;

static Result<std::shared_ptr<VirtualMemory>>
createMemory(const char *name, const attn_virtual_cache_options &options) {
  if (options.granule_bytes < 0 ||
      (options.granule_bytes != 0 && options.device_type != kDLCPU))
    return Status::error(StatusCode::invalidArgument, name,
                         "expects a granule of 0 or more bytes on a CPU, and "
                         "of 0, the device's own, elsewhere, but got " +
                             std::to_string(options.granule_bytes),
                         "give 0");
  switch (options.device_type) {
  case kDLCPU:
    return options.granule_bytes == 0
               ? createHostVirtualMemory()
               : createHostVirtualMemory(options.granule_bytes);
  case kDLCUDA:
    return createCudaVirtualMemory();
  default:
    return Status::error(StatusCode::unsupported, name,
                         "expects memory of a CPU (device type 1) or of CUDA "
                         "(2), but got device type " +
                             std::to_string(options.device_type),
                         "use a paged or dense cache");
  }
}

attn_status attn_virtual_cache_create(const attn_virtual_cache_options *given,
                                      attn_cache *cache) {
  static constexpr const char *name = "attn_virtual_cache_create";
  return guarded(name, [&]() -> Status {
    if (!cache)
      return isNull(name, "a place for the cache");
    *cache = {};
    if (!given)
      return isNull(name, "options");
    attn_virtual_cache_options options;
    if (Status status = readOptions(name, given, options); !status.isOk())
      return status;
    auto memory = createMemory(name, options);
    if (!memory.isOk())
      return memory.takeStatus();
    VirtualCacheOptions virtually;
    virtually.numSlots = options.num_slots;
    virtually.capacity = options.capacity;
    virtually.shape = {options.num_layers, options.num_heads, options.key_bytes,
                       options.value_bytes};
    virtually.order =
        options.by_layer == 0 ? KvOrder::byToken : KvOrder::byLayer;
    virtually.mostGranules = options.most_granules;
    virtually.overreadTokens = options.overread_tokens;
    virtually.aheadTokens = options.ahead_tokens;
    return addCache(VirtualCache::create(std::move(*memory), virtually), cache);
  });
}

/// As withCache, of this kind alone.
template <typename Body>
static attn_status withVirtual(const char *name, attn_cache cache, Body body) {
  return withCache(name, cache, body, [&](auto &) {
    return refuseKind(name, "a virtually contiguous cache");
  });
}

attn_status attn_virtual_cache_view(attn_cache cache, int32_t layer,
                                    int32_t is_value, attn_kv_view *view) {
  static constexpr const char *name = "attn_virtual_cache_view";
  return withVirtual(name, cache, [&](VirtualCache &accounts) -> Status {
    if (!view)
      return isNull(name, "a place for the view");
    *view = {};
    const KvLayout &layout = accounts.getLayout();
    if (layer < 0 || layer >= layout.getShape().numLayers)
      return Status::error(StatusCode::invalidArgument, name,
                           "expects one of " +
                               std::to_string(layout.getShape().numLayers) +
                               " layers, but got " + std::to_string(layer),
                           "give a layer of the cache");
    const KvLayout::Side &side =
        layout.getSide(is_value ? KvSide::value : KvSide::key);
    uint64_t address =
        accounts.getBaseAddress() + side.offset + layer * side.layerBytes;
    *view = {reinterpret_cast<void *>(address), layout.getBlockBytes(),
             side.tokenBytes, side.headBytes};
    return {};
  });
}

attn_status attn_virtual_cache_fork(attn_cache cache, attn_sequence sequence,
                                    int64_t length, attn_sequence *forked,
                                    attn_range_copy *copies, size_t capacity,
                                    size_t *count) {
  static constexpr const char *name = "attn_virtual_cache_fork";
  return withVirtual(name, cache, [&](VirtualCache &accounts) -> Status {
    if (!forked || !count || (!copies && capacity != 0))
      return isNull(name, !forked  ? "a place for the sequence"
                          : !count ? "a place for the count"
                                   : "copies");
    *forked = {UINT32_MAX, UINT32_MAX};
    *count = 0;
    // Before anything is done.
    auto most = static_cast<size_t>(accounts.getLayout().getNumStreams());
    if (capacity < most)
      return Status::error(StatusCode::invalidArgument, name,
                           "expects room for " + std::to_string(most) +
                               " copies, but got " + std::to_string(capacity),
                           "give two for each layer, by token one");
    auto done = length < 0 ? accounts.fork(toId(sequence))
                           : accounts.fork(toId(sequence), length);
    if (!done.isOk())
      return done.takeStatus();
    *forked = toC(done->sequence);
    *count = done->copies.size();
    for (size_t i = 0; i < done->copies.size(); ++i) {
      const RangeCopy &copy = done->copies[i];
      copies[i] = {reinterpret_cast<const void *>(copy.from),
                   reinterpret_cast<void *>(copy.to), copy.numBytes};
    }
    return {};
  });
}

attn_status attn_virtual_cache_map_ahead(attn_cache cache,
                                         int32_t most_granules,
                                         int32_t *num_mapped) {
  static constexpr const char *name = "attn_virtual_cache_map_ahead";
  return withVirtual(name, cache, [&](VirtualCache &accounts) -> Status {
    if (num_mapped)
      *num_mapped = 0;
    if (most_granules < 0)
      return Status::error(StatusCode::invalidArgument, name,
                           "expects no negative number of granules, but got " +
                               std::to_string(most_granules),
                           "give 0 or more");
    Result<int32_t> mapped = accounts.mapAhead(most_granules);
    if (!mapped.isOk())
      return mapped.takeStatus();
    if (num_mapped)
      *num_mapped = *mapped;
    return {};
  });
}

attn_status attn_virtual_cache_release_unused(attn_cache cache) {
  return withVirtual(
      "attn_virtual_cache_release_unused", cache,
      [](VirtualCache &accounts) { return accounts.releaseUnused(); });
}

attn_status attn_virtual_cache_add_fence(attn_cache cache, uint64_t *fence) {
  static constexpr const char *name = "attn_virtual_cache_add_fence";
  return withVirtual(name, cache, [&](VirtualCache &accounts) -> Status {
    if (!fence)
      return isNull(name, "a place for the fence");
    *fence = accounts.addFence();
    return {};
  });
}

attn_status attn_virtual_cache_signal_fence(attn_cache cache, uint64_t fence) {
  return withVirtual(
      "attn_virtual_cache_signal_fence", cache,
      [&](VirtualCache &accounts) { return accounts.signalFence(fence); });
}

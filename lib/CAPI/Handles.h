//===- Handles.h - objects by numbers that are given once -------*- C++ -*-===//
//
// A handle's 64 bits, from the highest: 8 that tell the kind of object, 24 that
// count the owners of its place, 32 that are the place and are never all 0. A
// place whose count is used up is not given again, so that no number ever means
// two objects.
//
//===----------------------------------------------------------------------===//

#ifndef LIB_CAPI_HANDLES_H
#define LIB_CAPI_HANDLES_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace attn::capi {

enum class HandleKind : uint8_t { kernel = 1, pool, plan, cancellation, cache };

/// What a kind is called in messages.
const char *getName(HandleKind kind);

/// Held while a table is made or looked at, and by fork(), so that a child
/// finds it free.
extern std::mutex handleMutex;

/// Why a number that no live object has is refused.
Status refuseHandle(uint64_t id, HandleKind expected);

/// The objects of one kind. Shared by threads; an object that one of them uses
/// outlives its release by another.
template <typename Object> class HandleTable {
public:
  /// The only one. It is never destroyed: threads may use it until the process
  /// ends.
  static HandleTable &get() {
    // Not by a static initializer: a child that is forked while another thread
    // runs one waits for it without end.
    static HandleTable *table = nullptr;
    std::lock_guard<std::mutex> lock(handleMutex);
    if (!table)
      table = new HandleTable;
    return *table;
  }

  uint64_t add(std::shared_ptr<Object> object) {
    std::lock_guard<std::mutex> lock(handleMutex);
    if (unused.empty()) {
      // Room for the release of every place, which then cannot fail.
      unused.reserve(places.size() + 1);
      places.push_back({});
      unused.push_back(static_cast<uint32_t>(places.size() - 1));
    }
    uint32_t place = unused.back();
    unused.pop_back();
    places[place].object = std::move(object);
    return makeId(place);
  }

  Result<std::shared_ptr<Object>> find(uint64_t id) {
    {
      std::lock_guard<std::mutex> lock(handleMutex);
      if (Place *place = lookUp(id))
        return place->object;
    }
    return refuseHandle(id, Object::kind);
  }

  Status release(uint64_t id) {
    if (id == 0)
      return {};
    // Destroyed outside the lock.
    std::shared_ptr<Object> object;
    {
      std::lock_guard<std::mutex> lock(handleMutex);
      if (Place *place = lookUp(id)) {
        object = std::move(place->object);
        place->object = nullptr;
        if (++place->generation < numGenerations)
          unused.push_back(static_cast<uint32_t>(place - places.data()));
      }
    }
    return object ? Status() : refuseHandle(id, Object::kind);
  }

private:
  static constexpr uint32_t numGenerations = 1u << 24;

  struct Place {
    std::shared_ptr<Object> object;
    uint32_t generation = 0;
  };

  uint64_t makeId(uint32_t place) const {
    return uint64_t(Object::kind) << 56 |
           uint64_t(places[place].generation) << 32 | (uint64_t(place) + 1);
  }
  /// Null where no live object has the number.
  Place *lookUp(uint64_t id) {
    uint64_t place = (id & 0xffffffffu) - 1;
    if (place >= places.size() || !places[place].object ||
        makeId(static_cast<uint32_t>(place)) != id)
      return nullptr;
    return &places[place];
  }

  std::vector<Place> places;
  std::vector<uint32_t> unused;
};

} // namespace attn::capi

#endif // LIB_CAPI_HANDLES_H

//===- WorkChecks.h - refusals that tile lists and work plans share -------===//

#ifndef ATTN_LIB_RUNTIME_WORKCHECKS_H
#define ATTN_LIB_RUNTIME_WORKCHECKS_H

#include "attn/Runtime/ArrayView.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

namespace attn {

/// Tiles and rows are numbered in 32 bits.
constexpr int64_t maxTileIds = std::numeric_limits<int32_t>::max();

inline Status refuseArgument(std::string feature, std::string reason,
                             std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(feature),
                       std::move(reason), std::move(alternative));
}

/// Refuses a view that has no memory; `name` is that of the array.
template <typename T>
Status checkView(ArrayView<T> view, const std::string &name) {
  if (view.isValid())
    return {};
  return refuseArgument(name,
                        "expects memory of its elements, but got " +
                            std::to_string(view.size) + " elements at " +
                            (view.data ? "an address" : "null"),
                        "give a pointer and the number of elements behind it");
}

/// What `build` returns, or a refusal where its containers find no memory: how
/// much they want is known only when they have it.
template <typename Build>
auto refuseWithoutMemory(const char *feature, Build build)
    -> decltype(build()) {
  try {
    return build();
  } catch (const std::bad_alloc &) {
  } catch (const std::length_error &) {
  }
  return Status::error(StatusCode::resourceExhausted, feature,
                       "expects memory for its result, but got none",
                       "use larger tiles, or fewer rows at a time");
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_WORKCHECKS_H

//===- Refusals.h - how caches of keys and values refuse --------*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_KVCACHE_REFUSALS_H
#define ATTN_LIB_RUNTIME_KVCACHE_REFUSALS_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <new>
#include <stdexcept>

namespace attn {

inline Status refuse(std::string reason, std::string alternative,
                     StatusCode code = StatusCode::invalidArgument) {
  return Status::error(code, "cache", std::move(reason),
                       std::move(alternative));
}

/// What `edit` returns, or a refusal where the host has no memory for it.
template <typename Edit>
auto refuseWithoutMemory(Edit edit) -> decltype(edit()) {
  try {
    return edit();
  } catch (const std::bad_alloc &) {
  } catch (const std::length_error &) {
  }
  return refuse("expects memory of the host for its accounts, but got none",
                "free what is not needed", StatusCode::resourceExhausted);
}

inline Status refuseUnknown(uint64_t number) {
  return refuse("sequence " + std::to_string(number) + " was never created",
                "give one that createSequence or fork has returned");
}

inline Status refuseFreed(uint64_t number) {
  return refuse("sequence " + std::to_string(number) + " was freed",
                "create another, or fork before");
}

/// Refuses a length that a sequence of `has` tokens cannot be cut to.
inline Status checkLength(int64_t length, int64_t has) {
  if (length >= 0 && length <= has)
    return {};
  return refuse("expects a length of 0 to " + std::to_string(has) +
                    ", but got " + std::to_string(length),
                "append what is missing");
}

/// Refuses `numTokens` tokens behind the `length` that a sequence has, of the
/// `capacity` that there is room for.
inline Status checkAppend(int64_t numTokens, int64_t length, int64_t capacity) {
  if (numTokens < 0)
    return refuse("expects no negative number of tokens, but got " +
                      std::to_string(numTokens),
                  "truncate takes tokens away");
  if (numTokens <= capacity - length)
    return {};
  return refuse(std::to_string(numTokens) + " tokens more follow " +
                    std::to_string(length) + ", but a sequence has room for " +
                    std::to_string(capacity),
                "shorten the sequence, or make the cache's capacity larger",
                StatusCode::resourceExhausted);
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_KVCACHE_REFUSALS_H

//===- Caches.h - what handles of caches stand for --------------*- C++ -*-===//

#ifndef LIB_CAPI_CACHES_H
#define LIB_CAPI_CACHES_H

#include "Errors.h"
#include "Objects.h"

#include "attn-c/KvCache.h"
#include "attn/Runtime/ExclusiveUse.h"
#include "attn/Runtime/KvCache/DenseCache.h"
#include "attn/Runtime/KvCache/PagedCache.h"
#include "attn/Runtime/KvCache/StreamingCache.h"
#include "attn/Runtime/KvCache/VirtualCache.h"

#include <variant>

namespace attn::capi {

struct CacheObject {
  static constexpr HandleKind kind = HandleKind::cache;

  template <typename Accounts>
  explicit CacheObject(Accounts accounts) : accounts(std::move(accounts)) {}

  std::variant<PagedCache, DenseCache, StreamingCache,
               std::unique_ptr<VirtualCache>>
      accounts;
  std::atomic_flag inUse = ATOMIC_FLAG_INIT;
};

/// One function for each kind of cache.
template <typename... Functions> struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

inline SequenceId toId(attn_sequence sequence) {
  return {sequence.number, sequence.generation};
}

inline attn_sequence toC(SequenceId id) { return {id.number, id.generation}; }

inline attn_page_copy toC(const PageCopy &copy) {
  return {copy.from, copy.to, copy.numTokens};
}

inline Status
refuseKind(const char *name, const char *expected,
           const char *alternative = "see which functions are of all caches") {
  return Status::error(StatusCode::invalidArgument, name,
                       std::string("expects ") + expected +
                           ", but got a cache of another kind",
                       alternative);
}

/// Calls the one of `functions` that takes the cache's accounts, and gives its
/// Status.
template <typename... Functions>
attn_status withCache(const char *name, attn_cache cache,
                      Functions... functions) {
  return guarded(name, [&]() -> Status {
    auto found = HandleTable<CacheObject>::get().find(cache.id);
    if (!found.isOk())
      return found.takeStatus();
    ExclusiveUse use((*found)->inUse);
    if (!use.isFirst())
      return Status::error(StatusCode::invalidArgument, "cache",
                           "expects one thread at a time, but another uses it",
                           "hold a lock around a cache's calls");
    Overloaded visit{functions...};
    return std::visit(Overloaded{[&](std::unique_ptr<VirtualCache> &held) {
                                   return visit(*held);
                                 },
                                 [&](auto &held) { return visit(held); }},
                      (*found)->accounts);
  });
}

/// Gives `out` a handle of a cache that was made, or says why there is none.
template <typename Accounts>
Status addCache(Result<Accounts> created, attn_cache *out) {
  if (!created.isOk())
    return created.takeStatus();
  out->id = HandleTable<CacheObject>::get().add(
      std::make_shared<CacheObject>(std::move(*created)));
  return {};
}

} // namespace attn::capi

#endif // LIB_CAPI_CACHES_H

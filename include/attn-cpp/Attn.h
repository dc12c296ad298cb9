//===- attn-cpp/Attn.h - the C interface with owners ------------*- C++ -*-===//
//
// Owners of the handles of attn-c, and its errors as values; Attention.h beside
// it composes programs. Header only, C++17, without exceptions of its own:
//
//   attn::api::Kernel kernel;
//   if (attn_kernel_load_file("causal.attn", kernel.receive()) != ATTN_OK)
//     std::cerr << attn::api::getLastError().message << "\n";
//   attn_plan_run(plan.get());
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_CPP_ATTN_H
#define ATTN_CPP_ATTN_H

#include "attn-c/Attn.h"

#include <string>
#include <utility>

namespace attn::api {

/// Owns a handle, and releases it.
template <typename Handle, attn_status (*Release)(Handle)> class Owner {
public:
  Owner() = default;
  explicit Owner(Handle handle) : handle(handle) {}
  Owner(Owner &&other) noexcept : handle(std::exchange(other.handle, {})) {}
  Owner &operator=(Owner &&other) noexcept {
    if (this != &other) {
      reset();
      handle = std::exchange(other.handle, {});
    }
    return *this;
  }
  ~Owner() { reset(); }

  Handle get() const { return handle; }
  explicit operator bool() const { return handle.id != 0; }
  void reset() { Release(std::exchange(handle, {})); }
  /// Where a call of the C interface puts its result; releases what was there.
  Handle *receive() {
    reset();
    return &handle;
  }

private:
  Handle handle = {};
};

using Kernel = Owner<attn_kernel, attn_kernel_release>;
using Pool = Owner<attn_pool, attn_pool_release>;
using Plan = Owner<attn_plan, attn_plan_release>;

/// What the calling thread's last failing call reported.
struct Error {
  attn_status code = ATTN_OK;
  std::string feature, reason, alternative, message;
};

inline Error getLastError() {
  return {attn_last_error_code(), attn_last_error_feature(),
          attn_last_error_reason(), attn_last_error_alternative(),
          attn_last_error_message()};
}

} // namespace attn::api

#endif // ATTN_CPP_ATTN_H

//===- Objects.h - what handles stand for -----------------------*- C++ -*-===//

#ifndef LIB_CAPI_OBJECTS_H
#define LIB_CAPI_OBJECTS_H

#include "Errors.h"
#include "Handles.h"

#include "attn-c/Attn.h"
#include "attn-c/Compile.h"
#include "attn/Runtime/Target.h"
#include "attn/Runtime/ThreadPool.h"

namespace attn::capi {

struct KernelObject {
  static constexpr HandleKind kind = HandleKind::kernel;
  std::shared_ptr<const LoadedKernel> kernel;
  std::string manifest;
};

struct PoolObject {
  static constexpr HandleKind kind = HandleKind::pool;
  std::shared_ptr<ThreadPool> pool;
};

struct PlanObject {
  static constexpr HandleKind kind = HandleKind::plan;
  std::unique_ptr<PreparedPlan> plan;
};

/// Gives `out` a handle of a kernel that was loaded, or says why there is none.
inline Status addKernel(Result<std::shared_ptr<const LoadedKernel>> loaded,
                        attn_kernel *out) {
  if (!loaded.isOk())
    return loaded.takeStatus();
  std::string manifest = (*loaded)->getManifest().toJson();
  out->id = HandleTable<KernelObject>::get().add(std::make_shared<KernelObject>(
      KernelObject{std::move(*loaded), std::move(manifest)}));
  return {};
}

/// As attn_compile does for the function `name`.
Result<std::shared_ptr<const LoadedKernel>>
compileKernel(const char *name, const char *program,
              const attn_compile_options *options);

/// As the release functions do.
template <typename Object> attn_status release(uint64_t id) {
  return guarded(getName(Object::kind),
                 [&] { return HandleTable<Object>::get().release(id); });
}

} // namespace attn::capi

#endif // LIB_CAPI_OBJECTS_H

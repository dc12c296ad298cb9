//===- Attn.cpp - the C interface of the runtime --------------------------===//
//
// A thin layer: every function checks its pointers, calls the C++ runtime and
// turns a Status into the thread's last error. No exception leaves it; the only
// one to expect is that of memory running out.
//
//===----------------------------------------------------------------------===//

#include "attn-c/Attn.h"

#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Target.h"
#include "attn/Runtime/ThreadPool.h"

#include <exception>

using namespace attn;

struct attn_kernel {
  std::shared_ptr<const LoadedKernel> kernel;
  std::string manifest;
};

struct attn_pool {
  std::shared_ptr<ThreadPool> pool;
};

struct attn_plan {
  std::unique_ptr<PreparedPlan> plan;
};

namespace {
struct LastError {
  Status status;
  std::string message;
};

thread_local LastError lastError;

attn_status report(Status status) {
  if (status.isOk())
    return ATTN_OK;
  lastError.message = status.message();
  lastError.status = std::move(status);
  return static_cast<attn_status>(lastError.status.getCode());
}

Status isNull(const char *function, const char *parameter) {
  return Status::error(StatusCode::invalidArgument, function,
                       std::string("expects ") + parameter +
                           ", but got a null pointer",
                       "give its address");
}

/// Calls `body`, which returns a Status, and reports it.
template <typename Body> attn_status guarded(const char *function, Body body) {
  try {
    try {
      return report(body());
    } catch (const std::exception &error) {
      return report(
          Status::error(StatusCode::resourceExhausted, function,
                        std::string("expects memory, but got ") + error.what(),
                        "free memory"));
    }
  } catch (...) {
    // Not even the message could be held: these few characters can.
    lastError.status = Status::error(StatusCode::resourceExhausted, "memory",
                                     "exhausted", "free memory");
    lastError.message = "out of memory";
    return ATTN_RESOURCE_EXHAUSTED;
  }
}

Status wrap(Result<std::shared_ptr<const LoadedKernel>> loaded,
            attn_kernel **out) {
  if (!loaded.isOk())
    return loaded.takeStatus();
  std::string manifest = (*loaded)->getManifest().toJson();
  *out = new attn_kernel{std::move(*loaded), std::move(manifest)};
  return {};
}

/// Converts the arguments of a call.
Result<std::vector<ArgumentValue>>
convert(const char *function, const attn_argument *arguments, size_t count) {
  std::vector<ArgumentValue> values;
  if (count != 0 && !arguments)
    return isNull(function, "arguments");
  for (size_t i = 0; i < count; ++i) {
    const attn_argument &argument = arguments[i];
    if (!argument.name)
      return isNull(function, "a name of each argument");
    switch (argument.kind) {
    case ATTN_TENSOR:
      values.push_back(ArgumentValue::ofTensor(argument.name, argument.tensor));
      break;
    case ATTN_INTEGER:
      values.push_back(
          ArgumentValue::ofInteger(argument.name, argument.integer));
      break;
    case ATTN_REAL:
      values.push_back(ArgumentValue::ofReal(argument.name, argument.real));
      break;
    default:
      return Status::error(StatusCode::invalidArgument,
                           std::string("argument ") + argument.name,
                           "expects a kind of 0, 1 or 2, but got " +
                               std::to_string(argument.kind),
                           "use ATTN_TENSOR, ATTN_INTEGER or ATTN_REAL");
    }
  }
  return values;
}
} // namespace

int attn_api_version(void) { return ATTN_API_VERSION; }

attn_status attn_last_error_code(void) {
  return static_cast<attn_status>(lastError.status.getCode());
}
const char *attn_last_error_feature(void) {
  return lastError.status.getFeature().c_str();
}
const char *attn_last_error_reason(void) {
  return lastError.status.getReason().c_str();
}
const char *attn_last_error_alternative(void) {
  return lastError.status.getAlternative().c_str();
}
const char *attn_last_error_message(void) { return lastError.message.c_str(); }

attn_status attn_kernel_load_file(const char *path, attn_kernel **kernel) {
  return guarded("attn_kernel_load_file", [&]() -> Status {
    if (!kernel)
      return isNull("attn_kernel_load_file", "a place for the kernel");
    *kernel = nullptr;
    if (!path)
      return isNull("attn_kernel_load_file", "a path");
    return wrap(LoadedKernel::loadFile(path), kernel);
  });
}

attn_status attn_kernel_load_memory(const void *bytes, size_t size,
                                    attn_kernel **kernel) {
  return guarded("attn_kernel_load_memory", [&]() -> Status {
    if (!kernel)
      return isNull("attn_kernel_load_memory", "a place for the kernel");
    *kernel = nullptr;
    if (!bytes)
      return isNull("attn_kernel_load_memory", "bytes");
    Result<Artifact> artifact = Artifact::deserialize(
        std::string_view(static_cast<const char *>(bytes), size),
        "artifact in memory");
    if (!artifact.isOk())
      return artifact.takeStatus();
    return wrap(LoadedKernel::load(*artifact), kernel);
  });
}

const char *attn_kernel_manifest(const attn_kernel *kernel) {
  return kernel ? kernel->manifest.c_str() : nullptr;
}

void attn_kernel_release(attn_kernel *kernel) { delete kernel; }

attn_status attn_pool_create(int threads, attn_pool **pool) {
  return guarded("attn_pool_create", [&]() -> Status {
    if (!pool)
      return isNull("attn_pool_create", "a place for the pool");
    *pool = nullptr;
    Result<std::shared_ptr<ThreadPool>> created = ThreadPool::create(threads);
    if (!created.isOk())
      return created.takeStatus();
    *pool = new attn_pool{std::move(*created)};
    return {};
  });
}

void attn_pool_release(attn_pool *pool) { delete pool; }

/// As the function called `name` prepares a plan.
static attn_status preparePlan(const char *name, const attn_kernel *kernel,
                               const attn_argument *arguments, size_t count,
                               const attn_pool *pool, int smMargin,
                               attn_plan **plan) {
  return guarded(name, [&]() -> Status {
    if (!plan)
      return isNull(name, "a place for the plan");
    *plan = nullptr;
    if (!kernel)
      return isNull(name, "a kernel");
    Result<std::vector<ArgumentValue>> values = convert(name, arguments, count);
    if (!values.isOk())
      return values.takeStatus();
    Result<std::unique_ptr<PreparedPlan>> prepared = kernel->kernel->prepare(
        values->data(), values->size(), pool ? pool->pool : nullptr, smMargin);
    if (!prepared.isOk())
      return prepared.takeStatus();
    *plan = new attn_plan{std::move(*prepared)};
    return {};
  });
}

attn_status attn_plan_prepare(const attn_kernel *kernel,
                              const attn_argument *arguments, size_t count,
                              const attn_pool *pool, attn_plan **plan) {
  return preparePlan("attn_plan_prepare", kernel, arguments, count, pool,
                     /*smMargin=*/0, plan);
}

attn_status attn_plan_prepare_beside(const attn_kernel *kernel,
                                     const attn_argument *arguments,
                                     size_t count, int sm_margin,
                                     attn_plan **plan) {
  return preparePlan("attn_plan_prepare_beside", kernel, arguments, count,
                     /*pool=*/nullptr, sm_margin, plan);
}

attn_status attn_plan_rebind(attn_plan *plan, const attn_argument *arguments,
                             size_t count) {
  return guarded("attn_plan_rebind", [&]() -> Status {
    if (!plan)
      return isNull("attn_plan_rebind", "a plan");
    Result<std::vector<ArgumentValue>> values =
        convert("attn_plan_rebind", arguments, count);
    if (!values.isOk())
      return values.takeStatus();
    return plan->plan->rebind(values->data(), values->size());
  });
}

attn_status attn_plan_run(attn_plan *plan) {
  return guarded("attn_plan_run", [&]() -> Status {
    if (!plan)
      return isNull("attn_plan_run", "a plan");
    return plan->plan->run();
  });
}

attn_status attn_plan_launch(attn_plan *plan, void *stream) {
  return guarded("attn_plan_launch", [&]() -> Status {
    if (!plan)
      return isNull("attn_plan_launch", "a plan");
    return plan->plan->launch(stream);
  });
}

int64_t attn_plan_memory_bytes(const attn_plan *plan) {
  return plan ? plan->plan->getMemoryBytes() : 0;
}

void attn_plan_release(attn_plan *plan) { delete plan; }

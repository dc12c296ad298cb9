//===- Attn.cpp - the C interface of the runtime --------------------------===//
//
// A thin layer: every function checks its pointers, calls the C++ runtime and
// turns a Status into the thread's last error. No exception leaves it; the only
// one to expect is that of memory running out.
//
//===----------------------------------------------------------------------===//

#include "Errors.h"
#include "Objects.h"

#include "attn/Runtime/ArtifactSet.h"

using namespace attn;
using namespace attn::capi;

namespace {
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

/// Both of the kind of attn_kernel_load_file; `read` gives the artifacts.
template <typename Read>
static attn_status load(const char *name, const attn_load_options *given,
                        attn_kernel *kernel, Read read) {
  return guarded(name, [&]() -> Status {
    if (!kernel)
      return isNull(name, "a place for the kernel");
    *kernel = {};
    attn_load_options options;
    if (Status status = readOptions(name, given, options); !status.isOk())
      return status;
    Result<ArtifactSet> set = read();
    if (!set.isOk())
      return set.takeStatus();
    return addKernel(
        LoadedKernel::load(*set, options.target ? options.target : ""), kernel);
  });
}

static attn_status loadFile(const char *name, const char *path,
                            const attn_load_options *options,
                            attn_kernel *kernel) {
  return load(name, options, kernel, [&]() -> Result<ArtifactSet> {
    if (!path)
      return isNull(name, "a path");
    return ArtifactSet::readFile(path);
  });
}

static Result<ArtifactSet> readBytes(const char *name, const void *bytes,
                                     size_t size) {
  if (!bytes)
    return isNull(name, "bytes");
  return ArtifactSet::deserialize(
      std::string_view(static_cast<const char *>(bytes), size),
      "artifact in memory");
}

attn_status attn_kernel_load_file(const char *path, attn_kernel *kernel) {
  return loadFile("attn_kernel_load_file", path, nullptr, kernel);
}

attn_status attn_kernel_load_file_for(const char *path,
                                      const attn_load_options *options,
                                      attn_kernel *kernel) {
  return loadFile("attn_kernel_load_file_for", path, options, kernel);
}

attn_status attn_kernel_load_memory(const void *bytes, size_t size,
                                    attn_kernel *kernel) {
  static constexpr const char *name = "attn_kernel_load_memory";
  return load(name, nullptr, kernel,
              [&] { return readBytes(name, bytes, size); });
}

attn_status attn_kernel_load_memory_for(const void *bytes, size_t size,
                                        const attn_load_options *options,
                                        attn_kernel *kernel) {
  static constexpr const char *name = "attn_kernel_load_memory_for";
  return load(name, options, kernel,
              [&] { return readBytes(name, bytes, size); });
}

attn_status attn_artifact_print(const void *bytes, size_t size,
                                void (*receive)(void *, const char *, size_t),
                                void *context) {
  static constexpr const char *name = "attn_artifact_print";
  return guarded(name, [&]() -> Status {
    if (!receive)
      return isNull(name, "a function");
    Result<ArtifactSet> set = readBytes(name, bytes, size);
    if (!set.isOk())
      return set.takeStatus();
    std::string text = set->describe();
    receive(context, text.data(), text.size());
    return {};
  });
}

const char *attn_kernel_manifest(attn_kernel kernel) {
  const char *manifest = nullptr;
  guarded("attn_kernel_manifest", [&]() -> Status {
    auto found = HandleTable<KernelObject>::get().find(kernel.id);
    if (!found.isOk())
      return found.takeStatus();
    manifest = (*found)->manifest.c_str();
    return {};
  });
  return manifest;
}

attn_status attn_kernel_release(attn_kernel kernel) {
  return release<KernelObject>(kernel.id);
}

attn_status attn_pool_create(int threads, attn_pool *pool) {
  return guarded("attn_pool_create", [&]() -> Status {
    if (!pool)
      return isNull("attn_pool_create", "a place for the pool");
    *pool = {};
    Result<std::shared_ptr<ThreadPool>> created = ThreadPool::create(threads);
    if (!created.isOk())
      return created.takeStatus();
    pool->id = HandleTable<PoolObject>::get().add(
        std::make_shared<PoolObject>(PoolObject{std::move(*created)}));
    return {};
  });
}

attn_status attn_pool_release(attn_pool pool) {
  return release<PoolObject>(pool.id);
}

attn_status attn_plan_prepare(attn_kernel kernel,
                              const attn_argument *arguments, size_t count,
                              const attn_plan_options *given, attn_plan *plan) {
  static constexpr const char *name = "attn_plan_prepare";
  return guarded(name, [&]() -> Status {
    if (!plan)
      return isNull(name, "a place for the plan");
    *plan = {};
    attn_plan_options options;
    if (Status status = readOptions(name, given, options); !status.isOk())
      return status;
    auto found = HandleTable<KernelObject>::get().find(kernel.id);
    if (!found.isOk())
      return found.takeStatus();
    std::shared_ptr<ThreadPool> pool;
    if (options.pool.id != 0) {
      auto team = HandleTable<PoolObject>::get().find(options.pool.id);
      if (!team.isOk())
        return team.takeStatus();
      pool = (*team)->pool;
    }
    Result<std::vector<ArgumentValue>> values = convert(name, arguments, count);
    if (!values.isOk())
      return values.takeStatus();
    Result<std::unique_ptr<PreparedPlan>> prepared = (*found)->kernel->prepare(
        values->data(), values->size(), std::move(pool), options.sm_margin);
    if (!prepared.isOk())
      return prepared.takeStatus();
    plan->id = HandleTable<PlanObject>::get().add(
        std::make_shared<PlanObject>(PlanObject{std::move(*prepared)}));
    return {};
  });
}

/// Calls `body`, which returns a Status, with the plan.
template <typename Body>
static attn_status withPlan(const char *name, attn_plan plan, Body body) {
  return guarded(name, [&]() -> Status {
    auto found = HandleTable<PlanObject>::get().find(plan.id);
    if (!found.isOk())
      return found.takeStatus();
    return body(*(*found)->plan);
  });
}

attn_status attn_plan_rebind(attn_plan plan, const attn_argument *arguments,
                             size_t count) {
  return withPlan("attn_plan_rebind", plan, [&](PreparedPlan &p) -> Status {
    Result<std::vector<ArgumentValue>> values =
        convert("attn_plan_rebind", arguments, count);
    if (!values.isOk())
      return values.takeStatus();
    return p.rebind(values->data(), values->size());
  });
}

static Status move(const char *name, PreparedPlan &plan,
                   const void *const *data, size_t count) {
  if (count != 0 && !data)
    return isNull(name, "addresses");
  return plan.move(data, count);
}

attn_status attn_plan_move(attn_plan plan, const void *const *data,
                           size_t count) {
  return withPlan("attn_plan_move", plan, [&](PreparedPlan &p) {
    return move("attn_plan_move", p, data, count);
  });
}

attn_status attn_plan_run(attn_plan plan) {
  return withPlan("attn_plan_run", plan,
                  [](PreparedPlan &p) { return p.run(); });
}

attn_status attn_plan_launch(attn_plan plan, void *stream) {
  return withPlan("attn_plan_launch", plan,
                  [&](PreparedPlan &p) { return p.launch(stream); });
}

attn_status attn_plan_launch_at(attn_plan plan, const void *const *data,
                                size_t count, void *stream) {
  static constexpr const char *name = "attn_plan_launch_at";
  return withPlan(name, plan, [&](PreparedPlan &p) -> Status {
    if (Status status = move(name, p, data, count); !status.isOk())
      return status;
    return p.launch(stream);
  });
}

int64_t attn_plan_memory_bytes(attn_plan plan) {
  int64_t bytes = 0;
  withPlan("attn_plan_memory_bytes", plan, [&](PreparedPlan &p) -> Status {
    bytes = p.getMemoryBytes();
    return {};
  });
  return bytes;
}

attn_status attn_plan_release(attn_plan plan) {
  return release<PlanObject>(plan.id);
}

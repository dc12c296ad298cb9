//===- Target.cpp - chooses the target that runs an artifact --------------===//

#include "attn/Runtime/Target.h"

#include "CUDA/CudaKernel.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Plan.h"

using namespace attn;

namespace {
class CpuPlan final : public PreparedPlan {
public:
  explicit CpuPlan(std::unique_ptr<Plan> plan) : plan(std::move(plan)) {}

  Status rebind(const ArgumentValue *values, size_t numValues) override {
    return plan->rebind(values, numValues);
  }
  Status move(const void *const *data, size_t count) override {
    return plan->move(data, count);
  }
  Status run() override { return plan->run(); }
  Status launch(void *) override {
    return Status::error(StatusCode::unsupported,
                         "kernel " + plan->getKernel().getManifest().name,
                         "expects a kernel of a GPU to launch on a stream, but "
                         "it is one of the CPU",
                         "run the plan instead");
  }
  int64_t getMemoryBytes() const override { return plan->getMemoryBytes(); }

private:
  std::unique_ptr<Plan> plan;
};

class CpuKernel final : public LoadedKernel {
public:
  explicit CpuKernel(std::shared_ptr<const Kernel> kernel)
      : kernel(std::move(kernel)) {}

  const Manifest &getManifest() const override { return kernel->getManifest(); }
  Result<std::unique_ptr<PreparedPlan>>
  prepare(const ArgumentValue *values, size_t numValues,
          std::shared_ptr<ThreadPool> pool, int smMargin) const override {
    if (smMargin != 0)
      return Status::error(StatusCode::unsupported,
                           "kernel " + getManifest().name + ", margin",
                           "expects a GPU, of which runs can leave "
                           "multiprocessors to others, but it runs on a CPU",
                           "leave the margin out, or give a pool of fewer "
                           "threads");
    Result<std::unique_ptr<Plan>> plan =
        Plan::prepare(kernel, values, numValues, std::move(pool));
    if (!plan.isOk())
      return plan.takeStatus();
    return std::unique_ptr<PreparedPlan>(new CpuPlan(std::move(*plan)));
  }
  bool hasStreams() const override { return false; }
  Result<bool> isCapturing(void *) const override { return false; }

private:
  std::shared_ptr<const Kernel> kernel;
};
} // namespace

Result<std::shared_ptr<const LoadedKernel>>
LoadedKernel::load(const Artifact &artifact) {
  if (CudaKernel::runs(artifact.manifest))
    return CudaKernel::load(artifact);
  Result<std::shared_ptr<const Kernel>> kernel = Kernel::load(artifact);
  if (!kernel.isOk())
    return kernel.takeStatus();
  return std::shared_ptr<const LoadedKernel>(new CpuKernel(std::move(*kernel)));
}

Result<std::shared_ptr<const LoadedKernel>>
LoadedKernel::loadFile(const std::string &path) {
  Result<Artifact> artifact = Artifact::readFile(path);
  if (!artifact.isOk())
    return artifact.takeStatus();
  return load(*artifact);
}

Result<std::shared_ptr<const LoadedKernel>>
LoadedKernel::loadCached(Cache &cache, const std::string &key,
                         const Cache::Builder &build) {
  auto buildChecked = [&]() -> Result<std::string> {
    Result<std::string> bytes = build();
    if (!bytes.isOk())
      return bytes;
    Result<Artifact> artifact = Artifact::deserialize(*bytes, "built kernel");
    if (!artifact.isOk())
      return artifact.takeStatus();
    return bytes;
  };
  Result<Cache::Value> bytes = cache.getOrBuild(key, buildChecked);
  if (!bytes.isOk())
    return bytes.takeStatus();
  Result<Artifact> artifact = Artifact::deserialize(**bytes, "cached kernel");
  if (!artifact.isOk())
    return artifact.takeStatus();
  return load(*artifact);
}

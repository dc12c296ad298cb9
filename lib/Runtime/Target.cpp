//===- Target.cpp - chooses the target that runs an artifact --------------===//

#include "attn/Runtime/Target.h"

#include "CUDA/CudaKernel.h"
#include "attn/Runtime/ArtifactSet.h"
#include "attn/Runtime/Plan.h"

#include <algorithm>
#include <tuple>

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

/// What is tried first compares as greater.
static auto getPreference(const Artifact &artifact) {
  const Manifest &manifest = artifact.manifest;
  bool isCuda = CudaKernel::runs(manifest);
  // sm_90a is tried before sm_90.
  return std::make_tuple(isCuda,
                         isCuda ? CudaKernel::getGeneration(manifest) : 0,
                         isCuda ? manifest.target.arch.size() : 0,
                         manifest.target.features.size());
}

static bool isFor(const Manifest &manifest, const std::string &target) {
  return target.empty() || target == manifest.target.arch ||
         target == getTargetName(manifest.target) ||
         target == (CudaKernel::runs(manifest) ? "cuda" : "cpu");
}

Result<std::shared_ptr<const LoadedKernel>>
LoadedKernel::load(const ArtifactSet &set, const std::string &target) {
  if (Status status = set.validate("artifact"); !status.isOk())
    return status;
  std::string kernel = "kernel " + set.artifacts.front().manifest.name;
  std::vector<const Artifact *> candidates;
  std::string names;
  for (const Artifact &artifact : set.artifacts) {
    names +=
        (names.empty() ? "" : ", ") + getTargetName(artifact.manifest.target);
    if (isFor(artifact.manifest, target))
      candidates.push_back(&artifact);
  }
  if (candidates.empty())
    return Status::error(StatusCode::unsupported, kernel,
                         "expects code for " + target +
                             ", but the artifact is for " + names,
                         "compile it for that target too, or ask for one that "
                         "it has");
  std::sort(candidates.begin(), candidates.end(),
            [](const Artifact *a, const Artifact *b) {
              auto first = getPreference(*a), second = getPreference(*b);
              // Of equal ones the earlier in the file.
              return first != second ? first > second : a < b;
            });
  std::string reasons;
  for (const Artifact *artifact : candidates) {
    Result<std::shared_ptr<const LoadedKernel>> loaded = load(*artifact);
    if (loaded.isOk() || candidates.size() == 1)
      return loaded;
    const Status &status = loaded.getStatus();
    if (status.getCode() != StatusCode::unsupported &&
        status.getCode() != StatusCode::device)
      return loaded;
    reasons += (reasons.empty() ? "" : "; ") +
               getTargetName(artifact->manifest.target) + " " +
               status.getReason();
  }
  return Status::error(StatusCode::unsupported, kernel,
                       "expects a target that this machine has, but " + reasons,
                       "compile it for this machine too");
}

Result<std::shared_ptr<const LoadedKernel>>
LoadedKernel::loadFile(const std::string &path, const std::string &target) {
  Result<ArtifactSet> set = ArtifactSet::readFile(path);
  if (!set.isOk())
    return set.takeStatus();
  return load(*set, target);
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

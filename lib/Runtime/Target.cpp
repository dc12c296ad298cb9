//===- Target.cpp - chooses the target that runs an artifact --------------===//

#include "attn/Runtime/Target.h"

#include "GPU/GpuKernel.h"
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
  if (const gpu::Vendor *vendor = gpu::findVendor(artifact.manifest))
    return gpu::GpuKernel::load(*vendor, artifact);
  Result<std::shared_ptr<const Kernel>> kernel = Kernel::load(artifact);
  if (!kernel.isOk())
    return kernel.takeStatus();
  return std::shared_ptr<const LoadedKernel>(new CpuKernel(std::move(*kernel)));
}

namespace {
/// Kernels of one interface for one machine: a call's extents say which runs.
class KernelByExtents final : public LoadedKernel {
public:
  /// Those that take less come first.
  explicit KernelByExtents(
      std::vector<std::shared_ptr<const LoadedKernel>> kernels)
      : kernels(std::move(kernels)) {}

  /// That of the kernel that takes most.
  const Manifest &getManifest() const override {
    return kernels.back()->getManifest();
  }
  Result<std::unique_ptr<PreparedPlan>>
  prepare(const ArgumentValue *values, size_t numValues,
          std::shared_ptr<ThreadPool> pool, int smMargin) const override {
    auto found = std::find_if(
        kernels.begin(), std::prev(kernels.end()), [&](const auto &kernel) {
          return takes(kernel->getManifest(), values, numValues);
        });
    return (*found)->prepare(values, numValues, std::move(pool), smMargin);
  }
  bool hasStreams() const override { return kernels.back()->hasStreams(); }
  Result<bool> isCapturing(void *stream) const override {
    return kernels.back()->isCapturing(stream);
  }

private:
  /// Whether no tensor has more of a rank than the kernel takes. What else is
  /// wrong is for the kernel to refuse.
  static bool takes(const Manifest &manifest, const ArgumentValue *values,
                    size_t numValues) {
    for (size_t i = 0; i < numValues; ++i) {
      const DLTensor *tensor = values[i].tensor;
      std::optional<size_t> index = manifest.findArgument(values[i].name);
      if (!tensor || !index)
        continue;
      const auto &shape = manifest.arguments[*index].shape;
      if (tensor->ndim != static_cast<int64_t>(shape.size()) ||
          (tensor->ndim != 0 && !tensor->shape))
        continue;
      for (size_t d = 0; d < shape.size(); ++d)
        for (const Manifest::Rank &rank : manifest.ranks)
          if (rank.most && rank.name == shape[d].rank &&
              tensor->shape[d] > *rank.most)
            return false;
    }
    return true;
  }

  std::vector<std::shared_ptr<const LoadedKernel>> kernels;
};
} // namespace

/// What is tried first compares as greater.
static auto getPreference(const Artifact &artifact) {
  const Manifest &manifest = artifact.manifest;
  const std::string &arch = manifest.target.arch;
  const gpu::Vendor *vendor = gpu::findVendor(manifest);
  // sm_90a is tried before sm_90.
  return std::make_tuple(
      vendor != nullptr, vendor ? vendor->getGeneration(arch) : 0,
      vendor ? arch.size() : 0, manifest.target.features.size());
}

static bool isFor(const Manifest &manifest, const std::string &target) {
  const gpu::Vendor *vendor = gpu::findVendor(manifest);
  return target.empty() || target == manifest.target.arch ||
         target == getTargetName(manifest.target) ||
         target == (vendor ? vendor->name : "cpu");
}

/// The kernel of one target.
static Result<std::shared_ptr<const LoadedKernel>>
loadAll(std::vector<const Artifact *> artifacts) {
  std::sort(artifacts.begin(), artifacts.end(),
            [](const Artifact *a, const Artifact *b) {
              return getLimits(a->manifest) < getLimits(b->manifest);
            });
  std::vector<std::shared_ptr<const LoadedKernel>> kernels;
  for (const Artifact *artifact : artifacts) {
    Result<std::shared_ptr<const LoadedKernel>> loaded =
        LoadedKernel::load(*artifact);
    if (!loaded.isOk() || artifacts.size() == 1)
      return loaded;
    kernels.push_back(std::move(*loaded));
  }
  return std::shared_ptr<const LoadedKernel>(
      new KernelByExtents(std::move(kernels)));
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
    const Manifest::Target &machine = artifact->manifest.target;
    auto isAsked = [&](const Artifact *other) {
      return isSameTarget(other->manifest.target, machine);
    };
    // Those of one target stand for its first one.
    if (*std::find_if(candidates.begin(), candidates.end(), isAsked) !=
        artifact)
      continue;
    std::vector<const Artifact *> own;
    std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(own),
                 isAsked);
    Result<std::shared_ptr<const LoadedKernel>> loaded = loadAll(own);
    if (loaded.isOk() || own.size() == candidates.size())
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

//===- Plan.cpp - binds a kernel to tensors and memory --------------------===//

#include "attn/Runtime/Plan.h"

#include "Bindings.h"
#include "attn/Runtime/ExclusiveUse.h"

#include <unistd.h>

using namespace attn;

using Parameter = Manifest::Parameter;

/// Of workspace and scratch. Two cache lines, since processors fetch pairs.
static constexpr int64_t memoryAlignment = 128;

static constexpr DLDevice cpuDevice{kDLCPU, 0};

/// So that a counter of items that runs past the end cannot overflow.
static constexpr int64_t maxItems = int64_t(1) << 62;

/// Zeroed or not, `bytes` of memory; null for 0. Refuses what the machine does
/// not have: the system would grant it and end the process at its use.
static Result<uint8_t *> allocateBytes(int64_t bytes, const std::string &name) {
  if (bytes == 0)
    return static_cast<uint8_t *>(nullptr);
  int64_t total = int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  void *memory =
      bytes > total ? nullptr : std::aligned_alloc(memoryAlignment, bytes);
  if (!memory)
    return Status::error(StatusCode::resourceExhausted, name,
                         "expects " + std::to_string(bytes) +
                             " bytes of memory, but this machine of " +
                             std::to_string(total) + " does not give them",
                         "use smaller shapes or fewer threads");
  return static_cast<uint8_t *>(memory);
}

/// Evaluates a byte count and rounds it up to the alignment.
static Result<int64_t> evaluateBytes(const Expr &expr,
                                     const Expr::Lookup &lookup,
                                     const std::string &feature) {
  Result<int64_t> bytes = expr.evaluate(lookup, feature);
  if (!bytes.isOk())
    return bytes;
  int64_t rounded;
  if (*bytes < 0 ||
      __builtin_add_overflow(*bytes, memoryAlignment - 1, &rounded))
    return Status::error(StatusCode::resourceExhausted, feature,
                         "expects a number of bytes that fits in 64 bits, but "
                         "got " +
                             std::to_string(*bytes),
                         "use other shapes or scalars");
  return rounded / memoryAlignment * memoryAlignment;
}

Plan::Plan() = default;
Plan::~Plan() = default;

Result<std::unique_ptr<Plan>>
Plan::prepare(std::shared_ptr<const Kernel> kernel, const ArgumentValue *values,
              size_t numValues, std::shared_ptr<ThreadPool> pool) {
  Result<BoundArguments> bound =
      bindArguments(kernel->getManifest(), cpuDevice, values, numValues);
  if (!bound.isOk())
    return bound.takeStatus();
  std::unique_ptr<Plan> plan(new Plan);
  plan->kernel = std::move(kernel);
  plan->pool = std::move(pool);
  if (Status status = plan->evaluate(*bound); !status.isOk())
    return status;
  plan->tensors = std::move(bound->tensors);
  plan->fillAddresses();
  return plan;
}

Status Plan::evaluate(const BoundArguments &bound) {
  const Manifest &manifest = kernel->getManifest();
  const std::string prefix = "kernel " + manifest.name + ", ";
  Expr::Lookup lookup = makeLookup(manifest, bound);
  for (const Manifest::Phase &phase : manifest.phases) {
    std::string feature = prefix + "items of phase " + phase.symbol;
    Result<int64_t> count = phase.items.evaluate(lookup, feature);
    if (!count.isOk())
      return count.takeStatus();
    if (*count < 0 || *count > maxItems)
      return Status::error(StatusCode::invalidArgument, feature,
                           "expects 0 to 2^62 items, but " +
                               phase.items.toString() + " is " +
                               std::to_string(*count),
                           "use other shapes or scalars");
    items.push_back(*count);
  }
  for (size_t i = 0; i < manifest.parameters.size(); ++i) {
    const Parameter &parameter = manifest.parameters[i];
    int64_t word = 0;
    if (parameter.kind == Parameter::Kind::extent)
      word = bound.extents[*manifest.findRank(parameter.name)];
    if (parameter.kind == Parameter::Kind::scalar)
      word = bound.scalars[*manifest.findArgument(parameter.name)];
    if (parameter.kind == Parameter::Kind::expr) {
      Result<int64_t> value = parameter.expr.evaluate(
          lookup, prefix + "parameter " + std::to_string(i));
      if (!value.isOk())
        return value.takeStatus();
      word = *value;
    }
    parameters.push_back(word);
  }

  Result<int64_t> shared =
      evaluateBytes(manifest.workspaceBytes, lookup, prefix + "workspace");
  if (!shared.isOk())
    return shared.takeStatus();
  workspaceBytes = *shared;
  Result<int64_t> perThread =
      evaluateBytes(manifest.scratchBytes, lookup, prefix + "scratch");
  if (!perThread.isOk())
    return perThread.takeStatus();
  return allocate(*perThread);
}

Status Plan::allocate(int64_t scratchBytes) {
  const std::string prefix = "kernel " + kernel->getManifest().name + ", ";
  scratchStride = scratchBytes;
  int64_t numThreads = pool ? pool->getNumThreads() : 1;
  int64_t total;
  if (__builtin_mul_overflow(scratchBytes, numThreads, &total))
    return Status::error(StatusCode::resourceExhausted, prefix + "scratch",
                         "expects a number of bytes that fits in 64 bits, but "
                         "got " +
                             std::to_string(scratchBytes) + " for each of " +
                             std::to_string(numThreads) + " threads",
                         "use smaller shapes or fewer threads");
  Result<uint8_t *> shared =
      allocateBytes(workspaceBytes, prefix + "workspace");
  if (!shared.isOk())
    return shared.takeStatus();
  workspace.reset(*shared);
  Result<uint8_t *> apart = allocateBytes(total, prefix + "scratch");
  if (!apart.isOk())
    return apart.takeStatus();
  scratch.reset(*apart);
  return {};
}

/// Writes the parameters that depend on where things lie.
void Plan::fillAddresses() {
  const Manifest &manifest = kernel->getManifest();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter &parameter = manifest.parameters[i];
    if (parameter.kind == Parameter::Kind::workspace)
      parameters[i] = reinterpret_cast<intptr_t>(workspace.get());
    if (parameter.kind != Parameter::Kind::pointer &&
        parameter.kind != Parameter::Kind::stride)
      continue;
    const BoundTensor &tensor = tensors[*manifest.findArgument(parameter.name)];
    parameters[i] = parameter.kind == Parameter::Kind::pointer
                        ? static_cast<int64_t>(tensor.address)
                        : tensor.strides[parameter.dim];
  }
}

Status Plan::rebind(const ArgumentValue *values, size_t numValues) {
  const Manifest &manifest = kernel->getManifest();
  ExclusiveUse use(inUse);
  if (Status status = use.check(manifest.name); !status.isOk())
    return status;
  if (Status status = rebindTensors(manifest, cpuDevice, values, numValues,
                                    tensors, staged);
      !status.isOk())
    return status;
  tensors.swap(staged);
  fillAddresses();
  return {};
}

Status Plan::move(const void *const *data, size_t count) {
  const Manifest &manifest = kernel->getManifest();
  ExclusiveUse use(inUse);
  if (Status status = use.check(manifest.name); !status.isOk())
    return status;
  if (Status status = moveTensors(manifest, data, count, tensors, staged);
      !status.isOk())
    return status;
  tensors.swap(staged);
  fillAddresses();
  return {};
}

int64_t Plan::getMemoryBytes() const {
  return workspaceBytes + scratchStride * (pool ? pool->getNumThreads() : 1);
}

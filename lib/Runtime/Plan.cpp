//===- Plan.cpp - binds a kernel to tensors and memory --------------------===//

#include "attn/Runtime/Plan.h"

#include "Bindings.h"

#include <unistd.h>

using namespace attn;

using Argument = Manifest::Argument;
using Parameter = Manifest::Parameter;

/// Of workspace and scratch. Two cache lines, since processors fetch pairs.
static constexpr int64_t memoryAlignment = 128;

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

/// Binds the tensors among `values` into `staged`, where the others are as they
/// were, and checks what concerns all of them.
Status Plan::bindTensors(const ArgumentValue *values, size_t numValues) {
  const Manifest &manifest = kernel->getManifest();
  Result<std::vector<size_t>> positions =
      matchNames(manifest, values, numValues);
  if (!positions.isOk())
    return positions.takeStatus();
  staged = tensors;
  for (size_t i = 0; i < numValues; ++i) {
    const Argument &argument = manifest.arguments[(*positions)[i]];
    if (argument.kind != Argument::Kind::tensor)
      continue;
    if (Status status =
            bindTensor(argument, values[i].tensor, staged[(*positions)[i]]);
        !status.isOk())
      return status;
  }
  return {};
}

Result<std::unique_ptr<Plan>>
Plan::prepare(std::shared_ptr<const Kernel> kernel, const ArgumentValue *values,
              size_t numValues, std::shared_ptr<ThreadPool> pool) {
  const Manifest &manifest = kernel->getManifest();
  std::unique_ptr<Plan> plan(new Plan);
  plan->kernel = kernel;
  plan->pool = std::move(pool);
  plan->tensors.resize(manifest.arguments.size());

  Result<std::vector<size_t>> positions =
      matchNames(manifest, values, numValues);
  if (!positions.isOk())
    return positions.takeStatus();
  if (Status status = checkComplete(manifest, *positions); !status.isOk())
    return status;
  std::vector<int64_t> scalars(manifest.arguments.size());
  for (size_t i = 0; i < numValues; ++i) {
    if (values[i].kind == ArgumentValue::Kind::tensor)
      continue;
    size_t position = (*positions)[i];
    Result<int64_t> word =
        encodeScalar(manifest.arguments[position], values[i]);
    if (!word.isOk())
      return word.takeStatus();
    scalars[position] = *word;
  }
  if (Status status = plan->bindTensors(values, numValues); !status.isOk())
    return status;
  Result<std::vector<int64_t>> extents = bindExtents(manifest, plan->staged);
  if (!extents.isOk())
    return extents.takeStatus();
  if (Status status = checkOutputs(manifest, plan->staged); !status.isOk())
    return status;
  plan->tensors.swap(plan->staged);
  if (Status status = plan->evaluate(*extents, scalars); !status.isOk())
    return status;
  plan->fillAddresses();
  return plan;
}

Status Plan::evaluate(const std::vector<int64_t> &extents,
                      const std::vector<int64_t> &scalars) {
  const Manifest &manifest = kernel->getManifest();
  const std::string prefix = "kernel " + manifest.name + ", ";
  Expr::Lookup lookup = [&](std::string_view name) -> std::optional<int64_t> {
    if (std::optional<size_t> rank = manifest.findRank(name))
      return extents[*rank];
    if (std::optional<size_t> argument = manifest.findArgument(name))
      return scalars[*argument];
    return std::nullopt;
  };

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
      word = extents[*manifest.findRank(parameter.name)];
    if (parameter.kind == Parameter::Kind::scalar)
      word = scalars[*manifest.findArgument(parameter.name)];
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

Status Plan::Use::check() const {
  if (first)
    return {};
  return Status::error(StatusCode::invalidArgument,
                       "kernel " + plan.kernel->getManifest().name,
                       "expects a plan at rest, but it is in use",
                       "prepare one plan for each thread");
}

Status Plan::rebind(const ArgumentValue *values, size_t numValues) {
  Use use(*this);
  if (Status status = use.check(); !status.isOk())
    return status;
  if (Status status = stage(values, numValues); !status.isOk())
    return status;
  tensors.swap(staged);
  fillAddresses();
  return {};
}

/// Fills `staged` with what rebind was given, and checks it.
Status Plan::stage(const ArgumentValue *values, size_t numValues) {
  const Manifest &manifest = kernel->getManifest();
  for (size_t i = 0; i < numValues; ++i)
    if (values[i].kind != ArgumentValue::Kind::tensor)
      return Status::error(StatusCode::invalidArgument,
                           "argument " + std::string(values[i].name),
                           "expects tensors only, but got a scalar, which may "
                           "change the work and the memory",
                           "prepare another plan");
  if (Status status = bindTensors(values, numValues); !status.isOk())
    return status;
  for (size_t i = 0; i < tensors.size(); ++i)
    for (size_t d = 0; d < tensors[i].shape.size(); ++d)
      if (staged[i].shape[d] != tensors[i].shape[d])
        return Status::error(StatusCode::invalidArgument,
                             "argument " + manifest.arguments[i].name,
                             "expects dimension " + std::to_string(d) +
                                 " to be " +
                                 std::to_string(tensors[i].shape[d]) +
                                 " as when the plan was prepared, but got " +
                                 std::to_string(staged[i].shape[d]),
                             "prepare another plan");
  return checkOutputs(manifest, staged);
}

int64_t Plan::getMemoryBytes() const {
  return workspaceBytes + scratchStride * (pool ? pool->getNumThreads() : 1);
}

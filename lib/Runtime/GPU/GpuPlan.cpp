//===- GpuPlan.cpp - binds a GPU kernel and launches it -------------------===//

#include "GpuPlan.h"

#include "attn/Runtime/ExclusiveUse.h"

using namespace attn;
using namespace attn::gpu;

/// Read where a tensor that a map describes is empty: room for any element.
static constexpr uint64_t zerosBytes = 256;

std::string GpuPlan::getFeature(std::string_view part) const {
  return "kernel " + kernel->getManifest().name + ", " + std::string(part);
}

Expr::Lookup GpuPlan::makeDeviceLookup(const BoundArguments &arguments) const {
  return [lookup = makeLookup(kernel->getManifest(), arguments),
          count = multiprocessors](
             std::string_view name) -> std::optional<int64_t> {
    return name == Launch::multiprocessors ? count : lookup(name);
  };
}

Status GpuPlan::setMargin(int smMargin) {
  int all = getDevice().getMultiprocessors();
  multiprocessors = all;
  if (smMargin == 0)
    return {};
  if (smMargin < 0 || smMargin >= all)
    return Status::error(StatusCode::invalidArgument, getFeature("margin"),
                         "expects a margin of 0 to " + std::to_string(all - 1) +
                             " of the GPU's " + std::to_string(all) +
                             " multiprocessors, but got " +
                             std::to_string(smMargin),
                         "leave at least one to the kernel");
  multiprocessors -= smMargin;
  for (const Launch &launch : kernel->getManifest().launches)
    for (const Expr &extent : launch.grid)
      if (extent.uses(Launch::multiprocessors))
        return {};
  return Status::error(StatusCode::unsupported, getFeature("margin"),
                       "expects a kernel whose blocks are as many as fit the "
                       "GPU, but it has one for each item of its work",
                       "leave the margin out");
}

Result<std::unique_ptr<PreparedPlan>>
GpuPlan::prepare(std::shared_ptr<const GpuKernel> kernel,
                 const ArgumentValue *values, size_t numValues, int smMargin) {
  std::unique_ptr<GpuPlan> plan(new GpuPlan);
  plan->kernel = std::move(kernel);
  if (Status status = plan->setMargin(smMargin); !status.isOk())
    return status;
  Result<BoundArguments> bound =
      bindArguments(plan->kernel->getManifest(),
                    plan->getDevice().getDLDevice(), values, numValues);
  if (!bound.isOk())
    return bound.takeStatus();
  plan->bound = std::move(*bound);
  if (Status status = plan->evaluateGrids(); !status.isOk())
    return status;
  DeviceScope scope(plan->getDevice());
  if (Status status = scope.enter(); !status.isOk())
    return status;
  if (Status status = plan->allocate(); !status.isOk())
    return status;
  if (Status status = plan->fill(plan->bound, plan->blocks); !status.isOk())
    return status;
  return std::unique_ptr<PreparedPlan>(std::move(plan));
}

Status GpuPlan::evaluateGrid(const Launch &launch, FunctionHandle function) {
  Expr::Lookup lookup = makeDeviceLookup(bound);
  std::string feature = getFeature("grid of " + launch.symbol);
  Item item{};
  item.function = function;
  item.launch = &launch;
  bool isEmpty = false;
  for (size_t d = 0; d < 3; ++d) {
    Result<int64_t> extent = launch.grid[d].evaluate(lookup, feature);
    if (!extent.isOk())
      return extent.takeStatus();
    std::string got =
        ", but " + launch.grid[d].toString() + " is " + std::to_string(*extent);
    int64_t most = getDevice().getMaxBlocks(d, launch.threads);
    if (*extent < 0 || *extent > most)
      return Status::error(StatusCode::invalidArgument, feature,
                           "expects 0 to " + std::to_string(most) +
                               " blocks in dimension " + std::to_string(d) +
                               got,
                           "use other shapes or scalars");
    if (*extent % launch.cluster[d] != 0)
      return Status::error(
          StatusCode::corrupt, feature,
          "expects whole clusters of " + std::to_string(launch.cluster[d]) +
              " blocks in dimension " + std::to_string(d) + got,
          "compile the kernel again");
    isEmpty |= *extent == 0;
    item.shape.grid[d] = static_cast<unsigned>(*extent);
    item.shape.cluster[d] = static_cast<unsigned>(launch.cluster[d]);
  }
  item.shape.threads = static_cast<unsigned>(launch.threads);
  item.shape.sharedBytes = static_cast<unsigned>(launch.sharedBytes);
  if (!isEmpty)
    items.push_back(item);
  return {};
}

Status GpuPlan::evaluateGrids() {
  const std::vector<Launch> &launches = kernel->getManifest().launches;
  for (size_t i = 0; i < launches.size(); ++i)
    if (Status status = evaluateGrid(launches[i], kernel->getFunctions()[i]);
        !status.isOk())
      return status;
  return {};
}

/// Evaluates a byte count.
static Result<int64_t> evaluateBytes(const Expr &expr,
                                     const Expr::Lookup &lookup,
                                     const std::string &feature) {
  Result<int64_t> bytes = expr.evaluate(lookup, feature);
  if (bytes.isOk() && *bytes < 0)
    return Status::error(StatusCode::invalidArgument, feature,
                         "expects at least 0 bytes, but " + expr.toString() +
                             " is " + std::to_string(*bytes),
                         "use other shapes or scalars");
  return bytes;
}

/// Pre-condition: the device is entered.
Status GpuPlan::allocate() {
  const Manifest &manifest = kernel->getManifest();
  const std::shared_ptr<const Device> &device = kernel->getDevice();
  if (Status status = device->checkNoCapture("kernel " + manifest.name);
      !status.isOk())
    return status;
  bool needsZeros = false;
  for (const Item &item : items)
    for (const Launch::Parameter &parameter : item.launch->parameters)
      needsZeros |=
          parameter.kind == Launch::Parameter::Kind::tensorMap &&
          bound.tensors[*manifest.findArgument(parameter.name)].isEmpty;

  Expr::Lookup lookup = makeDeviceLookup(bound);
  std::string stateFeature = getFeature("state");
  Result<int64_t> bytes =
      evaluateBytes(manifest.stateBytes, lookup, stateFeature);
  if (!bytes.isOk())
    return bytes.takeStatus();
  memory.stateBytes = *bytes;
  std::string workspaceFeature = getFeature("workspace");
  bytes = evaluateBytes(manifest.workspaceBytes, lookup, workspaceFeature);
  if (!bytes.isOk())
    return bytes.takeStatus();
  memory.workspaceBytes = *bytes;

  if (Status status =
          workspace.allocate(device, memory.workspaceBytes, workspaceFeature);
      !status.isOk())
    return status;
  memory.workspace = workspace.getAddress();
  const std::pair<DeviceMemory *, uint64_t> cleared[] = {
      {&state, uint64_t(memory.stateBytes)},
      {&zeros, needsZeros ? zerosBytes : 0}};
  for (auto [part, size] : cleared) {
    if (size == 0)
      continue;
    if (Status status = part->allocate(device, size, stateFeature);
        !status.isOk())
      return status;
    if (Status status = device->clear(part->getAddress(), size, stateFeature);
        !status.isOk())
      return status;
  }
  memory.state = state.getAddress();
  memory.zeros = zeros.getAddress();
  // The first launch may be on a stream that does not wait for this one.
  if (memory.stateBytes != 0 || needsZeros)
    return device->synchronize(stateFeature);
  return {};
}

Status GpuPlan::fill(const BoundArguments &arguments,
                     std::vector<ParameterBlock> &filled) const {
  const Manifest &manifest = kernel->getManifest();
  Expr::Lookup lookup = makeDeviceLookup(arguments);
  for (const Item &item : items) {
    Result<ParameterBlock> block = ParameterBlock::create(
        getDevice(), manifest, *item.launch, arguments, lookup, memory);
    if (!block.isOk())
      return block.takeStatus();
    filled.push_back(std::move(*block));
  }
  return {};
}

Status GpuPlan::rebind(const ArgumentValue *values, size_t numValues) {
  const Manifest &manifest = kernel->getManifest();
  ExclusiveUse use(inUse);
  if (Status status = use.check(manifest.name); !status.isOk())
    return status;
  BoundArguments staged{{}, bound.scalars, bound.extents};
  if (Status status = rebindTensors(manifest, getDevice().getDLDevice(), values,
                                    numValues, bound.tensors, staged.tensors);
      !status.isOk())
    return status;
  std::vector<ParameterBlock> filled;
  if (Status status = fill(staged, filled); !status.isOk())
    return status;
  bound = std::move(staged);
  blocks = std::move(filled);
  return {};
}

Status GpuPlan::move(const void *const *data, size_t count) {
  const Manifest &manifest = kernel->getManifest();
  ExclusiveUse use(inUse);
  if (Status status = use.check(manifest.name); !status.isOk())
    return status;
  BoundArguments staged{{}, bound.scalars, bound.extents};
  if (Status status =
          moveTensors(manifest, data, count, bound.tensors, staged.tensors);
      !status.isOk())
    return status;
  std::vector<ParameterBlock> moved;
  moved.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    Result<ParameterBlock> block =
        blocks[i].move(getDevice(), manifest, *items[i].launch, staged);
    if (!block.isOk())
      return block.takeStatus();
    moved.push_back(std::move(*block));
  }
  bound.tensors.swap(staged.tensors);
  blocks.swap(moved);
  return {};
}

Status GpuPlan::launchAll(StreamHandle stream) {
  for (size_t i = 0; i < items.size(); ++i)
    if (Status status = getDevice().launch(
            items[i].shape, items[i].function, stream, blocks[i].getAddresses(),
            *items[i].launch, kernel->getManifest().name);
        !status.isOk())
      return status;
  return {};
}

Status GpuPlan::launch(void *stream) {
  ExclusiveUse use(inUse);
  if (Status status = use.check(kernel->getManifest().name); !status.isOk())
    return status;
  return launchAll(static_cast<StreamHandle>(stream));
}

Status GpuPlan::run() {
  ExclusiveUse use(inUse);
  if (Status status = use.check(kernel->getManifest().name); !status.isOk())
    return status;
  DeviceScope scope(getDevice());
  if (Status status = scope.enter(); !status.isOk())
    return status;
  if (Status status = launchAll(getDevice().getDefaultStream()); !status.isOk())
    return status;
  return getDevice().synchronize("kernel " + kernel->getManifest().name);
}

//===- ParameterBlock.cpp - the bytes of a launch's parameters ------------===//

#include "ParameterBlock.h"

#include "Refusals.h"
#include "attn/Runtime/LaunchLayout.h"

#include <cstring>

using namespace attn;
using namespace attn::gpu;

using Parameter = Launch::Parameter;

/// The address `offset` bytes into memory of `bytes`.
static Result<int64_t> locate(const Parameter &parameter,
                              const Expr::Lookup &lookup, DevicePointer memory,
                              int64_t bytes, const std::string &feature) {
  Result<int64_t> offset = parameter.expr.evaluate(lookup, feature);
  if (!offset.isOk())
    return offset;
  if (*offset < 0 || *offset > bytes)
    return Status::error(StatusCode::corrupt, feature,
                         "expects an offset within its memory of " +
                             std::to_string(bytes) + " bytes, but got " +
                             std::to_string(*offset),
                         "compile the kernel again");
  return static_cast<int64_t>(memory) + *offset;
}

/// What Launch::Parameter::rows asks for.
static Status checkRows(const Manifest::Argument &argument,
                        const BoundTensor &tensor, int64_t rowBytes) {
  if (tensor.isEmpty)
    return {};
  auto refuse = [&](std::string reason, std::string alternative) {
    return refuseLayout(argument, std::move(reason), std::move(alternative));
  };
  uint64_t unit = static_cast<uint64_t>(rowBytes);
  if (tensor.address % unit != 0)
    return refuse("expects data aligned to " + std::to_string(rowBytes) +
                      " bytes, but its address is " +
                      std::to_string(tensor.address % unit) +
                      " bytes beyond a multiple",
                  "use aligned memory");
  size_t inner = tensor.shape.size() - 1;
  for (size_t d = 0; d <= inner; ++d) {
    if (tensor.shape[d] == 1)
      continue;
    if (d == inner && tensor.strides[d] != 1)
      return refuse("expects a stride of 1 in its last dimension, but got " +
                        std::to_string(tensor.strides[d]),
                    "make the tensor's last dimension contiguous");
    int64_t bytes = tensor.strides[d] * tensor.elementBytes;
    if (d != inner && bytes % rowBytes != 0)
      return refuse("expects rows at multiples of " + std::to_string(rowBytes) +
                        " bytes, but dimension " + std::to_string(d) +
                        " has a stride of " + std::to_string(bytes),
                    "use a tensor with padded rows");
  }
  return {};
}

/// The address of the tensor that a pointer points to.
static Result<int64_t> evaluatePointer(const Manifest &manifest,
                                       const Parameter &parameter,
                                       const BoundArguments &bound) {
  size_t index = *manifest.findArgument(parameter.name);
  const BoundTensor &tensor = bound.tensors[index];
  if (parameter.rowBytes != 0)
    if (Status status =
            checkRows(manifest.arguments[index], tensor, parameter.rowBytes);
        !status.isOk())
      return status;
  return static_cast<int64_t>(tensor.address);
}

/// The low bytes of the result are the parameter. Pre-condition: it is no
/// tensor map.
static Result<int64_t>
evaluateWord(const Manifest &manifest, const Parameter &parameter,
             const BoundArguments &bound, const Expr::Lookup &lookup,
             const PlanMemory &memory, const std::string &feature) {
  switch (parameter.kind) {
  case Parameter::Kind::tensorMap:
    break;
  case Parameter::Kind::pointer:
    return evaluatePointer(manifest, parameter, bound);
  case Parameter::Kind::stride:
    return bound.tensors[*manifest.findArgument(parameter.name)]
        .strides[parameter.dim];
  case Parameter::Kind::scalar:
    return bound.scalars[*manifest.findArgument(parameter.name)];
  case Parameter::Kind::state:
    return locate(parameter, lookup, memory.state, memory.stateBytes, feature);
  case Parameter::Kind::workspace:
    return locate(parameter, lookup, memory.workspace, memory.workspaceBytes,
                  feature);
  case Parameter::Kind::value: {
    Result<int64_t> value = parameter.expr.evaluate(lookup, feature);
    if (value.isOk() && !isRepresentable(*value, parameter.type))
      return Status::error(StatusCode::invalidArgument, feature,
                           "expects a value of " +
                               std::string(getName(parameter.type)) + ", but " +
                               parameter.expr.toString() + " is " +
                               std::to_string(*value),
                           "use other shapes or scalars");
    return value;
  }
  }
  return 0;
}

Result<ParameterBlock>
ParameterBlock::create(const Device &device, const Manifest &manifest,
                       const Launch &launch, const BoundArguments &bound,
                       const Expr::Lookup &lookup, const PlanMemory &memory) {
  LaunchLayout layout = layOutParameters(manifest, launch);
  ParameterBlock block;
  block.storage.resize(size_t(layout.bytes + 63) / 64);
  auto *base = reinterpret_cast<unsigned char *>(block.storage.data());
  for (size_t i = 0; i < launch.parameters.size(); ++i) {
    const Parameter &parameter = launch.parameters[i];
    unsigned char *place = base + layout.places[i].offset;
    block.addresses.push_back(place);
    if (parameter.kind == Parameter::Kind::tensorMap) {
      size_t index = *manifest.findArgument(parameter.name);
      if (Status status = device.encodeTensorMap(
              manifest.arguments[index], parameter, bound.tensors[index],
              memory.zeros, /*isMove=*/false, place);
          !status.isOk())
        return status;
      continue;
    }
    Result<int64_t> word =
        evaluateWord(manifest, parameter, bound, lookup, memory,
                     "kernel " + manifest.name + ", parameter " +
                         std::to_string(i) + " of " + launch.symbol);
    if (!word.isOk())
      return word.takeStatus();
    // Hosts of these drivers are little-endian: the low bytes come first.
    std::memcpy(place, &*word, size_t(layout.places[i].bytes));
  }
  return block;
}

Result<ParameterBlock> ParameterBlock::move(const Device &device,
                                            const Manifest &manifest,
                                            const Launch &launch,
                                            const BoundArguments &bound) const {
  ParameterBlock block;
  block.storage = storage;
  auto *base = reinterpret_cast<unsigned char *>(block.storage.data());
  auto *from = reinterpret_cast<const unsigned char *>(storage.data());
  block.addresses.reserve(addresses.size());
  for (size_t i = 0; i < addresses.size(); ++i) {
    const Parameter &parameter = launch.parameters[i];
    void *place =
        base + (static_cast<const unsigned char *>(addresses[i]) - from);
    block.addresses.push_back(place);
    if (parameter.kind == Parameter::Kind::tensorMap) {
      size_t index = *manifest.findArgument(parameter.name);
      if (Status status = device.encodeTensorMap(
              manifest.arguments[index], parameter, bound.tensors[index],
              /*zeros=*/0, /*isMove=*/true, place);
          !status.isOk())
        return status;
    } else if (parameter.kind == Parameter::Kind::pointer) {
      Result<int64_t> word = evaluatePointer(manifest, parameter, bound);
      if (!word.isOk())
        return word.takeStatus();
      std::memcpy(place, &*word, sizeof(*word));
    }
  }
  return block;
}

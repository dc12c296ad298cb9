//===- LaunchChecks.cpp - what every launch has to satisfy ----------------===//

#include "ManifestChecks.h"
#include "attn/Runtime/LaunchLayout.h"

#include <algorithm>

using namespace attn;

using Argument = Manifest::Argument;
using Parameter = Launch::Parameter;

// CUDA C++ Programming Guide, "Technical Specifications per Compute
// Capability": threads of a block, and blocks of a portable cluster.
static constexpr int64_t maxThreads = 1024;
static constexpr int64_t maxClusterBlocks = 8;
/// Every driver and architecture takes this much; later ones take more.
static constexpr int64_t maxParameterBytes = 4096;
// CUDA Driver API, cuTensorMapEncodeTiled: dimensions, elements of a box's
// side, and the unit of its innermost bytes.
static constexpr size_t maxMapDims = 5;
static constexpr int64_t maxBoxExtent = 256;
static constexpr int64_t boxBytesUnit = 16;

static Status checkTensorMap(const Manifest &m, const Parameter &parameter,
                             const std::string &path) {
  const Argument *tensor = nullptr;
  if (Status status = checkTensor(m, parameter.name, path + ".tensor", tensor);
      !status.isOk())
    return status;
  size_t numDims = tensor->shape.size();
  if (numDims < 1 || numDims > maxMapDims)
    return jsonError(path + ".tensor",
                     "expects a tensor of 1 to 5 dimensions, but '" +
                         parameter.name + "' has " + std::to_string(numDims));
  if (parameter.box.size() != numDims)
    return jsonError(path + ".box",
                     "expects " + std::to_string(numDims) +
                         " extents, one for each dimension of '" +
                         parameter.name + "', but got " +
                         std::to_string(parameter.box.size()));
  for (size_t d = 0; d < numDims; ++d)
    if (parameter.box[d] < 1 || parameter.box[d] > maxBoxExtent)
      return jsonError(path + ".box[" + std::to_string(d) + "]",
                       "expects an extent of 1 to 256, but got " +
                           std::to_string(parameter.box[d]));
  if (!parameter.order.empty()) {
    std::vector<int64_t> sorted = parameter.order;
    std::sort(sorted.begin(), sorted.end());
    bool isOrder = sorted.size() == numDims &&
                   size_t(parameter.order.back()) == numDims - 1;
    for (size_t d = 0; isOrder && d < numDims; ++d)
      isOrder = sorted[d] == int64_t(d);
    if (!isOrder)
      return jsonError(path + ".order",
                       "expects each of the " + std::to_string(numDims) +
                           " dimensions of '" + parameter.name +
                           "' once, the last one last");
  }
  int64_t innerBytes = parameter.box.back() * getSizeInBytes(tensor->dtype);
  if (innerBytes % boxBytesUnit != 0)
    return jsonError(path + ".box",
                     "expects rows of a multiple of 16 bytes, but got " +
                         std::to_string(innerBytes));
  int64_t swizzle = parameter.swizzleBytes;
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    return jsonError(path + ".swizzle",
                     "expects 0, 32, 64 or 128 bytes, but got " +
                         std::to_string(swizzle));
  if (swizzle != 0 && innerBytes > swizzle)
    return jsonError(path + ".swizzle",
                     "expects rows of at most the swizzle's " +
                         std::to_string(swizzle) + " bytes, but got " +
                         std::to_string(innerBytes),
                     "cut the box into panels");
  int64_t promotion = parameter.promotionBytes;
  if (promotion != 0 && promotion != 64 && promotion != 128 && promotion != 256)
    return jsonError(path + ".promotion",
                     "expects 0, 64, 128 or 256 bytes, but got " +
                         std::to_string(promotion));
  return {};
}

static Status checkParameter(const Manifest &m, const Parameter &parameter,
                             const std::string &path) {
  const Argument *tensor = nullptr;
  switch (parameter.kind) {
  case Parameter::Kind::tensorMap:
    return checkTensorMap(m, parameter, path + ".tensor_map");
  case Parameter::Kind::pointer:
    return checkTensor(m, parameter.name,
                       path + (parameter.rowBytes ? ".rows[0]" : ".pointer"),
                       tensor);
  case Parameter::Kind::stride: {
    Status status = checkTensor(m, parameter.name, path + ".stride[0]", tensor);
    if (!status.isOk())
      return status;
    if (parameter.dim < 0 || size_t(parameter.dim) >= tensor->shape.size())
      return jsonError(path + ".stride[1]",
                       "expects a dimension of '" + parameter.name +
                           "', which has " +
                           std::to_string(tensor->shape.size()) + ", but got " +
                           std::to_string(parameter.dim));
    return {};
  }
  case Parameter::Kind::value:
    if (parameter.type != DType::i32 && parameter.type != DType::i64)
      return jsonError(path + ".type",
                       "expects i32 or i64, but got " +
                           std::string(getName(parameter.type)));
    return checkExpr(m, parameter.expr, path + ".value");
  case Parameter::Kind::scalar: {
    std::optional<size_t> index = m.findArgument(parameter.name);
    if (!index || m.arguments[*index].kind != Argument::Kind::scalar)
      return jsonError(path + ".scalar",
                       "expects a scalar of manifest.arguments, but got '" +
                           parameter.name + "'");
    return {};
  }
  case Parameter::Kind::state:
    return checkSize(m, parameter.expr, path + ".state");
  case Parameter::Kind::workspace:
    return checkSize(m, parameter.expr, path + ".workspace");
  }
  return {};
}

static Status checkShape(const Launch &launch, const std::string &path) {
  if (launch.threads < 1 || launch.threads > maxThreads)
    return jsonError(path + ".threads", "expects 1 to 1024, but got " +
                                            std::to_string(launch.threads));
  int64_t blocks = 1;
  for (size_t d = 0; d < 3; ++d) {
    int64_t extent = launch.cluster[d];
    if (extent < 1 || extent > maxClusterBlocks)
      return jsonError(path + ".cluster[" + std::to_string(d) + "]",
                       "expects 1 to 8, but got " + std::to_string(extent));
    blocks *= extent;
  }
  if (blocks > maxClusterBlocks)
    return jsonError(path + ".cluster",
                     "expects at most 8 blocks in a cluster, but got " +
                         std::to_string(blocks));
  if (launch.sharedBytes < 0 || launch.sharedBytes > (int64_t(1) << 30))
    return jsonError(path + ".shared_bytes",
                     "expects 0 to 2^30, but got " +
                         std::to_string(launch.sharedBytes));
  return {};
}

static Status checkLaunch(const Manifest &m, const Launch &launch,
                          const std::string &path) {
  if (Status status = checkIdentifier(launch.symbol, path + ".symbol");
      !status.isOk())
    return status;
  for (size_t d = 0; d < 3; ++d)
    if (Status status = checkSize(m, launch.grid[d],
                                  path + ".grid[" + std::to_string(d) + "]");
        !status.isOk())
      return status;
  if (Status status = checkShape(launch, path); !status.isOk())
    return status;
  for (size_t i = 0; i < launch.parameters.size(); ++i)
    if (Status status =
            checkParameter(m, launch.parameters[i],
                           path + ".parameters[" + std::to_string(i) + "]");
        !status.isOk())
      return status;
  int64_t bytes = layOutParameters(m, launch).bytes;
  if (bytes > maxParameterBytes)
    return jsonError(path + ".parameters",
                     "expects at most 4096 bytes of parameters, but got " +
                         std::to_string(bytes),
                     "pass a pointer to them");
  return {};
}

Status attn::checkLaunches(const Manifest &m) {
  if (!m.parameters.empty() || m.scratchBytes != Expr(0))
    return jsonError("manifest",
                     "expects parameters and scratch with phases "
                     "only, but got launches",
                     "state the parameters of each launch");
  if (m.target.driver && *m.target.driver < 0)
    return jsonError("manifest.target.driver",
                     "expects a version of at least 0, but got " +
                         std::to_string(*m.target.driver));
  if (!m.target.features.empty())
    return jsonError("manifest.target.features",
                     "expects none beside a GPU's architecture, but got " +
                         std::to_string(m.target.features.size()));
  if (Status status = checkSize(m, m.stateBytes, "manifest.state_bytes");
      !status.isOk())
    return status;
  for (size_t i = 0; i < m.launches.size(); ++i)
    if (Status status = checkLaunch(
            m, m.launches[i], "manifest.launches[" + std::to_string(i) + "]");
        !status.isOk())
      return status;
  return {};
}

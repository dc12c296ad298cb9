//===- Bindings.cpp - the values that a call gives to a kernel's names ----===//

#include "Bindings.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace attn;

using Argument = Manifest::Argument;

static Status refuse(const std::string &feature, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, feature, std::move(reason),
                       std::move(alternative));
}

static std::string listArguments(const Manifest &manifest) {
  std::string names;
  for (const Argument &argument : manifest.arguments)
    names += (names.empty() ? "" : ", ") + argument.name;
  return names;
}

/// The position in `manifest.arguments` of each value.
static Result<std::vector<size_t>> matchNames(const Manifest &manifest,
                                              const ArgumentValue *values,
                                              size_t numValues) {
  std::vector<size_t> positions;
  for (size_t i = 0; i < numValues; ++i) {
    std::string name(values[i].name);
    std::optional<size_t> position = manifest.findArgument(name);
    if (!position)
      return refuse("kernel " + manifest.name,
                    "expects arguments that it has, but got '" + name + "'",
                    "use " + listArguments(manifest));
    if (std::find(positions.begin(), positions.end(), *position) !=
        positions.end())
      return refuse("argument " + name, "expects one value, but got two",
                    "give it once");
    bool isTensor =
        manifest.arguments[*position].kind == Argument::Kind::tensor;
    if (isTensor != (values[i].kind == ArgumentValue::Kind::tensor))
      return refuse("argument " + name,
                    isTensor ? "expects a tensor, but got a scalar"
                             : "expects a scalar, but got a tensor",
                    "give what the manifest declares");
    positions.push_back(*position);
  }
  return positions;
}

/// Refuses an argument of the kernel that `positions` does not hold.
static Status checkComplete(const Manifest &manifest,
                            const std::vector<size_t> &positions) {
  for (size_t i = 0; i < manifest.arguments.size(); ++i)
    if (std::find(positions.begin(), positions.end(), i) == positions.end())
      return refuse("argument " + manifest.arguments[i].name,
                    "expects a value, but got none",
                    "kernel " + manifest.name + " takes " +
                        listArguments(manifest));
  return {};
}

/// The word that passes `value` to the kernel.
static Result<int64_t> encodeScalar(const Argument &argument,
                                    const ArgumentValue &value) {
  std::string feature = "argument " + argument.name;
  bool isReal = value.kind == ArgumentValue::Kind::real;
  if (isInteger(argument.dtype)) {
    if (isReal)
      return refuse(feature,
                    "expects an integer, but got " + std::to_string(value.real),
                    "give an integer");
    if (!isRepresentable(value.integer, argument.dtype))
      return refuse(feature,
                    "expects a value of " +
                        std::string(getName(argument.dtype)) + ", but got " +
                        std::to_string(value.integer),
                    "give one in its range");
    return value.integer;
  }
  double real = isReal ? value.real : static_cast<double>(value.integer);
  int64_t word = 0;
  if (argument.dtype == DType::f64) {
    std::memcpy(&word, &real, sizeof(real));
    return word;
  }
  float single = static_cast<float>(real);
  if (std::isinf(single) && !std::isinf(real))
    return refuse(feature,
                  "expects a value of f32, but got " + std::to_string(real),
                  "give one in its range");
  uint32_t bits;
  std::memcpy(&bits, &single, sizeof(single));
  return static_cast<int64_t>(bits);
}

namespace {
/// Where a rank's extent comes from.
struct Origin {
  const Argument *argument = nullptr;
  size_t dim = 0;
};
} // namespace

/// The extent of every rank, in order; refusals name both sides.
static Result<std::vector<int64_t>>
bindExtents(const Manifest &manifest, const std::vector<BoundTensor> &tensors) {
  std::vector<int64_t> extents;
  for (const Manifest::Rank &rank : manifest.ranks)
    extents.push_back(rank.extent.value_or(0));
  std::vector<Origin> origins(manifest.ranks.size());

  for (size_t i = 0; i < manifest.arguments.size(); ++i) {
    const Argument &argument = manifest.arguments[i];
    for (size_t d = 0; d < argument.shape.size(); ++d) {
      const Manifest::Extent &declared = argument.shape[d];
      int64_t got = tensors[i].shape[d], wanted = declared.size;
      std::string why;
      if (!declared.rank.empty()) {
        size_t rank = *manifest.findRank(declared.rank);
        Origin &origin = origins[rank];
        if (!manifest.ranks[rank].extent && !origin.argument) {
          origin = {&argument, d};
          extents[rank] = got;
        }
        if (manifest.ranks[rank].most && got > *manifest.ranks[rank].most)
          return refuse("argument " + argument.name,
                        "expects dimension " + std::to_string(d) + " (" +
                            declared.rank + ") to be " +
                            std::to_string(*manifest.ranks[rank].most) +
                            " at the most, but got " + std::to_string(got),
                        "compile the kernel for more");
        wanted = extents[rank];
        why = " (" + declared.rank +
              (origin.argument
                   ? ", as in dimension " + std::to_string(origin.dim) +
                         " of " + origin.argument->name
                   : ", fixed by the kernel") +
              ")";
      }
      if (got != wanted)
        return refuse("argument " + argument.name,
                      "expects dimension " + std::to_string(d) + " to be " +
                          std::to_string(wanted) + why + ", but got " +
                          std::to_string(got),
                      "give tensors whose shapes agree");
    }
  }
  return extents;
}

static Status checkOutputs(const Manifest &manifest,
                           const std::vector<BoundTensor> &tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Argument &output = manifest.arguments[i];
    if (output.access == Argument::Access::read)
      continue;
    if (!tensors[i].isEmpty && mayOverlapItself(tensors[i]))
      return refuse("argument " + output.name,
                    "expects an output whose elements lie apart, but its "
                    "strides may put two in one place",
                    "give an output without broadcast dimensions");
    for (size_t j = 0; j < tensors.size(); ++j)
      if (j != i && mayOverlap(tensors[i], tensors[j]))
        return refuse("argument " + output.name,
                      "expects an output apart from all other arguments, but "
                      "it may share memory with " +
                          manifest.arguments[j].name,
                      "give the output its own memory");
  }
  return {};
}

/// Binds the tensors among `values` over those that `tensors` holds.
static Status bindTensors(const Manifest &manifest, DLDevice device,
                          const ArgumentValue *values,
                          const std::vector<size_t> &positions,
                          std::vector<BoundTensor> &tensors) {
  for (size_t i = 0; i < positions.size(); ++i) {
    const Argument &argument = manifest.arguments[positions[i]];
    if (argument.kind != Argument::Kind::tensor)
      continue;
    if (Status status = bindTensor(argument, device, values[i].tensor,
                                   tensors[positions[i]]);
        !status.isOk())
      return status;
  }
  return {};
}

Result<BoundArguments> attn::bindArguments(const Manifest &manifest,
                                           DLDevice device,
                                           const ArgumentValue *values,
                                           size_t numValues) {
  BoundArguments bound;
  bound.tensors.resize(manifest.arguments.size());
  bound.scalars.resize(manifest.arguments.size());
  Result<std::vector<size_t>> positions =
      matchNames(manifest, values, numValues);
  if (!positions.isOk())
    return positions.takeStatus();
  if (Status status = checkComplete(manifest, *positions); !status.isOk())
    return status;
  for (size_t i = 0; i < numValues; ++i) {
    if (values[i].kind == ArgumentValue::Kind::tensor)
      continue;
    size_t position = (*positions)[i];
    Result<int64_t> word =
        encodeScalar(manifest.arguments[position], values[i]);
    if (!word.isOk())
      return word.takeStatus();
    bound.scalars[position] = *word;
  }
  if (Status status =
          bindTensors(manifest, device, values, *positions, bound.tensors);
      !status.isOk())
    return status;
  Result<std::vector<int64_t>> extents = bindExtents(manifest, bound.tensors);
  if (!extents.isOk())
    return extents.takeStatus();
  bound.extents = std::move(*extents);
  if (Status status = checkOutputs(manifest, bound.tensors); !status.isOk())
    return status;
  return bound;
}

Status attn::rebindTensors(const Manifest &manifest, DLDevice device,
                           const ArgumentValue *values, size_t numValues,
                           const std::vector<BoundTensor> &tensors,
                           std::vector<BoundTensor> &staged) {
  for (size_t i = 0; i < numValues; ++i)
    if (values[i].kind != ArgumentValue::Kind::tensor)
      return refuse("argument " + std::string(values[i].name),
                    "expects tensors only, but got a scalar, which may change "
                    "the work and the memory",
                    "prepare another plan");
  Result<std::vector<size_t>> positions =
      matchNames(manifest, values, numValues);
  if (!positions.isOk())
    return positions.takeStatus();
  staged = tensors;
  if (Status status = bindTensors(manifest, device, values, *positions, staged);
      !status.isOk())
    return status;
  for (size_t i = 0; i < tensors.size(); ++i)
    for (size_t d = 0; d < tensors[i].shape.size(); ++d)
      if (staged[i].shape[d] != tensors[i].shape[d])
        return refuse("argument " + manifest.arguments[i].name,
                      "expects dimension " + std::to_string(d) + " to be " +
                          std::to_string(tensors[i].shape[d]) +
                          " as when the plan was prepared, but got " +
                          std::to_string(staged[i].shape[d]),
                      "prepare another plan");
  return checkOutputs(manifest, staged);
}

Status attn::moveTensors(const Manifest &manifest, const void *const *data,
                         size_t count, const std::vector<BoundTensor> &tensors,
                         std::vector<BoundTensor> &staged) {
  staged = tensors;
  size_t next = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (manifest.arguments[i].kind != Manifest::Argument::Kind::tensor)
      continue;
    if (next < count)
      if (Status status =
              moveTensor(manifest.arguments[i],
                         reinterpret_cast<uintptr_t>(data[next]), staged[i]);
          !status.isOk())
        return status;
    ++next;
  }
  if (next != count)
    return refuse("kernel " + manifest.name,
                  "expects " + std::to_string(next) +
                      " addresses, one for each tensor, but got " +
                      std::to_string(count),
                  "give those of all tensors, in the order of the manifest");
  return checkOutputs(manifest, staged);
}

Expr::Lookup attn::makeLookup(const Manifest &manifest,
                              const BoundArguments &bound) {
  return [&](std::string_view name) -> std::optional<int64_t> {
    if (std::optional<size_t> rank = manifest.findRank(name))
      return bound.extents[*rank];
    if (std::optional<size_t> argument = manifest.findArgument(name))
      return bound.scalars[*argument];
    return std::nullopt;
  };
}

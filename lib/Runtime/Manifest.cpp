//===- Manifest.cpp - what every manifest has to satisfy ------------------===//

#include "attn/Runtime/Manifest.h"

#include "ManifestChecks.h"

#include <algorithm>
#include <set>

using namespace attn;

namespace {
using Argument = Manifest::Argument;
using Parameter = Manifest::Parameter;

/// More dimensions than any framework's tensor has.
constexpr size_t maxDims = 64;

/// Checks one manifest. Every check returns the first fault it finds.
class Validator {
public:
  explicit Validator(const Manifest &manifest) : m(manifest) {}

  Status run();

private:
  Status checkText();
  Status checkRanks();
  Status checkArguments();
  Status checkShape(const Argument &argument, const std::string &path);
  Status checkRanksAreBound();
  Status checkParameter(const Parameter &parameter, const std::string &path);
  Status checkPhases();

  const Manifest &m;
};

std::string at(const char *list, size_t index) {
  return std::string("manifest.") + list + "[" + std::to_string(index) + "]";
}
} // namespace

/// A name that C, MLIR and JSON readers all take.
static bool isIdentifier(std::string_view name) {
  auto isHead = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && isHead(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return isHead(c) || (c >= '0' && c <= '9');
         });
}

Status attn::checkIdentifier(const std::string &name, const std::string &path) {
  if (isIdentifier(name))
    return {};
  return jsonError(path,
                   "expects a name of letters, digits and underscores, but got "
                   "'" +
                       name + "'",
                   "rename it");
}

Status attn::checkTensor(const Manifest &m, const std::string &name,
                         const std::string &path, const Argument *&tensor) {
  std::optional<size_t> index = m.findArgument(name);
  if (!index || m.arguments[*index].kind != Argument::Kind::tensor)
    return jsonError(path, "expects a tensor of manifest.arguments, but got '" +
                               name + "'");
  tensor = &m.arguments[*index];
  return {};
}

Status attn::checkExpr(const Manifest &m, const Expr &expr,
                       const std::string &path, unsigned depth) {
  if (depth > Expr::maxDepth)
    return jsonError(path, "expects expressions at most " +
                               std::to_string(Expr::maxDepth) +
                               " levels deep, but got a deeper one");
  if (expr.isName()) {
    std::optional<size_t> index = m.findArgument(expr.getName());
    bool isScalar = index &&
                    m.arguments[*index].kind == Argument::Kind::scalar &&
                    isInteger(m.arguments[*index].dtype);
    bool isDevices =
        !m.launches.empty() && expr.getName() == Launch::multiprocessors;
    if (!isScalar && !isDevices && !m.findRank(expr.getName()))
      return jsonError(path,
                       "expects the name of a rank or of an integer scalar, "
                       "but got '" +
                           expr.getName() + "'");
  }
  for (const Expr &operand : expr.getOperands())
    if (Status status = checkExpr(m, operand, path, depth + 1); !status.isOk())
      return status;
  return {};
}

Status attn::checkSize(const Manifest &m, const Expr &expr,
                       const std::string &path) {
  if (expr.isConstant() && expr.getConstant() < 0)
    return jsonError(path, "expects at least 0, but got " +
                               std::to_string(expr.getConstant()));
  return checkExpr(m, expr, path);
}

namespace {
Status Validator::checkText() {
  if (Status status = checkIdentifier(m.name, "manifest.name"); !status.isOk())
    return status;
  if (m.target.arch.empty())
    return jsonError("manifest.target.arch",
                     "expects an architecture, but got ''");
  for (size_t i = 0; i < m.target.features.size(); ++i) {
    const std::string &feature = m.target.features[i];
    if (feature.empty() || feature[0] == '+' || feature[0] == '-')
      return jsonError("manifest.target.features[" + std::to_string(i) + "]",
                       "expects a feature's name without sign, but got '" +
                           feature + "'",
                       "list only the features that the code needs");
  }
  Result<Json> numerics = parseJson(m.numerics, "manifest.numerics");
  if (!numerics.isOk())
    return numerics.takeStatus();
  if (!numerics->is_object())
    return jsonError("manifest.numerics",
                     "expects an object, but got " + describe(*numerics));
  return {};
}

Status Validator::checkRanks() {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < m.ranks.size(); ++i) {
    const Manifest::Rank &rank = m.ranks[i];
    std::string path = at("ranks", i);
    if (Status status = checkIdentifier(rank.name, path + ".name");
        !status.isOk())
      return status;
    if (!seen.insert(rank.name).second)
      return jsonError(path + ".name", "expects ranks of different names, but "
                                       "got '" +
                                           rank.name + "' twice");
    if (rank.extent && *rank.extent < 0)
      return jsonError(path + ".extent",
                       "expects an extent of at least 0, but got " +
                           std::to_string(*rank.extent));
    if (rank.most && (rank.extent || *rank.most < 0))
      return jsonError(path + ".most",
                       "expects a bound of at least 0 of a rank without an "
                       "extent, but got " +
                           std::to_string(*rank.most));
  }
  return {};
}

Status Validator::checkShape(const Argument &argument,
                             const std::string &path) {
  if (argument.shape.size() > maxDims)
    return jsonError(path, "expects at most " + std::to_string(maxDims) +
                               " dimensions, but got " +
                               std::to_string(argument.shape.size()));
  for (size_t d = 0; d < argument.shape.size(); ++d) {
    const Manifest::Extent &extent = argument.shape[d];
    std::string place = path + "[" + std::to_string(d) + "]";
    if (extent.rank.empty() && extent.size < 0)
      return jsonError(place, "expects an extent of at least 0, but got " +
                                  std::to_string(extent.size));
    if (!extent.rank.empty() && !m.findRank(extent.rank))
      return jsonError(place,
                       "expects a rank of manifest.ranks, but got '" +
                           extent.rank + "'",
                       "list that rank or correct its name");
  }
  return {};
}

Status Validator::checkArguments() {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < m.arguments.size(); ++i) {
    const Argument &argument = m.arguments[i];
    std::string path = at("arguments", i);
    if (Status status = checkIdentifier(argument.name, path + ".name");
        !status.isOk())
      return status;
    if (!seen.insert(argument.name).second)
      return jsonError(path + ".name",
                       "expects arguments of different names, but got '" +
                           argument.name + "' twice");
    if (argument.kind == Argument::Kind::scalar) {
      // Both stand in expressions, where the name has to be clear.
      if (m.findRank(argument.name))
        return jsonError(path + ".name",
                         "expects a scalar's name that no rank has, but got '" +
                             argument.name + "'",
                         "rename one of them");
      if (!argument.shape.empty() || argument.access != Argument::Access::read)
        return jsonError(path, "expects a scalar to be read and to have no "
                               "shape, but got '" +
                                   argument.name + "' with one");
      if (argument.dtype == DType::bf16 || argument.dtype == DType::f16)
        return jsonError(path + ".dtype",
                         "expects a scalar of f32, f64 or an integer type, but "
                         "got " +
                             std::string(getName(argument.dtype)));
      continue;
    }
    if (Status status = checkShape(argument, path + ".shape"); !status.isOk())
      return status;
  }
  return {};
}

Status Validator::checkRanksAreBound() {
  for (size_t i = 0; i < m.ranks.size(); ++i) {
    const Manifest::Rank &rank = m.ranks[i];
    bool bound = rank.extent.has_value();
    for (const Argument &argument : m.arguments)
      for (const Manifest::Extent &extent : argument.shape)
        bound |= extent.rank == rank.name;
    if (!bound)
      return jsonError(at("ranks", i),
                       "expects an extent or a tensor with that rank, but '" +
                           rank.name + "' has neither",
                       "give it an extent or remove it");
  }
  return {};
}

Status Validator::checkParameter(const Parameter &parameter,
                                 const std::string &path) {
  const Argument *tensor = nullptr;
  switch (parameter.kind) {
  case Parameter::Kind::pointer:
    return checkTensor(m, parameter.name, path + ".pointer", tensor);
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
  case Parameter::Kind::extent:
    if (!m.findRank(parameter.name))
      return jsonError(path + ".extent",
                       "expects a rank of manifest.ranks, but got '" +
                           parameter.name + "'");
    return {};
  case Parameter::Kind::scalar: {
    std::optional<size_t> index = m.findArgument(parameter.name);
    if (!index || m.arguments[*index].kind != Argument::Kind::scalar)
      return jsonError(path + ".scalar",
                       "expects a scalar of manifest.arguments, but got '" +
                           parameter.name + "'");
    return {};
  }
  case Parameter::Kind::workspace:
    return {};
  case Parameter::Kind::expr:
    return checkExpr(m, parameter.expr, path + ".expr");
  }
  return {};
}

Status Validator::checkPhases() {
  for (size_t i = 0; i < m.parameters.size(); ++i)
    if (Status status = checkParameter(m.parameters[i], at("parameters", i));
        !status.isOk())
      return status;
  if (Status status = checkSize(m, m.scratchBytes, "manifest.scratch_bytes");
      !status.isOk())
    return status;
  if (m.target.driver)
    return jsonError("manifest.target.driver",
                     "expects a driver for launches only, but got phases");
  if (m.stateBytes != Expr(0))
    return jsonError("manifest.state_bytes",
                     "expects state for launches only, but got phases");
  for (size_t i = 0; i < m.phases.size(); ++i) {
    std::string path = at("phases", i);
    if (Status status = checkIdentifier(m.phases[i].symbol, path + ".symbol");
        !status.isOk())
      return status;
    if (Status status = checkSize(m, m.phases[i].items, path + ".items");
        !status.isOk())
      return status;
  }
  return {};
}

Status Validator::run() {
  for (auto check :
       {&Validator::checkText, &Validator::checkRanks,
        &Validator::checkArguments, &Validator::checkRanksAreBound})
    if (Status status = (this->*check)(); !status.isOk())
      return status;
  if (Status status =
          checkSize(m, m.workspaceBytes, "manifest.workspace_bytes");
      !status.isOk())
    return status;
  if (m.phases.empty() == m.launches.empty())
    return jsonError("manifest", "expects phases or launches, but got " +
                                     std::to_string(m.phases.size()) + " and " +
                                     std::to_string(m.launches.size()));
  return m.launches.empty() ? checkPhases() : checkLaunches(m);
}
} // namespace

Status Manifest::validate() const { return Validator(*this).run(); }

std::optional<size_t> Manifest::findArgument(std::string_view argument) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].name == argument)
      return i;
  return std::nullopt;
}

std::optional<size_t> Manifest::findRank(std::string_view rank) const {
  for (size_t i = 0; i < ranks.size(); ++i)
    if (ranks[i].name == rank)
      return i;
  return std::nullopt;
}

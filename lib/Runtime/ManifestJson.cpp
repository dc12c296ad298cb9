//===- ManifestJson.cpp - a manifest from JSON and back -------------------===//

#include "ManifestReader.h"
#include "attn/Runtime/Manifest.h"

#include <cassert>

using namespace attn;

namespace {
using Argument = Manifest::Argument;
using Parameter = Manifest::Parameter;

void readTarget(Reader &reader, const Json &json, Manifest::Target &target) {
  const std::string path = "manifest.target";
  if (!reader.object(json, path, {"arch", "cpu", "features"}, {"driver"}))
    return;
  reader.text(json["arch"], path + ".arch", target.arch);
  reader.text(json["cpu"], path + ".cpu", target.cpu);
  reader.list(json["features"], path + ".features",
              [&](const Json &item, const std::string &place) {
                reader.text(item, place, target.features.emplace_back());
              });
  if (json.contains("driver"))
    reader.integer(json["driver"], path + ".driver", target.driver.emplace(0));
}

void readRank(Reader &reader, const Json &json, const std::string &path,
              Manifest::Rank &rank) {
  if (!reader.object(json, path, {"name"}, {"extent", "most"}))
    return;
  reader.text(json["name"], path + ".name", rank.name);
  if (json.contains("extent"))
    reader.integer(json["extent"], path + ".extent", rank.extent.emplace(0));
  if (json.contains("most"))
    reader.integer(json["most"], path + ".most", rank.most.emplace(0));
}

void readTensor(Reader &reader, const Json &json, const std::string &path,
                Argument &argument) {
  if (!reader.object(json, path, {"name", "kind", "access", "dtype", "shape"}))
    return;
  std::string access;
  reader.text(json["access"], path + ".access", access);
  if (access == "write")
    argument.access = Argument::Access::write;
  else if (access == "update")
    argument.access = Argument::Access::update;
  else if (access != "read")
    reader.fail(path + ".access",
                "expects read, write or update, but got '" + access + "'");
  reader.list(json["shape"], path + ".shape",
              [&](const Json &item, const std::string &place) {
                Manifest::Extent extent(int64_t(0));
                if (item.is_string()) {
                  reader.text(item, place, extent.rank);
                  if (extent.rank.empty())
                    reader.fail(place, "expects a rank or a size, but got ''");
                } else {
                  reader.integer(item, place, extent.size);
                }
                argument.shape.push_back(std::move(extent));
              });
}

void readArgument(Reader &reader, const Json &json, const std::string &path,
                  std::vector<Argument> &arguments) {
  if (!reader.object(json, path, {"name", "kind", "dtype"},
                     {"access", "shape"}))
    return;
  Argument argument = Argument::scalar({}, DType::f32);
  std::string kind;
  reader.text(json["name"], path + ".name", argument.name);
  reader.text(json["kind"], path + ".kind", kind);
  reader.dtype(json["dtype"], path + ".dtype", argument.dtype);
  if (kind == "tensor") {
    argument.kind = Argument::Kind::tensor;
    readTensor(reader, json, path, argument);
  } else if (kind == "scalar") {
    reader.object(json, path, {"name", "kind", "dtype"});
  } else {
    reader.fail(path + ".kind",
                "expects tensor or scalar, but got '" + kind + "'");
  }
  arguments.push_back(std::move(argument));
}

void readParameter(Reader &reader, const Json &json, const std::string &path,
                   std::vector<Parameter> &parameters) {
  Parameter parameter = Parameter::workspace();
  if (!json.is_object() || json.size() != 1)
    return reader.fail(path, "expects an object with one field, but got " +
                                 describe(json));
  const std::string key = json.begin().key();
  const Json &value = json.begin().value();
  const std::string place = path + "." + key;
  if (key == "pointer" || key == "extent" || key == "scalar") {
    parameter.kind = key == "pointer"  ? Parameter::Kind::pointer
                     : key == "extent" ? Parameter::Kind::extent
                                       : Parameter::Kind::scalar;
    reader.text(value, place, parameter.name);
  } else if (key == "stride") {
    parameter.kind = Parameter::Kind::stride;
    if (!value.is_array() || value.size() != 2)
      return reader.fail(place, "expects [tensor, dimension], but got " +
                                    describe(value));
    reader.text(value[0], place + "[0]", parameter.name);
    reader.integer(value[1], place + "[1]", parameter.dim);
  } else if (key == "workspace") {
    if (value != true)
      return reader.fail(place, "expects true, but got " + describe(value));
  } else if (key == "expr") {
    parameter.kind = Parameter::Kind::expr;
    reader.expr(value, place, parameter.expr);
  } else {
    return reader.fail(path, "does not know the parameter '" + key + "'",
                       "use one of pointer, stride, extent, scalar, workspace, "
                       "expr");
  }
  parameters.push_back(std::move(parameter));
}

void readPhase(Reader &reader, const Json &json, const std::string &path,
               Manifest::Phase &phase) {
  if (!reader.object(json, path, {"symbol", "items"}))
    return;
  reader.text(json["symbol"], path + ".symbol", phase.symbol);
  reader.expr(json["items"], path + ".items", phase.items);
}

void readPhases(Reader &reader, const Json &json, Manifest &manifest) {
  reader.list(json["parameters"], "manifest.parameters",
              [&](const Json &item, const std::string &path) {
                readParameter(reader, item, path, manifest.parameters);
              });
  reader.expr(json["scratch_bytes"], "manifest.scratch_bytes",
              manifest.scratchBytes);
  reader.list(json["phases"], "manifest.phases",
              [&](const Json &item, const std::string &path) {
                readPhase(reader, item, path, manifest.phases.emplace_back());
              });
}

Json argumentToJson(const Argument &argument) {
  Json json{{"name", argument.name}};
  bool isTensor = argument.kind == Argument::Kind::tensor;
  json["kind"] = isTensor ? "tensor" : "scalar";
  if (isTensor)
    json["access"] = argument.access == Argument::Access::read    ? "read"
                     : argument.access == Argument::Access::write ? "write"
                                                                  : "update";
  json["dtype"] = std::string(getName(argument.dtype));
  if (!isTensor)
    return json;
  Json shape = Json::array();
  for (const Manifest::Extent &extent : argument.shape)
    shape.push_back(extent.rank.empty() ? Json(extent.size)
                                        : Json(extent.rank));
  json["shape"] = std::move(shape);
  return json;
}

Json parameterToJson(const Parameter &parameter) {
  Json json = Json::object();
  switch (parameter.kind) {
  case Parameter::Kind::pointer:
    json["pointer"] = parameter.name;
    break;
  case Parameter::Kind::stride:
    json["stride"] = Json::array({parameter.name, parameter.dim});
    break;
  case Parameter::Kind::extent:
    json["extent"] = parameter.name;
    break;
  case Parameter::Kind::scalar:
    json["scalar"] = parameter.name;
    break;
  case Parameter::Kind::workspace:
    json["workspace"] = true;
    break;
  case Parameter::Kind::expr:
    json["expr"] = exprToJson(parameter.expr);
    break;
  }
  return json;
}

void phasesToJson(const Manifest &manifest, Json &json) {
  json["parameters"] = Json::array();
  for (const Parameter &parameter : manifest.parameters)
    json["parameters"].push_back(parameterToJson(parameter));
  json["workspace_bytes"] = exprToJson(manifest.workspaceBytes);
  json["scratch_bytes"] = exprToJson(manifest.scratchBytes);
  json["phases"] = Json::array();
  for (const Manifest::Phase &phase : manifest.phases)
    json["phases"].push_back(
        Json{{"symbol", phase.symbol}, {"items", exprToJson(phase.items)}});
}
} // namespace

Result<Manifest> Manifest::parse(std::string_view text) {
  const std::string root = "manifest";
  Result<Json> parsed = parseJson(text, root);
  if (!parsed.isOk())
    return parsed.takeStatus();
  const Json &json = *parsed;
  // The version comes first: fields of another one would be misleading.
  int64_t schema = 0;
  Reader reader;
  if (!json.is_object() || !json.contains("schema"))
    return jsonError(root,
                     "expects an object with the field 'schema', but got " +
                         describe(json));
  reader.integer(json["schema"], root + ".schema", schema);
  if (reader.status.isOk() && schema != schemaVersion)
    return Status::error(StatusCode::unsupported, root + ".schema",
                         "expects version " + std::to_string(schemaVersion) +
                             ", but got " + std::to_string(schema),
                         "use a runtime of the compiler's version");

  Manifest manifest;
  bool hasLaunches = json.contains("launches");
  if (hasLaunches)
    reader.object(json, root,
                  {"schema", "name", "attn_version", "llvm_version", "target",
                   "numerics", "cache_key", "ranks", "arguments",
                   "workspace_bytes", "state_bytes", "launches"});
  else
    reader.object(json, root,
                  {"schema", "name", "attn_version", "llvm_version", "target",
                   "numerics", "cache_key", "ranks", "arguments", "parameters",
                   "workspace_bytes", "scratch_bytes", "phases"});
  if (!reader.status.isOk())
    return reader.status;
  reader.text(json["name"], root + ".name", manifest.name);
  reader.text(json["attn_version"], root + ".attn_version",
              manifest.attnVersion);
  reader.text(json["llvm_version"], root + ".llvm_version",
              manifest.llvmVersion);
  reader.text(json["cache_key"], root + ".cache_key", manifest.cacheKey);
  readTarget(reader, json["target"], manifest.target);
  manifest.numerics = dumpJson(json["numerics"]);
  reader.list(json["ranks"], root + ".ranks",
              [&](const Json &item, const std::string &path) {
                readRank(reader, item, path, manifest.ranks.emplace_back());
              });
  reader.list(json["arguments"], root + ".arguments",
              [&](const Json &item, const std::string &path) {
                readArgument(reader, item, path, manifest.arguments);
              });
  reader.expr(json["workspace_bytes"], root + ".workspace_bytes",
              manifest.workspaceBytes);
  if (hasLaunches)
    readLaunches(reader, json, manifest);
  else
    readPhases(reader, json, manifest);
  if (!reader.status.isOk())
    return reader.status;
  if (Status status = manifest.validate(); !status.isOk())
    return status;
  return manifest;
}

std::string Manifest::toJson() const {
  assert(validate().isOk() && "an invalid manifest cannot be read back");
  Json json{{"schema", schemaVersion},
            {"name", name},
            {"attn_version", attnVersion},
            {"llvm_version", llvmVersion},
            {"target",
             {{"arch", target.arch},
              {"cpu", target.cpu},
              {"features", target.features}}}};
  if (target.driver)
    json["target"]["driver"] = *target.driver;
  json["numerics"] = Json::parse(numerics);
  json["cache_key"] = cacheKey;
  json["ranks"] = Json::array();
  for (const Rank &rank : ranks) {
    Json entry{{"name", rank.name}};
    if (rank.extent)
      entry["extent"] = *rank.extent;
    if (rank.most)
      entry["most"] = *rank.most;
    json["ranks"].push_back(std::move(entry));
  }
  json["arguments"] = Json::array();
  for (const Argument &argument : arguments)
    json["arguments"].push_back(argumentToJson(argument));
  if (launches.empty())
    phasesToJson(*this, json);
  else
    launchesToJson(*this, json);
  return dumpJson(json);
}

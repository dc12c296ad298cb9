//===- LaunchJson.cpp - launches from JSON and back -----------------------===//

#include "ManifestReader.h"

using namespace attn;

using Parameter = Launch::Parameter;

static void readTensorMap(Reader &reader, const Json &json,
                          const std::string &path, Parameter &parameter) {
  if (!reader.object(json, path, {"tensor", "box", "swizzle"},
                     {"order", "promotion"}))
    return;
  reader.text(json["tensor"], path + ".tensor", parameter.name);
  reader.list(json["box"], path + ".box",
              [&](const Json &item, const std::string &place) {
                reader.integer(item, place, parameter.box.emplace_back(0));
              });
  reader.integer(json["swizzle"], path + ".swizzle", parameter.swizzleBytes);
  if (json.contains("order"))
    reader.list(json["order"], path + ".order",
                [&](const Json &item, const std::string &place) {
                  reader.integer(item, place, parameter.order.emplace_back(0));
                });
  if (json.contains("promotion"))
    reader.integer(json["promotion"], path + ".promotion",
                   parameter.promotionBytes);
}

/// {"value": E, "type": T}, the only parameter of two fields.
static void readValue(Reader &reader, const Json &json, const std::string &path,
                      std::vector<Parameter> &parameters) {
  Parameter parameter = Parameter::value(0, DType::i64);
  if (!reader.object(json, path, {"value", "type"}))
    return;
  reader.expr(json["value"], path + ".value", parameter.expr);
  reader.dtype(json["type"], path + ".type", parameter.type);
  parameters.push_back(std::move(parameter));
}

static void readParameter(Reader &reader, const Json &json,
                          const std::string &path,
                          std::vector<Parameter> &parameters) {
  if (json.is_object() && json.contains("value"))
    return readValue(reader, json, path, parameters);
  if (!json.is_object() || json.size() != 1)
    return reader.fail(path, "expects an object with one field, but got " +
                                 describe(json));
  const std::string key = json.begin().key();
  const Json &value = json.begin().value();
  const std::string place = path + "." + key;
  Parameter parameter = Parameter::pointer({});
  if (key == "tensor_map") {
    parameter.kind = Parameter::Kind::tensorMap;
    readTensorMap(reader, value, place, parameter);
  } else if (key == "pointer") {
    reader.text(value, place, parameter.name);
  } else if (key == "rows") {
    if (!value.is_array() || value.size() != 2)
      return reader.fail(place,
                         "expects [tensor, bytes], but got " + describe(value));
    reader.text(value[0], place + "[0]", parameter.name);
    reader.integer(value[1], place + "[1]", parameter.rowBytes);
    if (parameter.rowBytes < 1 ||
        (parameter.rowBytes & (parameter.rowBytes - 1)) != 0)
      return reader.fail(place + "[1]", "expects a power of 2, but got " +
                                            std::to_string(parameter.rowBytes));
  } else if (key == "scalar") {
    parameter.kind = Parameter::Kind::scalar;
    reader.text(value, place, parameter.name);
  } else if (key == "stride") {
    parameter.kind = Parameter::Kind::stride;
    if (!value.is_array() || value.size() != 2)
      return reader.fail(place, "expects [tensor, dimension], but got " +
                                    describe(value));
    reader.text(value[0], place + "[0]", parameter.name);
    reader.integer(value[1], place + "[1]", parameter.dim);
  } else if (key == "state" || key == "workspace") {
    parameter.kind =
        key == "state" ? Parameter::Kind::state : Parameter::Kind::workspace;
    reader.expr(value, place, parameter.expr);
  } else {
    return reader.fail(
        path, "does not know the parameter '" + key + "'",
        "use one of tensor_map, pointer, rows, stride, value, scalar, "
        "state, workspace");
  }
  parameters.push_back(std::move(parameter));
}

/// Calls `element` for each of the three of an array.
template <typename F>
static void readThree(Reader &reader, const Json &json, const std::string &path,
                      F element) {
  if (!json.is_array() || json.size() != 3)
    return reader.fail(path,
                       "expects an array of three, but got " + describe(json));
  for (size_t i = 0; i < 3; ++i)
    element(json[i], path + "[" + std::to_string(i) + "]", i);
}

static void readLaunch(Reader &reader, const Json &json,
                       const std::string &path, Launch &launch) {
  if (!reader.object(json, path,
                     {"symbol", "grid", "threads", "cluster", "shared_bytes",
                      "parameters"}))
    return;
  reader.text(json["symbol"], path + ".symbol", launch.symbol);
  readThree(reader, json["grid"], path + ".grid",
            [&](const Json &item, const std::string &place, size_t i) {
              reader.expr(item, place, launch.grid[i]);
            });
  reader.integer(json["threads"], path + ".threads", launch.threads);
  readThree(reader, json["cluster"], path + ".cluster",
            [&](const Json &item, const std::string &place, size_t i) {
              reader.integer(item, place, launch.cluster[i]);
            });
  reader.integer(json["shared_bytes"], path + ".shared_bytes",
                 launch.sharedBytes);
  reader.list(json["parameters"], path + ".parameters",
              [&](const Json &item, const std::string &place) {
                readParameter(reader, item, place, launch.parameters);
              });
}

void attn::readLaunches(Reader &reader, const Json &json, Manifest &manifest) {
  reader.expr(json["state_bytes"], "manifest.state_bytes", manifest.stateBytes);
  reader.list(json["launches"], "manifest.launches",
              [&](const Json &item, const std::string &path) {
                readLaunch(reader, item, path,
                           manifest.launches.emplace_back());
              });
}

static Json parameterToJson(const Parameter &parameter) {
  switch (parameter.kind) {
  case Parameter::Kind::tensorMap: {
    Json map{{"tensor", parameter.name},
             {"box", parameter.box},
             {"swizzle", parameter.swizzleBytes}};
    if (!parameter.order.empty())
      map["order"] = parameter.order;
    if (parameter.promotionBytes != 256)
      map["promotion"] = parameter.promotionBytes;
    return {{"tensor_map", std::move(map)}};
  }
  case Parameter::Kind::pointer:
    if (parameter.rowBytes != 0)
      return {{"rows", Json::array({parameter.name, parameter.rowBytes})}};
    return {{"pointer", parameter.name}};
  case Parameter::Kind::stride:
    return {{"stride", Json::array({parameter.name, parameter.dim})}};
  case Parameter::Kind::value:
    return {{"value", exprToJson(parameter.expr)},
            {"type", std::string(getName(parameter.type))}};
  case Parameter::Kind::scalar:
    return {{"scalar", parameter.name}};
  case Parameter::Kind::state:
    return {{"state", exprToJson(parameter.expr)}};
  case Parameter::Kind::workspace:
    return {{"workspace", exprToJson(parameter.expr)}};
  }
  return {};
}

void attn::launchesToJson(const Manifest &manifest, Json &json) {
  json["workspace_bytes"] = exprToJson(manifest.workspaceBytes);
  json["state_bytes"] = exprToJson(manifest.stateBytes);
  json["launches"] = Json::array();
  for (const Launch &launch : manifest.launches) {
    Json entry{{"symbol", launch.symbol}};
    entry["grid"] = Json::array();
    for (const Expr &extent : launch.grid)
      entry["grid"].push_back(exprToJson(extent));
    entry["threads"] = launch.threads;
    entry["cluster"] = launch.cluster;
    entry["shared_bytes"] = launch.sharedBytes;
    entry["parameters"] = Json::array();
    for (const Parameter &parameter : launch.parameters)
      entry["parameters"].push_back(parameterToJson(parameter));
    json["launches"].push_back(std::move(entry));
  }
}

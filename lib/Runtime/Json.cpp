//===- Json.cpp - reading JSON with a place in every error ----------------===//

#include "Json.h"

#include <algorithm>
#include <limits>

using namespace attn;

/// Far above any manifest's nesting: a field's expression at its deepest.
static constexpr int maxJsonDepth = Expr::maxDepth + 16;

Status attn::jsonError(const std::string &path, std::string reason,
                       std::string alternative) {
  // A host can change nothing else about most of what is wrong.
  if (alternative.empty())
    alternative = "compile the kernel again";
  return Status::error(StatusCode::corrupt, path, std::move(reason),
                       std::move(alternative));
}

Result<Json> attn::parseJson(std::string_view text, const std::string &path) {
  bool tooDeep = false;
  auto keepShallow = [&](int depth, Json::parse_event_t, Json &) {
    tooDeep |= depth > maxJsonDepth;
    return depth <= maxJsonDepth;
  };
  Json json;
  try {
    json = Json::parse(text.begin(), text.end(), keepShallow);
  } catch (const Json::exception &error) {
    return jsonError(path, std::string("expects JSON, but got ") + error.what(),
                     "write it with attn-compile");
  }
  if (tooDeep)
    return jsonError(path,
                     "expects at most " + std::to_string(maxJsonDepth) +
                         " levels of nesting, but got more",
                     "split the expression");
  return json;
}

std::string attn::dumpJson(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string attn::describe(const Json &json) {
  std::string text = dumpJson(json);
  constexpr size_t limit = 40;
  if (text.size() > limit)
    text = text.substr(0, limit) + "...";
  // Cutting may have split a character.
  return std::string("the ") + json.type_name() + " " +
         (text.size() > limit && (text[limit - 1] & 0x80) ? "(not shown)"
                                                          : text);
}

Status attn::checkFields(const Json &json, const std::string &path,
                         std::initializer_list<std::string_view> required,
                         std::initializer_list<std::string_view> optional) {
  if (!json.is_object())
    return jsonError(path, "expects an object, but got " + describe(json));
  for (std::string_view field : required)
    if (!json.contains(field))
      return jsonError(path, "expects the field '" + std::string(field) +
                                 "', but it is absent");
  auto contains = [](std::initializer_list<std::string_view> list,
                     const std::string &key) {
    return std::find(list.begin(), list.end(), key) != list.end();
  };
  for (const auto &item : json.items())
    if (!contains(required, item.key()) && !contains(optional, item.key()))
      return jsonError(path, "does not know the field '" + item.key() + "'",
                       "use a runtime of the compiler's version");
  return {};
}

Result<std::string> attn::readString(const Json &json,
                                     const std::string &path) {
  if (!json.is_string())
    return jsonError(path, "expects a string, but got " + describe(json));
  return json.get<std::string>();
}

Result<int64_t> attn::readInteger(const Json &json, const std::string &path) {
  bool tooLarge =
      json.is_number_unsigned() &&
      json.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max());
  if (!json.is_number_integer() || tooLarge)
    return jsonError(path,
                     "expects a 64-bit integer, but got " + describe(json));
  return json.get<int64_t>();
}

static Result<Expr> readExprAtDepth(const Json &json, const std::string &path,
                                    unsigned depth) {
  if (json.is_string())
    return Expr::name(json.get<std::string>());
  if (json.is_number()) {
    Result<int64_t> constant = readInteger(json, path);
    if (!constant.isOk())
      return constant.takeStatus();
    return Expr(*constant);
  }
  if (!json.is_array() || json.empty() || !json[0].is_string())
    return jsonError(
        path, "expects an integer, a name or [op, operands...], but got " +
                  describe(json));
  std::string name = json[0].get<std::string>();
  std::optional<ExprOp> op = parseExprOp(name);
  if (!op)
    return jsonError(path, "does not know the operation '" + name + "'",
                     "use one of add, sub, mul, floordiv, ceildiv, mod, min, "
                     "max, eq, lt, le, select");
  if (json.size() - 1 != getNumOperands(*op))
    return jsonError(path, "expects " + std::to_string(getNumOperands(*op)) +
                               " operands of " + name + ", but got " +
                               std::to_string(json.size() - 1));
  if (depth >= Expr::maxDepth)
    return jsonError(path, "expects expressions at most " +
                               std::to_string(Expr::maxDepth) +
                               " levels deep, but got a deeper one");
  std::vector<Expr> operands;
  for (size_t i = 1; i < json.size(); ++i) {
    Result<Expr> operand = readExprAtDepth(json[i], path, depth + 1);
    if (!operand.isOk())
      return operand;
    operands.push_back(std::move(*operand));
  }
  return Expr::apply(*op, std::move(operands));
}

Result<Expr> attn::readExpr(const Json &json, const std::string &path) {
  return readExprAtDepth(json, path, 0);
}

Json attn::exprToJson(const Expr &expr) {
  if (expr.isConstant())
    return expr.getConstant();
  if (expr.isName())
    return expr.getName();
  Json json = Json::array({std::string(getName(expr.getOp()))});
  for (const Expr &operand : expr.getOperands())
    json.push_back(exprToJson(operand));
  return json;
}

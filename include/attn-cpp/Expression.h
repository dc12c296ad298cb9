//===- attn-cpp/Expression.h - what is computed of coordinates --*- C++ -*-===//
//
// Values that masks and scores are written with, as ordinary C++: `m <= p`,
// `x + slopes[h] * (m - p)`. What is done with them is kept as a graph, of
// which an Attention (attn-cpp/Attention.h) writes a program. A value is an
// integer, a real (f32) or a boolean; an integer beside a real becomes one.
//
// Values never throw: what cannot be computed is a value with an error, and so
// is what is computed of it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_CPP_EXPRESSION_H
#define ATTN_CPP_EXPRESSION_H

#include "attn-cpp/Attn.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace attn::api {

enum class ValueKind { integer, real, boolean };

inline const char *getName(ValueKind kind) {
  static constexpr const char *names[] = {"integer", "real", "boolean"};
  return names[static_cast<int>(kind)];
}

namespace detail {
struct Node;
using NodePtr = std::shared_ptr<const Node>;

/// One operation, or what a program has: `begin`, the operands divided by
/// commas and `end` are its text.
struct Node {
  enum class Form {
    /// Computed where it is used first.
    operation,
    /// Computed before them, in the order of `number`.
    coordinate,
    /// There under the name `begin`: an argument, or the extent of a rank,
    /// which is declared as `%n` and its name.
    named,
    /// The score that the program has before.
    score
  };

  Form form = Form::operation;
  ValueKind kind = ValueKind::integer;
  std::string begin, end;
  std::vector<NodePtr> operands;
  /// Of an extent, its rank.
  std::string rank;
  /// Of a number that was made another kind, what it was.
  NodePtr core;
  /// An integer that is known not to be negative.
  bool isNatural = false;
  /// It changes with the key.
  bool isOfKey = false;
  /// It is computed of integers, none of them read at a coordinate that changes
  /// with the key: what a mask's tiles are found of.
  bool isExact = true;
  /// It is computed of the score.
  bool isOfScore = false;
  /// How many operations are computed one after the other.
  int depth = 0;
  /// Of a conjunction, what it joins.
  std::vector<NodePtr> parts;
  /// Of a coordinate, how many the program had before.
  int number = 0;
  /// What its author calls it.
  std::string name;
  /// The program whose it is; none is of all.
  const void *owner = nullptr;
  /// The program's name.
  std::string ownerName;
  std::optional<Error> error;
};

inline Error makeError(std::string feature, std::string reason,
                       std::string alternative) {
  std::string message = feature + ": " + reason + "; " + alternative;
  return {ATTN_INVALID_ARGUMENT, std::move(feature), std::move(reason),
          std::move(alternative), std::move(message)};
}

/// Programs are written by recursion.
constexpr int maxDepth = 2000;

/// A node that stands on others.
inline std::shared_ptr<Node> makeNode(ValueKind kind, std::string begin,
                                      std::vector<NodePtr> operands,
                                      std::string end) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->begin = std::move(begin);
  node->end = std::move(end);
  node->isExact = kind != ValueKind::real;
  for (const NodePtr &operand : operands) {
    node->isExact &= operand->isExact;
    node->isOfKey |= operand->isOfKey;
    node->isOfScore |= operand->isOfScore;
    node->depth = std::max(node->depth, operand->depth + 1);
    if (!node->error)
      node->error = operand->error;
    if (!operand->owner)
      continue;
    if (node->owner && node->owner != operand->owner && !node->error)
      node->error = makeError("program " + node->ownerName,
                              "expects values of one program, but got one of " +
                                  operand->ownerName,
                              "make all of them by one program");
    node->owner = operand->owner;
    node->ownerName = operand->ownerName;
  }
  if (node->depth > maxDepth && !node->error)
    node->error =
        makeError("program " + node->ownerName,
                  "expects operations nested at most " +
                      std::to_string(maxDepth) + " deep, but got more",
                  "compute less");
  // What is wrong is not written, and may grow as it likes.
  if (!node->error)
    node->operands = std::move(operands);
  else
    node->depth = 0;
  return node;
}

/// As MLIR reads it: with a point, all digits that tell it from others.
inline std::string formatReal(double value) {
  if (std::isnan(value))
    return "0x7FC00000";
  if (std::isinf(value))
    return value > 0 ? "0x7F800000" : "0xFF800000";
  char text[64];
  double size = std::fabs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e16)) {
    std::snprintf(text, sizeof(text), "%.17e", value);
    return text;
  }
  auto [end, error] =
      std::to_chars(text, text + sizeof(text), value, std::chars_format::fixed);
  std::string digits(text, end);
  return digits.find('.') == std::string::npos ? digits + ".0" : digits;
}
} // namespace detail

/// What a kernel computes for a pair of a query and a key.
class Value {
public:
  /// A number of C++.
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  Value(T number) {
    std::shared_ptr<detail::Node> made;
    if constexpr (std::is_same_v<T, bool>)
      made = detail::makeNode(
          ValueKind::boolean,
          number ? "arith.constant true" : "arith.constant false", {}, "");
    else if constexpr (std::is_integral_v<T>)
      made = detail::makeNode(ValueKind::integer,
                              "arith.constant " +
                                  std::to_string(static_cast<int64_t>(number)),
                              {}, " : index");
    else
      made = detail::makeNode(
          ValueKind::real,
          "arith.constant " + detail::formatReal(static_cast<double>(number)),
          {}, " : f32");
    if constexpr (std::is_signed_v<T>)
      made->isNatural = number >= 0;
    else
      made->isNatural = true;
    node = std::move(made);
  }
  explicit Value(detail::NodePtr node) : node(std::move(node)) {}

  ValueKind getKind() const { return node->kind; }
  const detail::NodePtr &getNode() const { return node; }

  /// Why it cannot be computed.
  const std::optional<Error> &getError() const { return node->error; }

private:
  detail::NodePtr node;
};

namespace detail {
inline Value makeValue(ValueKind kind, std::string begin,
                       const std::vector<Value> &operands, std::string end,
                       bool isNatural = false) {
  std::vector<NodePtr> nodes;
  for (const Value &operand : operands)
    nodes.push_back(operand.getNode());
  auto node =
      makeNode(kind, std::move(begin), std::move(nodes), std::move(end));
  node->isNatural = isNatural;
  return Value(std::move(node));
}

inline bool isNatural(const Value &value) { return value.getNode()->isNatural; }

/// `value`, made of `core`.
inline Value asMadeOf(const Value &core, const Value &value) {
  auto node = std::make_shared<Node>(*value.getNode());
  node->core = core.getNode();
  return Value(std::move(node));
}

inline Value withError(const Value &value, Error error) {
  auto node = std::make_shared<Node>(*value.getNode());
  if (!node->error)
    node->error = std::move(error);
  return Value(std::move(node));
}
} // namespace detail

/// `condition ? yes : no`, of which both are computed.
Value select(const Value &condition, const Value &yes, const Value &no);

/// Booleans are 0 and 1.
inline Value toInteger(const Value &value) {
  return value.getKind() == ValueKind::boolean
             ? detail::asMadeOf(value, select(value, 1, 0))
             : value;
}

inline Value toReal(const Value &value) {
  if (value.getKind() == ValueKind::real)
    return value;
  if (value.getKind() == ValueKind::boolean)
    return detail::asMadeOf(value, select(value, 1.0, 0.0));
  Value wide = detail::makeValue(ValueKind::integer, "arith.index_cast ",
                                 {value}, " : index to i64");
  return detail::asMadeOf(value,
                          detail::makeValue(ValueKind::real, "arith.sitofp ",
                                            {wide}, " : i64 to f32"));
}

namespace detail {
/// Both as reals if one of them is, else as integers.
inline ValueKind makeAlike(Value &a, Value &b) {
  bool isReal =
      a.getKind() == ValueKind::real || b.getKind() == ValueKind::real;
  a = isReal ? toReal(a) : toInteger(a);
  b = isReal ? toReal(b) : toInteger(b);
  return isReal ? ValueKind::real : ValueKind::integer;
}

/// arith.NAMEf or arith.NAMEi.
inline Value arithmetic(const std::string &name, Value a, Value b) {
  if (makeAlike(a, b) == ValueKind::real)
    return makeValue(ValueKind::real, "arith." + name + "f ", {a, b}, " : f32");
  return makeValue(ValueKind::integer, "arith." + name + "i ", {a, b},
                   " : index", name != "sub" && isNatural(a) && isNatural(b));
}

inline Value unary(const std::string &operation, const Value &value) {
  return makeValue(ValueKind::real, operation + " ", {toReal(value)}, " : f32");
}

inline Value logical(const std::string &name, Value a, Value b) {
  bool areBooleans =
      a.getKind() == ValueKind::boolean && b.getKind() == ValueKind::boolean;
  if (!areBooleans) {
    ValueKind kind = makeAlike(a, b);
    Value result = makeValue(kind, "arith." + name + "i ", {a, b}, " : index",
                             isNatural(a) && isNatural(b));
    return kind == ValueKind::integer
               ? result
               : withError(result,
                           makeError("operator " + name,
                                     "expects booleans or integers, but got a "
                                     "real",
                                     "compare it first"));
  }
  Value result =
      makeValue(ValueKind::boolean, "arith." + name + "i ", {a, b}, " : i1");
  if (name != "and")
    return result;
  auto node = std::make_shared<Node>(*result.getNode());
  for (const Value &side : {a, b}) {
    const auto &parts = side.getNode()->parts;
    if (parts.empty())
      node->parts.push_back(side.getNode());
    else
      node->parts.insert(node->parts.end(), parts.begin(), parts.end());
  }
  return Value(std::move(node));
}

inline Value compare(const std::string &name, Value a, Value b) {
  if (a.getKind() == ValueKind::boolean && b.getKind() == ValueKind::boolean &&
      (name == "eq" || name == "ne")) {
    Value differ = logical("xor", a, b);
    return name == "ne" ? differ : logical("xor", differ, true);
  }
  if (makeAlike(a, b) == ValueKind::real)
    return makeValue(ValueKind::boolean,
                     "arith.cmpf " + ((name == "ne" ? "u" : "o") + name) + ", ",
                     {a, b}, " : f32");
  bool isOrder = name != "eq" && name != "ne";
  return makeValue(ValueKind::boolean,
                   "arith.cmpi " + ((isOrder ? "s" : "") + name) + ", ", {a, b},
                   " : index");
}

inline Value extreme(const std::string &name, Value a, Value b) {
  if (makeAlike(a, b) == ValueKind::real)
    return makeValue(ValueKind::real, "arith." + name + "imumf ", {a, b},
                     " : f32");
  bool natural = name == "max" ? isNatural(a) || isNatural(b)
                               : isNatural(a) && isNatural(b);
  return makeValue(ValueKind::integer, "arith." + name + "si ", {a, b},
                   " : index", natural);
}

/// A quotient of reals.
inline Value quotient(const Value &a, const Value &b) {
  return makeValue(ValueKind::real, "arith.divf ", {toReal(a), toReal(b)},
                   " : f32");
}
} // namespace detail

inline Value operator+(const Value &a, const Value &b) {
  return detail::arithmetic("add", a, b);
}
inline Value operator-(const Value &a, const Value &b) {
  return detail::arithmetic("sub", a, b);
}
inline Value operator*(const Value &a, const Value &b) {
  return detail::arithmetic("mul", a, b);
}
inline Value operator-(const Value &value) {
  return value.getKind() == ValueKind::real ? detail::unary("arith.negf", value)
                                            : Value(0) - value;
}
inline Value floor(const Value &value) {
  return detail::unary("math.floor", value);
}
/// Of integers rounded down, also below 0.
inline Value operator/(Value a, Value b) {
  if (detail::makeAlike(a, b) == ValueKind::real)
    return detail::quotient(a, b);
  return detail::makeValue(ValueKind::integer, "arith.floordivsi ", {a, b},
                           " : index",
                           detail::isNatural(a) && detail::isNatural(b));
}
/// With the sign of the divisor.
inline Value operator%(Value a, Value b) {
  if (detail::makeAlike(a, b) == ValueKind::real)
    return a - floor(detail::quotient(a, b)) * b;
  if (detail::isNatural(a) && detail::isNatural(b))
    return detail::makeValue(ValueKind::integer, "arith.remui ", {a, b},
                             " : index", true);
  return a - a / b * b;
}

inline Value operator<(const Value &a, const Value &b) {
  return detail::compare("lt", a, b);
}
inline Value operator<=(const Value &a, const Value &b) {
  return detail::compare("le", a, b);
}
inline Value operator>(const Value &a, const Value &b) {
  return detail::compare("gt", a, b);
}
inline Value operator>=(const Value &a, const Value &b) {
  return detail::compare("ge", a, b);
}
inline Value operator==(const Value &a, const Value &b) {
  return detail::compare("eq", a, b);
}
inline Value operator!=(const Value &a, const Value &b) {
  return detail::compare("ne", a, b);
}

inline Value operator&(const Value &a, const Value &b) {
  return detail::logical("and", a, b);
}
inline Value operator|(const Value &a, const Value &b) {
  return detail::logical("or", a, b);
}
inline Value operator^(const Value &a, const Value &b) {
  return detail::logical("xor", a, b);
}
/// Both sides are computed, as with `&` and `|`.
inline Value operator&&(const Value &a, const Value &b) { return a & b; }
inline Value operator||(const Value &a, const Value &b) { return a | b; }
inline Value operator!(const Value &value) {
  return detail::logical("xor",
                         value.getKind() == ValueKind::boolean
                             ? value
                             : detail::compare("ne", value, 0),
                         true);
}

inline Value select(const Value &given, const Value &yes, const Value &no) {
  Value condition = given.getKind() == ValueKind::boolean
                        ? given
                        : detail::compare("ne", given, 0);
  if (yes.getKind() == ValueKind::boolean && no.getKind() == ValueKind::boolean)
    return (condition && yes) || (!condition && no);
  Value a = yes, b = no;
  ValueKind kind = detail::makeAlike(a, b);
  return detail::makeValue(kind, "arith.select ", {condition, a, b},
                           kind == ValueKind::real ? " : f32" : " : index",
                           detail::isNatural(a) && detail::isNatural(b));
}

inline Value max(const Value &a, const Value &b) {
  return detail::extreme("max", a, b);
}
inline Value min(const Value &a, const Value &b) {
  return detail::extreme("min", a, b);
}
inline Value abs(const Value &value) {
  if (value.getKind() == ValueKind::real)
    return detail::unary("math.absf", value);
  Value result = max(value, 0 - value);
  auto node = std::make_shared<detail::Node>(*result.getNode());
  node->isNatural = true;
  return Value(std::move(node));
}
inline Value exp(const Value &value) {
  return detail::unary("math.exp", value);
}
inline Value exp2(const Value &value) {
  return detail::unary("math.exp2", value);
}
inline Value log(const Value &value) {
  return detail::unary("math.log", value);
}
inline Value tanh(const Value &value) {
  return detail::unary("math.tanh", value);
}
inline Value sqrt(const Value &value) {
  return detail::unary("math.sqrt", value);
}
inline Value rsqrt(const Value &value) {
  return detail::unary("math.rsqrt", value);
}
inline Value sin(const Value &value) {
  return detail::unary("math.sin", value);
}
inline Value cos(const Value &value) {
  return detail::unary("math.cos", value);
}

/// The same value, which errors call `name`.
inline Value named(std::string name, const Value &value) {
  auto node = std::make_shared<detail::Node>(*value.getNode());
  node->name = std::move(name);
  return Value(std::move(node));
}

} // namespace attn::api

#endif // ATTN_CPP_EXPRESSION_H

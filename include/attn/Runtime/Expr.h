//===- Expr.h - integer expressions over a kernel's ranks and scalars -----===//
//
// A manifest states item counts and byte sizes as expressions, so that one
// compiled kernel serves many shapes and nothing outside the manifest knows how
// a kernel cuts its work. In JSON an expression is an integer, a name, or an
// array `[op, operand, ...]`.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_EXPR_H
#define ATTN_RUNTIME_EXPR_H

#include "attn/Runtime/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attn {

/// `floordiv` rounds towards minus infinity, `ceildiv` towards plus infinity;
/// `mod(a, b)` is `a - b * floordiv(a, b)`. `eq`, `lt` and `le` give 0 or 1.
/// `select(c, a, b)` is `a` where `c` is not 0, else `b`; the other one is not
/// evaluated.
enum class ExprOp {
  add,
  sub,
  mul,
  floordiv,
  ceildiv,
  mod,
  min,
  max,
  eq,
  lt,
  le,
  select
};

/// The op's name in JSON, and the op of a name.
std::string_view getName(ExprOp op);
std::optional<ExprOp> parseExprOp(std::string_view name);

/// 3 for `select`, 2 for all others.
unsigned getNumOperands(ExprOp op);

/// An integer expression, a value type.
class Expr {
public:
  /// Deeper trees are refused by validation, so that walks may recurse.
  static constexpr unsigned maxDepth = 64;

  /// Value of a name, or nothing where there is none of that name.
  using Lookup = std::function<std::optional<int64_t>(std::string_view)>;

  Expr(int64_t constant = 0) : constant(constant) {}

  /// The value of the rank or integer scalar argument called `name`.
  static Expr name(std::string name);

  /// Pre-condition: `operands.size() == getNumOperands(op)`.
  static Expr apply(ExprOp op, std::vector<Expr> operands);

  bool isConstant() const { return kind == Kind::constant; }
  bool isName() const { return kind == Kind::name; }
  bool isApply() const { return kind == Kind::apply; }

  int64_t getConstant() const { return constant; }
  const std::string &getName() const { return symbol; }
  ExprOp getOp() const { return op; }
  const std::vector<Expr> &getOperands() const { return operands; }

  /// The value in 64-bit integers. Refuses overflow, division by zero and a
  /// name that `lookup` does not know; `feature` heads the message.
  /// Pre-condition: the tree is at most `maxDepth` deep.
  Result<int64_t> evaluate(const Lookup &lookup,
                           std::string_view feature) const;

  /// Whether its value may depend on that of a name.
  bool uses(std::string_view name) const;

  /// Compact JSON, such as `["ceildiv","P",64]`.
  std::string toString() const;

  friend bool operator==(const Expr &a, const Expr &b);
  friend bool operator!=(const Expr &a, const Expr &b) { return !(a == b); }

  // Found through an operand that is an Expr, so that they never take part in
  // the arithmetic of plain integers.
  friend Expr operator+(Expr a, Expr b) { return binary(ExprOp::add, a, b); }
  friend Expr operator-(Expr a, Expr b) { return binary(ExprOp::sub, a, b); }
  friend Expr operator*(Expr a, Expr b) { return binary(ExprOp::mul, a, b); }
  friend Expr floorDiv(Expr a, Expr b) {
    return binary(ExprOp::floordiv, a, b);
  }
  friend Expr ceilDiv(Expr a, Expr b) { return binary(ExprOp::ceildiv, a, b); }
  friend Expr mod(Expr a, Expr b) { return binary(ExprOp::mod, a, b); }
  friend Expr min(Expr a, Expr b) { return binary(ExprOp::min, a, b); }
  friend Expr max(Expr a, Expr b) { return binary(ExprOp::max, a, b); }
  friend Expr equal(Expr a, Expr b) { return binary(ExprOp::eq, a, b); }
  friend Expr lessThan(Expr a, Expr b) { return binary(ExprOp::lt, a, b); }
  friend Expr lessEqual(Expr a, Expr b) { return binary(ExprOp::le, a, b); }
  friend Expr select(Expr condition, Expr ifTrue, Expr ifFalse) {
    return apply(ExprOp::select,
                 {std::move(condition), std::move(ifTrue), std::move(ifFalse)});
  }

private:
  enum class Kind { constant, name, apply };

  static Expr binary(ExprOp op, Expr &a, Expr &b) {
    return apply(op, {std::move(a), std::move(b)});
  }

  Kind kind = Kind::constant;
  ExprOp op = ExprOp::add;
  int64_t constant;
  std::string symbol;
  std::vector<Expr> operands;
};

bool operator==(const Expr &a, const Expr &b);

} // namespace attn

#endif // ATTN_RUNTIME_EXPR_H

//===- Expr.cpp - integer expressions over a kernel's ranks and scalars ---===//

#include "attn/Runtime/Expr.h"

#include "Json.h"

#include <algorithm>
#include <cassert>
#include <iterator>

using namespace attn;

/// In the order of the enumerators.
static constexpr std::string_view opNames[] = {
    "add", "sub", "mul", "floordiv", "ceildiv", "mod",
    "min", "max", "eq",  "lt",       "le",      "select"};

std::string_view attn::getName(ExprOp op) {
  return opNames[static_cast<size_t>(op)];
}

std::optional<ExprOp> attn::parseExprOp(std::string_view name) {
  for (size_t i = 0; i < std::size(opNames); ++i)
    if (opNames[i] == name)
      return static_cast<ExprOp>(i);
  return std::nullopt;
}

unsigned attn::getNumOperands(ExprOp op) {
  return op == ExprOp::select ? 3 : 2;
}

Expr Expr::name(std::string name) {
  Expr expr;
  expr.kind = Kind::name;
  expr.symbol = std::move(name);
  return expr;
}

Expr Expr::apply(ExprOp op, std::vector<Expr> operands) {
  assert(operands.size() == getNumOperands(op) && "wrong number of operands");
  Expr expr;
  expr.kind = Kind::apply;
  expr.op = op;
  expr.operands = std::move(operands);
  return expr;
}

bool attn::operator==(const Expr &a, const Expr &b) {
  return a.kind == b.kind && a.constant == b.constant && a.symbol == b.symbol &&
         a.op == b.op && a.operands == b.operands;
}

/// Floor division that can neither overflow nor divide by zero any more.
static int64_t floorDivChecked(int64_t a, int64_t b) {
  int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}

/// The value of `op`, or nothing on overflow. Pre-condition: no zero divisor.
static std::optional<int64_t> fold(ExprOp op, int64_t a, int64_t b) {
  int64_t value = 0;
  // The one quotient that does not fit.
  bool quotientOverflows = a == INT64_MIN && b == -1;
  switch (op) {
  case ExprOp::add:
    if (__builtin_add_overflow(a, b, &value))
      return std::nullopt;
    return value;
  case ExprOp::sub:
    if (__builtin_sub_overflow(a, b, &value))
      return std::nullopt;
    return value;
  case ExprOp::mul:
    if (__builtin_mul_overflow(a, b, &value))
      return std::nullopt;
    return value;
  case ExprOp::floordiv:
    if (quotientOverflows)
      return std::nullopt;
    return floorDivChecked(a, b);
  case ExprOp::ceildiv:
    if (quotientOverflows)
      return std::nullopt;
    return floorDivChecked(a, b) + (a % b != 0);
  case ExprOp::mod: {
    if (b == -1)
      return 0;
    int64_t rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
  }
  case ExprOp::min:
    return std::min(a, b);
  case ExprOp::max:
    return std::max(a, b);
  case ExprOp::eq:
    return a == b;
  case ExprOp::lt:
    return a < b;
  case ExprOp::le:
    return a <= b;
  case ExprOp::select:
    break;
  }
  assert(false && "select is evaluated by its caller");
  return std::nullopt;
}

Result<int64_t> Expr::evaluate(const Lookup &lookup,
                               std::string_view feature) const {
  if (isConstant())
    return constant;
  if (isName()) {
    if (std::optional<int64_t> value = lookup(symbol))
      return *value;
    return Status::error(StatusCode::invalidArgument, std::string(feature),
                         "expects a value for '" + symbol + "', but has none",
                         "bind that rank or scalar");
  }
  Result<int64_t> first = operands[0].evaluate(lookup, feature);
  if (!first.isOk())
    return first;
  if (op == ExprOp::select)
    return operands[*first != 0 ? 1 : 2].evaluate(lookup, feature);
  Result<int64_t> second = operands[1].evaluate(lookup, feature);
  if (!second.isOk())
    return second;

  bool divides =
      op == ExprOp::floordiv || op == ExprOp::ceildiv || op == ExprOp::mod;
  if (divides && *second == 0)
    return Status::error(StatusCode::invalidArgument, std::string(feature),
                         "expects a non-zero divisor in " + toString() +
                             ", but got 0",
                         "use a shape or scalar that keeps it from 0");
  if (std::optional<int64_t> value = fold(op, *first, *second))
    return *value;
  return Status::error(
      StatusCode::resourceExhausted, std::string(feature),
      "expects " + toString() +
          " to fit in 64 bits, but it overflows for operands " +
          std::to_string(*first) + " and " + std::to_string(*second),
      "use smaller extents");
}

bool Expr::uses(std::string_view name) const {
  if (isName())
    return symbol == name;
  for (const Expr &operand : operands)
    if (operand.uses(name))
      return true;
  return false;
}

std::string Expr::toString() const { return dumpJson(exprToJson(*this)); }

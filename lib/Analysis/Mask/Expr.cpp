//===- Expr.cpp - index expressions and predicates of masks ---------------===//

#include "attn/Analysis/Mask/Expr.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <tuple>

using namespace attn::mask;
using llvm::ArrayRef;
using llvm::StringRef;

bool ExprNode::operator<(const ExprNode &other) const {
  if (std::tie(kind, number) != std::tie(other.kind, other.number))
    return std::tie(kind, number) < std::tie(other.kind, other.number);
  if (coefficients != other.coefficients)
    return std::lexicographical_compare(
        coefficients.begin(), coefficients.end(), other.coefficients.begin(),
        other.coefficients.end());
  return std::lexicographical_compare(operands.begin(), operands.end(),
                                      other.operands.begin(),
                                      other.operands.end());
}

ExprPool::ExprPool() {
  // The number 0 and "false" are always there.
  constant(0);
  truth(false);
}

Expr ExprPool::intern(ExprNode node) {
  auto [it, isNew] = known.try_emplace(node, Expr{uint32_t(nodes.size())});
  if (isNew) {
    uint64_t dependence =
        node.kind == ExprKind::Variable ? uint64_t(1) << node.number : 0;
    for (Expr operand : node.operands)
      dependence |= dependences[operand.id];
    dependences.push_back(dependence);
    nodes.push_back(std::move(node));
  }
  return it->second;
}

//===----------------------------------------------------------------------===//
// Sums and atoms
//===----------------------------------------------------------------------===//

int64_t ExprPool::multiplyAdd(int64_t sum, int64_t lhs, int64_t rhs) {
  int64_t product, result;
  if (!llvm::MulOverflow(lhs, rhs, product) &&
      !llvm::AddOverflow(sum, product, result))
    return result;
  overflow = true;
  return 0;
}

Expr ExprPool::makeLinear(const Terms &terms, int64_t number) {
  ExprNode node{ExprKind::Linear, number, {}, {}};
  for (auto [atom, coefficient] : terms) {
    if (coefficient == 0)
      continue;
    node.operands.push_back(atom);
    node.coefficients.push_back(coefficient);
  }
  // An atom by itself is no sum.
  if (number == 0 && node.operands.size() == 1 && node.coefficients[0] == 1)
    return node.operands[0];
  return intern(std::move(node));
}

Expr ExprPool::constant(int64_t value) { return makeLinear({}, value); }

std::optional<int64_t> ExprPool::getConstant(Expr expr) const {
  const ExprNode &node = nodes[expr.id];
  bool isConstant = node.kind == ExprKind::Linear && node.operands.empty();
  return isConstant ? std::optional(node.number) : std::nullopt;
}

Expr ExprPool::variable(StringRef name) {
  auto it = llvm::find(variables, name);
  int64_t number = it - variables.begin();
  if (it == variables.end())
    variables.push_back(name.str());
  return intern({ExprKind::Variable, number, {}, {}});
}

Expr ExprPool::symbol(StringRef name, std::optional<int64_t> least) {
  auto it =
      llvm::find_if(symbols, [&](const Symbol &s) { return name == s.name; });
  int64_t number = it - symbols.begin();
  if (it == symbols.end())
    symbols.push_back({name.str(), least});
  return intern({ExprKind::Symbol, number, {}, {}});
}

unsigned ExprPool::table(StringRef name, unsigned numRanks) {
  auto it =
      llvm::find_if(tables, [&](const Table &t) { return name == t.name; });
  if (it != tables.end())
    return it - tables.begin();
  tables.push_back({name.str(), numRanks});
  return tables.size() - 1;
}

Expr ExprPool::add(Expr lhs, Expr rhs, int64_t scale) {
  Terms terms;
  int64_t number = 0;
  auto collect = [&](Expr expr, int64_t factor) {
    const ExprNode &node = nodes[expr.id];
    if (node.kind != ExprKind::Linear) {
      terms[expr] = multiplyAdd(terms[expr], factor, 1);
      return;
    }
    number = multiplyAdd(number, factor, node.number);
    for (auto [atom, coefficient] : llvm::zip(node.operands, node.coefficients))
      terms[atom] = multiplyAdd(terms[atom], factor, coefficient);
  };
  collect(lhs, scale);
  collect(rhs, 1);
  return makeLinear(terms, number);
}

Expr ExprPool::mul(Expr lhs, Expr rhs) {
  if (auto factor = getConstant(lhs))
    return scale(rhs, *factor);
  if (auto factor = getConstant(rhs))
    return scale(lhs, *factor);
  // Products of sums are multiplied out: equal ones then look equal.
  auto distribute = [&](Expr sum, Expr other) {
    ExprNode node = nodes[sum.id];
    Expr result = scale(other, node.number);
    for (auto [atom, coefficient] : llvm::zip(node.operands, node.coefficients))
      result = add(mul(atom, other), result, coefficient);
    return result;
  };
  if (nodes[lhs.id].kind == ExprKind::Linear)
    return distribute(lhs, rhs);
  if (nodes[rhs.id].kind == ExprKind::Linear)
    return distribute(rhs, lhs);
  if (rhs < lhs)
    std::swap(lhs, rhs);
  return intern({ExprKind::Product, 0, {}, {lhs, rhs}});
}

//===----------------------------------------------------------------------===//
// Constant bounds
//===----------------------------------------------------------------------===//

/// sum + factor * bound; nothing if that is no number of 64 bits.
static std::optional<int64_t> addBound(std::optional<int64_t> sum,
                                       int64_t factor,
                                       std::optional<int64_t> bound) {
  int64_t product, result;
  if (!sum || !bound || llvm::MulOverflow(factor, *bound, product) ||
      llvm::AddOverflow(*sum, product, result))
    return std::nullopt;
  return result;
}

std::optional<int64_t> ExprPool::getLeast(Expr expr) const {
  const ExprNode &node = nodes[expr.id];
  auto operand = [&](unsigned i) { return getLeast(node.operands[i]); };
  switch (node.kind) {
  case ExprKind::Linear: {
    std::optional<int64_t> sum = node.number;
    for (auto [atom, factor] : llvm::zip(node.operands, node.coefficients))
      sum = addBound(sum, factor,
                     factor > 0 ? getLeast(atom) : getGreatest(atom));
    return sum;
  }
  case ExprKind::Variable:
  case ExprKind::Mod:
    return 0;
  case ExprKind::Symbol:
    return symbols[node.number].least;
  case ExprKind::Product:
    if (operand(0).value_or(-1) >= 0 && operand(1).value_or(-1) >= 0)
      return addBound(0, *operand(0), operand(1));
    return std::nullopt;
  case ExprKind::FloorDiv: {
    auto least = operand(0);
    if (auto divisor = getConstant(node.operands[1]); divisor && least)
      return llvm::divideFloorSigned(*least, *divisor);
    return least.value_or(-1) >= 0 ? std::optional<int64_t>(0) : std::nullopt;
  }
  case ExprKind::Min:
    if (operand(0) && operand(1))
      return std::min(*operand(0), *operand(1));
    return std::nullopt;
  case ExprKind::Max:
    if (operand(0) && operand(1))
      return std::max(*operand(0), *operand(1));
    return operand(0) ? operand(0) : operand(1);
  case ExprKind::Select:
    if (operand(1) && operand(2))
      return std::min(*operand(1), *operand(2));
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

std::optional<int64_t> ExprPool::getGreatest(Expr expr) const {
  const ExprNode &node = nodes[expr.id];
  auto operand = [&](unsigned i) { return getGreatest(node.operands[i]); };
  switch (node.kind) {
  case ExprKind::Linear: {
    std::optional<int64_t> sum = node.number;
    for (auto [atom, factor] : llvm::zip(node.operands, node.coefficients))
      sum = addBound(sum, factor,
                     factor > 0 ? getGreatest(atom) : getLeast(atom));
    return sum;
  }
  case ExprKind::Mod:
    return operand(1) ? std::optional(*operand(1) - 1) : std::nullopt;
  case ExprKind::FloorDiv:
    if (auto divisor = getConstant(node.operands[1]); divisor && operand(0))
      return llvm::divideFloorSigned(*operand(0), *divisor);
    return std::nullopt;
  case ExprKind::Min:
    if (operand(0) && operand(1))
      return std::min(*operand(0), *operand(1));
    return operand(0) ? operand(0) : operand(1);
  case ExprKind::Max:
    if (operand(0) && operand(1))
      return std::max(*operand(0), *operand(1));
    return std::nullopt;
  case ExprKind::Select:
    if (operand(1) && operand(2))
      return std::max(*operand(1), *operand(2));
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

/// True only if `expr` < `bound` is seen from their forms.
bool ExprPool::isBelow(Expr expr, Expr bound) const {
  const ExprNode &node = nodes[expr.id];
  if (node.kind == ExprKind::Mod && node.operands[1] == bound)
    return true;
  if (node.kind == ExprKind::Min) {
    ExprPool &self = const_cast<ExprPool &>(*this);
    Expr last = self.plus(bound, -1);
    for (Expr operand : nodes[expr.id].operands)
      if (operand == last || isBelow(operand, bound))
        return true;
  }
  auto greatest = getGreatest(expr), least = getLeast(bound);
  return greatest && least && *greatest < *least;
}

//===----------------------------------------------------------------------===//
// Divisions, minima and maxima
//===----------------------------------------------------------------------===//

std::pair<Expr, Expr> ExprPool::splitMultiple(Expr expr, Expr divisor) {
  ExprNode node = nodes[expr.id];
  if (node.kind != ExprKind::Linear)
    node = {ExprKind::Linear, 0, {1}, {expr}};
  std::optional<int64_t> number = getConstant(divisor);
  Expr multiple = constant(0), rest = constant(0);
  if (number) {
    int64_t quotient = llvm::divideFloorSigned(node.number, *number);
    multiple = constant(quotient);
    rest = constant(node.number - quotient * *number);
  } else {
    rest = constant(node.number);
  }
  for (auto [atom, factor] : llvm::zip(node.operands, node.coefficients)) {
    if (number && factor % *number == 0) {
      multiple = add(atom, multiple, factor / *number);
      continue;
    }
    const ExprNode product = nodes[atom.id];
    if (atom == divisor) {
      multiple = plus(multiple, factor);
    } else if (product.kind == ExprKind::Product &&
               llvm::is_contained(product.operands, divisor)) {
      Expr other = product.operands[product.operands[0] == divisor ? 1 : 0];
      multiple = add(other, multiple, factor);
    } else {
      rest = add(atom, rest, factor);
    }
  }
  return {multiple, rest};
}

Expr ExprPool::floorDiv(Expr lhs, Expr rhs) {
  if (overflow)
    return constant(0);
  if (getConstant(rhs) == 1)
    return lhs;
  auto [multiple, rest] = splitMultiple(lhs, rhs);
  auto restNumber = getConstant(rest), divisor = getConstant(rhs);
  if (restNumber && divisor)
    return plus(multiple, llvm::divideFloorSigned(*restNumber, *divisor));
  if (getLeast(rest).value_or(-1) >= 0 && isBelow(rest, rhs))
    return multiple;
  if (const ExprNode node = nodes[rest.id]; node.kind == ExprKind::FloorDiv)
    return add(floorDiv(node.operands[0], mul(node.operands[1], rhs)),
               multiple);
  return add(intern({ExprKind::FloorDiv, 0, {}, {rest, rhs}}), multiple);
}

Expr ExprPool::mod(Expr lhs, Expr rhs) {
  if (overflow)
    return constant(0);
  if (getConstant(rhs) == 1)
    return constant(0);
  Expr rest = splitMultiple(lhs, rhs).second;
  auto restNumber = getConstant(rest), divisor = getConstant(rhs);
  if (restNumber && divisor)
    return constant(llvm::mod(*restNumber, *divisor));
  if (getLeast(rest).value_or(-1) >= 0 && isBelow(rest, rhs))
    return rest;
  return intern({ExprKind::Mod, 0, {}, {rest, rhs}});
}

Expr ExprPool::minMax(Expr lhs, Expr rhs, bool isMin) {
  if (auto difference = getConstant(sub(lhs, rhs)))
    return (*difference < 0) == isMin ? lhs : rhs;
  auto always = [&](Expr less, Expr more) {
    auto least = getLeast(sub(more, less));
    return least && *least >= 0;
  };
  if (always(lhs, rhs))
    return isMin ? lhs : rhs;
  if (always(rhs, lhs))
    return isMin ? rhs : lhs;
  if (rhs < lhs)
    std::swap(lhs, rhs);
  return intern({isMin ? ExprKind::Min : ExprKind::Max, 0, {}, {lhs, rhs}});
}

Expr ExprPool::min(Expr lhs, Expr rhs) { return minMax(lhs, rhs, true); }
Expr ExprPool::max(Expr lhs, Expr rhs) { return minMax(lhs, rhs, false); }

Expr ExprPool::select(Expr condition, Expr lhs, Expr rhs) {
  const ExprNode &node = nodes[condition.id];
  if (lhs == rhs)
    return lhs;
  if (node.kind == ExprKind::Truth)
    return node.number ? lhs : rhs;
  return intern({ExprKind::Select, 0, {}, {condition, lhs, rhs}});
}

Expr ExprPool::read(unsigned table, ArrayRef<Expr> coordinates) {
  return intern(
      {ExprKind::Read, table, {}, llvm::SmallVector<Expr, 3>(coordinates)});
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

Expr ExprPool::truth(bool value) {
  return intern({ExprKind::Truth, value, {}, {}});
}

Expr ExprPool::nonNegative(Expr expr) {
  if (getLeast(expr).value_or(-1) >= 0)
    return truth(true);
  if (getGreatest(expr).value_or(0) < 0)
    return truth(false);
  return intern({ExprKind::NonNegative, 0, {}, {expr}});
}

Expr ExprPool::zero(Expr expr) {
  if (auto number = getConstant(expr))
    return truth(*number == 0);
  if (getLeast(expr).value_or(0) > 0 || getGreatest(expr).value_or(0) < 0)
    return truth(false);
  // e = 0 and -e = 0 are one predicate.
  const ExprNode &node = nodes[expr.id];
  if (node.kind == ExprKind::Linear && node.coefficients[0] < 0)
    expr = scale(expr, -1);
  return intern({ExprKind::Zero, 0, {}, {expr}});
}

Expr ExprPool::member(unsigned table, Expr element, Expr first, Expr last,
                      ArrayRef<Expr> coordinates) {
  ExprNode node{ExprKind::Member, table, {}, {element, first, last}};
  node.operands.append(coordinates.begin(), coordinates.end());
  return intern(std::move(node));
}

Expr ExprPool::negation(Expr predicate) {
  const ExprNode node = nodes[predicate.id];
  if (node.kind == ExprKind::Truth)
    return truth(!node.number);
  if (node.kind == ExprKind::Not)
    return node.operands[0];
  // Not (e >= 0) is -e - 1 >= 0.
  if (node.kind == ExprKind::NonNegative)
    return nonNegative(plus(scale(node.operands[0], -1), -1));
  return intern({ExprKind::Not, 0, {}, {predicate}});
}

Expr ExprPool::conjunction(Expr lhs, Expr rhs) {
  if (lhs == rhs || rhs == truth(true))
    return lhs;
  if (lhs == truth(true))
    return rhs;
  if (lhs == truth(false) || rhs == truth(false) || lhs == negation(rhs))
    return truth(false);
  return intern({ExprKind::And, 0, {}, {lhs, rhs}});
}

Expr ExprPool::disjunction(Expr lhs, Expr rhs) {
  if (lhs == rhs || rhs == truth(false))
    return lhs;
  if (lhs == truth(false))
    return rhs;
  if (lhs == truth(true) || rhs == truth(true) || lhs == negation(rhs))
    return truth(true);
  return intern({ExprKind::Or, 0, {}, {lhs, rhs}});
}

Expr ExprPool::unknown(std::string reason, ArrayRef<Expr> inputs) {
  reasons.push_back(std::move(reason));
  return intern({ExprKind::Unknown,
                 int64_t(reasons.size()) - 1,
                 {},
                 llvm::SmallVector<Expr, 3>(inputs)});
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

void ExprPool::printLinear(llvm::raw_ostream &os, const ExprNode &node) const {
  // What is added comes first, what is taken away after it.
  bool first = true;
  auto print = [&](int64_t factor, std::optional<Expr> atom) {
    if (!first)
      os << (factor < 0 ? " - " : " + ");
    else if (factor < 0)
      os << "-";
    first = false;
    uint64_t size = factor < 0 ? -uint64_t(factor) : uint64_t(factor);
    if (!atom) {
      if (size == uint64_t(kBeyond))
        os << "inf";
      else
        os << size;
      return;
    }
    if (size != 1)
      os << size << " * ";
    printOperand(os, *atom);
  };
  for (bool positive : {true, false}) {
    for (auto [atom, factor] : llvm::zip(node.operands, node.coefficients))
      if ((factor > 0) == positive)
        print(factor, atom);
    if (node.number != 0 && (node.number > 0) == positive)
      print(node.number, std::nullopt);
  }
  if (first)
    os << 0;
}

void ExprPool::printOperand(llvm::raw_ostream &os, Expr expr) const {
  const ExprNode &node = nodes[expr.id];
  bool isSimple = node.kind == ExprKind::Variable ||
                  node.kind == ExprKind::Symbol ||
                  node.kind == ExprKind::Read || node.kind == ExprKind::Min ||
                  node.kind == ExprKind::Max || node.kind == ExprKind::Select ||
                  node.kind == ExprKind::Truth || getConstant(expr);
  if (isSimple)
    return print(os, expr);
  os << "(";
  print(os, expr);
  os << ")";
}

void ExprPool::print(llvm::raw_ostream &os, Expr expr) const {
  const ExprNode &node = nodes[expr.id];
  auto infix = [&](StringRef op) {
    printOperand(os, node.operands[0]);
    os << " " << op << " ";
    printOperand(os, node.operands[1]);
  };
  auto list = [&](ArrayRef<Expr> operands) {
    llvm::interleaveComma(operands, os, [&](Expr e) { print(os, e); });
  };
  auto call = [&](StringRef name) {
    os << name << "(";
    list(node.operands);
    os << ")";
  };
  switch (node.kind) {
  case ExprKind::Linear:
    return printLinear(os, node);
  case ExprKind::Variable:
    os << variables[node.number];
    return;
  case ExprKind::Symbol:
    os << symbols[node.number].name;
    return;
  case ExprKind::Product:
    return infix("*");
  case ExprKind::FloorDiv:
    return infix("floordiv");
  case ExprKind::Mod:
    return infix("mod");
  case ExprKind::Min:
    return call("min");
  case ExprKind::Max:
    return call("max");
  case ExprKind::Select:
    return call("select");
  case ExprKind::Read:
    os << tables[node.number].name << "[";
    list(node.operands);
    os << "]";
    return;
  case ExprKind::Truth:
    os << (node.number ? "true" : "false");
    return;
  case ExprKind::NonNegative:
    print(os, node.operands[0]);
    os << " >= 0";
    return;
  case ExprKind::Zero:
    print(os, node.operands[0]);
    os << " = 0";
    return;
  case ExprKind::Member:
    print(os, node.operands[0]);
    os << " in " << tables[node.number].name << "[";
    list(ArrayRef<Expr>(node.operands).drop_front(3));
    os << "]";
    if (getConstant(node.operands[1]) == 0 &&
        getConstant(node.operands[2]) == kAllEntries)
      return;
    os << "[";
    print(os, node.operands[1]);
    os << " .. ";
    print(os, node.operands[2]);
    os << ")";
    return;
  case ExprKind::And:
    return infix("and");
  case ExprKind::Or:
    return infix("or");
  case ExprKind::Not:
    os << "not ";
    return printOperand(os, node.operands[0]);
  case ExprKind::Unknown:
    os << "unknown(";
    list(node.operands);
    os << ")";
    return;
  }
}

std::string ExprPool::toString(Expr expr) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os, expr);
  return text;
}

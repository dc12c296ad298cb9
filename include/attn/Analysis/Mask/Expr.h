//===- Expr.h - index expressions and predicates of masks -------*- C++ -*-===//
//
// What a mask's predicate says, apart from any IR: integer expressions over
// variables (coordinates of ranks), symbols (numbers known when a kernel
// starts: extents, parameters) and tables (integer tensors), and predicates
// over them. All are nodes of one pool and equal nodes are one node, so that
// comparing two expressions is comparing two numbers.
//
// Sums are kept as linear forms: a constant and terms `coefficient * atom`,
// sorted, each atom once. An atom is anything that is not a sum. Makers fold
// what follows from the operands alone: `(d*a + b) floordiv d` is `a + b
// floordiv d`, `min(x, x + 1)` is `x`. Divisions round towards minus infinity
// and have positive divisors; `mod` is not negative.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_EXPR_H
#define ATTN_ANALYSIS_MASK_EXPR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attn::mask {

/// A node of an ExprPool.
struct Expr {
  uint32_t id = 0;
  bool operator==(Expr other) const { return id == other.id; }
  bool operator!=(Expr other) const { return id != other.id; }
  bool operator<(Expr other) const { return id < other.id; }
};

enum class ExprKind : uint8_t {
  // Integers.
  Linear,   ///< number + sum of coefficients[i] * operands[i]
  Variable, ///< number: which
  Symbol,   ///< number: which
  Product,  ///< operands[0] * operands[1]
  FloorDiv,
  Mod,
  Min,
  Max,
  Select, ///< operands[0] is a predicate
  Read,   ///< number: the table; operands: its coordinates
  // Predicates.
  Truth,       ///< number: 0 or 1
  NonNegative, ///< operands[0] >= 0
  Zero,        ///< operands[0] == 0
  Member, ///< number: the table; operands: element, first, last, coordinates
  And,
  Or,
  Not,
  Unknown, ///< number: which; operands[0]: an integer that it depends on
};

/// Symbols are told apart by their names: a parameter's, or `|M|` for the
/// extent of rank M.
struct Symbol {
  std::string name;
  /// A fact that the caller keeps: the symbol is never less.
  std::optional<int64_t> least;
};

struct Table {
  std::string name;
  unsigned numRanks;
};

struct ExprNode {
  ExprKind kind;
  int64_t number = 0;
  llvm::SmallVector<int64_t, 2> coefficients;
  llvm::SmallVector<Expr, 3> operands;

  bool operator<(const ExprNode &other) const;
};

class ExprPool {
public:
  /// Further than any coordinate, extents being less than 2^31, and a number of
  /// 32 bits; printed as `inf`.
  static constexpr int64_t kBeyond = (int64_t(1) << 31) - 1;

  ExprPool();

  // Makers. A variable is never negative.
  Expr constant(int64_t value);
  Expr variable(llvm::StringRef name);
  Expr symbol(llvm::StringRef name, std::optional<int64_t> least = {});
  /// `scale * lhs + rhs`.
  Expr add(Expr lhs, Expr rhs, int64_t scale = 1);
  Expr sub(Expr lhs, Expr rhs) { return add(rhs, lhs, -1); }
  Expr scale(Expr expr, int64_t factor) {
    return add(expr, constant(0), factor);
  }
  Expr plus(Expr expr, int64_t number) { return add(expr, constant(number)); }
  Expr mul(Expr lhs, Expr rhs);
  /// The divisor is positive.
  Expr floorDiv(Expr lhs, Expr rhs);
  Expr ceilDiv(Expr lhs, Expr rhs) {
    return floorDiv(add(lhs, plus(rhs, -1)), rhs);
  }
  Expr mod(Expr lhs, Expr rhs);
  Expr min(Expr lhs, Expr rhs);
  Expr max(Expr lhs, Expr rhs);
  Expr select(Expr condition, Expr lhs, Expr rhs);
  Expr read(unsigned table, llvm::ArrayRef<Expr> coordinates);
  unsigned table(llvm::StringRef name, unsigned numRanks);

  Expr truth(bool value);
  Expr nonNegative(Expr expr);
  Expr zero(Expr expr);
  /// Some entry n, first <= n < last, of the table's last rank at `coordinates`
  /// is `element`. From 0 to kAllEntries are all there are.
  static constexpr int64_t kAllEntries = kBeyond;
  Expr member(unsigned table, Expr element, Expr first, Expr last,
              llvm::ArrayRef<Expr> coordinates);
  Expr conjunction(Expr lhs, Expr rhs);
  Expr disjunction(Expr lhs, Expr rhs);
  Expr negation(Expr predicate);
  /// A predicate, or an integer, of which nothing is known; `inputs` are what
  /// it depends on.
  Expr unknown(std::string reason, llvm::ArrayRef<Expr> inputs);

  const ExprNode &operator[](Expr expr) const { return nodes[expr.id]; }
  size_t size() const { return nodes.size(); }
  std::optional<int64_t> getConstant(Expr expr) const;
  const Symbol &getSymbol(const ExprNode &node) const {
    return symbols[node.number];
  }
  llvm::ArrayRef<Symbol> getSymbols() const { return symbols; }
  llvm::StringRef getVariable(const ExprNode &node) const {
    return variables[node.number];
  }
  llvm::ArrayRef<std::string> getVariables() const { return variables; }
  const Table &getTable(const ExprNode &node) const {
    return tables[node.number];
  }
  llvm::ArrayRef<Table> getTables() const { return tables; }
  llvm::StringRef getReason(const ExprNode &node) const {
    return reasons[node.number];
  }

  /// Constant bounds that hold whatever the variables and symbols are.
  std::optional<int64_t> getLeast(Expr expr) const;
  std::optional<int64_t> getGreatest(Expr expr) const;
  bool isPositive(Expr expr) const { return getLeast(expr).value_or(0) > 0; }

  /// Whether `expr` contains the variable, or any.
  bool dependsOn(Expr expr, Expr variable) const {
    return (dependences[expr.id] >> nodes[variable.id].number) & 1;
  }
  bool dependsOnVariables(Expr expr) const { return dependences[expr.id] != 0; }
  bool isPredicate(Expr expr) const {
    return nodes[expr.id].kind >= ExprKind::Truth;
  }

  /// A number was made that 64 bits do not hold; what was made from it is
  /// wrong.
  bool hasOverflow() const { return overflow; }

  void print(llvm::raw_ostream &os, Expr expr) const;
  std::string toString(Expr expr) const;

private:
  using Terms = std::map<Expr, int64_t>;
  /// sum + lhs * rhs; 0 after an overflow.
  int64_t multiplyAdd(int64_t sum, int64_t lhs, int64_t rhs);
  Expr intern(ExprNode node);
  Expr makeLinear(const Terms &terms, int64_t number);
  /// `expr` as divisor * multiple + rest, with as much in `multiple` as its
  /// form shows.
  std::pair<Expr, Expr> splitMultiple(Expr expr, Expr divisor);
  bool isBelow(Expr expr, Expr bound) const;
  Expr minMax(Expr lhs, Expr rhs, bool isMin);
  void printLinear(llvm::raw_ostream &os, const ExprNode &node) const;
  void printOperand(llvm::raw_ostream &os, Expr expr) const;

  std::vector<ExprNode> nodes;
  std::vector<uint64_t> dependences;
  std::map<ExprNode, Expr> known;
  std::vector<Symbol> symbols;
  std::vector<std::string> variables, reasons;
  std::vector<Table> tables;
  bool overflow = false;
};

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_EXPR_H

//===- Import.cpp - the predicate of an Einsum as a mask ------------------===//

#include "attn/Analysis/Mask/Import.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;
using namespace attn::mask;

/// Products of two such numbers fit in 64 bits.
static constexpr int64_t kLargest = int64_t(1) << 31;

namespace {
class Importer {
public:
  Importer(EinsumOp op, ImportedMask &mask, PackingAttr packing)
      : op(op), mask(mask), pool(mask.pool), packing(packing),
        scan(op->getParentOfType<ScanOp>()) {}

  void run() {
    Value result = op.getWhere().front().getTerminator()->getOperand(0);
    mask.predicate = getPredicate(result);
    if (packing && !dropPacked(result))
      return;
    if (pool.hasOverflow()) {
      refuse(op, "its numbers overflow 64 bits");
      mask.predicate = unknown(result, mask.gaps.back().reason);
      return;
    }
    if (!scan || !mask.gaps.empty())
      return;
    // The other way round: the coordinate in the step stands for the whole one.
    integers.clear();
    stepStands = true;
    if (getPredicate(result) == mask.predicate)
      return;
    refuse(op, "the scan's base stands apart from the coordinate in its step");
    mask.predicate = unknown(result, mask.gaps.back().reason);
  }

private:
  /// Forgets the variable of the packed rank, if no part of it is told apart
  /// from the other.
  bool dropPacked(Value result) {
    StringRef rank = packing.getRank();
    bool isApart = !pool.dependsOn(mask.predicate, mask.getVariable(rank));
    mask.variables.erase(rank);
    if (isApart)
      return true;
    refuse(op, "it has more of rank '" + rank + "' than its two parts");
    mask.predicate = pool.unknown(mask.gaps.back().reason, {});
    return false;
  }
  Expr getPredicate(Value value);
  Expr comparePredicate(arith::CmpIOp compare);
  Expr getMember(MemberOp member);
  /// Nothing if the value is not understood; a gap then says why.
  std::optional<Expr> getInteger(Value value);
  std::optional<Expr> computeInteger(Value value);
  std::optional<Expr> getArgument(BlockArgument argument);
  std::optional<Expr> getBinary(Operation *define);
  std::optional<Expr> getQuotient(Operation *define, Expr lhs, Expr rhs);
  std::optional<Expr> getRead(ReadOp read);
  std::optional<Expr> getRemainder(arith::SubIOp sub);
  std::optional<unsigned> getTable(Operation *op, Value source);
  bool refuseFloats(Operation *define);
  Expr getVariable(StringRef name);
  Expr getSymbol(StringRef name, std::optional<int64_t> least, StringAttr rank,
                 Value argument);
  /// A predicate of which nothing is known but the variables it has.
  Expr unknown(Value value, StringRef reason);
  std::nullopt_t refuse(Operation *at, const Twine &reason,
                        bool isError = false) {
    mask.gaps.push_back({at->getLoc(), reason.str(), isError});
    return std::nullopt;
  }

  EinsumOp op;
  ImportedMask &mask;
  ExprPool &pool;
  PackingAttr packing;
  ScanOp scan;
  bool stepStands = false;
  llvm::DenseMap<Value, std::optional<Expr>> integers;
};
} // namespace

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

Expr Importer::getSymbol(StringRef name, std::optional<int64_t> least,
                         StringAttr rank, Value argument) {
  Expr symbol = pool.symbol(name, least);
  size_t number = pool[symbol].number;
  if (number == mask.symbols.size()) {
    mask.symbols.push_back(argument);
    mask.extents.push_back(rank);
  }
  return symbol;
}

Expr Importer::getVariable(StringRef name) {
  StringAttr rank = op.getVariableRank(*op.getVariablePosition(name));
  // In a scan base and coordinate only stand together: one of them for both.
  if (scan && scan.getByAttr() == rank)
    return stepStands ? mask.getVariable(scan.getRank()) : pool.constant(0);
  Expr variable = mask.getVariable(rank.getValue());
  mask.variables[rank] = variable;
  return variable;
}

std::optional<Expr> Importer::getArgument(BlockArgument argument) {
  if (scan && argument == scan.getBase() && scan.getByAttr()) {
    if (stepStands)
      return pool.constant(0);
    Expr variable = mask.getVariable(scan.getRank());
    mask.variables[scan.getRank()] = variable;
    return variable;
  }
  auto func = dyn_cast<FuncOp>(argument.getOwner()->getParentOp());
  if (!func)
    return refuse(op, "a value of the scan decides");
  unsigned number = argument.getArgNumber();
  std::optional<int64_t> least;
  if (auto fact = func.getArgAttrOfType<IntegerAttr>(number, "cascade.min"))
    least = fact.getInt();
  return getSymbol(func.getArgumentName(number), least, {}, argument);
}

std::optional<unsigned> Importer::getTable(Operation *at, Value source) {
  auto argument = dyn_cast<BlockArgument>(source);
  auto func = argument ? dyn_cast<FuncOp>(argument.getOwner()->getParentOp())
                       : FuncOp();
  if (!func)
    return refuse(at, "it reads a tensor that is computed");
  auto type = cast<NamedTensorType>(source.getType());
  if (isa<FloatType>(type.getElementType()))
    return refuse(at,
                  "it reads a tensor of " +
                      Twine(type.getElementType().isF32() ? "f32" : "floats") +
                      ", not of integers");
  unsigned number = pool.table(func.getArgumentName(argument.getArgNumber()),
                               type.getRanks().size());
  if (number == mask.tables.size())
    mask.tables.push_back(source);
  return number;
}

/// True if `define` is of a table of floats, which then is the reason.
bool Importer::refuseFloats(Operation *define) {
  for (Value operand : define->getOperands())
    if (auto read = operand.getDefiningOp<ReadOp>();
        read && isa<FloatType>(operand.getType()))
      return !getTable(read, read.getSource());
  return false;
}

std::optional<Expr> Importer::getRead(ReadOp read) {
  auto table = getTable(read, read.getSource());
  if (!table)
    return std::nullopt;
  SmallVector<Expr> coordinates;
  for (Value coordinate : read.getCoordinates()) {
    auto expr = getInteger(coordinate);
    if (!expr)
      return std::nullopt;
    coordinates.push_back(*expr);
  }
  return pool.read(*table, coordinates);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

std::optional<Expr> Importer::getQuotient(Operation *define, Expr lhs,
                                          Expr rhs) {
  bool isRemainder = isa<arith::RemSIOp, arith::RemUIOp>(define);
  if (packing && pool.getConstant(rhs) == packing.getWidth() &&
      lhs == mask.getVariable(packing.getRank())) {
    StringAttr part = isRemainder ? packing.getInner() : packing.getOuter();
    Expr variable = mask.getVariable(part);
    mask.variables[part] = variable;
    return variable;
  }
  StringRef what = isRemainder ? "the remainder" : "the quotient";
  if (auto divisor = pool.getConstant(rhs); divisor && *divisor == 0)
    return refuse(define, what + " is by zero", /*isError=*/true);
  if (!pool.isPositive(rhs))
    return refuse(define, what + " is by '" + pool.toString(rhs) +
                              "', which is not known to be positive; give the "
                              "argument a cascade.min of 1");
  bool rounds = isa<arith::FloorDivSIOp>(define);
  if (!rounds && pool.getLeast(lhs).value_or(-1) < 0)
    return refuse(define, what + " is of '" + pool.toString(lhs) +
                              "', which may be negative");
  return isRemainder ? pool.mod(lhs, rhs) : pool.floorDiv(lhs, rhs);
}

/// x - x floordiv d * d is x mod d, for negative x too.
std::optional<Expr> Importer::getRemainder(arith::SubIOp sub) {
  auto product = sub.getRhs().getDefiningOp<arith::MulIOp>();
  if (!product)
    return std::nullopt;
  for (unsigned i : {0u, 1u}) {
    auto quotient = product->getOperand(i).getDefiningOp<arith::FloorDivSIOp>();
    if (!quotient || quotient.getLhs() != sub.getLhs() ||
        quotient.getRhs() != product->getOperand(1 - i))
      continue;
    auto lhs = getInteger(quotient.getLhs()),
         rhs = getInteger(quotient.getRhs());
    if (lhs && rhs && pool.isPositive(*rhs))
      return pool.mod(*lhs, *rhs);
  }
  return std::nullopt;
}

std::optional<Expr> Importer::getBinary(Operation *define) {
  auto lhs = getInteger(define->getOperand(0));
  auto rhs = getInteger(define->getOperand(1));
  if (!lhs || !rhs)
    return std::nullopt;
  if (isa<arith::AddIOp>(define))
    return pool.add(*lhs, *rhs);
  if (isa<arith::SubIOp>(define))
    return pool.sub(*lhs, *rhs);
  if (isa<arith::MulIOp>(define))
    return pool.mul(*lhs, *rhs);
  if (isa<arith::MinSIOp>(define))
    return pool.min(*lhs, *rhs);
  if (isa<arith::MaxSIOp>(define))
    return pool.max(*lhs, *rhs);
  return getQuotient(define, *lhs, *rhs);
}

std::optional<Expr> Importer::computeInteger(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return getArgument(argument);
  Operation *define = value.getDefiningOp();
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number))) {
    if (number.getSignificantBits() > 64 ||
        std::abs(number.getSExtValue()) > kLargest)
      return refuse(define, "a number is beyond 2^31");
    return pool.constant(number.getSExtValue());
  }
  if (auto index = dyn_cast<IndexOp>(define))
    return getVariable(index.getVariable());
  if (auto extent = dyn_cast<ExtentOp>(define)) {
    auto func = define->getParentOfType<FuncOp>();
    if (auto known = func.getStaticExtent(extent.getRank()))
      return pool.constant(*known);
    return getSymbol(("|" + extent.getRank() + "|").str(), 0,
                     extent.getRankAttr(), {});
  }
  if (isa<arith::IndexCastOp, arith::ExtSIOp>(define))
    return getInteger(define->getOperand(0));
  if (auto read = dyn_cast<ReadOp>(define))
    return getRead(read);
  if (auto select = dyn_cast<arith::SelectOp>(define)) {
    auto lhs = getInteger(select.getTrueValue());
    auto rhs = getInteger(select.getFalseValue());
    if (!lhs || !rhs)
      return std::nullopt;
    return pool.select(getPredicate(select.getCondition()), *lhs, *rhs);
  }
  if (auto sub = dyn_cast<arith::SubIOp>(define))
    if (auto remainder = getRemainder(sub))
      return remainder;
  if (isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::MinSIOp,
          arith::MaxSIOp, arith::FloorDivSIOp, arith::DivSIOp, arith::DivUIOp,
          arith::RemSIOp, arith::RemUIOp>(define))
    return getBinary(define);
  if (refuseFloats(define))
    return std::nullopt;
  return refuse(define, "'" + define->getName().getStringRef() +
                            "' is not index arithmetic");
}

std::optional<Expr> Importer::getInteger(Value value) {
  if (auto it = integers.find(value); it != integers.end())
    return it->second;
  std::optional<Expr> expr = computeInteger(value);
  integers[value] = expr;
  return expr;
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

Expr Importer::unknown(Value value, StringRef reason) {
  llvm::SetVector<Value> work;
  llvm::SetVector<uint32_t> inputs;
  work.insert(value);
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *define = work[i].getDefiningOp();
    if (auto index = dyn_cast_or_null<IndexOp>(define))
      if (Expr variable = getVariable(index.getVariable());
          !pool.getConstant(variable))
        inputs.insert(variable.id);
    if (scan && work[i] == scan.getBase())
      inputs.insert(mask.getVariable(scan.getRank()).id);
    if (define && op.getWhere().isAncestor(define->getParentRegion()))
      for (Value operand : define->getOperands())
        work.insert(operand);
  }
  SmallVector<Expr> variables;
  for (uint32_t id : inputs)
    variables.push_back(Expr{id});
  return pool.unknown(reason.str(), variables);
}

Expr Importer::comparePredicate(arith::CmpIOp compare) {
  if (compare.getLhs().getType().isInteger(1)) {
    Expr lhs = getPredicate(compare.getLhs());
    Expr rhs = getPredicate(compare.getRhs());
    Expr same = pool.disjunction(
        pool.conjunction(lhs, rhs),
        pool.conjunction(pool.negation(lhs), pool.negation(rhs)));
    if (compare.getPredicate() == arith::CmpIPredicate::eq)
      return same;
    if (compare.getPredicate() == arith::CmpIPredicate::ne)
      return pool.negation(same);
  }
  auto lhs = getInteger(compare.getLhs()), rhs = getInteger(compare.getRhs());
  if (!lhs || !rhs)
    return unknown(compare, mask.gaps.back().reason);
  switch (compare.getPredicate()) {
  case arith::CmpIPredicate::eq:
    return pool.zero(pool.sub(*lhs, *rhs));
  case arith::CmpIPredicate::ne:
    return pool.negation(pool.zero(pool.sub(*lhs, *rhs)));
  case arith::CmpIPredicate::sle:
    return pool.nonNegative(pool.sub(*rhs, *lhs));
  case arith::CmpIPredicate::slt:
    return pool.nonNegative(pool.plus(pool.sub(*rhs, *lhs), -1));
  case arith::CmpIPredicate::sge:
    return pool.nonNegative(pool.sub(*lhs, *rhs));
  case arith::CmpIPredicate::sgt:
    return pool.nonNegative(pool.plus(pool.sub(*lhs, *rhs), -1));
  default:
    refuse(compare, "a comparison is unsigned");
    return unknown(compare, mask.gaps.back().reason);
  }
}

Expr Importer::getMember(MemberOp member) {
  auto table = getTable(member, member.getSource());
  SmallVector<std::optional<Expr>> parts = {getInteger(member.getNumber())};
  bool hasRange = static_cast<bool>(member.getFirst());
  parts.push_back(hasRange ? getInteger(member.getFirst()) : pool.constant(0));
  // Without a range: all entries there are.
  parts.push_back(hasRange ? getInteger(member.getLast())
                           : pool.constant(ExprPool::kAllEntries));
  for (Value coordinate : member.getCoordinates())
    parts.push_back(getInteger(coordinate));
  if (!table || llvm::is_contained(parts, std::nullopt))
    return unknown(member, mask.gaps.back().reason);
  SmallVector<Expr> coordinates;
  for (auto part : ArrayRef(parts).drop_front(3))
    coordinates.push_back(*part);
  return pool.member(*table, *parts[0], *parts[1], *parts[2], coordinates);
}

Expr Importer::getPredicate(Value value) {
  APInt number;
  if (matchPattern(value, m_ConstantInt(&number)))
    return pool.truth(!number.isZero());
  Operation *define = value.getDefiningOp();
  if (!define) {
    refuse(op, "an argument decides");
    return unknown(value, mask.gaps.back().reason);
  }
  if (auto compare = dyn_cast<arith::CmpIOp>(define))
    return comparePredicate(compare);
  if (auto member = dyn_cast<MemberOp>(define))
    return getMember(member);
  if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(define)) {
    Expr lhs = getPredicate(define->getOperand(0));
    Expr rhs = getPredicate(define->getOperand(1));
    if (isa<arith::AndIOp>(define))
      return pool.conjunction(lhs, rhs);
    if (isa<arith::OrIOp>(define))
      return pool.disjunction(lhs, rhs);
    return pool.disjunction(pool.conjunction(lhs, pool.negation(rhs)),
                            pool.conjunction(pool.negation(lhs), rhs));
  }
  if (auto select = dyn_cast<arith::SelectOp>(define)) {
    Expr condition = getPredicate(select.getCondition());
    return pool.disjunction(
        pool.conjunction(condition, getPredicate(select.getTrueValue())),
        pool.conjunction(pool.negation(condition),
                         getPredicate(select.getFalseValue())));
  }
  if (!refuseFloats(define))
    refuse(define, "'" + define->getName().getStringRef() +
                       "' is no comparison of integers");
  return unknown(value, mask.gaps.back().reason);
}

std::unique_ptr<ImportedMask> attn::mask::importMask(EinsumOp op,
                                                     PackingAttr packing) {
  auto mask = std::make_unique<ImportedMask>();
  Importer(op, *mask, packing).run();
  return mask;
}

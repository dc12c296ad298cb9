//===- CascadeEmptiness.cpp - what empty operands do ----------------------===//
//
// Partial evaluation of a map region: one operand is its empty value, the
// others are unknown. A value is a known constant, or unknown; of an unknown
// one it is kept whether it still depends on the operand. Identities (x + 0)
// hand the other operand on, absorbing elements (0 * x) and folding make
// constants.
//
//===----------------------------------------------------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn::cascade;

namespace {
struct PartialValue {
  std::optional<double> constant;
  bool depends = false;
};
} // namespace

static PartialValue evaluate(const AlgebraRegistry &algebra, Operation &op,
                             llvm::DenseMap<Value, PartialValue> &values) {
  SmallVector<PartialValue> operands;
  SmallVector<Attribute> constants;
  bool allConstant = true, depends = false;
  for (Value operand : op.getOperands()) {
    PartialValue value = values.lookup(operand);
    operands.push_back(value);
    depends |= value.depends;
    allConstant &= value.constant.has_value();
    constants.push_back(
        value.constant &&
                isa<FloatType, IntegerType, IndexType>(operand.getType())
            ? getNumericAttr(operand.getType(), *value.constant)
            : Attribute());
  }
  if (allConstant) {
    SmallVector<OpFoldResult> folded;
    if (succeeded(op.fold(constants, folded)) && folded.size() == 1)
      if (auto attribute = dyn_cast<Attribute>(folded[0]))
        if (auto number = getNumericValue(attribute))
          return {number, false};
  }
  std::optional<ScalarFacts> facts = algebra.lookupFacts(&op);
  if (!facts)
    return {std::nullopt, depends};
  for (auto [i, operand] : llvm::enumerate(operands))
    if (operand.constant && facts->absorbing)
      if (auto result = facts->absorbing(i, *operand.constant))
        return {result, false};
  if (operands.size() != 2)
    return {std::nullopt, depends};
  StringRef name = facts->monoid.empty() ? facts->inverseOf : facts->monoid;
  const MonoidInfo *monoid = algebra.lookupMonoid(name);
  if (!monoid)
    return {std::nullopt, depends};
  auto identity = getNumericValue(monoid->identity(op.getOperand(0).getType()));
  if (identity && operands[1].constant == identity)
    return operands[0];
  if (identity && operands[0].constant == identity && !facts->monoid.empty())
    return operands[1];
  return {std::nullopt, depends};
}

static Merge deriveMerge(const AlgebraRegistry &algebra, Block &block,
                         unsigned operand, double empty, double resultEmpty) {
  llvm::DenseMap<Value, PartialValue> values;
  for (BlockArgument argument : block.getArguments())
    values[argument] = {};
  values[block.getArgument(operand)] = {empty, true};
  for (Operation &op : block.without_terminator()) {
    if (op.getNumResults() != 1 || op.getNumRegions() != 0) {
      for (Value result : op.getResults())
        values[result] = {std::nullopt, true};
      continue;
    }
    Attribute constant;
    if (matchPattern(&op, m_Constant(&constant)))
      values[op.getResult(0)] = {getNumericValue(constant), false};
    else
      values[op.getResult(0)] = evaluate(algebra, op, values);
  }
  PartialValue result = values.lookup(block.getTerminator()->getOperand(0));
  if (result.constant)
    return *result.constant == resultEmpty ? Merge::Absorb : Merge::Derived;
  return result.depends ? Merge::Derived : Merge::Through;
}

SmallVector<Merge> attn::cascade::deriveMerges(const AlgebraRegistry &algebra,
                                               Region &map,
                                               ArrayRef<double> operandEmpties,
                                               double resultEmpty) {
  SmallVector<Merge> merges;
  for (auto [i, empty] : llvm::enumerate(operandEmpties)) {
    if (!map.empty())
      merges.push_back(
          deriveMerge(algebra, map.front(), i, empty, resultEmpty));
    else if (operandEmpties.size() == 1)
      merges.push_back(empty == resultEmpty ? Merge::Absorb : Merge::Through);
    else if (empty == 0)
      // A product: 0 absorbs into whatever the point starts from.
      merges.push_back(resultEmpty == 0 ? Merge::Absorb : Merge::Derived);
    else
      merges.push_back(empty == 1 ? Merge::Through : Merge::Derived);
  }
  return merges;
}

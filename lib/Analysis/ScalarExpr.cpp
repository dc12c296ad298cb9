//===- ScalarExpr.cpp - expressions of map regions ------------------------===//

#include "attn/Analysis/ScalarExpr.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

ScalarExpr attn::makeLeaf(unsigned leaf, Type type) {
  ScalarExprNode node;
  node.kind = ScalarExprNode::Kind::Leaf;
  node.type = type;
  node.leaf = leaf;
  return std::make_shared<const ScalarExprNode>(std::move(node));
}

ScalarExpr attn::makeOperation(Operation *op, ArrayRef<ScalarExpr> operands) {
  ScalarExprNode node;
  node.kind = ScalarExprNode::Kind::Operation;
  node.type = op->getResult(0).getType();
  node.op = op;
  node.operands.assign(operands.begin(), operands.end());
  return std::make_shared<const ScalarExprNode>(std::move(node));
}

ScalarExpr attn::makeCombine(const MonoidInfo &monoid, bool inverse,
                             ScalarExpr lhs, ScalarExpr rhs, Type type) {
  if (!rhs)
    return lhs;
  if (!lhs && !inverse)
    return rhs;
  ScalarExprNode node;
  node.kind = ScalarExprNode::Kind::Combine;
  node.type = type;
  node.monoid = &monoid;
  node.inverse = inverse;
  node.operands = {std::move(lhs), std::move(rhs)};
  return std::make_shared<const ScalarExprNode>(std::move(node));
}

bool attn::isEqual(const ScalarExpr &lhs, const ScalarExpr &rhs) {
  if (lhs == rhs)
    return true;
  if (!lhs || !rhs || lhs->kind != rhs->kind || lhs->leaf != rhs->leaf ||
      lhs->monoid != rhs->monoid || lhs->inverse != rhs->inverse ||
      lhs->operands.size() != rhs->operands.size())
    return false;
  if (lhs->kind == ScalarExprNode::Kind::Operation &&
      (lhs->op->getName() != rhs->op->getName() ||
       lhs->op->getAttrDictionary() != rhs->op->getAttrDictionary()))
    return false;
  for (auto [l, r] : llvm::zip(lhs->operands, rhs->operands))
    if (!isEqual(l, r))
      return false;
  return true;
}

void attn::forEachLeaf(const ScalarExpr &expr,
                       llvm::function_ref<void(unsigned)> visit) {
  if (!expr)
    return;
  if (expr->kind == ScalarExprNode::Kind::Leaf)
    visit(expr->leaf);
  for (const ScalarExpr &operand : expr->operands)
    forEachLeaf(operand, visit);
}

ScalarExpr attn::renameLeaves(const ScalarExpr &expr,
                              llvm::function_ref<unsigned(unsigned)> rename) {
  if (!expr)
    return expr;
  ScalarExprNode node = *expr;
  if (node.kind == ScalarExprNode::Kind::Leaf)
    node.leaf = rename(node.leaf);
  for (ScalarExpr &operand : node.operands)
    operand = renameLeaves(operand, rename);
  return std::make_shared<const ScalarExprNode>(std::move(node));
}

FailureOr<ScalarExpr> attn::buildScalarExpr(
    Block &map, llvm::function_ref<std::optional<unsigned>(Value)> leafOf) {
  llvm::DenseMap<Value, ScalarExpr> exprs;
  auto lookup = [&](Value value) -> ScalarExpr {
    ScalarExpr &expr = exprs[value];
    if (!expr)
      expr = makeLeaf(*leafOf(value), value.getType());
    return expr;
  };
  for (Operation &op : map.without_terminator()) {
    if (op.getNumResults() != 1 || op.getNumRegions() != 0)
      return failure();
    if (std::optional<unsigned> leaf = leafOf(op.getResult(0))) {
      exprs[op.getResult(0)] = makeLeaf(*leaf, op.getResult(0).getType());
      continue;
    }
    SmallVector<ScalarExpr> operands;
    for (Value operand : op.getOperands())
      operands.push_back(lookup(operand));
    exprs[op.getResult(0)] = makeOperation(&op, operands);
  }
  return lookup(map.getTerminator()->getOperand(0));
}

Value attn::emitScalarExpr(OpBuilder &builder, Location loc,
                           const ScalarExpr &expr,
                           llvm::function_ref<Value(unsigned)> valueOf) {
  if (expr->kind == ScalarExprNode::Kind::Leaf)
    return valueOf(expr->leaf);
  SmallVector<Value> operands;
  for (const ScalarExpr &operand : expr->operands)
    operands.push_back(operand ? emitScalarExpr(builder, loc, operand, valueOf)
                               : Value());
  if (expr->kind == ScalarExprNode::Kind::Combine) {
    if (!operands[0])
      operands[0] = arith::ConstantOp::create(
          builder, loc, expr->monoid->identity(expr->type));
    auto &combine =
        expr->inverse ? expr->monoid->combineInverse : expr->monoid->combine;
    return combine(builder, loc, operands[0], operands[1]);
  }
  Operation *clone = builder.clone(*expr->op);
  clone->setOperands(operands);
  return clone->getResult(0);
}

ValueInterval
attn::getRange(const AlgebraRegistry &algebra, const ScalarExpr &expr,
               llvm::function_ref<ValueInterval(unsigned)> rangeOf) {
  if (expr->kind == ScalarExprNode::Kind::Leaf)
    return rangeOf(expr->leaf);
  if (expr->kind == ScalarExprNode::Kind::Combine)
    return {};
  Attribute constant;
  if (matchPattern(expr->op, m_Constant(&constant))) {
    if (auto value = getNumericValue(constant))
      return {*value, *value};
    return {};
  }
  std::optional<ScalarFacts> facts = algebra.lookupFacts(expr->op);
  if (!facts || !facts->range)
    return {};
  SmallVector<ValueInterval> operands;
  for (const ScalarExpr &operand : expr->operands)
    operands.push_back(getRange(algebra, operand, rangeOf));
  return facts->range(operands);
}

std::optional<double>
attn::evaluate(const ScalarExpr &expr,
               llvm::function_ref<double(unsigned)> valueOf) {
  if (expr->kind == ScalarExprNode::Kind::Leaf)
    return valueOf(expr->leaf);
  if (expr->kind == ScalarExprNode::Kind::Combine) {
    double identity = expr->monoid->name == "mul" ? 1 : 0;
    std::optional<double> lhs = identity;
    if (expr->operands[0])
      lhs = evaluate(expr->operands[0], valueOf);
    auto rhs = evaluate(expr->operands[1], valueOf);
    if (!lhs || !rhs)
      return std::nullopt;
    if (expr->monoid->name == "mul")
      return expr->inverse ? *lhs / *rhs : *lhs * *rhs;
    if (expr->monoid->name == "add")
      return expr->inverse ? *lhs - *rhs : *lhs + *rhs;
    return std::nullopt;
  }
  SmallVector<Attribute> operands;
  for (const ScalarExpr &operand : expr->operands) {
    std::optional<double> value = evaluate(operand, valueOf);
    if (!value || !isa<FloatType, IntegerType, IndexType>(operand->type))
      return std::nullopt;
    operands.push_back(getNumericAttr(operand->type, *value));
  }
  Attribute constant;
  if (matchPattern(expr->op, m_Constant(&constant)))
    return getNumericValue(constant);
  // Folding may move operands of the operation: fold a copy.
  Operation *copy = expr->op->clone();
  SmallVector<OpFoldResult> folded;
  std::optional<double> result;
  if (succeeded(copy->fold(operands, folded)) && folded.size() == 1) {
    if (auto attribute = dyn_cast<Attribute>(folded[0]))
      result = getNumericValue(attribute);
    else
      for (auto [i, operand] : llvm::enumerate(copy->getOperands()))
        if (operand == cast<Value>(folded[0]))
          result = getNumericValue(operands[i]);
  }
  copy->destroy();
  return result;
}

std::string attn::toString(const ScalarExpr &expr,
                           llvm::function_ref<std::string(unsigned)> nameOf) {
  if (!expr)
    return "1";
  if (expr->kind == ScalarExprNode::Kind::Leaf)
    return nameOf(expr->leaf);
  SmallVector<std::string> operands;
  for (const ScalarExpr &operand : expr->operands)
    operands.push_back(toString(operand, nameOf));
  StringRef name;
  if (expr->kind == ScalarExprNode::Kind::Combine) {
    if (expr->inverse && !expr->operands[0])
      return (expr->monoid->name == "add" ? "-" : "1 / ") + operands[1];
    name = expr->monoid->name == "mul"   ? (expr->inverse ? "divf" : "mulf")
           : expr->monoid->name == "add" ? (expr->inverse ? "subf" : "addf")
                                         : StringRef(expr->monoid->name);
  } else {
    Attribute constant;
    if (matchPattern(expr->op, m_Constant(&constant)))
      if (auto value = getNumericValue(constant))
        return llvm::formatv("{0}", *value).str();
    name = expr->op->getName().stripDialect();
  }
  StringRef infix = llvm::StringSwitch<StringRef>(name)
                        .Cases({"addf", "addi"}, " + ")
                        .Cases({"subf", "subi"}, " - ")
                        .Cases({"mulf", "muli"}, " * ")
                        .Case("divf", " / ")
                        .Default("");
  if (!infix.empty() && operands.size() == 2)
    return "(" + operands[0] + infix.str() + operands[1] + ")";
  return (name + "(" + llvm::join(operands, ", ") + ")").str();
}

//===- PredicateEmitter.cpp - predicates on fragments ---------------------===//

#include "PredicateEmitter.h"

#include "attn/Support/Predicates.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

PredicateEmitter::PredicateEmitter(RegisterEmitter &emitter, tile::MaskOp mask)
    : emitter(emitter), b(emitter.b), mask(mask),
      type(emitter.getType(mask.getResult())) {}

bool PredicateEmitter::isTile(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && tensor.getRank() == 2;
}

bool PredicateEmitter::isRow(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && tensor.getRank() == 1;
}

Value PredicateEmitter::toTile(Value value) {
  if (isTile(value))
    return value;
  auto tile = getTileType(getElementTypeOrSelf(value.getType()));
  return isRow(value) ? emitter.broadcast(value, tile)
                      : emitter.splat(value, tile);
}

Value PredicateEmitter::toRow(Value value) {
  return isRow(value)
             ? value
             : emitter.splat(value, emitter.getRowType(value.getType()));
}

RankedTensorType PredicateEmitter::getTileType(Type element) {
  return type.clone(emitter.getElement(element));
}

Value PredicateEmitter::getColumn() {
  return emitter.createCoord(getTileType(b.getI32Type()), 1);
}

Value PredicateEmitter::toTile(Term term) {
  Value value = toTile(term.value);
  if (term.factor == 0)
    return value;
  if (term.factor < 0)
    return arith::SubIOp::create(b, value, term.column);
  return arith::AddIOp::create(b, value, term.column);
}

void PredicateEmitter::match(Value &lhs, Value &rhs) {
  if (isTile(lhs) || isTile(rhs)) {
    lhs = toTile(lhs);
    rhs = toTile(rhs);
  } else if (isRow(lhs) || isRow(rhs)) {
    lhs = toRow(lhs);
    rhs = toRow(rhs);
  }
}

/// Whether the columns of two terms, where they have them, are the same.
bool PredicateEmitter::haveOneColumn(Term lhs, Term rhs) {
  return lhs.factor == 0 || rhs.factor == 0 || lhs.column == rhs.column;
}

PredicateEmitter::Term PredicateEmitter::evaluateSum(Operation &op, Term lhs,
                                                     Term rhs) {
  bool isDifference = isa<arith::SubIOp>(op);
  int factor = lhs.factor + (isDifference ? -rhs.factor : rhs.factor);
  Value column = lhs.factor != 0 ? lhs.column : rhs.column;
  if (factor < -1 || factor > 1 || !haveOneColumn(lhs, rhs) ||
      (factor != 0 && (isTile(lhs.value) || isTile(rhs.value)))) {
    lhs = {toTile(lhs), 0};
    rhs = {toTile(rhs), 0};
    factor = 0;
  }
  match(lhs.value, rhs.value);
  if (isDifference)
    return {arith::SubIOp::create(b, lhs.value, rhs.value), factor, column};
  return {arith::AddIOp::create(b, lhs.value, rhs.value), factor, column};
}

PredicateEmitter::Term PredicateEmitter::compare(arith::CmpIOp op, Term lhs,
                                                 Term rhs) {
  using P = arith::CmpIPredicate;
  P predicate = op.getPredicate();
  int factor = lhs.factor - rhs.factor;
  bool isSigned = predicate == P::eq || predicate == P::ne ||
                  predicate == P::slt || predicate == P::sle ||
                  predicate == P::sgt || predicate == P::sge;
  Value column = lhs.factor != 0 ? lhs.column : rhs.column;
  bool isSymbolic = isSigned && factor * factor == 1 && !isTile(lhs.value) &&
                    !isTile(rhs.value) && haveOneColumn(lhs, rhs);
  if (factor == 0 && isSigned && haveOneColumn(lhs, rhs)) {
    match(lhs.value, rhs.value);
    return {arith::CmpIOp::create(b, predicate, lhs.value, rhs.value)};
  }
  if (!isSymbolic)
    return {arith::CmpIOp::create(b, predicate, toTile(lhs), toTile(rhs))};
  // lhs + column < rhs, or lhs < rhs + column.
  if (factor < 0) {
    std::swap(lhs, rhs);
    predicate = swapSides(predicate);
  }
  match(lhs.value, rhs.value);
  Value limit = arith::SubIOp::create(b, rhs.value, lhs.value);
  return {arith::CmpIOp::create(b, predicate, column, toTile(limit))};
}

PredicateEmitter::Term PredicateEmitter::getTerm(Value value) {
  auto known = terms.find(value);
  if (known != terms.end())
    return known->second;
  return {emitter.getScalar(value)};
}

PredicateEmitter::Term PredicateEmitter::evaluate(Operation &op) {
  SmallVector<Term> operands;
  for (Value operand : op.getOperands()) {
    Term term =
        isa<MemRefType>(operand.getType()) ? Term{operand} : getTerm(operand);
    if (!term.value) {
      op.emitOpError("has an operand that no group of warps has");
      return {};
    }
    operands.push_back(term);
  }
  bool isUniform = llvm::all_of(operands, [&](Term term) {
    return term.factor == 0 && !isRow(term.value) && !isTile(term.value);
  });
  if (isUniform) {
    for (auto [operand, term] : llvm::zip(op.getOperands(), operands))
      if (!isa<MemRefType>(operand.getType()))
        emitter.setScalar(operand, term.value);
    if (failed(emitter.emitScalar(&op)))
      return {};
    return {emitter.getScalar(op.getResult(0))};
  }
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return evaluateSum(op, operands[0], operands[1]);
  if (auto cmp = dyn_cast<arith::CmpIOp>(op))
    return compare(cmp, operands[0], operands[1]);
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    // Coordinates are indices already.
    auto own = dyn_cast<RankedTensorType>(operands[0].value.getType());
    if (!own || operands[0].factor != 0)
      return operands[0];
    Type element = emitter.getScalarType(op.getResult(0).getType());
    return {emitter.castIndex(&op, operands[0].value, own.clone(element)), 0};
  }
  if (isa<memref::LoadOp, tile::ElementOp>(op)) {
    // At rows, or at points.
    ArrayRef<Term> coordinates = ArrayRef(operands).drop_front();
    bool isOfRows = llvm::all_of(coordinates, [&](Term term) {
      return term.factor == 0 && !isTile(term.value);
    });
    SmallVector<Value> indices;
    for (Term term : coordinates)
      indices.push_back(isOfRows ? term.value : toTile(term));
    RankedTensorType like = isOfRows ? emitter.getRowType(b.getI32Type())
                                     : getTileType(b.getI32Type());
    return {emitter.gatherTable(&op, indices, like)};
  }
  bool anyTile = llvm::any_of(operands, [&](Term term) {
    return term.factor != 0 || isTile(term.value);
  });
  SmallVector<Value> values;
  for (Term term : operands)
    values.push_back(anyTile ? toTile(term) : toRow(term.value));
  Type element = emitter.getScalarType(op.getResult(0).getType());
  RankedTensorType result =
      anyTile ? getTileType(element) : emitter.getRowType(element);
  OperationState state(op.getLoc(), op.getName(), values, result);
  state.propertiesAttr = op.getPropertiesAsAttribute();
  return {b.create(state)->getResult(0)};
}

/// Points below a count; null if all are.
Value PredicateEmitter::isBelow(unsigned dim, Value count) {
  APInt known;
  if (matchPattern(count, m_ConstantInt(&known)) &&
      known.getSExtValue() >= mask.getTile().getType().getDimSize(dim))
    return {};
  Value limit = emitter.getScalar(count);
  if (dim == 1)
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, getColumn(),
                                 toTile(limit));
  RankedTensorType row = emitter.getRowType(b.getI32Type());
  Value own = emitter.createCoord(row, 0);
  if (emitter.rowOffset)
    limit = arith::SubIOp::create(b, limit, emitter.rowOffset);
  return toTile(arith::CmpIOp::create(b, arith::CmpIPredicate::slt, own,
                                      emitter.splat(limit, row)));
}

Value PredicateEmitter::run() {
  Block &predicate = mask.getPredicate().front();
  if (matchPattern(predicate.getTerminator()->getOperand(0), m_One())) {
    Value holds;
    for (auto [dim, count] : llvm::enumerate(mask.getValid()))
      if (Value below = isBelow(dim, count))
        holds = holds ? Value(arith::AndIOp::create(b, holds, below)) : below;
    return holds ? holds : toTile(arith::ConstantIntOp::create(b, 1, 1));
  }
  RankedTensorType row = emitter.getRowType(b.getI32Type());
  Value base = emitter.addRowOffset(emitter.getScalar(mask.getBases()[0]));
  terms[predicate.getArgument(0)] = {
      arith::AddIOp::create(b, emitter.createCoord(row, 0),
                            emitter.splat(base, row)),
      0};
  terms[predicate.getArgument(1)] = {emitter.getScalar(mask.getBases()[1]), 1,
                                     getColumn()};
  for (auto [i, tile] : llvm::enumerate(mask.getWith())) {
    if (auto [number, column] = emitter.getColumnParts(tile); number) {
      terms[predicate.getArgument(2 + i)] = {number, 1, toTile(column)};
      continue;
    }
    Value line = emitter.getComplete(tile);
    if (!line) {
      mask.emitOpError("takes elements of a tile that no group of warps has");
      return {};
    }
    terms[predicate.getArgument(2 + i)] = {
        mask.getAlong()[i] == 0 ? line : toTile(line), 0};
  }
  for (Operation &op : predicate.without_terminator()) {
    Term term = evaluate(op);
    if (!term.value)
      return {};
    terms[op.getResult(0)] = term;
  }
  Value holds = toTile(getTerm(predicate.getTerminator()->getOperand(0)));
  for (auto [dim, count] : llvm::enumerate(mask.getValid()))
    if (Value below = isBelow(dim, count))
      holds = arith::AndIOp::create(b, holds, below);
  return holds;
}

//===- EvaluatePoint.cpp - tile ops at one point --------------------------===//

#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

Value ThreadEmitter::fail(Operation *op, const Twine &message) {
  if (!failed)
    op->emitOpError(message);
  failed = true;
  return {};
}

Value ThreadEmitter::constant(int64_t value) {
  return arith::ConstantIntOp::create(b, b.getI32Type(), value);
}

SmallVector<Value> ThreadEmitter::getScalars(ValueRange values) {
  SmallVector<Value> result;
  for (Value value : values)
    result.push_back(getScalar(value));
  return result;
}

//===-- Scalars -----------------------------------------------------------===//

Value ThreadEmitter::cloneScalar(Operation *op, ValueRange operands) {
  if (llvm::is_contained(operands, Value()))
    return fail(op, "expects operands that threads can compute");
  Type type = getScalarType(getElementTypeOrSelf(op->getResult(0).getType()));
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    // An index is 32 bits wide here.
    Value value = operands[0];
    unsigned from = value.getType().getIntOrFloatBitWidth();
    unsigned to = type.getIntOrFloatBitWidth();
    if (from == to)
      return value;
    if (from > to)
      return arith::TruncIOp::create(b, type, value);
    if (isa<arith::IndexCastUIOp>(op))
      return arith::ExtUIOp::create(b, type, value);
    return arith::ExtSIOp::create(b, type, value);
  }
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  Operation *copy = b.clone(*op, mapping);
  copy->getResult(0).setType(type);
  return copy->getResult(0);
}

Value ThreadEmitter::loadScalar(Value memref, ValueRange indices) {
  Value tensor = tensors.lookup(memref);
  if (!tensor || llvm::is_contained(indices, Value()))
    return {};
  return pipe::GetOp::create(
      b, cast<pipe::GlobalType>(tensor.getType()).getElementType(), tensor,
      indices);
}

LogicalResult ThreadEmitter::emitTableOp(Operation *op) {
  Value memref = op->getOperand(isa<tile::MemberOp>(op) ? 1 : 0);
  auto it = tables.find(memref);
  if (it == tables.end() || !tensors.contains(memref))
    return op->emitOpError("expects to read an argument of the program");
  TableAccess table;
  table.extents = it->second;
  table.load = [&](ValueRange point) -> Value {
    Value element = loadScalar(memref, point);
    unsigned bits = element.getType().getIntOrFloatBitWidth();
    if (bits == 32)
      return element;
    return bits < 32 ? Value(arith::ExtSIOp::create(b, b.getI32Type(), element))
                     : arith::TruncIOp::create(b, b.getI32Type(), element);
  };
  if (auto extrema = dyn_cast<tile::ExtremaOp>(op)) {
    auto [least, greatest] =
        expandExtrema(b, table, getScalars(extrema.getFirsts()),
                      getScalars(extrema.getLasts()), extrema.getEmpty());
    setScalar(extrema.getLeast(), least);
    setScalar(extrema.getGreatest(), greatest);
  } else if (auto entry = dyn_cast<tile::EntryOp>(op)) {
    setScalar(entry.getNumber(),
              expandEntry(b, table, getScalars(entry.getCoordinates()),
                          getScalar(entry.getFirst()),
                          getScalar(entry.getAt())));
  } else {
    auto member = cast<tile::MemberOp>(op);
    setScalar(member.getResult(),
              expandMember(b, table, getScalar(member.getNumber()),
                           getScalars(member.getCoordinates()),
                           getScalar(member.getFirst()),
                           getScalar(member.getLast())));
  }
  return success();
}

LogicalResult ThreadEmitter::emitScalar(Operation *op) {
  if (isa<tile::ExtremaOp, tile::EntryOp, tile::MemberOp>(op))
    return emitTableOp(op);
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    Value value = loadScalar(load.getMemRef(), getScalars(load.getIndices()));
    if (!value)
      return op->emitOpError("expects to load from an argument of the program");
    setScalar(load.getResult(), value);
    return success();
  }
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
    if (auto integer = dyn_cast<IntegerAttr>(constantOp.getValue());
        integer && integer.getType().isIndex()) {
      if (!llvm::isInt<32>(integer.getInt()))
        return op->emitOpError("expects an index of 32 bits on this target, "
                               "but got ")
               << integer.getInt();
      setScalar(constantOp.getResult(), constant(integer.getInt()));
      return success();
    }
    setScalar(constantOp.getResult(), b.clone(*op)->getResult(0));
    return success();
  }
  if (op->getNumResults() != 1 || op->getNumRegions() != 0 ||
      !op->getResult(0).getType().isIntOrIndexOrFloat())
    return op->emitOpError("expects arithmetic on scalars, tile ops or scf.if "
                           "in a program for threads");
  Value value = cloneScalar(op, getScalars(op->getOperands()));
  if (!value)
    return failure();
  setScalar(op->getResult(0), value);
  return success();
}

//===-- Addresses ---------------------------------------------------------===//

Value ThreadEmitter::evaluateExpr(AffineExpr expr, ValueRange point,
                                  ValueRange indices) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return point[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return indices[symbol.getPosition()];
  if (auto value = dyn_cast<AffineConstantExpr>(expr))
    return constant(value.getValue());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value left = evaluateExpr(binary.getLHS(), point, indices);
  Value right = evaluateExpr(binary.getRHS(), point, indices);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(b, left, right);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(b, left, right);
  case AffineExprKind::FloorDiv:
    return arith::FloorDivSIOp::create(b, left, right);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivSIOp::create(b, left, right);
  default:
    // The sign of the modulus of an affine expression is never negative.
    Value quotient = arith::FloorDivSIOp::create(b, left, right);
    return arith::SubIOp::create(b, left,
                                 arith::MulIOp::create(b, quotient, right));
  }
}

ThreadEmitter::Point ThreadEmitter::evaluateMap(AffineMap map, ValueRange point,
                                                ValueRange indices) {
  Point result;
  for (AffineExpr expr : map.getResults())
    result.push_back(evaluateExpr(expr, point, indices));
  return result;
}

Value ThreadEmitter::evaluateValid(ValueRange valid, ValueRange point,
                                   ArrayRef<int64_t> shape) {
  Value holds;
  for (auto [count, at, size] : llvm::zip(valid, point, shape)) {
    APInt known;
    if (matchPattern(count, m_ConstantInt(&known)) &&
        known.getSExtValue() >= size)
      continue;
    Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, at,
                                        getScalar(count));
    holds = holds ? arith::AndIOp::create(b, holds, below) : below;
  }
  return holds;
}

//===-- Tiles -------------------------------------------------------------===//

Value ThreadEmitter::evaluateLoad(tile::LoadOp op, ValueRange point) {
  Value tensor = tensors.lookup(op.getSource());
  if (!tensor)
    return fail(op, "expects to load from an argument of the program");
  // Points beyond the extents give zero: nothing is touched there.
  Value element =
      loadScalar(op.getSource(),
                 evaluateMap(op.getMap(), point, getScalars(op.getIndices())));
  Value holds =
      evaluateValid(op.getValid(), point, op.getResult().getType().getShape());
  if (op.getWhere() && !isKnownToHold(op)) {
    Value isThere = evaluate(op.getWhere(), point[*op.getAlong()]);
    if (!isThere)
      return {};
    holds = holds ? arith::AndIOp::create(b, holds, isThere) : isThere;
  }
  if (!holds)
    return element;
  TypedAttr pad =
      op.getPad() ? *op.getPad() : TypedAttr(b.getZeroAttr(element.getType()));
  return arith::SelectOp::create(b, holds, element,
                                 arith::ConstantOp::create(b, pad));
}

Value ThreadEmitter::evaluateRegion(Block &region) {
  for (Operation &inner : region.without_terminator())
    if (mlir::failed(emitScalar(&inner))) {
      failed = true;
      return {};
    }
  return getScalar(region.getTerminator()->getOperand(0));
}

Value ThreadEmitter::evaluateGenerate(tile::GenerateOp op, ValueRange point) {
  Block &region = op.getBody().front();
  setScalar(region.getArgument(0),
            arith::AddIOp::create(b, getScalar(op.getBase()), point[0]));
  return evaluateRegion(region);
}

Value ThreadEmitter::evaluateMask(tile::MaskOp op, ValueRange point) {
  Value value = evaluate(op.getTile(), point);
  if (!value)
    return {};
  Value holds =
      evaluateValid(op.getValid(), point, op.getResult().getType().getShape());
  if (!isKnownToHold(op)) {
    Block &predicate = op.getPredicate().front();
    for (auto [argument, base, at] :
         llvm::zip(predicate.getArguments(), op.getBases(), point))
      setScalar(argument, arith::AddIOp::create(b, getScalar(base), at));
    for (auto [i, tile] : llvm::enumerate(op.getWith())) {
      Value element = evaluate(tile, point[op.getAlong()[i]]);
      if (!element)
        return {};
      setScalar(predicate.getArgument(point.size() + i), element);
    }
    Value visible = evaluateRegion(predicate);
    if (!visible)
      return {};
    holds = holds ? arith::AndIOp::create(b, holds, visible) : visible;
  }
  if (!holds)
    return value;
  return arith::SelectOp::create(
      b, holds, value, arith::ConstantOp::create(b, op.getEmptyAttr()));
}

Value ThreadEmitter::evaluate(Value tile, ValueRange point) {
  if (Value array = arrays.lookup(tile))
    return get(array, point);
  return evaluateDefinition(tile, point);
}

Value ThreadEmitter::evaluateDefinition(Value tile, ValueRange point) {
  Operation *op = tile.getDefiningOp();
  DenseElementsAttr elements;
  if (matchPattern(tile, m_Constant(&elements))) {
    if (!elements.isSplat())
      return fail(op, "expects a constant tile of one value on this target");
    auto value = elements.getSplatValue<TypedAttr>();
    if (value.getType().isIndex())
      return constant(cast<IntegerAttr>(value).getInt());
    return arith::ConstantOp::create(b, value);
  }
  if (auto coord = dyn_cast<tile::CoordOp>(op))
    return arith::AddIOp::create(b, getScalar(coord.getBase()), point[0]);
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    if (!isa<RankedTensorType>(broadcast.getSource().getType()))
      return getScalar(broadcast.getSource());
    Point source;
    for (auto [dim, at] : llvm::enumerate(point))
      if (!llvm::is_contained(broadcast.getDims(), int64_t(dim)))
        source.push_back(at);
    return evaluate(broadcast.getSource(), source);
  }
  if (auto transpose = dyn_cast<tile::TransposeOp>(op)) {
    Point source(point.size());
    for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
      source[from] = point[to];
    return evaluate(transpose.getTile(), source);
  }
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return evaluateLoad(load, point);
  if (auto mask = dyn_cast<tile::MaskOp>(op))
    return evaluateMask(mask, point);
  if (auto generate = dyn_cast<tile::GenerateOp>(op))
    return evaluateGenerate(generate, point);
  if (op->getNumResults() != 1 || !OpTrait::hasElementwiseMappableTraits(op))
    return fail(op, "expects a tile op or an elementwise one in a program for "
                    "threads");
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isa<RankedTensorType>(operand.getType())
                           ? evaluate(operand, point)
                           : getScalar(operand));
  return cloneScalar(op, operands);
}

//===- ScalarEmitter.cpp - scalars of a tile program in a kernel ----------===//

#include "ScalarEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace attn;

Value ScalarEmitter::fail(Operation *op, const Twine &message) {
  if (!failed)
    op->emitOpError(message);
  failed = true;
  return {};
}

Value ScalarEmitter::constant(int64_t value) {
  return arith::ConstantIntOp::create(b, b.getI32Type(), value);
}

SmallVector<Value> ScalarEmitter::getScalars(ValueRange values) {
  SmallVector<Value> result;
  for (Value value : values)
    result.push_back(getScalar(value));
  return result;
}

//===-- Scalars -----------------------------------------------------------===//

Value ScalarEmitter::castIndex(Operation *op, Value value, Type type) {
  // An index is 32 bits wide here.
  unsigned from = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  unsigned to = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  // Gathers have extended narrower numbers by their sign.
  Type element = getElementTypeOrSelf(op->getOperand(0).getType());
  if (isa<arith::IndexCastUIOp>(op) && element.isInteger() &&
      element.getIntOrFloatBitWidth() < from) {
    TypedAttr mask = b.getIntegerAttr(
        getElementTypeOrSelf(value.getType()),
        APInt::getLowBitsSet(from, element.getIntOrFloatBitWidth()));
    if (auto tile = dyn_cast<RankedTensorType>(value.getType()))
      mask = SplatElementsAttr::get(tile, Attribute(mask));
    value = arith::AndIOp::create(b, value, arith::ConstantOp::create(b, mask));
  }
  if (from == to)
    return value;
  if (from > to)
    return arith::TruncIOp::create(b, type, value);
  if (isa<arith::IndexCastUIOp>(op))
    return arith::ExtUIOp::create(b, type, value);
  return arith::ExtSIOp::create(b, type, value);
}

Value ScalarEmitter::cloneScalar(Operation *op, ValueRange operands) {
  if (llvm::is_contained(operands, Value()))
    return fail(op, "expects operands that threads can compute");
  Type type = getScalarType(getElementTypeOrSelf(op->getResult(0).getType()));
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return castIndex(op, operands[0], type);
  IRMapping mapping;
  mapping.map(op->getOperands(), operands);
  Operation *copy = b.clone(*op, mapping);
  copy->getResult(0).setType(type);
  return copy->getResult(0);
}

Value ScalarEmitter::loadScalar(Value memref, ValueRange indices,
                                TypedAttr beyond) {
  Value tensor = tensors.lookup(memref);
  if (!tensor || llvm::is_contained(indices, Value()))
    return {};
  return pipe::GetOp::create(
      b, cast<pipe::GlobalType>(tensor.getType()).getElementType(), tensor,
      indices, beyond);
}

Value ScalarEmitter::loadTableElement(Operation *op, Value memref,
                                      ValueRange coordinates, TypedAttr empty) {
  if (!tables.contains(memref) || !tensors.contains(memref))
    return fail(op, "expects to read an argument of the program");
  Value element = loadScalar(memref, coordinates, empty);
  if (!element)
    return fail(op, "expects coordinates that threads can compute");
  return element;
}

Value ScalarEmitter::findPage(tile::LoadOp op, Value position) {
  auto size = arith::ConstantIntOp::create(b, position.getType(),
                                           op.getPages()->getSize());
  SmallVector<Value> coordinates = getScalars(op.getTableIndices());
  coordinates.push_back(arith::DivUIOp::create(b, position, size));
  auto element = cast<MemRefType>(op.getTable().getType()).getElementType();
  TypedAttr none = b.getIntegerAttr(getScalarType(element), -1);
  return loadTableElement(op, op.getTable(), coordinates, none);
}

Value ScalarEmitter::findPages(tile::LoadOp op, int64_t run, int64_t count) {
  Value table = tensors.lookup(op.getTable());
  SmallVector<Value> indices = getScalars(op.getTableIndices());
  Value from = getScalar(op.getFrom());
  if (!table || !from || llvm::is_contained(indices, Value()))
    return fail(op, "expects a table of the program's arguments and "
                    "coordinates that threads can compute");
  return pipe::PagesOp::create(b, pipe::PagesType::get(b.getContext(), count),
                               table, indices, from, run,
                               op.getPages()->getSize());
}

Value ScalarEmitter::getPlaceInPage(tile::LoadOp op, Value position) {
  auto size = arith::ConstantIntOp::create(b, position.getType(),
                                           op.getPages()->getSize());
  return arith::RemUIOp::create(b, position, size);
}

std::optional<std::pair<Value, Value>> ScalarEmitter::locate(tile::LoadOp op,
                                                             Value position) {
  Value page = findPage(op, position);
  if (!page)
    return std::nullopt;
  return std::pair(page, getPlaceInPage(op, position));
}

LogicalResult ScalarEmitter::emitTableOp(Operation *op) {
  if (auto element = dyn_cast<tile::ElementOp>(op)) {
    Value value = loadTableElement(op, element.getTable(),
                                   getScalars(element.getCoordinates()),
                                   element.getEmptyAttr());
    setScalar(element.getResult(), value);
    return success(value != nullptr);
  }
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

LogicalResult ScalarEmitter::emitRuns(Operation *op) {
  SmallVector<Value> operands = getScalars(op->getOperands());
  SmallVector<Type> types(op->getNumResults(), b.getI32Type());
  Operation *runs =
      isa<tile::SumOp>(op)
          ? pipe::SumOp::create(b, types, operands[0])
          : pipe::LocateOp::create(b, types, operands).getOperation();
  for (auto [result, lowered] :
       llvm::zip_equal(op->getResults(), runs->getResults()))
    setScalar(result, lowered);
  OpBuilder::InsertionGuard guard(b);
  Block *body =
      b.createBlock(&runs->getRegion(0), {}, b.getI32Type(), b.getLoc());
  Block &region = op->getRegion(0).front();
  setScalar(region.getArgument(0), body->getArgument(0));
  auto numbers = evaluateRegion(region);
  if (mlir::failed(numbers))
    return mlir::failure();
  pipe::YieldOp::create(b, *numbers);
  return success();
}

LogicalResult ScalarEmitter::emitScalar(Operation *op) {
  if (isTableOp(op))
    return emitTableOp(op);
  if (isa<tile::SumOp, tile::LocateOp>(op))
    return emitRuns(op);
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
                           "in a program for a GPU");
  Value value = cloneScalar(op, getScalars(op->getOperands()));
  if (!value)
    return failure();
  setScalar(op->getResult(0), value);
  return success();
}

//===-- Addresses ---------------------------------------------------------===//

Value ScalarEmitter::evaluateExpr(AffineExpr expr, ValueRange point,
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

ScalarEmitter::Point ScalarEmitter::evaluateMap(AffineMap map, ValueRange point,
                                                ValueRange indices) {
  Point result;
  for (AffineExpr expr : map.getResults())
    result.push_back(evaluateExpr(expr, point, indices));
  return result;
}

FailureOr<SmallVector<Value>> ScalarEmitter::evaluateRegion(Block &region) {
  for (Operation &inner : region.without_terminator())
    if (mlir::failed(emitScalar(&inner))) {
      failed = true;
      return failure();
    }
  return getScalars(region.getTerminator()->getOperands());
}

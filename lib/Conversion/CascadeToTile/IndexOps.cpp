//===- IndexOps.cpp - arithmetic on masks' bounds as IR -------------------===//

#include "IndexOps.h"

#include "attn/Analysis/Remainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

IndexOps::IndexOps(ProgramEmitter &emitter, mask::ImportedMask &mask,
                   Location loc)
    : emitter(emitter), mask(mask), loc(loc) {}

OpBuilder &IndexOps::builder() { return emitter.builder; }

Value IndexOps::constant(int64_t value) {
  return arith::ConstantIndexOp::create(builder(), loc, value);
}

Value IndexOps::add(Value a, Value b) {
  return builder().createOrFold<arith::AddIOp>(loc, a, b);
}

Value IndexOps::sub(Value a, Value b) {
  return builder().createOrFold<arith::SubIOp>(loc, a, b);
}

Value IndexOps::mul(Value a, Value b) {
  return builder().createOrFold<arith::MulIOp>(loc, a, b);
}

Value IndexOps::floorDiv(Value a, Value b) {
  APInt divisor;
  if (!matchPattern(b, m_ConstantInt(&divisor)))
    b = max(b, constant(1));
  else if (divisor.isOne())
    return a;
  return builder().createOrFold<arith::FloorDivSIOp>(loc, a, b);
}

Value IndexOps::mod(Value a, Value b) {
  APInt divisor;
  if (!matchPattern(b, m_ConstantInt(&divisor)))
    b = max(b, constant(1));
  else if (divisor.isOne())
    return constant(0);
  return sub(a, mul(floorDiv(a, b), b));
}

/// Whether `a` is 0 and `b` no less.
static bool isLeastOfTwo(Value a, Value b) {
  return matchPattern(a, m_Zero()) && isNotNegative(b);
}

Value IndexOps::min(Value a, Value b) {
  if (a == b || isLeastOfTwo(a, b))
    return a;
  if (isLeastOfTwo(b, a))
    return b;
  return builder().createOrFold<arith::MinSIOp>(loc, a, b);
}

Value IndexOps::max(Value a, Value b) {
  if (a == b || isLeastOfTwo(b, a))
    return a;
  if (isLeastOfTwo(a, b))
    return b;
  return builder().createOrFold<arith::MaxSIOp>(loc, a, b);
}

Value IndexOps::select(Value c, Value a, Value b) {
  return builder().createOrFold<arith::SelectOp>(loc, c, a, b);
}

Value IndexOps::truth(bool value) {
  return arith::ConstantIntOp::create(builder(), loc, builder().getI1Type(),
                                      value);
}

Value IndexOps::atMost(Value a, Value b) {
  return builder().createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::sle,
                                               a, b);
}

Value IndexOps::equal(Value a, Value b) {
  return builder().createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, a,
                                               b);
}

Value IndexOps::both(Value a, Value b) {
  return builder().createOrFold<arith::AndIOp>(loc, a, b);
}

Value IndexOps::either(Value a, Value b) {
  return builder().createOrFold<arith::OrIOp>(loc, a, b);
}

Value IndexOps::negate(Value a) {
  return builder().createOrFold<arith::XOrIOp>(loc, a, truth(true));
}

Value IndexOps::symbol(unsigned number) {
  FailureOr<Value> value =
      mask.extents[number]
          ? emitter.getExtent(mask.extents[number].getValue(), loc)
          : emitter.getScalar(mask.symbols[number]);
  if (::mlir::failed(value)) {
    failed = true;
    return constant(0);
  }
  if (value->getType().isIndex())
    return *value;
  return arith::IndexCastOp::create(builder(), loc, builder().getIndexType(),
                                    *value);
}

Value IndexOps::entries(unsigned table) {
  auto type = cast<cascade::NamedTensorType>(mask.tables[table].getType());
  FailureOr<Value> extent = emitter.getExtent(type.getRanks().back(), loc);
  if (::mlir::failed(extent)) {
    failed = true;
    return constant(0);
  }
  return *extent;
}

Value IndexOps::getTable(unsigned number) {
  auto it = emitter.memory.find(mask.tables[number]);
  if (it != emitter.memory.end() && !it->second.slicedRank)
    return it->second.memref;
  if (!failed)
    emitError(loc) << "expects a mask that reads arguments as they are, but "
                      "'"
                   << mask.pool.getTables()[number].name
                   << "' is cut by a scan";
  failed = true;
  return {};
}

IndexOps::Range IndexOps::read(unsigned table, ArrayRef<Range> coordinates) {
  Value memref = getTable(table);
  if (!memref)
    return {constant(0), constant(0), true};
  auto argument = cast<BlockArgument>(mask.tables[table]);
  bool rises = emitter.func.getArgAttr(argument.getArgNumber(),
                                       cascade::FuncOp::kRisingAttr) &&
               llvm::all_of(coordinates.drop_back(),
                            [](const Range &range) { return range.isPoint; });
  if (rises && !coordinates.back().isPoint)
    return readRising(table, memref, coordinates);
  if (llvm::all_of(coordinates, [](const Range &r) { return r.isPoint; })) {
    SmallVector<Value> point;
    for (const Range &range : coordinates)
      point.push_back(range.lo);
    Value element = readElement(table, memref, point);
    return {element, element, true};
  }
  SmallVector<Value> firsts, lasts;
  for (const Range &range : coordinates) {
    firsts.push_back(range.lo);
    lasts.push_back(range.hi);
  }
  auto type = cast<cascade::NamedTensorType>(mask.tables[table].getType());
  auto empty = static_cast<int64_t>(*cascade::getNumericValue(type.getEmpty()));
  auto extrema =
      tile::ExtremaOp::create(builder(), loc, memref, firsts, lasts, empty);
  return {extrema.getLeast(), extrema.getGreatest(), false};
}

/// The element at coordinates, or what stands for it outside of the table.
Value IndexOps::readElement(unsigned table, Value memref, ValueRange point) {
  auto type = cast<cascade::NamedTensorType>(mask.tables[table].getType());
  auto empty = static_cast<int64_t>(*cascade::getNumericValue(type.getEmpty()));
  Value element = tile::ElementOp::create(
      builder(), loc, memref, point,
      builder().getIntegerAttr(type.getElementType(), empty));
  if (element.getType().isIndex())
    return element;
  return arith::IndexCastOp::create(builder(), loc, builder().getIndexType(),
                                    element);
}

/// The least and the greatest are the first and the last that are there; what
/// is outside of the table counts too.
IndexOps::Range IndexOps::readRising(unsigned table, Value memref,
                                     ArrayRef<Range> coordinates) {
  auto type = cast<cascade::NamedTensorType>(mask.tables[table].getType());
  auto empty = static_cast<int64_t>(*cascade::getNumericValue(type.getEmpty()));
  SmallVector<Value> point;
  for (const Range &range : coordinates)
    point.push_back(range.lo);
  auto read = [&](Value at) -> Value {
    point.back() = at;
    return readElement(table, memref, point);
  };
  Value zero = constant(0), end = sub(entries(table), constant(1));
  Range at = coordinates.back();
  Value least = read(max(at.lo, zero)), greatest = read(min(at.hi, end));
  Bool isInside = both(atMost(zero, at.lo), atMost(at.hi, end));
  Value outside = constant(empty);
  return {select(isInside, least, min(least, outside)),
          select(isInside, greatest, max(greatest, outside)), false};
}

mask::Truth<IndexOps> IndexOps::member(unsigned, Range, Range, Range,
                                       ArrayRef<Range>) {
  return {truth(true), truth(false)};
}

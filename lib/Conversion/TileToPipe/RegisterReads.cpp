//===- RegisterReads.cpp - what groups read from memory themselves --------===//
//
// Elements of tables, lists, and tiles that no product reads: a register an
// element, at coordinates that each thread computes for its own points. Beyond
// the extents of a tensor there is zero.
//
//===----------------------------------------------------------------------===//

#include "RegisterEmitter.h"

#include "attn/Analysis/Remainder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

Value RegisterEmitter::gather(Value memref, ValueRange indices,
                              RankedTensorType like) {
  Value tensor = getTensor(memref);
  if (!tensor || llvm::is_contained(indices, Value()))
    return {};
  Type element = cast<pipe::GlobalType>(tensor.getType()).getElementType();
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32 &&
      widensLoads)
    element = b.getF32Type();
  if (isa<IntegerType>(element) && element.getIntOrFloatBitWidth() >= 8)
    element = b.getI32Type();
  auto type =
      RankedTensorType::get(like.getShape(), element, like.getEncoding());
  return pipe::GatherOp::create(b, type, tensor, indices);
}

/// Whether `value` is what points beyond the extents give.
static bool isZeroOutside(TypedAttr value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getValue().isPosZero();
  return matchPattern(value, m_Zero());
}

Value RegisterEmitter::gatherTable(Operation *op, ValueRange indices,
                                   RankedTensorType like) {
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return gather(load.getMemRef(), indices, like);
  TypedAttr empty;
  if (auto element = dyn_cast<tile::ElementOp>(op))
    empty = element.getEmptyAttr();
  else if (auto elements = dyn_cast<tile::GatherOp>(op))
    empty = elements.getEmptyAttr();
  Value value =
      empty ? gatherEntries(op->getOperand(0), indices, like, empty) : Value();
  if (!value)
    op->emitOpError("has no lowering to groups of warps");
  return value;
}

Value RegisterEmitter::gatherEntries(Value table, ValueRange indices,
                                     RankedTensorType like, TypedAttr empty) {
  auto extents = tables.find(table);
  Value value =
      extents == tables.end() ? Value() : gather(table, indices, like);
  // Beyond the extents a table has its own value, not zero.
  if (!value || isZeroOutside(empty))
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  // As the elements, it is a float of f32 or a number of i32.
  if (auto number = dyn_cast<FloatAttr>(empty))
    empty = b.getFloatAttr(type.getElementType(), number.getValueAsDouble());
  else if (auto number = dyn_cast<IntegerAttr>(empty);
           number && number.getType() != type.getElementType())
    empty = b.getIntegerAttr(type.getElementType(),
                             number.getValue().sextOrTrunc(32));
  Value inside;
  for (auto [index, extent] : llvm::zip_equal(indices, extents->second)) {
    bool isNumber = index.getType().isInteger();
    Value limit = isNumber
                      ? extent
                      : splat(extent, cast<RankedTensorType>(index.getType()));
    Value isInside =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, limit);
    if (isNumber)
      isInside = splat(isInside, type.clone(b.getI1Type()));
    inside = inside ? arith::AndIOp::create(b, inside, isInside) : isInside;
  }
  if (!inside)
    return value;
  Value outside = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<Attribute>(empty)));
  return arith::SelectOp::create(b, inside, value, outside);
}

Value RegisterEmitter::searchList(tile::MemberOp op, Value numbers) {
  auto it = tables.find(op.getTable());
  if (it == tables.end())
    return fail(op, "expects to read an argument of the program");
  ArrayRef<Value> extents = it->second;
  auto type = cast<RankedTensorType>(numbers.getType());
  auto bits = type.clone(b.getI1Type());
  auto constant = [&](RankedTensorType of, int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(
               of, b.getIntegerAttr(of.getElementType(), value)));
  };
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, predicate, x, y).getResult();
  };
  // Of coordinates outside the list has no entries; a negative one is a large
  // one.
  SmallVector<Value> at = getScalars(op.getCoordinates());
  Value first = arith::MaxSIOp::create(b, getScalar(op.getFirst()),
                                       ScalarEmitter::constant(0));
  Value last =
      arith::MinSIOp::create(b, getScalar(op.getLast()), extents.back());
  for (auto [coordinate, extent] : llvm::zip(at, extents.drop_back()))
    last = arith::SelectOp::create(
        b, compare(arith::CmpIPredicate::ult, coordinate, extent), last, first);
  auto loop = scf::ForOp::create(b, first, last, ScalarEmitter::constant(1),
                                 ValueRange(constant(bits, 0)));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    at.push_back(loop.getInductionVar());
    Value entry = loadScalar(op.getTable(), at);
    if (!entry)
      return fail(op, "expects coordinates that threads can compute");
    Type i32 = b.getI32Type();
    unsigned width = entry.getType().getIntOrFloatBitWidth();
    if (width < 32)
      entry = arith::ExtSIOp::create(b, i32, entry);
    else if (width > 32)
      entry = arith::TruncIOp::create(b, i32, entry);
    Value isSame =
        compare(arith::CmpIPredicate::eq, numbers, splat(entry, type));
    scf::YieldOp::create(b, ValueRange(arith::OrIOp::create(
                                b, loop.getRegionIterArg(0), isSame)));
  }
  // Entries below 0 are none.
  Value isNumber =
      compare(arith::CmpIPredicate::sge, numbers, constant(type, 0));
  return arith::AndIOp::create(b, loop.getResult(0), isNumber);
}

LogicalResult RegisterEmitter::emitGather(tile::GatherOp op) {
  RankedTensorType like = getType(op.getResult());
  SmallVector<Value> indices;
  for (Value at : op.getCoordinates()) {
    Value index = isa<RankedTensorType>(at.getType())
                      ? getOperand(at, like.clone(b.getI32Type()))
                      : getScalar(at);
    if (!index)
      return op.emitOpError("has an operand that no group of warps has");
    indices.push_back(index);
  }
  Value value = gatherTable(op, indices, like);
  if (!value)
    return failure();
  set(op.getResult(), value);
  return success();
}

SmallVector<Value> RegisterEmitter::getPoint(Value tile,
                                             RankedTensorType index) {
  SmallVector<Value> point;
  for (int64_t dim = 0, e = cast<RankedTensorType>(tile.getType()).getRank();
       dim < e; ++dim) {
    bool isRow = plan.isRow(tile, dim);
    int64_t own = e == 1 ? (isRow ? 0 : 1) : dim;
    Value at = createCoord(index, own);
    if (isRow && rowOffset)
      at = arith::AddIOp::create(b, at, splat(rowOffset, index));
    point.push_back(at);
  }
  return point;
}

std::pair<Value, Value> RegisterEmitter::locateTile(tile::LoadOp op,
                                                    Value along) {
  auto type = cast<RankedTensorType>(along.getType());
  int64_t size = op.getPages()->getSize();
  int64_t numRows = cast<RankedTensorType>(op.getResult().getType())
                        .getDimSize(op.getPages()->getAlong());
  Value from = getScalar(op.getFrom()), by = ScalarEmitter::constant(size);
  Value position = arith::AddIOp::create(b, along, splat(from, type));
  auto divide = [&](Value x, Value by) {
    return arith::DivUIOp::create(b, x, by);
  };
  // Elements whose page is told to be one share what is read of it.
  Value page;
  if (getRemainder(op.getFrom(), size) == 0)
    page = arith::AddIOp::create(b, splat(divide(from, by), type),
                                 divide(along, splat(by, type)));
  else if (staysInQuotient(op.getFrom(), numRows - 1, size))
    page = splat(divide(from, by), type);
  else
    page = divide(position, splat(by, type));
  SmallVector<Value> entry = getScalars(op.getTableIndices());
  entry.push_back(page);
  return {gatherEntries(op.getTable(), entry, type,
                        b.getIntegerAttr(type.getElementType(), -1)),
          arith::RemUIOp::create(b, position, splat(by, type))};
}

Value RegisterEmitter::evaluateIndex(Value tile, AffineExpr result,
                                     ValueRange point, ValueRange scalars,
                                     RankedTensorType index) {
  AffineExpr packed = getPackedRow(result), expr = packed ? packed : result;
  std::optional<unsigned> dim;
  for (unsigned d = 0; d < point.size(); ++d)
    if (expr.isFunctionOfDim(d))
      dim = d;
  if (!dim)
    return evaluateExpr(result, {}, scalars);
  // Of lanes with several neighbours in a row what is the row's is so once.
  if (point.size() == 2 && plan.machine.shares > 1 && plan.isRow(tile, *dim)) {
    Value row = getRowNumbers();
    Value own = evaluateIndex(tile, result, SmallVector<Value>(*dim + 1, row),
                              scalars, cast<RankedTensorType>(row.getType()));
    return broadcast(own, index);
  }
  AffineExpr start =
      simplifyAffineExpr(expr - getAffineDimExpr(*dim, b.getContext()),
                         point.size(), scalars.size());
  Value begin = splat(evaluateExpr(start, {}, scalars), index);
  Value at = arith::AddIOp::create(b, point[*dim], begin);
  if (!packed)
    return at;
  AffineExpr by = cast<AffineBinaryOpExpr>(result).getRHS();
  Value divisor = splat(evaluateExpr(by, {}, scalars), index);
  bool isInner = result.getKind() == AffineExprKind::Mod;
  return isInner ? Value(arith::RemUIOp::create(b, at, divisor))
                 : arith::DivUIOp::create(b, at, divisor);
}

/// Zero at points beyond the step's count, unless a mask hides these.
Value RegisterEmitter::clearBeyondCount(tile::LoadOp op, Value value,
                                        ValueRange point) {
  tile::SweepOp sweep = plan.sweep;
  Value count = sweep.getStep().getArgument(1);
  auto type = cast<RankedTensorType>(value.getType());
  for (auto [dim, valid] : llvm::enumerate(op.getValid())) {
    if (valid != count || stepKind == StepKind::Whole ||
        plan.isMaskedBeyondCount(op.getResult(), dim))
      continue;
    auto index = cast<RankedTensorType>(point[dim].getType());
    Value below =
        arith::CmpIOp::create(b, arith::CmpIPredicate::slt, point[dim],
                              splat(getScalar(count), index));
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    value = arith::SelectOp::create(b, below, value, zero);
  }
  return value;
}

/// A tile that is read point by point; narrow floats are widened, and `extf`
/// has nothing left to do.
LogicalResult RegisterEmitter::emitLoad(tile::LoadOp op) {
  RankedTensorType like = getType(op.getResult());
  RankedTensorType index = like.clone(b.getI32Type());
  SmallVector<Value> point = getPoint(op.getResult(), index);
  SmallVector<Value> indices, scalars = getScalars(op.getIndices());
  for (auto [place, result] : llvm::enumerate(op.getMap().getResults())) {
    bool isOfPage =
        op.isPaged() && (place == op.getPageDim() || place == op.getPlaceDim());
    indices.push_back(isOfPage ? Value()
                               : evaluateIndex(op.getResult(), result, point,
                                               scalars, index));
  }
  if (op.isPaged())
    std::tie(indices[op.getPageDim()], indices[op.getPlaceDim()]) =
        locateTile(op, point[op.getPages()->getAlong()]);
  Value value = gather(op.getSource(), indices, like);
  if (!value)
    return op.emitOpError("reads what no group of warps has");
  set(op.getResult(), clearBeyondCount(op, value, point));
  return success();
}

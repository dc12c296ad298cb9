//===- EvaluatePoint.cpp - tile ops at one point --------------------------===//

#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

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

/// A number of 8 bits as a float of more.
Value ThreadEmitter::widen(Value element, Type type) {
  if (isa<FloatType>(element.getType()))
    return arith::ExtFOp::create(b, type, element);
  Value wide = arith::SIToFPOp::create(b, b.getF32Type(), element);
  return type.isF32() ? wide : Value(arith::TruncFOp::create(b, type, wide));
}

Value ThreadEmitter::evaluateLoad(tile::LoadOp op, ValueRange point) {
  Value tensor = tensors.lookup(op.getSource());
  if (!tensor)
    return fail(op, "expects to load from an argument of the program");
  SmallVector<Value> symbols = getScalars(op.getIndices());
  if (op.getClips() && op.getPad())
    return fail(op, "expects a tensor of packed rows that is empty where it is "
                    "zero");
  if (op.isPaged()) {
    // A page that is not there gives zero, too.
    if (op.getPad())
      return fail(op, "expects a tensor in pages that is empty where it is "
                      "zero");
    Value position = arith::AddIOp::create(b, getScalar(op.getFrom()),
                                           point[op.getPages()->getAlong()]);
    auto place = locate(op, position);
    if (!place)
      return {};
    llvm::append_range(symbols, ArrayRef{place->first, place->second});
  }
  // Points beyond the extents give zero: nothing is touched there.
  Value element =
      loadScalar(op.getSource(), evaluateMap(op.getMap(), point, symbols));
  if (element && op.widens())
    element = widen(element, op.getResult().getType().getElementType());
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

Value ThreadEmitter::evaluateGather(tile::GatherOp op, ValueRange point) {
  SmallVector<Value> coordinates;
  for (Value at : op.getCoordinates())
    coordinates.push_back(isa<RankedTensorType>(at.getType())
                              ? evaluate(at, point)
                              : getScalar(at));
  return loadTableElement(op, op.getTable(), coordinates, op.getEmptyAttr());
}

Value ThreadEmitter::evaluateGenerate(tile::GenerateOp op, ValueRange point) {
  Block &region = op.getBody().front();
  setScalar(region.getArgument(0),
            arith::AddIOp::create(b, getScalar(op.getBase()), point[0]));
  auto yielded = evaluateRegion(region);
  return mlir::succeeded(yielded) ? yielded->front() : Value();
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
    auto yielded = evaluateRegion(predicate);
    if (mlir::failed(yielded) || !yielded->front())
      return {};
    Value visible = yielded->front();
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
  if (auto gather = dyn_cast<tile::GatherOp>(op))
    return evaluateGather(gather, point);
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

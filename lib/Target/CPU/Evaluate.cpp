//===- Evaluate.cpp - tile ops at one vector of points --------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

Value Emitter::laneNumbers() {
  SmallVector<APInt> numbers;
  for (int64_t i = 0; i < machine.lanes; ++i)
    numbers.emplace_back(64, i);
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(vectorOf(b.getIndexType()), numbers));
}

/// Products and sums may be fused; nothing else may be assumed of floats.
static void setContract(Operation *op) {
  if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op))
    return;
  if (auto flags = dyn_cast<arith::ArithFastMathInterface>(op))
    op->setAttr(flags.getFastMathAttrName(),
                arith::FastMathFlagsAttr::get(op->getContext(),
                                              arith::FastMathFlags::contract));
}

Value Emitter::clonePointwise(Operation *op, const Point &point, int64_t lane) {
  IRMapping mapping;
  for (Value operand : op->getOperands()) {
    Value value = isa<RankedTensorType>(operand.getType())
                      ? evaluate(operand, point, lane)
                      : scalars.lookupOrNull(operand);
    if (!value)
      return {};
    mapping.map(operand, value);
  }
  Operation *copy = b.clone(*op, mapping);
  Type element =
      cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  copy->getResult(0).setType(vectorOf(element));
  setContract(copy);
  return copy->getResult(0);
}

Value Emitter::evaluate(Value tile, const Point &point, int64_t lane) {
  if (Value known = memo.lookup(tile))
    return known;
  Type element = cast<RankedTensorType>(tile.getType()).getElementType();
  Operation *op = tile.getDefiningOp();
  DenseElementsAttr elements;
  if (matchPattern(tile, m_Constant(&elements))) {
    if (elements.isSplat())
      return arith::ConstantOp::create(b,
                                       elements.resizeSplat(vectorOf(element)));
    op->emitOpError("expects a constant tile of one value on a CPU, but got ")
        << elements.getType() << " of several";
    failedEvaluation = true;
    return {};
  }
  if (auto coord = dyn_cast_or_null<tile::CoordOp>(op)) {
    Value base = toI64(scalars.lookup(coord.getBase()));
    Value first = splat(toIndex(add(base, toValue(point[0]))));
    if (lane != 0)
      return first;
    return arith::AddIOp::create(b, first, laneNumbers());
  }
  if (auto broadcast = dyn_cast_or_null<tile::BroadcastOp>(op)) {
    if (!isa<RankedTensorType>(broadcast.getSource().getType()))
      return splat(scalars.lookup(broadcast.getSource()));
    Point source;
    int64_t sourceLane = -1;
    for (int64_t dim = 0; dim < int64_t(point.size()); ++dim)
      if (!llvm::is_contained(broadcast.getDims(), dim)) {
        if (dim == lane)
          sourceLane = source.size();
        source.push_back(point[dim]);
      }
    return evaluate(broadcast.getSource(), source, sourceLane);
  }
  if (auto transpose = dyn_cast_or_null<tile::TransposeOp>(op)) {
    Point source(point.size());
    for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
      source[from] = point[to];
    return evaluate(transpose.getTile(), source,
                    lane < 0 ? lane : transpose.getPermutation()[lane]);
  }
  if (op && isPointwise(op) && isInline(op, layout))
    return clonePointwise(op, point, lane);
  const Access *buffer = findBuffer(tile, lane);
  Access natural =
      buffer ? *buffer : getBuffer(tile, layout.getNaturalForm(tile));
  return fromStorage(loadVector(natural, point, lane), element);
}

Value Emitter::loadElement(Value memref, ValueRange indices) {
  auto it = memories.find(memref);
  if (it == memories.end())
    return {};
  return loadElement(
      it->second, cast<MemRefType>(memref.getType()).getElementType(), indices);
}

Value Emitter::getElementAddress(const Memory &memory, ValueRange indices) {
  Value offset = constant(0);
  for (auto [index, stride] : llvm::zip(indices, memory.strides))
    offset = add(offset, mul(toI64(index), stride));
  return advance(memory.pointer, memory.element, Index(offset));
}

Value Emitter::loadElement(const Memory &memory, Type element,
                           ValueRange indices) {
  if (llvm::any_of(indices.getTypes(), llvm::IsaPred<VectorType>))
    return fromBits(memory, element, loadLanes(memory, indices));
  Value value = LLVM::LoadOp::create(
      b, memory.element, getElementAddress(memory, indices),
      memory.element.getIntOrFloatBitWidth() / 8);
  return fromStorage(value, element);
}

Value Emitter::loadLanes(const Memory &memory, ValueRange indices) {
  unsigned bits = memory.element.getIntOrFloatBitWidth();
  Type lane = b.getIntegerType(bits);
  Value result = arith::ConstantOp::create(b, b.getZeroAttr(vectorOf(lane)));
  for (int64_t i = 0; i < machine.lanes; ++i) {
    SmallVector<Value> at;
    for (Value index : indices)
      at.push_back(isa<VectorType>(index.getType())
                       ? vector::ExtractOp::create(b, index, i).getResult()
                       : index);
    Value element =
        LLVM::LoadOp::create(b, lane, getElementAddress(memory, at), bits / 8);
    result = vector::InsertOp::create(b, element, result, i);
  }
  return result;
}

Value Emitter::fromBits(const Memory &memory, Type element, Value bits) {
  if (!isa<IntegerType>(memory.element))
    bits = vector::BitCastOp::create(b, vectorOf(memory.element), bits);
  return fromStorage(bits, element);
}

/// Coordinate `base` + `at`, along lanes if `isLane`. With `valid`, memory
/// beside invalid points is not touched: their value is not used.
Value Emitter::getCoordinate(Value base, const Index &at, bool isLane,
                             Value valid) {
  Value first = scalars.lookup(base);
  Value coordinate = toIndex(add(toI64(first), toValue(at)));
  if (isLane)
    coordinate = arith::AddIOp::create(b, splat(coordinate), laneNumbers());
  if (!valid)
    return coordinate;
  Value last = arith::SubIOp::create(
      b, arith::AddIOp::create(b, first, scalars.lookup(valid)),
      toIndex(constant(1)));
  last = b.createOrFold<arith::MaxSIOp>(last, first);
  if (isa<VectorType>(coordinate.getType()))
    last = splat(last);
  return arith::MinSIOp::create(b, coordinate, last);
}

Value Emitter::evaluateRegion(::mlir::Block &region, IRMapping &local) {
  auto fail = [&](Operation &op, StringRef message) -> Value {
    op.emitOpError(message);
    failedEvaluation = true;
    return {};
  };
  for (Operation &op : region.without_terminator()) {
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(isa<MemRefType>(operand.getType())
                             ? operand
                             : local.lookupOrNull(operand));
    if (llvm::is_contained(operands, Value()))
      return fail(op, "expects operands that are scalars of the program");
    if (isTableOp(&op)) {
      if (failed(emitTableOp(&op, local))) {
        failedEvaluation = true;
        return {};
      }
      continue;
    }
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      Value value =
          loadElement(load.getMemRef(), ArrayRef<Value>(operands).drop_front());
      if (!value)
        return fail(op, "expects to load from an argument of the program");
      local.map(load.getResult(), value);
      continue;
    }
    bool isVector = llvm::any_of(
        operands, [](Value v) { return isa<VectorType>(v.getType()); });
    if (isVector && (op.getNumResults() != 1 || op.getNumRegions() != 0))
      return fail(op, "expects a predicate of ops with one result and no "
                      "region");
    for (auto [operand, value] : llvm::zip(op.getOperands(), operands))
      local.map(operand, isVector ? splat(value) : value);
    Operation *copy = b.clone(op, local);
    if (isVector)
      copy->getResult(0).setType(vectorOf(op.getResult(0).getType()));
    setContract(copy);
    // The splats of operands stand for them in this op only.
    for (auto [operand, value] : llvm::zip(op.getOperands(), operands))
      local.map(operand, value);
    local.map(op.getResults(), copy->getResults());
  }
  return splat(local.lookup(region.getTerminator()->getOperand(0)));
}

static bool loadsMemory(::mlir::Block &region) {
  return llvm::any_of(region,
                      [](Operation &op) { return isa<memref::LoadOp>(op); });
}

Value Emitter::evaluatePredicate(tile::MaskOp mask, const Point &point,
                                 int64_t lane) {
  ::mlir::Block &region = mask.getPredicate().front();
  bool isGuarded = loadsMemory(region) && !mask.getValid().empty();
  IRMapping local = scalars;
  int64_t rank = mask.getTile().getType().getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    local.map(region.getArgument(dim),
              getCoordinate(mask.getBases()[dim], point[dim], dim == lane,
                            isGuarded ? mask.getValid()[dim] : Value()));
  for (auto [i, tile] : llvm::enumerate(mask.getWith())) {
    int64_t dim = mask.getAlong()[i];
    Value element = evaluate(tile, {point[dim]}, dim == lane ? 0 : -1);
    if (!element)
      return {};
    local.map(region.getArgument(rank + i), element);
  }
  return evaluateRegion(region, local);
}

Value Emitter::evaluateGenerate(tile::GenerateOp op, const Point &point,
                                int64_t lane) {
  ::mlir::Block &region = op.getBody().front();
  IRMapping local = scalars;
  local.map(region.getArgument(0),
            getCoordinate(op.getBase(), point[0], lane == 0,
                          loadsMemory(region) ? op.getValid() : Value()));
  return evaluateRegion(region, local);
}

Value Emitter::evaluateGather(tile::GatherOp op, const Point &point,
                              int64_t lane) {
  SmallVector<Value> coordinates;
  for (Value operand : op.getCoordinates()) {
    Value at = isa<RankedTensorType>(operand.getType())
                   ? evaluate(operand, point, lane)
                   : scalars.lookupOrNull(operand);
    if (!at)
      return {};
    coordinates.push_back(at);
  }
  Value value =
      loadTableElement(op, op.getTable(), coordinates, op.getEmptyAttr());
  return value ? splat(value) : Value();
}

Value Emitter::evaluateOp(Operation *op, const Point &point, int64_t lane) {
  if (auto mask = dyn_cast<tile::MaskOp>(op))
    return evaluateMask(mask, point, lane);
  if (auto generate = dyn_cast<tile::GenerateOp>(op))
    return evaluateGenerate(generate, point, lane);
  if (auto gather = dyn_cast<tile::GatherOp>(op))
    return evaluateGather(gather, point, lane);
  return clonePointwise(op, point, lane);
}

Value Emitter::evaluateValid(tile::MaskOp mask, const Point &point,
                             int64_t lane) {
  Value holds;
  for (auto [number, valid] : llvm::enumerate(mask.getValid())) {
    int64_t dim = number;
    auto type = mask.getTile().getType();
    APInt known;
    if (matchPattern(valid, m_ConstantInt(&known)) &&
        known.getSExtValue() >= type.getDimSize(dim))
      continue;
    // Loops over rows end at the count themselves.
    if (dim != lane && hasDynamicBound(mask.getTile(), dim) &&
        valid == sweep.getStep().getArgument(1))
      continue;
    Value bound = scalars.lookup(valid);
    Value at = toIndex(toValue(point[dim]));
    if (dim == lane) {
      at = arith::AddIOp::create(b, splat(at), laneNumbers());
      bound = splat(bound);
    }
    Value below =
        splat(arith::CmpIOp::create(b, arith::CmpIPredicate::slt, at, bound));
    holds = holds ? arith::AndIOp::create(b, holds, below).getResult() : below;
  }
  return holds;
}

Value Emitter::evaluateMask(tile::MaskOp mask, const Point &point,
                            int64_t lane) {
  Value value = evaluate(mask.getTile(), point, lane);
  if (!value)
    return {};
  Value holds = evaluateValid(mask, point, lane);
  if (!masksHold || mask->getParentOp() != sweep) {
    Value predicate = evaluatePredicate(mask, point, lane);
    if (!predicate)
      return {};
    holds = holds ? arith::AndIOp::create(b, holds, predicate).getResult()
                  : predicate;
  }
  if (!holds)
    return value;
  Value empty = splat(arith::ConstantOp::create(b, mask.getEmptyAttr()));
  return arith::SelectOp::create(b, holds, value, empty);
}

Value Emitter::combine(tile::ReduceKind kind, Value a, Value c) {
  using tile::ReduceKind;
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(a.getType()));
  Value result;
  switch (kind) {
  case ReduceKind::Add:
    result = isFloat ? arith::AddFOp::create(b, a, c).getResult()
                     : arith::AddIOp::create(b, a, c).getResult();
    break;
  case ReduceKind::Mul:
    result = isFloat ? arith::MulFOp::create(b, a, c).getResult()
                     : arith::MulIOp::create(b, a, c).getResult();
    break;
  case ReduceKind::Max:
    result = isFloat ? arith::MaximumFOp::create(b, a, c).getResult()
                     : arith::MaxSIOp::create(b, a, c).getResult();
    break;
  case ReduceKind::Min:
    result = isFloat ? arith::MinimumFOp::create(b, a, c).getResult()
                     : arith::MinSIOp::create(b, a, c).getResult();
    break;
  case ReduceKind::And:
    result = arith::AndIOp::create(b, a, c);
    break;
  case ReduceKind::Or:
    result = arith::OrIOp::create(b, a, c);
    break;
  }
  return result;
}

Value Emitter::reduceVector(tile::ReduceKind kind, Value vector) {
  // Halves are combined until one lane is left: a fixed order without
  // permission to reassociate.
  for (int64_t width = machine.lanes; width > 1; width /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < width / 2; ++i) {
      low.push_back(i);
      high.push_back(i + width / 2);
    }
    vector = combine(kind, vector::ShuffleOp::create(b, vector, vector, low),
                     vector::ShuffleOp::create(b, vector, vector, high));
  }
  return vector::ExtractOp::create(b, vector, 0);
}

Value Emitter::identityVector(tile::ReduceKind kind, Type element) {
  return splat(arith::ConstantOp::create(b, tile::getIdentity(kind, element)));
}

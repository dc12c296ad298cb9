//===- RegisterEmitter.cpp - tile ops on the registers of a group ---------===//

#include "RegisterEmitter.h"

#include "PredicateEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

pipe::FragmentAttr RegisterEmitter::getFragment(int64_t columns,
                                                bool isShared) {
  const MachineModel &machine = plan.machine;
  auto get = machine.getFragment;
  if (holding == Holding::Columns)
    get = machine.getJoinedFragment;
  else if (machine.shares > 1 && !isShared)
    get = machine.getWideFragment;
  return get(b.getContext(), columns);
}

RankedTensorType RegisterEmitter::getMatrixType(int64_t columns, Type element,
                                                bool isShared) {
  if (isShared && holding == Holding::Shares)
    columns /= plan.machine.shares;
  return RankedTensorType::get({getNumRows(), columns}, getElement(element),
                               getFragment(columns, isShared));
}

RankedTensorType RegisterEmitter::getRowType(Type element, bool isPartial) {
  // Of whatever has the rows and the fewest columns.
  const MachineModel &machine = plan.machine;
  int64_t columns = machine.columnGranule;
  if (holding == Holding::Columns)
    columns *= machine.shares;
  return RankedTensorType::get(
      getNumRows(), getElement(element),
      pipe::SliceAttr::get(b.getContext(), 1,
                           getFragment(columns, /*isShared=*/true), isPartial));
}

RankedTensorType RegisterEmitter::getColumnType(int64_t columns, Type element) {
  return RankedTensorType::get(
      columns, getElement(element),
      pipe::SliceAttr::get(b.getContext(), 0,
                           getFragment(columns, /*isShared=*/false), false));
}

RankedTensorType RegisterEmitter::getType(Value tile) {
  auto type = cast<RankedTensorType>(tile.getType());
  if (type.getRank() == 2)
    return getMatrixType(type.getDimSize(1), type.getElementType(),
                         plan.isShared(tile, 1));
  if (plan.isRow(tile, 0))
    return getRowType(type.getElementType(), plan.isPartial(tile));
  // Warps have other keys each: of a line of them a matrix of equal rows.
  if (plan.isShared(tile, 0))
    return getMatrixType(type.getDimSize(0), type.getElementType(),
                         /*isShared=*/true);
  return getColumnType(type.getDimSize(0), type.getElementType());
}

static bool isPartial(RankedTensorType type) {
  auto slice = dyn_cast<pipe::SliceAttr>(type.getEncoding());
  return slice && slice.getPartial();
}

RankedTensorType RegisterEmitter::getCompleteType(Value tile) {
  RankedTensorType type = getType(tile);
  return isPartial(type) ? getRowType(type.getElementType()) : type;
}

static int64_t getRank(Value tile) {
  return cast<RankedTensorType>(tile.getType()).getRank();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value RegisterEmitter::get(Value tile) { return tiles.lookupOrNull(tile); }

Value RegisterEmitter::getNumber(Value tile) {
  SplatElementsAttr elements;
  if (matchPattern(tile, m_Constant(&elements)))
    return arith::ConstantOp::create(b, elements.getSplatValue<TypedAttr>());
  return get(tile);
}

Value RegisterEmitter::getComplete(Value tile) {
  Value registers = get(tile);
  if (!registers || getRank(tile) == 0)
    return registers;
  auto type = cast<RankedTensorType>(registers.getType());
  if (!isPartial(type))
    return registers;
  return pipe::LaneReduceOp::create(b, getRowType(type.getElementType()),
                                    pipe::ReduceKind::Add, registers);
}

Value RegisterEmitter::splat(Value scalar, RankedTensorType type) {
  Attribute number;
  if (matchPattern(scalar, m_Constant(&number)))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, number));
  return pipe::SplatOp::create(b, type, scalar);
}

Value RegisterEmitter::broadcast(Value line, RankedTensorType type) {
  return line.getType() == type
             ? line
             : pipe::BroadcastOp::create(b, type, line).getResult();
}

Value RegisterEmitter::createCoord(RankedTensorType type, unsigned dim) {
  // Of other columns than keys warps have all.
  const MachineModel &machine = plan.machine;
  bool isOfKeys = type.getRank() == 2 &&
                  type.getEncoding() ==
                      machine.getFragment(b.getContext(), type.getDimSize(1));
  bool hasShares = machine.shares > 1 && holding != Holding::Columns &&
                   (dim == 0 || isOfKeys);
  return pipe::CoordOp::create(b, type, dim,
                               hasShares ? b.getI64IntegerAttr(machine.shares)
                                         : IntegerAttr());
}

Value RegisterEmitter::getOperand(Value operand, RankedTensorType like) {
  Type element = getElement(getElementTypeOrSelf(operand.getType()));
  auto type =
      RankedTensorType::get(like.getShape(), element, like.getEncoding());
  if (!isa<RankedTensorType>(operand.getType())) {
    // The condition of a select of whole tiles.
    return getScalar(operand);
  }
  SplatElementsAttr elements;
  if (matchPattern(operand, m_Constant(&elements))) {
    auto value = elements.getSplatValue<TypedAttr>();
    if (value.getType() != element)
      value = b.getIntegerAttr(element, cast<IntegerAttr>(value).getInt());
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, value));
  }
  if (auto broadcastOp = operand.getDefiningOp<tile::BroadcastOp>()) {
    Value source = broadcastOp.getSource();
    if (!isa<RankedTensorType>(source.getType()))
      return splat(getScalar(source), type);
    if (getRank(source) == 0)
      return splat(getNumber(source), type);
    if (plan.machine.shares > 1) {
      Value line = getOperand(source, getCompleteType(source));
      return line ? broadcast(line, type) : line;
    }
  }
  Value known =
      isPartial(like) && get(operand) && get(operand).getType() == type
          ? get(operand)
          : getComplete(operand);
  if (!known || known.getType() == type)
    return known;
  // What was read point by point is wide already.
  if (known.getType() == type.clone(b.getF32Type()))
    return known;
  // A factor of parts of lanes.
  return broadcast(known, type);
}

Value RegisterEmitter::getRowNumbers() {
  RankedTensorType type = getRowType(b.getI32Type());
  Value rows = createCoord(type, 0);
  return rowOffset
             ? Value(arith::AddIOp::create(b, rows, splat(rowOffset, type)))
             : rows;
}

Value RegisterEmitter::addRowOffset(Value start) {
  return rowOffset ? Value(arith::AddIOp::create(b, start, rowOffset)) : start;
}

SmallVector<Value> RegisterEmitter::getStarts(const BoxMap &box,
                                              ValueRange indices, bool hasRows,
                                              bool isLine) {
  SmallVector<Value> starts;
  SmallVector<Value> scalars = getScalars(indices);
  for (AffineExpr expr : box.starts)
    starts.push_back(evaluateExpr(expr, {}, scalars));
  if (hasRows && box.packed) {
    // A group begins at a multiple of the width, as the tile does.
    Value row = addRowOffset(evaluateExpr(box.firstRow, {}, scalars));
    starts[box.packed->outer] =
        arith::DivUIOp::create(b, row, constant(box.packed->width));
  } else if (hasRows) {
    Value &row = starts[starts.size() - (isLine ? 1 : 2)];
    row = addRowOffset(row);
  }
  return starts;
}

SmallVector<Value>
RegisterEmitter::getStartsInPage(const BoxMap &box, tile::LoadOp load,
                                 std::pair<Value, Value> place) {
  SmallVector<Value> symbols = getScalars(load.getIndices()), starts;
  llvm::append_range(symbols, ArrayRef{place.first, place.second});
  for (AffineExpr expr : box.starts)
    starts.push_back(evaluateExpr(expr, {}, symbols));
  return starts;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Results may be approximate, and products and sums fused, as the contract on
/// numerics allows of values of 16-bit inputs.
static void setFastMath(Operation *op) {
  auto flags = dyn_cast<arith::ArithFastMathInterface>(op);
  if (!flags)
    return;
  arith::FastMathFlags allowed = arith::FastMathFlags::none;
  if (isa<math::MathDialect>(op->getDialect()) && !isa<math::FmaOp>(op))
    allowed = arith::FastMathFlags::afn;
  else if (isa<arith::DivFOp>(op))
    allowed = arith::FastMathFlags::arcp;
  else if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op))
    allowed = arith::FastMathFlags::contract;
  if (allowed != arith::FastMathFlags::none)
    op->setAttr(flags.getFastMathAttrName(),
                arith::FastMathFlagsAttr::get(op->getContext(), allowed));
}

LogicalResult RegisterEmitter::emitElementwise(Operation *op) {
  RankedTensorType type = getType(op->getResult(0));
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value value = getOperand(operand, type);
    if (!value)
      return op->emitOpError("has an operand that no group of warps has");
    operands.push_back(value);
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    set(op->getResult(0), castIndex(op, operands[0], type));
    return success();
  }
  if (isa<arith::ExtFOp>(op) && operands[0].getType() == type) {
    set(op->getResult(0), operands[0]);
    return success();
  }
  OperationState state(b.getLoc(), op->getName(), operands, type);
  state.propertiesAttr = op->getPropertiesAsAttribute();
  Operation *made = b.create(state);
  setFastMath(made);
  set(op->getResult(0), made->getResult(0));
  return success();
}

LogicalResult RegisterEmitter::emitReduce(tile::ReduceOp op) {
  auto kind = op.getKind() == tile::ReduceKind::Add ? pipe::ReduceKind::Add
                                                    : pipe::ReduceKind::Maximum;
  Value tile = getOperand(op.getTile(), getType(op.getTile()));
  set(op.getResult(), pipe::RowReduceOp::create(b, getType(op.getResult()),
                                                kind, tile, Value()));
  return success();
}

LogicalResult RegisterEmitter::emitBroadcast(tile::BroadcastOp op) {
  auto source = dyn_cast<RankedTensorType>(op.getSource().getType());
  auto result = cast<RankedTensorType>(op.getResult().getType());
  // Of scalars where they are used.
  if (!source || source.getRank() == 0)
    return success();
  // So are lines where warps have shares of some columns and not of others.
  if (plan.machine.shares > 1)
    return success();
  bool isRow = plan.isRow(op.getSource(), 0);
  if (source.getRank() != 1 || result.getRank() != 2 ||
      op.getDims() != ArrayRef<int64_t>{isRow ? 1 : 0})
    return op.emitOpError("expects lines that are repeated along the dimension "
                          "that they lack");
  RankedTensorType type = getType(op.getResult());
  SplatElementsAttr elements;
  if (matchPattern(op.getSource(), m_Constant(&elements))) {
    set(op.getResult(), getOperand(op.getSource(), type));
    return success();
  }
  Value line = getComplete(op.getSource());
  if (!line)
    return op.emitOpError("has an operand that no group of warps has");
  set(op.getResult(), broadcast(line, type));
  return success();
}

LogicalResult RegisterEmitter::emitIfAny(tile::IfAnyOp op) {
  auto getAll = [&](OperandRange tiles) {
    SmallVector<Value> registers;
    for (Value tile : tiles)
      registers.push_back(getOperand(tile, getCompleteType(tile)));
    return registers;
  };
  Value condition =
      getOperand(op.getCondition(), getCompleteType(op.getCondition()));
  SmallVector<Value> others = getAll(op.getOthers());
  if (!condition || llvm::is_contained(others, Value()))
    return op.emitOpError("has an operand that no group of warps has");
  auto branch = pipe::IfAnyOp::create(b, condition, others);
  {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&branch.getBody());
    for (Operation &inner : op.getBody().front().without_terminator())
      if (mlir::failed(emit(&inner)))
        return failure();
    SmallVector<Value> own =
        getAll(op.getBody().front().getTerminator()->getOperands());
    if (llvm::is_contained(own, Value()))
      return op.emitOpError("yields what no group of warps has");
    pipe::YieldOp::create(b, own);
  }
  for (auto [tile, registers] :
       llvm::zip_equal(op.getResults(), branch.getResults()))
    set(tile, registers);
  return success();
}

LogicalResult RegisterEmitter::emitCoord(tile::CoordOp op) {
  bool isRow = plan.isRow(op.getResult(), 0);
  RankedTensorType type = getType(op.getResult());
  Value base = getScalar(op.getBase());
  if (isRow)
    base = addRowOffset(base);
  Value own = createCoord(type, isRow ? 0 : 1);
  set(op.getResult(), arith::AddIOp::create(b, own, splat(base, type)));
  return success();
}

LogicalResult RegisterEmitter::emitGenerate(tile::GenerateOp op) {
  bool isRow = plan.isRow(op.getResult(), 0);
  RankedTensorType type = getType(op.getResult());
  auto getLine = [&](Type element) {
    return RankedTensorType::get(type.getShape(), getScalarType(element),
                                 type.getEncoding());
  };
  Block &body = op.getBody().front();
  RankedTensorType index = getLine(b.getI32Type());
  Value base = getScalar(op.getBase());
  if (isRow)
    base = addRowOffset(base);
  llvm::DenseMap<Value, Value> lines;
  Value place = createCoord(index, isRow ? 0 : 1);
  lines[body.getArgument(0)] =
      matchPattern(base, m_Zero())
          ? place
          : Value(arith::AddIOp::create(b, place, splat(base, index)));
  auto toLine = [&](Value value) -> Value {
    if (Value line = lines.lookup(value))
      return line;
    Value scalar = getScalar(value);
    return scalar ? splat(scalar, getLine(scalar.getType())) : Value();
  };
  for (Operation &inner : body.without_terminator()) {
    bool isUniform = llvm::none_of(inner.getOperands(),
                                   [&](Value v) { return lines.contains(v); });
    if (isUniform) {
      if (mlir::failed(emitScalar(&inner)))
        return failure();
      continue;
    }
    if (auto member = dyn_cast<tile::MemberOp>(inner)) {
      Value found = searchList(member, toLine(member.getNumber()));
      if (!found)
        return failure();
      lines[member.getResult()] = found;
      continue;
    }
    if (isTableOp(&inner) || isa<memref::LoadOp>(inner)) {
      SmallVector<Value> indices;
      for (Value operand : inner.getOperands().drop_front())
        indices.push_back(lines.contains(operand) ? lines.lookup(operand)
                                                  : getScalar(operand));
      Value value = gatherTable(&inner, indices, type);
      if (!value)
        return failure();
      lines[inner.getResult(0)] = value;
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : inner.getOperands())
      operands.push_back(toLine(operand));
    if (llvm::is_contained(operands, Value()))
      return inner.emitOpError("has an operand that no group of warps has");
    if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(inner)) {
      lines[inner.getResult(0)] =
          castIndex(&inner, operands[0], getLine(inner.getResult(0).getType()));
      continue;
    }
    OperationState state(b.getLoc(), inner.getName(), operands,
                         getLine(inner.getResult(0).getType()));
    state.propertiesAttr = inner.getPropertiesAsAttribute();
    lines[inner.getResult(0)] = b.create(state)->getResult(0);
  }
  Value result = body.getTerminator()->getOperand(0);
  Value yielded = toLine(result);
  if (!yielded)
    return op.emitOpError("yields what no group of warps has");
  set(op.getResult(), yielded);
  auto sum = result.getDefiningOp<arith::AddIOp>();
  if (isRow || !sum)
    return success();
  for (unsigned i : {0u, 1u})
    if (!lines.contains(sum->getOperand(i)))
      columnParts[op.getResult()] = {getScalar(sum->getOperand(i)),
                                     toLine(sum->getOperand(1 - i))};
  return success();
}

LogicalResult RegisterEmitter::emitNumber(Operation *op) {
  Value result;
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    result = loadScalar(
        load.getSource(),
        evaluateMap(load.getMap(), {}, getScalars(load.getIndices())));
  } else if (isPointwise(op)) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(isa<RankedTensorType>(operand.getType())
                             ? getNumber(operand)
                             : getScalar(operand));
    result = cloneScalar(op, operands);
    if (result && result.getDefiningOp())
      setFastMath(result.getDefiningOp());
  }
  if (!result)
    return op->emitOpError("has no lowering to groups of warps");
  set(op->getResult(0), result);
  return success();
}

LogicalResult RegisterEmitter::emitMask(tile::MaskOp op) {
  StepKind kind =
      op->getParentOp() == plan.sweep ? stepKind : StepKind::Partial;
  Value holds;
  if (kind == StepKind::Clipped)
    holds = PredicateEmitter(*this, op).isBelowCount();
  if (kind == StepKind::Whole || (kind == StepKind::Clipped && !holds)) {
    Value tile = getOperand(op.getTile(), getCompleteType(op.getResult()));
    if (!tile)
      return op.emitOpError("has an operand that no group of warps has");
    set(op.getResult(), tile);
    return success();
  }
  if (!holds)
    holds = PredicateEmitter(*this, op).run();
  if (!holds)
    return failure();
  if (matchPattern(op.getTile(), m_One()) &&
      matchPattern(op.getEmptyAttr(), m_Zero())) {
    set(op.getResult(), holds);
    return success();
  }
  RankedTensorType type = getType(op.getResult());
  Value empty = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, op.getEmptyAttr()));
  set(op.getResult(),
      arith::SelectOp::create(b, holds, getOperand(op.getTile(), type), empty));
  return success();
}

bool RegisterEmitter::isScalar(Operation *op) {
  auto isTile = [](Type type) { return isa<TensorType>(type); };
  return llvm::none_of(op->getOperandTypes(), isTile) &&
         llvm::none_of(op->getResultTypes(), isTile);
}

LogicalResult RegisterEmitter::emit(Operation *op) {
  b.setLoc(op->getLoc());
  if (isScalar(op))
    return emitScalar(op);
  if (op->hasTrait<OpTrait::ConstantLike>())
    return success();
  if (op->getNumResults() == 1 && getRank(op->getResult(0)) == 0)
    return emitNumber(op);
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return emitLoad(load);
  if (auto elements = dyn_cast<tile::GatherOp>(op))
    return emitGather(elements);
  if (auto reduce = dyn_cast<tile::ReduceOp>(op))
    return emitReduce(reduce);
  if (auto broadcastOp = dyn_cast<tile::BroadcastOp>(op))
    return emitBroadcast(broadcastOp);
  if (auto mask = dyn_cast<tile::MaskOp>(op))
    return emitMask(mask);
  if (auto branch = dyn_cast<tile::IfAnyOp>(op))
    return emitIfAny(branch);
  if (auto coord = dyn_cast<tile::CoordOp>(op))
    return emitCoord(coord);
  if (auto generate = dyn_cast<tile::GenerateOp>(op))
    return emitGenerate(generate);
  if (isPointwise(op))
    return emitElementwise(op);
  return op->emitOpError("has no lowering to groups of warps");
}

//===- EmitTiles.cpp - arrays, and the ops that fill them -----------------===//

#include "ThreadEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;

//===-- Arrays ------------------------------------------------------------===//

Value ThreadEmitter::allocate(ArrayRef<int64_t> shape, Type element) {
  // An array has dimensions; the one element of a tile of none is the first.
  static constexpr int64_t kOne[] = {1};
  auto type = pipe::ArrayType::get(b.getContext(),
                                   shape.empty() ? ArrayRef(kOne) : shape,
                                   getScalarType(element), /*global=*/false);
  SmallVector<Value> &available = freeArrays[type];
  if (!available.empty())
    return available.pop_back_val();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(firstRole);
  return pipe::ArrayOp::create(b, type);
}

Value ThreadEmitter::allocate(ShapedType type) {
  return allocate(type.getShape(), type.getElementType());
}

void ThreadEmitter::release(Value array) {
  freeArrays[array.getType()].push_back(array);
}

Value ThreadEmitter::get(Value array, ValueRange point) {
  SmallVector<Value> indices(point);
  if (indices.empty())
    indices.push_back(constant(0));
  return pipe::GetOp::create(b, pipe::getElementType(array.getType()), array,
                             indices);
}

void ThreadEmitter::put(Value value, Value array, ValueRange point) {
  SmallVector<Value> indices(point);
  if (indices.empty())
    indices.push_back(constant(0));
  // Nothing is written after an error, which is reported already.
  if (value)
    pipe::PutOp::create(b, value, array, indices);
}

Operation *ThreadEmitter::findLastUse(Value tile, Block &block) {
  Operation *last = nullptr;
  for (Operation *user : tile.getUsers()) {
    Operation *op = block.findAncestorOpInBlock(*user);
    // What is written out where it is used is read there.
    if (op == user && user->getNumResults() == 1 &&
        !arrays.contains(user->getResult(0)) &&
        isa<RankedTensorType>(user->getResult(0).getType()))
      if (Operation *later = findLastUse(user->getResult(0), block))
        op = later;
    if (!last || last->isBeforeInBlock(op))
      last = op;
  }
  return last;
}

/// Whether `tile` is arithmetic on coordinates and scalars, of no more than
/// `budget` ops written out.
static bool isCoordinate(Value tile, int &budget) {
  Operation *op = tile.getDefiningOp();
  if (!op || --budget < 0)
    return false;
  if (isa<tile::CoordOp>(op) || matchPattern(tile, m_Constant()))
    return true;
  bool isInteger = getElementTypeOrSelf(tile.getType()).isIntOrIndex();
  if (!isa<tile::BroadcastOp, tile::TransposeOp>(op) &&
      !(isInteger && OpTrait::hasElementwiseMappableTraits(op)))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return !isa<RankedTensorType>(operand.getType()) ||
           isCoordinate(operand, budget);
  });
}

/// A point's own arithmetic costs less than an array and a barrier; what is the
/// same is computed once after all.
static constexpr int kMostCoordinateOps = 64;

bool ThreadEmitter::needsArray(Value tile) {
  Operation *op = tile.getDefiningOp();
  int budget = kMostCoordinateOps;
  if (isCoordinate(tile, budget))
    return false;
  if (tile.use_empty() || matchPattern(tile, m_Constant()) ||
      isa<tile::CoordOp, tile::BroadcastOp, tile::TransposeOp>(op))
    return false;
  // Narrowing an element again costs less than another array.
  if (isa<arith::TruncFOp, arith::ExtFOp>(op) &&
      arrays.contains(op->getOperand(0)))
    return false;
  if (!tile.hasOneUse())
    return true;
  // These read a point more than once, or in another place.
  Operation *user = *tile.user_begin();
  return user->getBlock() != op->getBlock() ||
         isa<tile::DotOp, tile::BroadcastOp, tile::TransposeOp, tile::SweepOp,
             tile::YieldOp, tensor::ExtractOp>(user);
}

//===-- Loops -------------------------------------------------------------===//

void ThreadEmitter::forEach(ArrayRef<int64_t> shape, PointBody body) {
  SmallVector<Value> extents;
  for (int64_t size : shape)
    extents.push_back(constant(size));
  if (shape.empty())
    extents.push_back(constant(1));
  auto each = pipe::EachOp::create(b, extents);
  OpBuilder::InsertionGuard guard(b);
  Block &block = each.getBody().front();
  b.setInsertionPointToStart(&block);
  body(ValueRange(block.getArguments()).take_front(shape.size()));
}

Value ThreadEmitter::fold(Value init, Value start, int64_t size, int64_t step,
                          function_ref<Value(Value, Value)> body) {
  auto loop = scf::ForOp::create(b, start, constant(size), constant(step),
                                 ValueRange(init));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(b, next ? next : loop.getRegionIterArg(0));
  return loop.getResult(0);
}

ThreadEmitter::Point ThreadEmitter::delinearise(Value number,
                                                ArrayRef<int64_t> shape) {
  Point point(shape.size());
  for (size_t dim = shape.size(); dim-- > 0;) {
    if (dim == 0) {
      point[0] = number;
      break;
    }
    Value size = constant(shape[dim]);
    point[dim] = arith::RemUIOp::create(b, number, size);
    number = arith::DivUIOp::create(b, number, size);
  }
  return point;
}

void ThreadEmitter::materialise(Value tile, Value array) {
  forEach(cast<RankedTensorType>(tile.getType()).getShape(),
          [&](ValueRange point) { put(evaluate(tile, point), array, point); });
}

//===-- Reductions and contractions ---------------------------------------===//

Value ThreadEmitter::combine(tile::ReduceKind kind, Value a, Value c) {
  using tile::ReduceKind;
  bool isFloat = isa<FloatType>(a.getType());
  switch (kind) {
  case ReduceKind::Add:
    return isFloat ? arith::AddFOp::create(b, a, c).getResult()
                   : arith::AddIOp::create(b, a, c).getResult();
  case ReduceKind::Mul:
    return isFloat ? arith::MulFOp::create(b, a, c).getResult()
                   : arith::MulIOp::create(b, a, c).getResult();
  case ReduceKind::Max:
    return isFloat ? arith::MaximumFOp::create(b, a, c).getResult()
                   : arith::MaxSIOp::create(b, a, c).getResult();
  case ReduceKind::Min:
    return isFloat ? arith::MinimumFOp::create(b, a, c).getResult()
                   : arith::MinSIOp::create(b, a, c).getResult();
  case ReduceKind::And:
    return arith::AndIOp::create(b, a, c);
  case ReduceKind::Or:
    return arith::OrIOp::create(b, a, c);
  }
  llvm_unreachable("all kinds are handled");
}

LogicalResult ThreadEmitter::emitReduce(tile::ReduceOp op) {
  auto source = cast<RankedTensorType>(op.getTile().getType());
  auto result = cast<RankedTensorType>(op.getResult().getType());
  SmallVector<int64_t> reducedShape;
  for (int64_t dim : op.getDims())
    reducedShape.push_back(source.getDimSize(dim));
  int64_t numTerms = ShapedType::getNumElements(reducedShape);
  // Where there are fewer results than threads, several share a result.
  int64_t parts = std::max<int64_t>(
      1, std::min(llvm::bit_floor(uint64_t(numTerms)),
                  llvm::bit_floor(uint64_t(std::max<int64_t>(
                      1, kThreadsOfGroup / result.getNumElements())))));
  auto getIdentity = [&] {
    TypedAttr attr = tile::getIdentity(op.getKind(), result.getElementType());
    return arith::ConstantOp::create(b, attr).getResult();
  };
  auto sum = [&](ValueRange kept, Value start, int64_t step) {
    return fold(getIdentity(), start, numTerms, step,
                [&](Value number, Value sum) -> Value {
                  Point reduced = delinearise(number, reducedShape);
                  Point point;
                  size_t nextKept = 0, nextReduced = 0;
                  for (int64_t dim = 0; dim < source.getRank(); ++dim)
                    point.push_back(llvm::is_contained(op.getDims(), dim)
                                        ? reduced[nextReduced++]
                                        : kept[nextKept++]);
                  Value term = evaluate(op.getTile(), point);
                  return term ? combine(op.getKind(), sum, term) : term;
                });
  };
  Value array = allocate(result);
  if (parts == 1) {
    forEach(result.getShape(), [&](ValueRange point) {
      put(sum(point, constant(0), 1), array, point);
    });
  } else {
    SmallVector<int64_t> shape(result.getShape());
    shape.push_back(parts);
    Value partial = allocate(shape, result.getElementType());
    forEach(shape, [&](ValueRange point) {
      put(sum(point.drop_back(), point.back(), parts), partial, point);
    });
    forEach(result.getShape(), [&](ValueRange point) {
      put(fold(getIdentity(), constant(0), parts, 1,
               [&](Value part, Value total) -> Value {
                 Point at(point);
                 at.push_back(part);
                 return combine(op.getKind(), total, get(partial, at));
               }),
          array, point);
    });
    release(partial);
  }
  arrays[op.getResult()] = array;
  return success();
}

/// Whether `tile` is computed from `carry` where it is used: not from an array
/// of its own.
bool ThreadEmitter::readsCarry(Value tile, Value carry) {
  if (tile == carry)
    return true;
  Operation *op = tile.getDefiningOp();
  return op && op->getBlock() == carry.getParentBlock() &&
         !arrays.contains(tile) &&
         llvm::any_of(op->getOperands(),
                      [&](Value value) { return readsCarry(value, carry); });
}

/// The same, of `carry` at each point's own place alone.
bool ThreadEmitter::readsCarryAtPoint(Value tile, Value carry) {
  if (tile == carry || !readsCarry(tile, carry))
    return true;
  Operation *op = tile.getDefiningOp();
  return OpTrait::hasElementwiseMappableTraits(op) &&
         llvm::all_of(op->getOperands(), [&](Value value) {
           return readsCarryAtPoint(value, carry);
         });
}

Value ThreadEmitter::getCarryToOverwrite(tile::DotOp op) {
  auto sweep = dyn_cast<tile::SweepOp>(op->getParentOp());
  if (!sweep || !op->hasOneUse())
    return {};
  OpOperand &use = *op->use_begin();
  if (!use.getOwner()->hasTrait<OpTrait::IsTerminator>())
    return {};
  Block &step = *op->getBlock();
  Value carry = step.getArgument(2 + use.getOperandNumber());
  Value array = arrays.lookup(carry);
  if (!array || carry.use_empty() || readsCarry(op.getLhs(), carry) ||
      readsCarry(op.getRhs(), carry) ||
      !readsCarryAtPoint(op.getAccumulator(), carry))
    return {};
  // With an array the product is no part of what reads it.
  arrays[op.getResult()] = array;
  bool isLast = findLastUse(carry, step) == op;
  arrays.erase(op.getResult());
  return isLast ? array : Value();
}

LogicalResult ThreadEmitter::emitDot(tile::DotOp op) {
  SmallVector<int64_t> extents = op.getIterationExtents();
  AffineMap resultMap = op.getMap(2);
  SmallVector<unsigned> contracted;
  SmallVector<int64_t> contractedShape;
  for (unsigned dim = 0; dim < extents.size(); ++dim)
    if (!resultMap.isFunctionOfDim(dim)) {
      contracted.push_back(dim);
      contractedShape.push_back(extents[dim]);
    }
  Type f32 = b.getF32Type();
  auto widen = [&](Value value) -> Value {
    if (!value || value.getType() == f32)
      return value;
    return arith::ExtFOp::create(b, f32, value);
  };
  Value array = getCarryToOverwrite(op);
  if (!array)
    array = allocate(cast<RankedTensorType>(op.getResult().getType()));
  forEach(cast<RankedTensorType>(op.getResult().getType()).getShape(),
          [&](ValueRange point) {
            Point iteration(extents.size());
            for (auto [number, expr] : llvm::enumerate(resultMap.getResults()))
              iteration[cast<AffineDimExpr>(expr).getPosition()] =
                  point[number];
            auto at = [&](unsigned operand) {
              Point result;
              for (AffineExpr expr : op.getMap(operand).getResults())
                result.push_back(
                    iteration[cast<AffineDimExpr>(expr).getPosition()]);
              return result;
            };
            Value init = evaluate(op.getAccumulator(), point);
            if (!init)
              return;
            Value sum = fold(
                init, constant(0), ShapedType::getNumElements(contractedShape),
                1, [&](Value number, Value sum) -> Value {
                  Point term = delinearise(number, contractedShape);
                  for (auto [dim, index] : llvm::zip_equal(contracted, term))
                    iteration[dim] = index;
                  Value left = widen(evaluate(op.getLhs(), at(0)));
                  Value right = widen(evaluate(op.getRhs(), at(1)));
                  if (!left || !right)
                    return {};
                  return arith::AddFOp::create(
                      b, sum, arith::MulFOp::create(b, left, right));
                });
            put(sum, array, point);
          });
  arrays[op.getResult()] = array;
  return success();
}

//===-- Stores and sweeps -------------------------------------------------===//

LogicalResult ThreadEmitter::emitStore(tile::StoreOp op) {
  Value tensor = tensors.lookup(op.getTarget());
  if (!tensor)
    return op.emitOpError("expects to store to an argument of the program");
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(op.getTile().getType()).getShape();
  forEach(shape, [&](ValueRange point) {
    if (Value holds = evaluateValid(op.getValid(), point, shape)) {
      auto ifOp = scf::IfOp::create(b, holds, /*withElseRegion=*/false);
      b.setInsertionPointToStart(ifOp.thenBlock());
    }
    put(evaluate(op.getTile(), point), tensor,
        evaluateMap(op.getMap(), point, getScalars(op.getIndices())));
  });
  return success();
}

LogicalResult ThreadEmitter::emitStep(tile::SweepOp op,
                                      ArrayRef<Value> carries) {
  Block &step = op.getStep().front();
  for (auto [argument, carry] :
       llvm::zip_equal(step.getArguments().drop_front(2), carries))
    arrays[argument] = carry;
  if (mlir::failed(emitBlock(step)))
    return failure();
  // What is yielded may be computed from any carry: all are read before one is
  // written.
  OperandRange yielded = step.getTerminator()->getOperands();
  SmallVector<Value> next, temporaries;
  for (auto [value, carry] : llvm::zip_equal(yielded, carries)) {
    Value array = arrays.lookup(value);
    if (!array || (array != carry && llvm::is_contained(carries, array))) {
      array = allocate(cast<RankedTensorType>(value.getType()));
      materialise(value, array);
      temporaries.push_back(array);
    }
    next.push_back(array);
  }
  for (auto [value, array, carry] : llvm::zip_equal(yielded, next, carries))
    if (array != carry)
      forEach(cast<RankedTensorType>(value.getType()).getShape(),
              [&, array = array, carry = carry](ValueRange point) {
                put(get(array, point), carry, point);
              });
  for (Value array : temporaries)
    release(array);
  // Those that the step's block has not released, as its end reads them.
  llvm::SmallDenseSet<Value> seen(carries.begin(), carries.end());
  for (Value value : yielded)
    if (Value array = arrays.lookup(value);
        array && value.getParentBlock() == &step && seen.insert(array).second)
      release(array);
  return success();
}

LogicalResult ThreadEmitter::emitSweep(tile::SweepOp op) {
  SmallVector<Value> carries;
  for (Value init : op.getInits()) {
    carries.push_back(allocate(cast<RankedTensorType>(init.getType())));
    materialise(init, carries.back());
  }
  Block &step = op.getStep().front();
  for (auto [i, lower, upper, full] :
       llvm::enumerate(op.getLowers(), op.getUppers(), op.getFull())) {
    Value end = getScalar(upper);
    bool isLocated = op.isLocated(i);
    auto loop = scf::ForOp::create(b, getScalar(lower), end,
                                   constant(isLocated ? 1 : op.getTile()));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value base = loop.getInductionVar();
    if (isLocated) {
      Block &locator = op.getLocators()[i].front();
      setScalar(locator.getArgument(0), base);
      auto place = evaluateRegion(locator);
      if (mlir::failed(place))
        return failure();
      setScalar(step.getArgument(0), (*place)[0]);
      setScalar(step.getArgument(1), (*place)[1]);
      // All threads have the same count.
      Value hasPoints = arith::CmpIOp::create(b, arith::CmpIPredicate::sgt,
                                              (*place)[1], constant(0));
      auto choice = scf::IfOp::create(b, hasPoints, /*withElseRegion=*/false);
      b.setInsertionPointToStart(choice.thenBlock());
    } else {
      setScalar(step.getArgument(0), base);
      setScalar(step.getArgument(1),
                arith::MinSIOp::create(b, arith::SubIOp::create(b, end, base),
                                       constant(op.getTile())));
    }
    tile::SweepOp outer = fullSweep;
    fullSweep = full ? op : tile::SweepOp();
    LogicalResult result = emitStep(op, carries);
    fullSweep = outer;
    if (mlir::failed(result))
      return failure();
  }
  for (auto [result, carry] : llvm::zip_equal(op.getOuts(), carries))
    arrays[result] = carry;
  return success();
}

//===-- Blocks ------------------------------------------------------------===//

LogicalResult ThreadEmitter::emit(Operation *op) {
  b.setLoc(op->getLoc());
  if (isKnownToHold(op) && tile::isOnlyForMasks(op))
    return success();
  if (auto reduce = dyn_cast<tile::ReduceOp>(op))
    return emitReduce(reduce);
  if (auto dot = dyn_cast<tile::DotOp>(op))
    return emitDot(dot);
  if (auto sweep = dyn_cast<tile::SweepOp>(op))
    return emitSweep(sweep);
  if (auto store = dyn_cast<tile::StoreOp>(op))
    return emitStore(store);
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    setScalar(extract.getResult(),
              evaluate(extract.getTensor(), getScalars(extract.getIndices())));
    return success();
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    if (branch.getNumResults() != 0)
      return op->emitOpError("expects no results in a program for threads");
    auto ifOp = scf::IfOp::create(b, getScalar(branch.getCondition()),
                                  /*withElseRegion=*/bool(branch.elseBlock()));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    if (mlir::failed(emitBlock(*branch.thenBlock())))
      return failure();
    if (!branch.elseBlock())
      return success();
    b.setInsertionPointToStart(ifOp.elseBlock());
    return emitBlock(*branch.elseBlock());
  }
  if (op->getNumResults() != 1 ||
      !isa<RankedTensorType>(op->getResult(0).getType()))
    return emitScalar(op);
  Value tile = op->getResult(0);
  if (!needsArray(tile))
    return success();
  Value array = allocate(cast<RankedTensorType>(tile.getType()));
  forEach(cast<RankedTensorType>(tile.getType()).getShape(),
          [&](ValueRange point) {
            put(evaluateDefinition(tile, point), array, point);
          });
  arrays[tile] = array;
  return success();
}

LogicalResult ThreadEmitter::emitBlock(Block &block) {
  // The arrays of values of this block, until their last use.
  SmallVector<Value> held;
  for (Operation &op : block.without_terminator()) {
    for (Value result : op.getResults())
      arrays.erase(result);
    if (mlir::failed(emit(&op)) || failed)
      return failure();
    for (Value result : op.getResults())
      if (arrays.contains(result))
        held.push_back(result);
    llvm::erase_if(held, [&](Value tile) {
      Operation *last = findLastUse(tile, block);
      if (last && op.isBeforeInBlock(last))
        return false;
      release(arrays.lookup(tile));
      return true;
    });
  }
  return success();
}

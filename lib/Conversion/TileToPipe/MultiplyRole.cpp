//===- MultiplyRole.cpp - the role of the groups that multiply ------------===//
//
// A turn of the loop:
//
//   start the early products of this step
//   start the late products of the step before
//   wait for the early ones; reductions and elementwise work on their results
//   wait for the late ones
//   narrow what this step's late products take
//
// The first turn has no late products, and after the last one they are done
// alone. Where roles are merged, a turn does the late products of its own step,
// last of all.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;

/// What late ops take of the rest of their step. A broadcast is written again
/// where it is used, of the line that it repeats.
void Scheduler::collectPending() {
  tile::SweepOp sweep = plan.sweep;
  Block &step = sweep.getStep().front();
  llvm::SetVector<Value> found;
  for (Operation &op : step.without_terminator()) {
    if (!plan.isLate(&op))
      continue;
    for (Value operand : op.getOperands()) {
      Operation *made = operand.getDefiningOp();
      bool isOfStep = operand.getParentBlock() == &step;
      if (!isa<RankedTensorType>(operand.getType()) || !isOfStep ||
          plan.getSlot(operand) || (made && plan.isLate(made)))
        continue;
      while (auto broadcast = operand.getDefiningOp<tile::BroadcastOp>())
        operand = broadcast.getSource();
      // Numbers are written where they are used.
      if (isa<RankedTensorType>(operand.getType()) &&
          !matchPattern(operand, m_Constant()))
        found.insert(operand);
    }
  }
  pending.assign(found.begin(), found.end());
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

void Scheduler::waitSlots(bool isLate) {
  for (Operand &operand : operands)
    if (operand.slot->isMoving && operand.slot->isLate == isLate) {
      tile::LoadOp load = operand.slot->load;
      slotValues[load.getResult()] =
          pipe::WaitOp::create(b, operand.rings[0], operand.cursor);
    }
}

Scheduler::Step Scheduler::readStep() {
  for (Operand &operand : operands)
    if (Value ring = operand.rings[0];
        operand.slot->isMoving &&
        cast<pipe::RingType>(ring.getType()).getMessages() != 0) {
      auto read = [&](int64_t number) {
        return pipe::MessageOp::create(b, ring, operand.cursor, number);
      };
      Step step = {read(0), read(1)};
      if (passesRuns())
        step.end = read(2);
      return step;
    }
  llvm_unreachable("steps are sent with a ring");
}

void Scheduler::releaseSlots(bool isLate) {
  for (Operand &operand : operands)
    if (operand.slot->isMoving && operand.slot->isLate == isLate) {
      pipe::ReleaseOp::create(b, operand.rings[0], operand.cursor, Value());
      advance(operand);
    }
}

void Scheduler::releaseStationary(Value isLast) {
  // Of the group's own ring: the others' cursors stand alike.
  for (Operand &operand : operands)
    if (!operand.slot->isMoving && !operand.slot->isLate)
      pipe::ReleaseOp::create(b, operand.rings[0], operand.cursor, isLast);
}

/// Where a step ends before its tile does, rows behind its end are something
/// else's: of products with them nothing may be left.
LogicalResult Scheduler::clearSlots(RegisterEmitter &emitter, bool isLate,
                                    Value count) {
  tile::SweepOp sweep = plan.sweep;
  for (Operand &operand : operands) {
    const SlotOperand &slot = *operand.slot;
    if (!slot.isMoving || slot.isLate != isLate)
      continue;
    if (slot.seen && emitter.stepKind == StepKind::Partial) {
      Value tile = pipe::WaitOp::create(b, operand.rings[0], operand.cursor);
      if (auto line = slot.seen.getDefiningOp<tile::GenerateOp>()) {
        if (failed(clearRows(emitter, tile, line, count)))
          return failure();
      } else {
        // What is beyond the count no row sees.
        pipe::ClearUnsetOp::create(b, tile, emitter.getComplete(slot.seen));
      }
      continue;
    }
    if (!slot.isCleared && !slot.seen)
      continue;
    auto choice = scf::IfOp::create(b, isLess(count, i32(sweep.getTile())),
                                    /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    Value tile = pipe::WaitOp::create(b, operand.rings[0], operand.cursor);
    pipe::ClearOp::create(b, tile, count);
  }
  return success();
}

/// Rows at which `isSeen` is false, and those beyond the count.
LogicalResult Scheduler::clearRows(RegisterEmitter &emitter, Value tile,
                                   tile::GenerateOp isSeen, Value count) {
  auto type = cast<pipe::SharedType>(tile.getType());
  auto each = pipe::EachOp::create(b, ValueRange{i32(type.getNumRows())});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&each.getBody().front());
  Value row = each.getBody().getArgument(0);
  Block &body = isSeen.getBody().front();
  emitter.setScalar(body.getArgument(0), row);
  auto keeps = emitter.evaluateRegion(body);
  if (failed(keeps))
    return failure();
  Value isKept = arith::AndIOp::create(b, keeps->front(), isLess(row, count));
  Value isCleared =
      arith::XOrIOp::create(b, isKept, arith::ConstantIntOp::create(b, 1, 1));
  pipe::ClearRowOp::create(b, tile, row, isCleared);
  return success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Whether the accumulator of a product is zero, as a carry may be in the first
/// turn.
bool Scheduler::beginsWithZero(tile::DotOp dot, bool isInitial) {
  tile::SweepOp sweep = plan.sweep;
  Value acc = dot.getAccumulator();
  auto carry = dyn_cast<BlockArgument>(acc);
  if (isInitial && carry && carry.getOwner() == &sweep.getStep().front())
    acc = sweep.getInits()[carry.getArgNumber() - 2];
  return matchPattern(acc, m_AnyZeroFloat());
}

Value Scheduler::startProduct(RegisterEmitter &emitter, tile::DotOp dot,
                              bool isInitial) {
  const PlannedProduct &product = plan.getProduct(dot);
  // Dimensions of a slot are those of the memory.
  auto getSlotDim = [&](Value tile, int64_t dim) {
    const SlotOperand *slot = plan.getSlot(tile);
    return slot->box.rowDim == 0 ? dim : 1 - dim;
  };
  auto getSize = [&](Value value, int64_t dim) {
    auto shared = dyn_cast<pipe::SharedType>(value.getType());
    return shared ? shared.getShape()[dim]
                  : cast<RankedTensorType>(value.getType()).getDimSize(dim);
  };
  Value rhs = slotValues.lookup(product.rhs);
  int64_t rhsDim = getSlotDim(product.rhs, product.rhsDim);
  bool isLate = plan.isLate(dot);
  bool isShared = plan.machine.shares > 1;
  Value lhs = isLate ? emitter.getInitial(product.lhs, product.lhs)
                     : slotValues.lookup(product.lhs);
  int64_t lhsDim = isLate || isShared ? product.lhsDim
                                      : getSlotDim(product.lhs, product.lhsDim);
  RankedTensorType type = emitter.getType(dot.getResult());
  Value acc;
  if (!beginsWithZero(dot, isInitial))
    acc = emitter.getInitial(dot.getAccumulator(), dot.getResult());
  auto token = pipe::TokenType::get(b.getContext(), type);
  if (isShared) {
    auto start = [&](Value left, Value sum) -> Value {
      return pipe::MmaAsyncOp::create(b, token, left, rhs, sum, lhsDim, rhsDim,
                                      /*depth=*/IntegerAttr(),
                                      b.getI64IntegerAttr(plan.machine.shares));
    };
    Value upper = start(lhs, acc), rest = leftRests.lookup(dot);
    return rest ? start(rest, upper) : upper;
  }
  auto rhsType = cast<RankedTensorType>(product.rhs.getType());
  int64_t depth = llvm::alignTo(rhsType.getDimSize(product.rhsDim),
                                plan.machine.productDepth);
  bool isWhole = getSize(lhs, lhsDim) == depth && getSize(rhs, rhsDim) == depth;
  return pipe::MmaAsyncOp::create(
      b, token, lhs, rhs, acc, lhsDim, rhsDim,
      isWhole ? IntegerAttr() : b.getI64IntegerAttr(depth), IntegerAttr());
}

LogicalResult Scheduler::finishLate(RegisterEmitter &emitter,
                                    const Values &tokens, const State &state) {
  for (auto [i, dot, token] : llvm::enumerate(plan.lateProducts, tokens)) {
    tile::DotOp product = dot;
    emitter.set(product.getResult(),
                pipe::MmaWaitOp::create(b, emitter.getType(product.getResult()),
                                        token, tokens.size() - 1 - i));
  }
  releaseSlots(/*isLate=*/true);
  // What follows takes the values of its own step.
  Values current;
  for (auto [tile, value] : llvm::zip_equal(pending, state.pending)) {
    current.push_back(emitter.get(tile));
    emitter.set(tile, value);
  }
  tile::SweepOp sweep = plan.sweep;
  for (Operation &op : sweep.getStep().front().without_terminator()) {
    if (!plan.isLate(&op) || isa<tile::DotOp>(op))
      continue;
    for (Value operand : op.getOperands())
      if (auto broadcast = operand.getDefiningOp<tile::BroadcastOp>();
          broadcast && !plan.isLate(broadcast) &&
          failed(emitter.emit(broadcast)))
        return failure();
    if (failed(emitter.emit(&op)))
      return failure();
  }
  for (auto [tile, value] : llvm::zip_equal(pending, current))
    if (value)
      emitter.set(tile, value);
  return success();
}

//===----------------------------------------------------------------------===//
// Turns
//===----------------------------------------------------------------------===//

LogicalResult Scheduler::emitTurn(RegisterEmitter &emitter, Value number,
                                  std::optional<Step> known, Value isLast,
                                  bool isFirst, State &state) {
  tile::SweepOp sweep = plan.sweep;
  Block &block = sweep.getStep().front();
  Operation *yield = block.getTerminator();
  waitSlots(/*isLate=*/false);
  Step step = known ? *known : readStep();
  if (failed(setStep(emitter, step)))
    return failure();
  for (auto [i, carry] : llvm::enumerate(state.carries))
    if (carry)
      emitter.set(block.getArgument(i + 2), carry);
  for (auto [tile, value] : llvm::zip_equal(pending, state.pending))
    if (value)
      emitter.set(tile, value);

  bool hasLate = !isFirst && !mergesRoles() && !plan.lateProducts.empty();
  bool isInitial = isFirst && state.isInitial;
  if (emitter.stepKind != StepKind::Whole &&
      failed(clearSlots(emitter, /*isLate=*/false, step.count)))
    return failure();
  if (turn && hasLate)
    pipe::TakeTurnOp::create(b, turn, group);
  Values early, late;
  for (tile::DotOp dot : plan.earlyProducts)
    early.push_back(startProduct(emitter, dot, isInitial));
  if (hasLate) {
    waitSlots(/*isLate=*/true);
    for (tile::DotOp dot : plan.lateProducts)
      late.push_back(startProduct(emitter, dot, isInitial));
    if (turn)
      pipe::PassTurnOp::create(b, turn, group);
  }
  for (auto [i, dot, token] : llvm::enumerate(plan.earlyProducts, early)) {
    tile::DotOp product = dot;
    Value registers =
        pipe::MmaWaitOp::create(b, emitter.getType(product.getResult()), token,
                                late.size() + early.size() - 1 - i);
    emitter.set(product.getResult(), scaleProduct(product, registers));
  }
  releaseSlots(/*isLate=*/false);
  releaseStationary(isLast);
  if (failed(fillReleased(number, /*isLate=*/false, emitter.stepKind)))
    return failure();
  // Where masks hold, what serves them alone is not needed.
  auto isSkipped = [&](Operation &op) {
    return StepPlan::isForSlots(&op) ||
           (emitter.stepKind != StepKind::Partial && tile::isOnlyForMasks(&op));
  };
  auto isEarly = [&](Operation &op) {
    return !plan.isLate(&op) && !plan.isBetween(&op) &&
           !RegisterEmitter::isScalar(&op) && !isa<tile::DotOp>(op) &&
           !isSlotLoad(op) && !isSkipped(op);
  };
  for (Operation &op : block.without_terminator())
    if (isEarly(op) && !plan.isDeferred(&op) && failed(emitter.emit(&op)))
      return failure();

  if (hasLate && failed(finishLate(emitter, late, state)))
    return failure();
  if (emitter.stepKind != StepKind::Whole &&
      failed(clearSlots(emitter, /*isLate=*/true, step.count)))
    return failure();
  for (Operation &op : block.without_terminator())
    if (plan.isDeferred(&op) && failed(emitter.emit(&op)))
      return failure();
  // The late carries are now those of the step before, or the initial ones.
  for (unsigned i = 0; i < state.carries.size(); ++i)
    if (plan.isLateCarry(i) && hasLate)
      emitter.set(block.getArgument(i + 2), emitter.get(yield->getOperand(i)));
  for (Operation &op : block.without_terminator())
    if (plan.isBetween(&op) && failed(emitter.emit(&op)))
      return failure();
  if (mergesRoles() && !plan.lateProducts.empty()) {
    waitSlots(/*isLate=*/true);
    for (tile::DotOp dot : plan.lateProducts)
      late.push_back(startProduct(emitter, dot, isInitial));
    if (failed(finishLate(emitter, late, state)) ||
        failed(fillReleased(number, /*isLate=*/true, emitter.stepKind)))
      return failure();
  }
  for (auto [i, carry] : llvm::enumerate(state.carries))
    if (mergesRoles() || !plan.isLateCarry(i))
      carry = emitter.get(yield->getOperand(i));
  state.pending.clear();
  for (Value tile : pending)
    state.pending.push_back(emitter.get(tile));
  return success();
}

Scheduler::Values Scheduler::flatten(const State &state) {
  Values values;
  for (Value carry : state.carries)
    if (carry)
      values.push_back(carry);
  llvm::append_range(values, state.pending);
  llvm::append_range(values, getCursors(true));
  return values;
}

Scheduler::State Scheduler::unflatten(ValueRange values, const State &like) {
  State state = like;
  for (Value &carry : state.carries)
    if (carry) {
      carry = values.front();
      values = values.drop_front();
    }
  for (Value &value : state.pending) {
    value = values.front();
    values = values.drop_front();
  }
  setCursors(values, true);
  return state;
}

LogicalResult Scheduler::emitTurns(
    RegisterEmitter &emitter, Value first, Value end, Value last, StepKind kind,
    llvm::function_ref<FailureOr<Step>(Value)> find, State &state) {
  Value lastStep = arith::SubIOp::create(b, last, i32(1));
  auto loop = scf::ForOp::create(b, first, end, i32(1), flatten(state));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    State inside = unflatten(loop.getRegionIterArgs(), state);
    Value number = loop.getInductionVar();
    std::optional<Step> step;
    if (find) {
      FailureOr<Step> found = find(number);
      if (failed(found))
        return failure();
      step = *found;
    }
    Value isLast =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, number, lastStep);
    emitter.stepKind = kind;
    LogicalResult result =
        emitTurn(emitter, number, step, isLast, /*isFirst=*/false, inside);
    emitter.stepKind = StepKind::Partial;
    if (failed(result))
      return failure();
    scf::YieldOp::create(b, flatten(inside));
  }
  state = unflatten(loop.getResults(), state);
  return success();
}

/// The late products of the last step.
LogicalResult Scheduler::drain(RegisterEmitter &emitter, State &state) {
  tile::SweepOp sweep = plan.sweep;
  for (auto [tile, value] : llvm::zip_equal(pending, state.pending))
    emitter.set(tile, value);
  if (!mergesRoles() && !plan.lateProducts.empty()) {
    waitSlots(/*isLate=*/true);
    Values tokens;
    for (tile::DotOp dot : plan.lateProducts)
      tokens.push_back(startProduct(emitter, dot, /*isInitial=*/false));
    if (failed(finishLate(emitter, tokens, state)))
      return failure();
  }
  Operation *yield = sweep.getStep().front().getTerminator();
  for (auto [i, result] : llvm::enumerate(sweep.getOuts()))
    emitter.set(result, state.carries[i] ? state.carries[i]
                                         : emitter.get(yield->getOperand(i)));
  return success();
}

//===----------------------------------------------------------------------===//
// The role
//===----------------------------------------------------------------------===//

LogicalResult Scheduler::writeMultiplyRole() {
  RegisterEmitter emitter(b, plan);
  if (failed(enterRole(emitter)))
    return failure();
  if (mergesRoles()) {
    loader.emplace(b, plan);
    if (failed(enterRole(*loader)))
      return failure();
  }
  if (!mergesRoles())
    collectPending();
  if (plan.numGroups > 1)
    emitter.rowOffset =
        arith::MulIOp::create(b, group, i32(plan.machine.productRows));
  // What is a group's own becomes the first of its kind.
  auto chooseOwn = [&](Values &values) {
    Value own = values[0];
    for (size_t i = 1; i < values.size(); ++i) {
      Value isOwn =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, group, i32(i));
      own = arith::SelectOp::create(b, isOwn, values[i], own);
    }
    values[0] = own;
  };
  for (Operand &operand : operands)
    chooseOwn(operand.rings);
  for (auto &entry : staging)
    chooseOwn(entry.second);

  OpBuilder::InsertionGuard guard(b);
  Value first = takeFirstItem();
  if (failed(planReadAhead()))
    return failure();
  if (!leftLoads.empty()) {
    FailureOr<Values> read = readLeftLoads(first);
    if (failed(read))
      return failure();
    readLoads = *read;
  }
  Value item = openWorkLoop(first);
  setItem(emitter, item);
  if (failed(beginFilling(item)))
    return failure();
  FailureOr<Value> next = multiplyItem(emitter, item);
  if (failed(next))
    return failure();
  if (kind == pipe::WorkKind::Dynamic) {
    for (Operand &operand : operands)
      if (auto type = cast<pipe::RingType>(operand.rings[0].getType());
          !operand.slot->isMoving && type.getMessages() != 0) {
        pipe::WaitOp::create(b, operand.rings[0], operand.cursor);
        next = pipe::MessageOp::create(b, operand.rings[0], operand.cursor, 0)
                   .getResult();
      }
  } else if (!*next) {
    next = getNextItem(item);
  }
  closeWorkLoop(*next);
  return success();
}

//===- LoadRole.cpp - the role that fills slots ---------------------------===//
//
// Slots are filled in the order in which they are taken: what early products
// read of a step, then what late ones read of the step before. The next item's
// first slots follow at once, so that they are there when its turn comes.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

void Scheduler::fill(RegisterEmitter &emitter, Operand &operand,
                     Value message) {
  const SlotOperand &slot = *operand.slot;
  tile::LoadOp load = slot.load;
  for (auto [number, ring] : llvm::enumerate(operand.rings)) {
    bool carries = cast<pipe::RingType>(ring.getType()).getMessage();
    emitter.rowOffset =
        number == 0 ? Value() : i32(number * plan.machine.productRows);
    Values starts =
        emitter.getStarts(slot.box, load.getIndices(), slot.hasRows, false);
    emitter.rowOffset = {};
    auto op = pipe::FillOp::create(b, ring, operand.cursor,
                                   carries ? message : Value());
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&op.getBody(), {}, operand.type, b.getLoc());
    pipe::LoadOp::create(b, emitter.getTensor(load.getSource()), starts,
                         body->getArgument(0),
                         slot.isMoving ? pipe::CacheHint::EvictLast
                                       : pipe::CacheHint::EvictFirst);
    pipe::YieldOp::create(b);
  }
  advance(operand);
}

void Scheduler::fillMoving(RegisterEmitter &emitter, bool isLate) {
  for (Operand &operand : operands)
    if (operand.slot->isMoving && operand.slot->isLate == isLate)
      fill(emitter, operand, Value());
}

LogicalResult Scheduler::loadItem(RegisterEmitter &emitter, Value message) {
  tile::ProgramOp program = plan.program;
  for (Operation &op : program.getBody().front()) {
    if (&op == plan.sweep)
      break;
    if (RegisterEmitter::isScalar(&op) && failed(emitter.emit(&op)))
      return failure();
  }
  StepSequence sequence(b, emitter, plan.sweep);
  FailureOr<Step> first = sequence.get(i32(0));
  if (failed(first) || failed(setStep(emitter, *first)))
    return failure();
  fillMoving(emitter, /*isLate=*/false);
  for (Operand &operand : operands)
    if (!operand.slot->isMoving)
      fill(emitter, operand, message);
  Values inits = {first->base, first->count};
  llvm::append_range(inits, getCursors(true));
  auto loop =
      scf::ForOp::create(b, i32(1), sequence.getNumSteps(), i32(1), inits);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange carried = loop.getRegionIterArgs();
    Step before{carried[0], carried[1]};
    setCursors(carried.drop_front(2), true);
    FailureOr<Step> step = sequence.get(loop.getInductionVar());
    if (failed(step) || failed(setStep(emitter, *step)))
      return failure();
    fillMoving(emitter, /*isLate=*/false);
    if (failed(setStep(emitter, before)))
      return failure();
    fillMoving(emitter, /*isLate=*/true);
    Values next = {step->base, step->count};
    llvm::append_range(next, getCursors(true));
    scf::YieldOp::create(b, next);
  }
  setCursors(loop.getResults().drop_front(2), true);
  if (failed(setStep(emitter, {loop.getResult(0), loop.getResult(1)})))
    return failure();
  fillMoving(emitter, /*isLate=*/true);
  return success();
}

LogicalResult Scheduler::writeLoadRole() {
  RegisterEmitter emitter(b, plan);
  if (failed(enterRole(emitter)))
    return failure();
  Value item = openWorkLoop();
  Value next = pipe::NextItemOp::create(b, b.getI32Type(), work, item);
  setItem(emitter, item);
  if (failed(loadItem(emitter, item)))
    return failure();
  if (kind == pipe::WorkKind::Dynamic) {
    // Those that multiply learn from a slot without copies that there are no
    // more items.
    Value isLast = isLess(next, i32(0));
    auto choice = scf::IfOp::create(b, isLast, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    for (Operand &operand : operands)
      for (Value ring : operand.rings) {
        if (!cast<pipe::RingType>(ring.getType()).getMessage())
          continue;
        auto op = pipe::FillOp::create(b, ring, operand.cursor, i32(-1));
        OpBuilder::InsertionGuard inner(b);
        b.createBlock(&op.getBody(), {}, operand.type, b.getLoc());
        pipe::YieldOp::create(b);
      }
  }
  closeWorkLoop(next);
  return success();
}

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

static int64_t countMessages(Value ring) {
  return cast<pipe::RingType>(ring.getType()).getMessages();
}

void Scheduler::fill(RegisterEmitter &emitter, Operand &operand,
                     ValueRange messages) {
  const SlotOperand &slot = *operand.slot;
  if (slot.run != 0)
    return fillPages(emitter, operand,
                     messages.take_front(countMessages(operand.rings[0])));
  tile::LoadOp load = slot.load;
  for (auto [number, ring] : llvm::enumerate(operand.rings)) {
    if (number != 0 && !slot.layout)
      emitter.rowOffset = i32(number * plan.machine.productRows);
    Values starts =
        emitter.getStarts(slot.box, load.getIndices(), slot.hasRows, false);
    emitter.rowOffset = {};
    auto op = pipe::FillOp::create(b, ring, operand.cursor,
                                   messages.take_front(countMessages(ring)));
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&op.getBody(), {}, operand.type, b.getLoc());
    auto copy = [&](DenseI64ArrayAttr rows) {
      pipe::LoadOp::create(b, emitter.getTensor(load.getSource()), starts,
                           body->getArgument(0),
                           slot.isMoving ? pipe::CacheHint::EvictLast
                                         : pipe::CacheHint::EvictFirst,
                           rows, getPacking(b.getContext(), slot.box));
    };
    if (slot.layout)
      copyRuns(*slot.layout, operand.type.getNumRows(),
               number * plan.machine.productRows, starts[starts.size() - 2],
               copy);
    else
      copy({});
    pipe::YieldOp::create(b);
  }
  advance(operand);
}

void Scheduler::copyRuns(const BoxLayout &layout, int64_t numRows,
                         int64_t firstRow, Value &row,
                         llvm::function_ref<void(DenseI64ArrayAttr)> copy) {
  Value first = layout.getFirstPoint(b, row);
  for (int64_t at = 0; at < numRows; at += layout.getRun()) {
    row =
        arith::AddIOp::create(b, first, i32(layout.getDistance(firstRow + at)));
    copy(b.getDenseI64ArrayAttr({at, layout.getRun()}));
  }
}

/// Copies what a step's pages have of a slot. All numbers of pages are read
/// before the first copy, so that they are waited for together.
void Scheduler::fillPages(RegisterEmitter &emitter, Operand &operand,
                          ValueRange messages) {
  const SlotOperand &slot = *operand.slot;
  tile::LoadOp load = slot.load;
  Value from = emitter.getScalar(load.getFrom());
  SmallVector<Values> starts;
  for (int64_t at = 0; at < operand.type.getNumRows(); at += slot.run) {
    auto place = emitter.locate(load, arith::AddIOp::create(b, from, i32(at)));
    starts.push_back(emitter.getStartsInPage(slot.box, load, *place));
  }
  auto op = pipe::FillOp::create(b, operand.rings[0], operand.cursor, messages);
  {
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&op.getBody(), {}, operand.type, b.getLoc());
    for (auto [number, start] : llvm::enumerate(starts))
      pipe::LoadOp::create(
          b, emitter.getTensor(load.getSource()), start, body->getArgument(0),
          pipe::CacheHint::EvictLast,
          b.getDenseI64ArrayAttr({int64_t(number) * slot.run, slot.run}),
          pipe::PackingAttr());
    pipe::YieldOp::create(b);
  }
  advance(operand);
}

void Scheduler::fillMoving(RegisterEmitter &emitter, const Step &step,
                           bool isLate) {
  for (Operand &operand : operands)
    if (operand.slot->isMoving && operand.slot->isLate == isLate)
      fill(emitter, operand, {step.base, step.count});
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
  fillMoving(emitter, *first, /*isLate=*/false);
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
    fillMoving(emitter, *step, /*isLate=*/false);
    if (failed(setStep(emitter, before)))
      return failure();
    fillMoving(emitter, before, /*isLate=*/true);
    Values next = {step->base, step->count};
    llvm::append_range(next, getCursors(true));
    scf::YieldOp::create(b, next);
  }
  setCursors(loop.getResults().drop_front(2), true);
  Step last{loop.getResult(0), loop.getResult(1)};
  if (failed(setStep(emitter, last)))
    return failure();
  fillMoving(emitter, last, /*isLate=*/true);
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
        if (operand.slot->isMoving || countMessages(ring) == 0)
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

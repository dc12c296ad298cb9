//===- MergedRole.cpp - groups that fill the slots they read --------------===//
//
// Where one role does all, a block's registers are those of groups that
// multiply, and a multiprocessor has several blocks instead: while one waits
// for copies or for its exponentials, the others multiply. The first steps of
// an item are asked for when it begins, and every later one as soon as all
// warps have released the slot that it goes to. Even with one slot the keys of
// a step are then on their way while the weights of the step before are
// computed, and its values during the scores of the next.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

LogicalResult Scheduler::fillAhead(const Step &step, bool isLate,
                                   int64_t distance) {
  if (failed(setStep(*loader, step)))
    return failure();
  for (const Operand &operand : operands) {
    if (!operand.slot->isMoving || operand.slot->isLate != isLate)
      continue;
    // The groups' own places stay where they are.
    Operand ahead = operand;
    for (int64_t i = 0; i < distance; ++i)
      advance(ahead);
    fill(*loader, ahead, {}, {});
  }
  return success();
}

LogicalResult Scheduler::fillIfThere(Value number, bool isLate,
                                     int64_t distance, StepKind stepKind) {
  auto choice = scf::IfOp::create(b, isLess(number, filledSteps->getNumSteps()),
                                  /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  FailureOr<Step> step = stepKind == StepKind::Whole
                             ? FailureOr<Step>(filledSteps->getFull(number))
                             : filledSteps->get(number);
  if (failed(step))
    return failure();
  return fillAhead(*step, isLate, distance);
}

LogicalResult Scheduler::beginFilling(Value item) {
  if (!loader)
    return success();
  setItem(*loader, item);
  if (failed(emitScalars(*loader)))
    return failure();
  filledSteps.emplace(b, *loader, plan.sweep);
  FailureOr<Step> first = filledSteps->get(i32(0));
  if (failed(first) || failed(fillAhead(*first, /*isLate=*/false, 0)))
    return failure();
  for (const Operand &operand : operands)
    if (!operand.slot->isMoving) {
      Operand own = operand;
      fill(*loader, own, {}, {});
    }
  if (failed(fillAhead(*first, /*isLate=*/true, 0)))
    return failure();
  for (int64_t number = 1; number < options.slots; ++number)
    for (bool isLate : {false, true})
      if (failed(fillIfThere(i32(number), isLate, number, StepKind::Partial)))
        return failure();
  return success();
}

LogicalResult Scheduler::fillReleased(Value number, bool isLate,
                                      StepKind stepKind) {
  if (!loader)
    return success();
  // Places are behind the slot that was released.
  Value next = arith::AddIOp::create(b, number, i32(options.slots));
  return fillIfThere(next, isLate, options.slots - 1, stepKind);
}

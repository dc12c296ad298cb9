//===- MultiplyRuns.cpp - runs of steps that a group may let pass ---------===//
//
// A group none of whose rows sees a run takes its slots and gives them back, so
// that products and masks of its steps are those of the groups that see it.
// Steps of a run that is seen are turns as those of a whole item are; the late
// products of the last one are done before the next run. What all rows see
// follows the last run at once.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

/// The lanes of a warp have some of the group's rows each.
FailureOr<Value> Scheduler::createSeesRun(RegisterEmitter &emitter) {
  auto rows =
      pipe::SumOp::create(b, b.getI32Type(), i32(plan.machine.productRows));
  {
    OpBuilder::InsertionGuard guard(b);
    Block *body =
        b.createBlock(&rows.getBody(), {}, b.getI32Type(), b.getLoc());
    Value sees = arith::ConstantIntOp::create(b, 0, 1);
    for (const StepPlan::RunLines &lines : plan.runLines) {
      Value holds = arith::ConstantIntOp::create(b, 1, 1);
      for (tile::GenerateOp line : lines) {
        Block &region = line.getBody().front();
        Value first = emitter.addRowOffset(emitter.getScalar(line.getBase()));
        emitter.setScalar(
            region.getArgument(0),
            arith::AddIOp::create(b, first, body->getArgument(0)));
        auto condition = emitter.evaluateRegion(region);
        if (failed(condition))
          return failure();
        holds = arith::AndIOp::create(b, holds, condition->front());
      }
      sees = arith::OrIOp::create(b, sees, holds);
    }
    Value number = arith::ExtUIOp::create(b, b.getI32Type(), sees);
    pipe::YieldOp::create(b, number);
  }
  return isLess(i32(0), rows.getTotals().front());
}

/// Groups that see a run take turns from its second step on, and go on with
/// what all rows see.
void Scheduler::passSteps(Value first, Value next, Value isBeforeAll,
                          Value isLast) {
  auto passTurn = [&](Value condition) {
    if (!turn)
      return;
    auto choice = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    pipe::TakeTurnOp::create(b, turn, group);
    pipe::PassTurnOp::create(b, turn, group);
  };
  auto loop = scf::ForOp::create(b, first, next, i32(1), getCursors(true));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    setCursors(loop.getRegionIterArgs(), true);
    waitSlots(/*isLate=*/false);
    releaseSlots(/*isLate=*/false);
    passTurn(isLess(first, loop.getInductionVar()));
    waitSlots(/*isLate=*/true);
    releaseSlots(/*isLate=*/true);
    scf::YieldOp::create(b, getCursors(true));
  }
  setCursors(loop.getResults(), true);
  passTurn(isBeforeAll);
  releaseStationary(isLast);
}

LogicalResult Scheduler::multiplyRuns(RegisterEmitter &emitter,
                                      StepSequence &sequence, Value begin,
                                      Value end) {
  tile::SweepOp sweep = plan.sweep;
  FailureOr<Values> initial = getInitialCarries(emitter);
  if (failed(initial))
    return failure();
  size_t numCarries = initial->size();
  Values inits = {begin};
  llvm::append_range(inits, *initial);
  llvm::append_range(inits, getCursors(true));
  auto loop = scf::WhileOp::create(
      b, TypeRange(ValueRange(inits)), inits,
      [&](OpBuilder &, Location, ValueRange state) {
        scf::ConditionOp::create(b, isLess(state[0], end), state);
      },
      /*afterBuilder=*/nullptr);
  OpBuilder::InsertionGuard guard(b);
  Block *body = loop.getAfterBody();
  b.setInsertionPointToStart(body);
  Value number = body->getArgument(0);
  ValueRange carries = body->getArguments().slice(1, numCarries);
  ValueRange cursors = body->getArguments().drop_front(1 + numCarries);
  setCursors(cursors, true);
  waitSlots(/*isLate=*/false);
  Step step = readStep();
  if (failed(setStep(emitter, step)))
    return failure();
  FailureOr<Value> seesRun = createSeesRun(emitter);
  if (failed(seesRun))
    return failure();
  Value numPartial = sequence.getNumPartial();
  auto isOfAll = [&](Value step) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, step,
                                 numPartial);
  };
  Value sees = arith::OrIOp::create(b, isOfAll(number), *seesRun);
  // An empty sweep's only step has no points.
  Value points = arith::MaxSIOp::create(
      b, arith::SubIOp::create(b, step.end, step.base), i32(1));
  Value steps = arith::CeilDivUIOp::create(b, points, i32(sweep.getTile()));
  Value next =
      arith::MinSIOp::create(b, arith::AddIOp::create(b, number, steps), end);
  Value isBeforeAll =
      arith::AndIOp::create(b, isLess(next, end), isOfAll(next));
  next = arith::SelectOp::create(b, arith::AndIOp::create(b, sees, isBeforeAll),
                                 end, next);
  auto choice = scf::IfOp::create(b, TypeRange(ValueRange(inits).drop_front()),
                                  sees, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(choice.thenBlock());
    if (failed(multiplySteps(emitter, sequence, carries, /*isInitial=*/false,
                             step, number, next, end)))
      return failure();
    Values results;
    for (Value out : sweep.getOuts())
      results.push_back(emitter.get(out));
    llvm::append_range(results, getCursors(true));
    scf::YieldOp::create(b, results);
    b.setInsertionPointToStart(choice.elseBlock());
    setCursors(cursors, true);
    passSteps(number, next, isBeforeAll,
              arith::CmpIOp::create(b, arith::CmpIPredicate::eq, next, end));
    results.assign(carries.begin(), carries.end());
    llvm::append_range(results, getCursors(true));
    scf::YieldOp::create(b, results);
  }
  Values results = {next};
  llvm::append_range(results, choice.getResults());
  scf::YieldOp::create(b, results);
  ValueRange ends = loop.getResults().drop_front();
  for (auto [out, result] :
       llvm::zip(sweep.getOuts(), ends.take_front(numCarries)))
    emitter.set(out, result);
  setCursors(ends.drop_front(numCarries), true);
  return success();
}

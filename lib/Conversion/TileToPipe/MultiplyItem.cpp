//===- MultiplyItem.cpp - what groups that multiply do of an item ---------===//
//
// Of an item a block does all steps, or of a stream a run of them, which it
// then brings together with those of other blocks.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// After the sweep
//===----------------------------------------------------------------------===//

LogicalResult Scheduler::emitStore(RegisterEmitter &emitter, tile::StoreOp op) {
  auto type = cast<RankedTensorType>(op.getTile().getType());
  std::optional<BoxMap> box = matchBox(op.getMap());
  size_t rowDim = box->starts.size() - type.getRank();
  std::optional<BoxLayout> layout = plan.getLayout(op.getTarget(), rowDim);
  Values starts = emitter.getStarts(*box, op.getIndices(), /*hasRows=*/!layout,
                                    type.getRank() == 1);
  Value registers = emitter.getComplete(op.getTile());
  Value target = emitter.getTensor(op.getTarget());
  if (!registers)
    return op.emitOpError("stores a tile that no group of warps has");
  if (layout) {
    Value rows = layout->getPoints(b, starts[rowDim], emitter.getRowNumbers());
    starts[rowDim] = i32(0);
    pipe::StoreOp::create(b, registers, target, starts, rows,
                          pipe::PackingAttr());
    return success();
  }
  pipe::PackingAttr packing = getPacking(b.getContext(), *box);
  auto staged = staging.find(op);
  if (staged == staging.end()) {
    pipe::StoreOp::create(b, registers, target, starts, Value(), packing);
    return success();
  }
  Value tile = staged->second[0];
  pipe::StageOp::create(b, registers, tile);
  pipe::BulkStoreOp::create(b, tile, target, starts, packing);
  return success();
}

LogicalResult Scheduler::emitEpilogue(RegisterEmitter &emitter) {
  tile::SweepOp sweep = plan.sweep;
  for (Operation *op = sweep->getNextNode(); op; op = op->getNextNode()) {
    if (op->hasTrait<OpTrait::IsTerminator>())
      break;
    auto store = dyn_cast<tile::StoreOp>(op);
    if (failed(store ? emitStore(emitter, store) : emitter.emit(op)))
      return failure();
  }
  return success();
}

FailureOr<Value> Scheduler::countRows(RegisterEmitter &emitter) {
  tile::ProgramOp program = plan.program;
  auto rank = cast<StringAttr>(program.getSpaceRanks()[plan.rowCoordinate]);
  if (program.getLayout(rank))
    return Value();
  FailureOr<Value> extent = frame.getExtent(rank);
  if (failed(extent))
    return failure();
  Value row = emitter.addRowOffset(
      emitter.getScalar(program.getCoordinates()[plan.rowCoordinate]));
  return arith::SubIOp::create(b, *extent, row).getResult();
}

FailureOr<Scheduler::Values> Scheduler::emitMerge(RegisterEmitter &emitter,
                                                  ValueRange first,
                                                  ValueRange second) {
  tile::SweepOp sweep = plan.sweep;
  Block &merge = sweep.getMerge().front();
  for (auto [argument, value] :
       llvm::zip_equal(merge.getArguments(),
                       llvm::concat<Value>(Values(first), Values(second))))
    emitter.set(argument, value);
  for (Operation &inner : merge.without_terminator())
    if (failed(emitter.emit(&inner)))
      return failure();
  Values merged;
  ValueRange carries = sweep.getStep().getArguments().drop_front(2);
  for (auto [value, carry, side] :
       llvm::zip_equal(merge.getTerminator()->getOperands(), carries, first)) {
    Value own = emitter.getComplete(value);
    // What no op of the merge gives.
    if (!own)
      own = emitter.getInitial(value, carry);
    if (!own || own.getType() != side.getType())
      return sweep.emitOpError("merges parts to what no group of warps has");
    merged.push_back(own);
  }
  return merged;
}

LogicalResult Scheduler::meet(RegisterEmitter &emitter) {
  tile::SweepOp sweep = plan.sweep;
  Values parts;
  for (Value out : sweep.getOuts())
    parts.push_back(emitter.getComplete(out));
  // Rows beyond the last are nobody's.
  FailureOr<Value> rows = countRows(emitter);
  if (failed(rows))
    return failure();
  auto op = pipe::MeetOp::create(b, work, stepsBefore, numSteps, *rows, parts);
  {
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&op.getMerge());
    Values sides[2];
    for (Values &side : sides)
      for (Value part : parts)
        side.push_back(body->addArgument(part.getType(), part.getLoc()));
    FailureOr<Values> merged = emitMerge(emitter, sides[0], sides[1]);
    if (failed(merged))
      return failure();
    pipe::YieldOp::create(b, *merged);
  }
  auto choice = scf::IfOp::create(b, op.getIsWhole(), /*withElseRegion=*/false);
  b.setInsertionPointToStart(choice.thenBlock());
  for (auto [out, value] : llvm::zip_equal(sweep.getOuts(), op.getCombined()))
    emitter.set(out, value);
  return success();
}

//===----------------------------------------------------------------------===//
// Items
//===----------------------------------------------------------------------===//

FailureOr<Scheduler::Values>
Scheduler::getInitialCarries(RegisterEmitter &emitter) {
  tile::SweepOp sweep = plan.sweep;
  Block &block = sweep.getStep().front();
  emitter.holding = Holding::Shares;
  Values carries;
  for (auto [i, init] : llvm::enumerate(sweep.getInits())) {
    carries.push_back(emitter.getInitial(init, block.getArgument(i + 2)));
    if (!carries.back())
      return sweep.emitOpError("begins with a tile that no group of warps has");
  }
  return carries;
}

LogicalResult Scheduler::multiplySteps(RegisterEmitter &emitter,
                                       StepSequence &sequence, Value first,
                                       Value end) {
  FailureOr<Values> carries = getInitialCarries(emitter);
  if (failed(carries))
    return failure();
  std::optional<Step> known;
  if (!sendsSteps) {
    FailureOr<Step> found = sequence.get(first);
    if (failed(found))
      return failure();
    known = *found;
  }
  return multiplySteps(emitter, sequence, *carries, /*isInitial=*/true, known,
                       first, end, /*last=*/end);
}

LogicalResult Scheduler::multiplySteps(RegisterEmitter &emitter,
                                       StepSequence &sequence,
                                       ValueRange carries, bool isInitial,
                                       std::optional<Step> known, Value first,
                                       Value end, Value last) {
  tile::SweepOp sweep = plan.sweep;
  Block &block = sweep.getStep().front();
  State state;
  state.isInitial = isInitial;
  for (auto [i, initial] : llvm::enumerate(carries)) {
    emitter.set(block.getArgument(i + 2), initial);
    bool isPending = plan.isLateCarry(i) && !mergesRoles();
    state.carries.push_back(isPending ? Value() : initial);
  }
  state.pending.assign(pending.size(), Value());
  Value second = b.createOrFold<arith::AddIOp>(first, i32(1)), next = second;
  Value only = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, last, second);
  if (failed(emitTurn(emitter, first, known, only, /*isFirst=*/true, state)))
    return failure();
  // Up to the end of each kind of step, or of the block's part or the run.
  using Find = llvm::function_ref<FailureOr<Step>(Value)>;
  auto emitUpTo = [&](Value endOfKind, StepKind stepKind, Find find) {
    Value stop = kind == pipe::WorkKind::Stream || passesRuns()
                     ? arith::MinSIOp::create(b, endOfKind, end).getResult()
                     : endOfKind;
    if (failed(emitTurns(emitter, next, stop, last, stepKind, find, state)))
      return failure();
    next = arith::MaxSIOp::create(b, endOfKind, second);
    return success();
  };
  auto partial = [&](Value number) { return sequence.getPartial(number); };
  auto clipped = [&](Value number) { return sequence.getClipped(number); };
  auto full = [&](Value number) -> FailureOr<Step> {
    return sequence.getFull(number);
  };
  StepKind ofClipped =
      sequence.areClippedWhole() ? StepKind::Whole : StepKind::Clipped;
  if (failed(emitUpTo(sequence.getNumPartial(), StepKind::Partial,
                      sendsSteps ? Find() : Find(partial))) ||
      (sequence.hasClipped() &&
       failed(emitUpTo(sequence.getNumClipped(), ofClipped,
                       sendsSteps ? Find() : Find(clipped)))) ||
      (sequence.hasFull() && failed(emitUpTo(end, StepKind::Whole, full))))
    return failure();
  return drain(emitter, state);
}

FailureOr<Value> Scheduler::multiplyItem(RegisterEmitter &emitter, Value item) {
  tile::ProgramOp program = plan.program;
  tile::SweepOp sweep = plan.sweep;
  takeReadAhead(emitter);
  for (Operation &op : program.getBody().front()) {
    if (&op == sweep)
      break;
    if (!isSlotLoad(op) && !llvm::is_contained(leftLoads, &op) &&
        failed(emitter.emit(&op)))
      return failure();
  }
  StepSequence sequence(b, emitter, sweep);
  readLeftSides(emitter);
  for (Operand &operand : operands)
    if (!operand.slot->isMoving) {
      tile::LoadOp load = operand.slot->load;
      slotValues[load.getResult()] =
          pipe::WaitOp::create(b, operand.rings[0], operand.cursor);
    }
  auto [begin, end] = getSteps(sequence);
  if (failed(passesRuns() ? multiplyRuns(emitter, sequence, begin, end)
                          : multiplySteps(emitter, sequence, begin, end)))
    return failure();
  Value next, before = stepsBefore;
  if (!leftLoads.empty()) {
    next = getNextItem(item);
    // The item still meets where its own steps are.
    std::swap(before, stepsBefore);
    if (failed(readAhead(next)))
      return failure();
  }
  {
    OpBuilder::InsertionGuard guard(b);
    if (failed(joinShares(emitter)) ||
        (kind == pipe::WorkKind::Stream && failed(meet(emitter))) ||
        failed(emitEpilogue(emitter)))
      return failure();
  }
  for (Operand &operand : operands)
    if (!operand.slot->isMoving) {
      if (operand.slot->isLate)
        pipe::ReleaseOp::create(b, operand.rings[0], operand.cursor, Value());
      advance(operand);
    }
  stepsBefore = before;
  return next;
}

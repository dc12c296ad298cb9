//===- WidenRole.cpp - the role that widens what was loaded ---------------===//
//
// Its groups take the slots of 8 bits an element in the order in which the role
// that loads fills them, and fill those that products read. There may be one
// such role for all of them, or one for those that each kind of products reads.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace attn;

void Scheduler::widen(Operand &narrow, Operand &wide) {
  Value ring = narrow.rings[0];
  Value source = pipe::WaitOp::create(b, ring, narrow.cursor);
  Values messages;
  for (int64_t i = 0, e = cast<pipe::RingType>(ring.getType()).getMessages();
       i < e; ++i)
    messages.push_back(pipe::MessageOp::create(b, ring, narrow.cursor, i));
  auto fill = pipe::FillOp::create(b, wide.rings[0], wide.cursor, messages);
  {
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&fill.getBody(), {}, wide.type, b.getLoc());
    pipe::WidenOp::create(b, source, body->getArgument(0));
    pipe::YieldOp::create(b);
  }
  pipe::ReleaseOp::create(b, ring, narrow.cursor, Value());
  advance(narrow);
  advance(wide);
}

/// `operands` are the narrow ones, and then the wide ones.
void Scheduler::widenMoving(bool isLate) {
  size_t count = operands.size() / 2;
  for (size_t i = 0; i < count; ++i)
    if (operands[i].slot->isLate == isLate)
      widen(operands[i], operands[count + i]);
}

LogicalResult Scheduler::widenItem(RegisterEmitter &emitter) {
  if (failed(emitScalars(emitter)))
    return failure();
  StepSequence sequence(b, emitter, plan.sweep);
  auto [begin, end] = getSteps(sequence);
  widenMoving(/*isLate=*/false);
  Value second = b.createOrFold<arith::AddIOp>(begin, i32(1));
  auto loop = scf::ForOp::create(b, second, end, i32(1), getCursors(true));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    setCursors(loop.getRegionIterArgs(), true);
    widenMoving(/*isLate=*/false);
    widenMoving(/*isLate=*/true);
    scf::YieldOp::create(b, getCursors(true));
  }
  setCursors(loop.getResults(), true);
  widenMoving(/*isLate=*/true);
  return success();
}

LogicalResult Scheduler::writeWidenRole(Widened which) {
  Operands all = operands;
  llvm::scope_exit restore([&] { operands = all; });
  auto isWidened = [&](const Operand &operand) {
    Widened own = operand.slot->isLate ? Widened::Late : Widened::Early;
    return operand.slot->isWidened && (which == Widened::Both || which == own);
  };
  operands = llvm::filter_to_vector(loaded, isWidened);
  llvm::append_range(operands, llvm::make_filter_range(all, isWidened));
  RegisterEmitter emitter(b, plan);
  if (failed(enterRole(emitter)))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  Value item = openWorkLoop(takeFirstItem()), next;
  if (kind != pipe::WorkKind::Stream)
    next = getNextItem(item);
  setItem(emitter, item);
  if (failed(widenItem(emitter)))
    return failure();
  if (kind == pipe::WorkKind::Stream)
    next = getNextItem(item);
  closeWorkLoop(next);
  return success();
}

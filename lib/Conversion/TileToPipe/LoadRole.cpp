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
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace attn;

static int64_t countMessages(Value ring) {
  return cast<pipe::RingType>(ring.getType()).getMessages();
}

/// Other items read what moves again, but the parts of a stream's item read it
/// once. Not so early that one panel's copy evicts what came along of the next.
pipe::CacheHint Scheduler::getCacheHint(const SlotOperand &slot) {
  if (!slot.isMoving)
    return pipe::CacheHint::EvictFirst;
  return kind == pipe::WorkKind::Stream ? pipe::CacheHint::Normal
                                        : pipe::CacheHint::EvictLast;
}

void Scheduler::fill(RegisterEmitter &emitter, Operand &operand,
                     ValueRange messages, ValueRange pages) {
  const SlotOperand &slot = *operand.slot;
  if (slot.run != 0)
    return fillPages(emitter, operand,
                     messages.take_front(countMessages(operand.rings[0])),
                     pages);
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
                           body->getArgument(0), getCacheHint(slot), rows,
                           getPacking(b.getContext(), slot.box));
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

/// Whether two loads of as many rows find them in the same pages.
static bool haveSamePages(const SlotOperand &a, const SlotOperand &b) {
  auto countRows = [](const SlotOperand &slot) {
    return cast<RankedTensorType>(slot.load.getResult().getType())
        .getDimSize(slot.box.rowDim);
  };
  return a.run == b.run && countRows(a) == countRows(b) &&
         a.load.getPages()->getSize() == b.load.getPages()->getSize() &&
         a.load.getTable() == b.load.getTable() &&
         a.load.getFrom() == b.load.getFrom() &&
         a.load.getTableIndices() == b.load.getTableIndices();
}

FailureOr<Scheduler::Values> Scheduler::findPages(RegisterEmitter &emitter) {
  Values pages;
  for (auto [number, operand] : llvm::enumerate(operands)) {
    const SlotOperand &slot = *operand.slot;
    if (slot.run == 0)
      continue;
    auto before = ArrayRef(operands).take_front(number);
    const auto *known = llvm::find_if(before, [&](const Operand &other) {
      return other.slot->run != 0 && haveSamePages(*other.slot, slot);
    });
    if (known != before.end()) {
      operand.pages = known->pages;
      continue;
    }
    operand.pages = pages.size();
    pages.push_back(emitter.findPages(slot.load, slot.run,
                                      operand.type.getNumRows() / slot.run));
    if (!pages.back())
      return failure();
  }
  return pages;
}

/// Copies what a step's pages have of a slot.
void Scheduler::fillPages(RegisterEmitter &emitter, Operand &operand,
                          ValueRange messages, ValueRange pages) {
  const SlotOperand &slot = *operand.slot;
  tile::LoadOp load = slot.load;
  Value from = emitter.getScalar(load.getFrom());
  SmallVector<Values> starts;
  for (int64_t at = 0; at < operand.type.getNumRows(); at += slot.run) {
    Value page = pipe::PageOp::create(b, pages[operand.pages], at / slot.run);
    // A whole page begins where it does.
    Value place = slot.run == load.getPages()->getSize()
                      ? i32(0)
                      : emitter.getPlaceInPage(
                            load, arith::AddIOp::create(b, from, i32(at)));
    starts.push_back(emitter.getStartsInPage(slot.box, load, {page, place}));
  }
  auto op = pipe::FillOp::create(b, operand.rings[0], operand.cursor, messages);
  {
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&op.getBody(), {}, operand.type, b.getLoc());
    for (auto [number, start] : llvm::enumerate(starts))
      pipe::LoadOp::create(
          b, emitter.getTensor(load.getSource()), start, body->getArgument(0),
          getCacheHint(slot),
          b.getDenseI64ArrayAttr({int64_t(number) * slot.run, slot.run}),
          pipe::PackingAttr());
    pipe::YieldOp::create(b);
  }
  advance(operand);
}

void Scheduler::fillMoving(RegisterEmitter &emitter, const Step &step,
                           bool isLate, ValueRange pages) {
  for (Operand &operand : operands)
    if (operand.slot->isMoving && operand.slot->isLate == isLate)
      fill(emitter, operand, step.getValues(), pages);
}

LogicalResult Scheduler::loadItem(RegisterEmitter &emitter, Value message) {
  if (failed(emitScalars(emitter)))
    return failure();
  StepSequence sequence(b, emitter, plan.sweep);
  auto [begin, end] = getSteps(sequence);
  // Which pages a step has is asked a step ahead, and once for all operands, so
  // that nobody waits for tables; after the last one its own again. The first
  // step's slots come before all that.
  Value last = arith::SubIOp::create(b, end, i32(1));
  auto setNumber = [&](Value number, const Step *before, Step &step,
                       Values &pages) {
    FailureOr<Step> found =
        before ? sequence.getNext(*before, number) : sequence.get(number);
    if (failed(found) || failed(setStep(emitter, *found)))
      return failure();
    FailureOr<Values> ofStep = findPages(emitter);
    if (failed(ofStep))
      return failure();
    step = *found;
    pages = *ofStep;
    return success();
  };
  Step before, now;
  Values pagesBefore, pagesNow;
  if (failed(setNumber(begin, nullptr, before, pagesBefore)))
    return failure();
  bool isPaged = !pagesBefore.empty();
  fillMoving(emitter, before, /*isLate=*/false, pagesBefore);
  for (Operand &operand : operands)
    if (!operand.slot->isMoving)
      fill(emitter, operand, message);
  Value second = b.createOrFold<arith::AddIOp>(begin, i32(1));
  if (isPaged && failed(setNumber(arith::MinSIOp::create(b, second, last),
                                  &before, now, pagesNow)))
    return failure();
  Values inits = before.getValues();
  if (isPaged) {
    llvm::append_range(inits, pagesBefore);
    llvm::append_range(inits, now.getValues());
    llvm::append_range(inits, pagesNow);
  }
  llvm::append_range(inits, getCursors(true));
  auto takeStep = [&](ValueRange &carried, Step &step, Values &pages) {
    size_t size = step.getValues().size();
    step = {carried[0], carried[1], size > 2 ? carried[2] : Value()};
    pages.assign(carried.begin() + size, carried.begin() + size + pages.size());
    carried = carried.drop_front(size + pages.size());
  };
  auto loop = scf::ForOp::create(b, second, end, i32(1), inits);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange carried = loop.getRegionIterArgs();
    takeStep(carried, before, pagesBefore);
    Value number = loop.getInductionVar();
    Step next;
    Values pagesNext;
    if (isPaged) {
      takeStep(carried, now, pagesNow);
      Value after = arith::AddIOp::create(b, number, i32(1));
      if (failed(setNumber(arith::MinSIOp::create(b, after, last), &now, next,
                           pagesNext)) ||
          failed(setStep(emitter, now)))
        return failure();
    } else if (failed(setNumber(number, &before, now, pagesNow))) {
      return failure();
    }
    setCursors(carried, true);
    fillMoving(emitter, now, /*isLate=*/false, pagesNow);
    if (failed(setStep(emitter, before)))
      return failure();
    fillMoving(emitter, before, /*isLate=*/true, pagesBefore);
    Values yields = now.getValues();
    if (isPaged) {
      llvm::append_range(yields, pagesNow);
      llvm::append_range(yields, next.getValues());
      llvm::append_range(yields, pagesNext);
    }
    llvm::append_range(yields, getCursors(true));
    scf::YieldOp::create(b, yields);
  }
  ValueRange results = loop.getResults();
  takeStep(results, before, pagesBefore);
  setCursors(loop.getResults().take_back(getCursors(true).size()), true);
  if (failed(setStep(emitter, before)))
    return failure();
  fillMoving(emitter, before, /*isLate=*/true, pagesBefore);
  return success();
}

LogicalResult Scheduler::writeLoadRole() {
  std::swap(operands, loaded);
  llvm::scope_exit restore([&] { std::swap(operands, loaded); });
  RegisterEmitter emitter(b, plan);
  if (failed(enterRole(emitter)))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  Value item = openWorkLoop(takeFirstItem()), next;
  // It is asked for early: the others learn of it from the last slots.
  if (kind != pipe::WorkKind::Stream)
    next = getNextItem(item);
  setItem(emitter, item);
  if (failed(loadItem(emitter, item)))
    return failure();
  if (kind == pipe::WorkKind::Stream)
    next = getNextItem(item);
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

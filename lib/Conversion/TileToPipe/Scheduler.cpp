//===- Scheduler.cpp - a tile program as roles that load and multiply -----===//
//
// The kernel has two roles or three. One warp, or a group where threads copy
// element by element, fills rings of slots, running ahead as far as these
// allow; groups of warps, each with its rows of the program's tile, take the
// slots and multiply. Items whose steps depend on their rows are taken in
// descending order by whichever block is free; all others are shared out. In a
// stream blocks do parts of items, which they bring together. Where elements of
// 8 bits come from memory, a group between the two widens them from slot to
// slot. Where the registers leave none to a role that loads, a group fills the
// slots it reads, and a block does one item.
//
//===----------------------------------------------------------------------===//

#include "Scheduler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;

/// So many tiles that differ in other coordinates follow each other at most, so
/// that the items at the end are short.
static constexpr int64_t kMaxSection = 32;

static unsigned getArgument(Value memref) {
  return cast<BlockArgument>(memref).getArgNumber();
}

pipe::SharedType Scheduler::getSlotType(const SlotOperand &slot) {
  return slot.isNarrow ? getNarrowType(slot) : getWideType(slot);
}

pipe::SharedType Scheduler::getWideType(const SlotOperand &slot) {
  auto type = cast<RankedTensorType>(slot.load.getResult().getType());
  int64_t rows = slot.hasRows ? plan.machine.productRows
                              : type.getDimSize(slot.box.rowDim);
  // Whole panels: beyond the extent a copy gives zeros.
  int64_t panel = plan.machine.swizzle * 8 / type.getElementTypeBitWidth();
  int64_t columns = llvm::alignTo(type.getDimSize(slot.box.columnDim), panel);
  return pipe::SharedType::get(b.getContext(), {rows, columns},
                               type.getElementType(), plan.machine.swizzle, 1);
}

pipe::SharedType Scheduler::getNarrowType(const SlotOperand &slot) {
  pipe::SharedType type = getWideType(slot);
  tile::LoadOp load = slot.load;
  Type element = cast<MemRefType>(load.getSource().getType()).getElementType();
  int64_t columns = type.getNumColumns();
  int64_t swizzle = plan.machine.swizzle;
  if (columns % swizzle != 0)
    swizzle /= 2;
  return pipe::SharedType::get(b.getContext(), type.getShape(), element,
                               swizzle, 1);
}

/// As many tiles of other coordinates as have their moving operands in the
/// cache that all blocks share.
Value Scheduler::getSection() {
  Value bytes = i32(0);
  for (const Operand &operand : operands) {
    if (!operand.slot->isMoving)
      continue;
    Value tensor = frame.kernel.getBody().getArgument(
        frame.getKernelArgument(getArgument(operand.slot->load.getSource())));
    auto type = cast<pipe::GlobalType>(tensor.getType());
    Value rows =
        pipe::DimOp::create(b, b.getI32Type(), tensor, type.getRank() - 2);
    int64_t rowBytes = operand.type.getNumBytes() / operand.type.getNumRows();
    bytes = arith::AddIOp::create(
        b, bytes, arith::MulIOp::create(b, rows, i32(rowBytes)));
  }
  bytes = arith::MaxUIOp::create(b, bytes, i32(1));
  Value fit = arith::DivUIOp::create(b, i32(plan.machine.cacheBytes), bytes);
  fit = arith::MaxUIOp::create(b, fit, i32(1));
  fit = arith::MinUIOp::create(b, fit, i32(kMaxSection));
  return arith::MinUIOp::create(b, fit,
                                arith::MaxUIOp::create(b, others, i32(1)));
}

void Scheduler::declareRings() {
  bool hasMessages = kind == pipe::WorkKind::Dynamic, hasSteps = false;
  for (const SlotOperand &slot : plan.slots) {
    Operand operand{&slot, getSlotType(slot), {}, {}};
    bool carries = hasMessages && !slot.isMoving;
    int64_t messages = carries ? 1 : 0;
    if (sendsSteps && slot.isMoving && !slot.isLate && !hasSteps) {
      messages = passesRuns() ? 3 : 2;
      hasSteps = true;
    }
    bool isShared = options.cluster > 1 && slot.isMoving && !slot.hasRows;
    auto createRing = [&](pipe::SharedType tile, int64_t slots, bool ofCluster,
                          int64_t readers) {
      auto type =
          pipe::RingType::get(b.getContext(), slots, tile, messages, ofCluster);
      return pipe::RingOp::create(b, type, readers,
                                  /*by_warps=*/passesRuns());
    };
    if (carries)
      hasMessages = false;
    int64_t slots = slot.isMoving ? options.slots : 1;
    if (slot.isWidened) {
      pipe::SharedType narrow = getNarrowType(slot);
      loaded.push_back(
          {&slot, narrow, {createRing(narrow, slots, isShared, 1)}, {}});
      isShared = false;
      slots = kWidenedSlots;
    }
    int64_t numRings = slot.hasRows ? plan.numGroups : 1;
    for (int64_t i = 0; i < numRings; ++i)
      operand.rings.push_back(createRing(operand.type, slots, isShared,
                                         slot.hasRows ? 1 : plan.numGroups));
    operands.push_back(operand);
    if (!slot.isWidened)
      loaded.push_back(operand);
  }
}

void Scheduler::declareStaging() {
  // Of few rows, of which a lane has neighbours, stores are few.
  if (plan.machine.copies != CopyKind::Bulk || plan.machine.shares > 1)
    return;
  tile::ProgramOp program = plan.program;
  int64_t used = 0;
  auto count = [&](const Operand &operand) {
    for (Value ring : operand.rings)
      used += operand.type.getNumBytes() *
              cast<pipe::RingType>(ring.getType()).getSlots();
  };
  llvm::for_each(operands, count);
  for (const Operand &operand : loaded)
    if (operand.slot->isWidened)
      count(operand);
  for (auto store : program.getBody().getOps<tile::StoreOp>()) {
    auto type = cast<RankedTensorType>(store.getTile().getType());
    int64_t rank = cast<MemRefType>(store.getTarget().getType()).getRank();
    if (type.getRank() != 2 || type.getElementTypeBitWidth() != 16 ||
        rank > plan.machine.maxTensorRank ||
        plan.getLayout(store.getTarget(), rank - 2) ||
        type.getDimSize(1) * 2 % plan.machine.swizzle != 0)
      continue;
    auto shared = pipe::SharedType::get(
        b.getContext(), {plan.machine.productRows, type.getDimSize(1)},
        type.getElementType(), plan.machine.swizzle, plan.machine.groupWarps);
    // Control blocks and alignment take some.
    constexpr int64_t kReserved = 2048;
    used += shared.getNumBytes() * plan.numGroups;
    if (used > plan.machine.sharedBytes - kReserved)
      return;
    for (int64_t i = 0; i < plan.numGroups; ++i)
      staging[store].push_back(pipe::SharedTileOp::create(b, shared));
  }
}

LogicalResult Scheduler::declare() {
  tile::ProgramOp program = plan.program;
  if (!copiesElements()) {
    for (const SlotOperand &slot : plan.slots)
      frame.setRows(getArgument(slot.load.getSource()));
    // What left sides in registers are made of.
    if (plan.machine.shares > 1)
      for (auto load : program.getBody().getOps<tile::LoadOp>())
        if (cast<RankedTensorType>(load.getResult().getType()).getRank() == 2)
          frame.setRows(getArgument(load.getSource()));
    for (auto store : program.getBody().getOps<tile::StoreOp>())
      frame.setRows(getArgument(store.getTarget()));
  }
  if (failed(frame.createKernel(options.cluster)))
    return failure();
  FailureOr<Values> tiles = frame.getCounts();
  FailureOr<Value> guard = frame.getGuard();
  if (failed(tiles) || failed(guard))
    return failure();
  counts = *tiles;
  if (options.cluster > 1) {
    // The blocks of a cluster take tiles of the same other coordinates; those
    // beyond the last row store nothing.
    Value &rows = counts[plan.rowCoordinate];
    Value size = i32(options.cluster);
    rows = arith::MulIOp::create(b, arith::CeilDivUIOp::create(b, rows, size),
                                 size);
  }
  others = i32(1);
  for (auto [i, count] : llvm::enumerate(counts))
    if (i != plan.rowCoordinate)
      others = arith::MulIOp::create(b, others, count);
  Value items = arith::MulIOp::create(b, others, counts[plan.rowCoordinate]);
  if (*guard)
    items = arith::MulIOp::create(b, items, *guard);
  for (size_t i = 0; i < counts.size(); ++i)
    if (i != plan.rowCoordinate)
      order.push_back(i);
  order.push_back(plan.rowCoordinate);
  bool varies = plan.hasStepsOfRows() && !options.isStream;
  bool hasStationary = llvm::any_of(
      plan.slots, [](const SlotOperand &slot) { return !slot.isMoving; });
  // Groups that copy, or widen, learn of their items alone.
  sendsSteps = plan.sweep.hasLocated() &&
               llvm::any_of(plan.slots, [](const SlotOperand &slot) {
                 return slot.isMoving && !slot.isLate;
               });
  if (mergesRoles())
    kind = pipe::WorkKind::Single;
  else if (varies && hasStationary && !copiesElements() && !plan.widens())
    kind = pipe::WorkKind::Dynamic;
  if (options.isStream) {
    if (failed(createStream(items)))
      return failure();
  } else {
    work = pipe::WorkOp::create(b, pipe::WorkType::get(b.getContext(), kind),
                                items);
  }
  // Of others as many run at once as fit.
  if (kind != pipe::WorkKind::Single)
    frame.kernel.setBlocks(getSplit().blocks);
  bool takesTurns = options.takesTurns && plan.machine.takesTurns &&
                    plan.numGroups > 1 && !plan.lateProducts.empty();
  if (takesTurns)
    turn = pipe::TurnOp::create(
        b, pipe::TurnType::get(b.getContext(), plan.numGroups));
  declareRings();
  declareStaging();
  if (varies)
    section = getSection();
  return success();
}

LogicalResult Scheduler::createStream(Value items) {
  kind = pipe::WorkKind::Stream;
  tile::ProgramOp program = plan.program;
  auto varies = [&](size_t i) {
    return plan.hasStepsOf(program.getCoordinates()[i]);
  };
  auto firstAlike = std::stable_partition(order.begin(), order.end(), varies);
  Value alike = i32(1);
  for (size_t i : llvm::make_range(firstAlike, order.end()))
    alike = arith::MulIOp::create(b, alike, counts[i]);
  int64_t lead = llvm::divideCeil(plan.machine.itemKeys, plan.sweep.getTile());
  auto op = pipe::WorkOp::create(b, pipe::WorkType::get(b.getContext(), kind),
                                 items, alike, lead);
  work = op;
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(&op.getSteps(), {}, b.getI32Type(), b.getLoc());
  ScalarEmitter emitter(b);
  if (failed(frame.bindArguments(emitter)))
    return failure();
  setItem(emitter, body->getArgument(0));
  if (failed(emitScalars(emitter)))
    return failure();
  StepSequence sequence(b, emitter, plan.sweep);
  pipe::YieldOp::create(b, sequence.getNumSteps());
  return success();
}

pipe::RoleOp Scheduler::createRole(StringRef name, int64_t groups,
                                   int64_t warps, int64_t registers) {
  auto role = pipe::RoleOp::create(b, name, groups, warps, registers);
  Block *body = b.createBlock(&role.getBody(), {}, b.getI32Type(), b.getLoc());
  group = body->getArgument(0);
  auto end = pipe::YieldOp::create(b);
  b.setInsertionPoint(end);
  return role;
}

/// Scalars that hold for all items.
LogicalResult Scheduler::enterRole(RegisterEmitter &emitter) {
  return frame.bindArguments(emitter);
}

Value Scheduler::takeFirstItem() {
  for (Operand &operand : operands)
    operand.cursor = pipe::CursorOp::create(
        b, pipe::CursorType::get(
               b.getContext(),
               cast<pipe::RingType>(operand.rings[0].getType()).getSlots()));
  if (kind != pipe::WorkKind::Stream)
    return pipe::FirstItemOp::create(b, b.getI32Type(), work);
  auto part = pipe::FirstPartOp::create(b, work);
  stepsBefore = part.getBefore();
  // Where there are few steps, some blocks have none.
  Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::sge,
                                       part.getItem(), i32(0));
  auto choice = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
  b.setInsertionPointToStart(choice.thenBlock());
  return part.getItem();
}

Value Scheduler::openWorkLoop(Value first) {
  Values inits = getCursors(true);
  size_t numMoving = inits.size();
  llvm::append_range(inits, getCursors(false));
  if (kind == pipe::WorkKind::Stream)
    inits.push_back(stepsBefore);
  llvm::append_range(inits, readLoads);
  auto loop =
      pipe::WorkLoopOp::create(b, TypeRange(ValueRange(inits)), first, inits);
  Block *body = b.createBlock(&loop.getBody());
  Value item = body->addArgument(b.getI32Type(), b.getLoc());
  for (Value init : inits)
    body->addArgument(init.getType(), b.getLoc());
  ValueRange carried = ValueRange(body->getArguments()).drop_front();
  setCursors(carried.take_front(numMoving), true);
  carried = carried.drop_front(numMoving);
  ValueRange read = carried.take_back(readLoads.size());
  carried = carried.drop_back(read.size());
  readLoads.assign(read.begin(), read.end());
  if (kind == pipe::WorkKind::Stream) {
    stepsBefore = carried.back();
    carried = carried.drop_back();
  }
  setCursors(carried, false);
  return item;
}

void Scheduler::closeWorkLoop(Value next) {
  Values yields = {next};
  llvm::append_range(yields, getCursors(true));
  llvm::append_range(yields, getCursors(false));
  if (kind == pipe::WorkKind::Stream)
    yields.push_back(stepsBefore);
  llvm::append_range(yields, readLoads);
  pipe::YieldOp::create(b, yields);
}

Value Scheduler::getNextItem(Value item) {
  if (kind != pipe::WorkKind::Stream)
    return pipe::NextItemOp::create(b, b.getI32Type(), work, item);
  auto next = pipe::NextPartOp::create(b, work, item, stepsBefore, numSteps);
  stepsBefore = next.getNextBefore();
  return next.getNext();
}

std::pair<Value, Value> Scheduler::getSteps(StepSequence &sequence) {
  numSteps = sequence.getNumSteps();
  if (kind != pipe::WorkKind::Stream)
    return {i32(0), numSteps};
  auto part = pipe::PartOp::create(b, work, stepsBefore, numSteps);
  return {part.getFirst(), part.getLast()};
}

LogicalResult Scheduler::emitScalars(ScalarEmitter &emitter) {
  tile::ProgramOp program = plan.program;
  for (Operation &op : program.getBody().front()) {
    if (&op == plan.sweep)
      break;
    if (RegisterEmitter::isScalar(&op) && failed(emitter.emitScalar(&op)))
      return failure();
  }
  return success();
}

void Scheduler::setItem(ScalarEmitter &emitter, Value item) {
  tile::ProgramOp program = plan.program;
  Value rows = counts[plan.rowCoordinate], other = item, tile;
  auto div = [&](Value x, Value y) -> Value {
    return arith::DivUIOp::create(b, x, y);
  };
  auto rem = [&](Value x, Value y) -> Value {
    return arith::RemUIOp::create(b, x, y);
  };
  if (section) {
    // Sections of the other coordinates; in one, the last tiles of all its
    // items come first.
    Value items = arith::MulIOp::create(b, section, rows);
    Value first = arith::MulIOp::create(b, div(item, items), section);
    Value within = rem(item, items);
    Value width = arith::MinUIOp::create(
        b, arith::SubIOp::create(b, others, first), section);
    other = arith::AddIOp::create(b, first, rem(within, width));
    tile = arith::SubIOp::create(b, arith::SubIOp::create(b, rows, i32(1)),
                                 div(within, width));
  }
  auto changing = ArrayRef(order);
  if (section)
    changing = changing.drop_back();
  SmallVector<Value> numbers(counts.size(), tile);
  for (size_t place = changing.size(); place-- > 0;) {
    size_t i = changing[place];
    numbers[i] = place == 0 ? other : rem(other, counts[i]);
    if (place != 0)
      other = div(other, counts[i]);
  }
  for (auto [i, number] : llvm::enumerate(numbers)) {
    if (int64_t size = program.getSpaceTiles()[i]; size != 1)
      number = arith::MulIOp::create(b, number, i32(size));
    emitter.setScalar(program.getCoordinates()[i], number);
  }
}

LogicalResult Scheduler::setStep(RegisterEmitter &emitter, const Step &step) {
  tile::SweepOp sweep = plan.sweep;
  Block &block = sweep.getStep().front();
  emitter.setScalar(block.getArgument(0), step.base);
  emitter.setScalar(block.getArgument(1), step.count);
  for (Operation &op : block.without_terminator())
    if (RegisterEmitter::isScalar(&op) && failed(emitter.emit(&op)))
      return failure();
  return success();
}

Scheduler::Values Scheduler::getCursors(bool isMoving) {
  Values cursors;
  for (const Operand &operand : operands)
    if (operand.slot->isMoving == isMoving)
      cursors.push_back(operand.cursor);
  return cursors;
}

void Scheduler::setCursors(ValueRange cursors, bool isMoving) {
  for (Operand &operand : operands)
    if (operand.slot->isMoving == isMoving) {
      operand.cursor = cursors.front();
      cursors = cursors.drop_front();
    }
}

void Scheduler::advance(Operand &operand) {
  operand.cursor = pipe::AdvanceOp::create(b, operand.cursor);
}

LogicalResult Scheduler::run() {
  tile::ProgramOp program = plan.program;
  b.setInsertionPoint(program);
  if (failed(declare()))
    return failure();
  const RegisterSplit &split = getSplit();
  if (!mergesRoles()) {
    int64_t warps = copiesElements() ? plan.machine.groupWarps : 1;
    auto load = createRole("load", 1, warps, split.loading);
    if (failed(writeLoadRole()))
      return failure();
    b.setInsertionPointAfter(load);
  }
  SmallVector<std::pair<StringRef, Widened>> widening;
  if (plan.machine.widensApart && plan.widens(/*isLate=*/false) &&
      plan.widens(/*isLate=*/true))
    widening = {{"widen_early", Widened::Early}, {"widen_late", Widened::Late}};
  else if (plan.widens())
    widening = {{"widen", Widened::Both}};
  for (auto [name, which] : widening) {
    auto widen = createRole(name, 1, plan.machine.groupWarps,
                            plan.machine.widenRegisters);
    if (failed(writeWidenRole(which)))
      return failure();
    b.setInsertionPointAfter(widen);
  }
  auto multiply = createRole("multiply", plan.numGroups,
                             plan.machine.groupWarps, split.multiplying);
  if (failed(writeMultiplyRole()))
    return failure();
  b.setInsertionPointAfter(multiply);
  pipe::YieldOp::create(b);
  program.erase();
  return success();
}

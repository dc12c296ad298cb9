//===- Threads.cpp - points of ordinary threads -----------------------===//
//
// The points of a `pipe.each` run one after another, in an order of the
// schedule's. That no point depends on another is checked by what each element
// was last used for.
//
//===----------------------------------------------------------------------===//

#include "Agent.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

//===-- Points ------------------------------------------------------------===//

/// The number of the point that runs as the `index`-th of `total`.
static int64_t choosePoint(const PipeLaunch &launch, int64_t index,
                           int64_t total) {
  switch (launch.schedule) {
  case PipeSchedule::roundRobin:
  case PipeSchedule::earliest:
    return index;
  case PipeSchedule::latest:
    return total - 1 - index;
  case PipeSchedule::random:
    return static_cast<int64_t>((static_cast<uint64_t>(index) + launch.seed) %
                                static_cast<uint64_t>(total));
  }
  return index;
}

SmallVector<RuntimeValue> Agent::choosePoint(EachOp op, int64_t index) {
  int64_t total = 1;
  SmallVector<int64_t> extents = getIntegers(op.getExtents());
  for (int64_t extent : extents)
    total *= extent;
  point = ::choosePoint(machine.launch, index, total);
  SmallVector<RuntimeValue> coordinates(extents.size());
  int64_t rest = point;
  for (size_t dim = extents.size(); dim-- > 0;) {
    Scalar coordinate;
    coordinate.i = rest % extents[dim];
    rest /= extents[dim];
    coordinates[dim] = coordinate;
  }
  return coordinates;
}

Agent::Progress Agent::startEach(EachOp op) {
  ++eachNumber;
  for (int64_t extent : getIntegers(op.getExtents()))
    if (extent <= 0)
      return Progress::outside;
  enter(op.getBody(), choosePoint(op, 0));
  return Progress::inside;
}

Agent::Progress Agent::endPoint(EachOp op) {
  int64_t next = stack.back().index + 1;
  int64_t total = 1;
  for (int64_t extent : getIntegers(op.getExtents()))
    total *= extent;
  if (next == total) {
    point = -1;
    // Whatever is used next is used after the threads have met.
    ++eachNumber;
    leave({});
    return Progress::outside;
  }
  stack.pop_back();
  enter(op.getBody(), choosePoint(op, next));
  stack.back().index = next;
  return Progress::inside;
}

//===-- Elements ----------------------------------------------------------===//

ThreadArray::Element *Agent::getElement(Value array, ValueRange indices,
                                        Operation *op) {
  ThreadArray &target = *get<ThreadArray *>(array);
  if (target.owner && target.owner != this) {
    stop(op, describe() + " uses an array that " + target.owner->describe() +
                 " uses, and nothing orders the two");
    return nullptr;
  }
  target.owner = this;
  auto type = cast<pipe::ArrayType>(array.getType());
  int64_t offset = 0;
  for (auto [value, size] : llvm::zip_equal(indices, type.getShape())) {
    int64_t index = getInteger(value);
    if (index < 0 || index >= size) {
      stop(op, "expects an index below " + std::to_string(size) + ", but got " +
                   std::to_string(index));
      return nullptr;
    }
    offset = offset * size + index;
  }
  return &target.elements[offset];
}

Agent::Progress Agent::getElement(GetOp op) {
  if (isa<GlobalType>(op.getSource().getType())) {
    Global &global = machine.globals[get<GlobalRef>(op.getSource()).argument];
    int64_t offset = Machine::getOffset(global, getIntegers(op.getIndices()));
    TypedAttr beyond = op.getBeyondAttr();
    set(op.getElement(), offset >= 0 ? machine.read(global, offset, op)
                         : beyond    ? reference::getSlot(beyond)
                                     : toScalar(global.elementType, 0));
    return Progress::inside;
  }
  ThreadArray::Element *element =
      getElement(op.getSource(), op.getIndices(), op);
  if (!element)
    return Progress::outside;
  if (!element->put.op)
    machine.report(op, "gets an element of an array that nothing has put");
  else if (element->put.each == eachNumber && element->put.point != point)
    machine.report(op,
                   "gets an element that another point of the same pipe.each "
                   "puts; nothing orders the two",
                   Note(element->put.op, "it is put here"));
  bool isShared = element->get.op && element->get.each == eachNumber &&
                  element->get.point != point;
  element->get = {op, eachNumber, isShared ? ThreadArray::kSeveral : point};
  set(op.getElement(), element->value);
  return Progress::inside;
}

Agent::Progress Agent::findPages(PagesOp op) {
  Global &table = machine.globals[get<GlobalRef>(op.getTable()).argument];
  llvm::SmallVector<int64_t> indices = getIntegers(op.getIndices());
  auto position = static_cast<uint32_t>(getInteger(op.getPosition()));
  Registers pages(op.getPages().getType().getCount());
  indices.push_back(0);
  for (auto [number, page] : llvm::enumerate(pages)) {
    indices.back() = (position + number * op.getRun()) / op.getSize();
    int64_t offset = Machine::getOffset(table, indices);
    if (offset >= 0)
      page = machine.read(table, offset, op);
    else
      page.i = -1;
  }
  set(op.getPages(), std::move(pages));
  return Progress::inside;
}

Agent::Progress Agent::putElement(PutOp op) {
  const Scalar &value = get<Scalar>(op.getValue());
  if (isa<GlobalType>(op.getDest().getType())) {
    Global &global = machine.globals[get<GlobalRef>(op.getDest()).argument];
    int64_t offset = Machine::getOffset(global, getIntegers(op.getIndices()));
    if (offset >= 0)
      machine.write(global, offset, value, op, *this);
    return Progress::inside;
  }
  ThreadArray::Element *element = getElement(op.getDest(), op.getIndices(), op);
  if (!element)
    return Progress::outside;
  for (const ThreadArray::Use *use : {&element->put, &element->get})
    if (use->op && use->each == eachNumber && use->point != point)
      machine.report(op,
                     "puts an element that another point of the same "
                     "pipe.each uses; nothing orders the two",
                     Note(use->op, "it is used here"));
  element->put = {op, eachNumber, point};
  element->value = value;
  return Progress::inside;
}

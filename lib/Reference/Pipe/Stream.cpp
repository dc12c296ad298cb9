//===- Stream.cpp - items that several blocks do ----------------------===//
//
// What blocks bring to a meeting is kept until the last of them comes, and then
// combined in the order of the steps.
//
//===----------------------------------------------------------------------===//

#include "Agent.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

//===-- Steps -------------------------------------------------------------===//

Agent::Progress Agent::startSteps(WorkOp op) {
  if (op.getWork().getType().getKind() != WorkKind::Stream)
    return Progress::inside;
  if (block.index == 0) {
    machine.lineOfSteps = {0};
    machine.leadOfItems = 0;
  }
  if (machine.items <= 0)
    return Progress::inside;
  enter(op.getSteps(), toValue(0));
  return Progress::inside;
}

Agent::Progress Agent::endSteps(WorkOp op, int64_t steps) {
  int64_t item = stack.back().index;
  if (steps <= 0)
    return stop(op, "expects items of one step at the least, but item " +
                        std::to_string(item) + " has " + std::to_string(steps));
  steps += machine.leadOfItems;
  std::vector<int64_t> &line = machine.lineOfSteps;
  int64_t alike = op.getAlike() ? getInteger(op.getAlike()) : 1;
  if (block.index == 0) {
    line.push_back(line[item] + steps);
    int64_t first = alike > 0 ? item / alike * alike : item;
    if (steps != line[first + 1] - line[first])
      return stop(op, "expects " + std::to_string(alike) +
                          " items of as many steps, but item " +
                          std::to_string(first) + " has " +
                          std::to_string(line[first + 1] - line[first]) +
                          " and item " + std::to_string(item) + " has " +
                          std::to_string(steps));
  } else if (steps != line[item + 1] - line[item]) {
    return stop(op, "expects one number of steps of item " +
                        std::to_string(item) + " in all blocks, but got " +
                        std::to_string(line[item + 1] - line[item]) + " and " +
                        std::to_string(steps));
  }
  if (item + 1 == machine.items) {
    if (block.index == 0)
      machine.addLeads(static_cast<int64_t>(op.getLead()));
    leave(get(op.getWork()));
    return Progress::inside;
  }
  stack.pop_back();
  enter(op.getSteps(), toValue(item + 1));
  stack.back().index = item + 1;
  return Progress::inside;
}

//===-- Parts -------------------------------------------------------------===//

Agent::Progress Agent::firstPart(FirstPartOp op) {
  auto [begin, end] = machine.getShareOfSteps(block.index);
  int64_t item = -1, before = 0;
  if (begin != end) {
    const std::vector<int64_t> &line = machine.lineOfSteps;
    item = std::distance(line.begin(), llvm::upper_bound(line, begin)) - 1;
    before = line[item] + machine.leadOfItems;
    // A share that ends in an item's lead has nothing of it.
    if (before >= end) {
      item = -1;
    } else if (item == findLastItem()) {
      ++item;
      before = line[item] + machine.leadOfItems;
    }
  }
  setInteger(op.getItem(), item);
  setInteger(op.getBefore(), before);
  return Progress::inside;
}

/// The item whose end a block's share has, if it does another before; else -1.
int64_t Agent::findLastItem() {
  auto [begin, end] = machine.getShareOfSteps(block.index);
  const std::vector<int64_t> &line = machine.lineOfSteps;
  int64_t item =
      std::distance(line.begin(), llvm::upper_bound(line, begin)) - 1;
  bool isTail = begin != end && line[item] + machine.leadOfItems < begin &&
                line[item + 1] + machine.leadOfItems < end;
  return isTail ? item : -1;
}

Agent::Progress Agent::part(PartOp op) {
  auto [begin, end] = machine.getShareOfSteps(block.index);
  int64_t before = getInteger(op.getBefore()),
          steps = getInteger(op.getSteps());
  const std::vector<int64_t> &line = machine.lineOfSteps;
  int64_t ofItem = before - machine.leadOfItems;
  auto place = llvm::lower_bound(line, ofItem);
  if (place == line.end() || *place != ofItem ||
      std::next(place) == line.end() || *std::next(place) != before + steps)
    return stop(op, "expects an item of the stream, but none has " +
                        std::to_string(steps) + " steps after " +
                        std::to_string(before));
  setInteger(op.getFirst(), std::max<int64_t>(begin - before, 0));
  setInteger(op.getLast(), std::min(end - before, steps));
  return Progress::inside;
}

Agent::Progress Agent::nextPart(NextPartOp op) {
  int64_t end = machine.getShareOfSteps(block.index).second;
  int64_t item = getInteger(op.getItem()), last = findLastItem();
  int64_t before = getInteger(op.getBefore()) + getInteger(op.getSteps()) +
                   machine.leadOfItems;
  int64_t next = item == last ? -1 : last;
  if (item != last && before < end)
    next = item + 1;
  else if (next >= 0)
    before = machine.lineOfSteps[next] + machine.leadOfItems;
  setInteger(op.getNext(), next);
  setInteger(op.getNextBefore(), before);
  return Progress::inside;
}

//===-- Meetings ----------------------------------------------------------===//

/// How many blocks bring something to the meeting, and which of them this is.
std::pair<int64_t, int64_t> Agent::countParts(MeetOp op) {
  int64_t before = getInteger(op.getBefore()),
          steps = getInteger(op.getSteps());
  auto overlaps = [&](int64_t index) {
    auto [begin, end] = machine.getShareOfSteps(index);
    return begin < before + steps && end > before && begin != end;
  };
  int64_t expected = 0, own = 0;
  for (int64_t i = 0; i < machine.numBlocks; ++i) {
    expected += overlaps(i);
    own += i < block.index && overlaps(i);
  }
  return {expected, own};
}

Agent::Progress Agent::meet(MeetOp op) {
  auto [expected, number] = countParts(op);
  SmallVector<RuntimeValue> own = getAll(op.getValues());
  if (expected == 1) {
    own.insert(own.begin(), toValue(1));
    for (auto [result, value] : llvm::zip_equal(op->getResults(), own))
      set(result, value);
    return Progress::inside;
  }
  std::pair<int64_t, int64_t> place(group, getInteger(op.getBefore()));
  Machine::Parts &parts = machine.parts[place];
  parts.expected = expected;
  parts.op = op;
  if (!parts.values.try_emplace(number, own.begin(), own.end()).second)
    return stop(op, describe() + " brings a part that it has brought before");
  if (static_cast<int64_t>(parts.values.size()) < expected) {
    set(op.getIsWhole(), toValue(0));
    for (auto [value, result] :
         llvm::zip_equal(op.getValues(), op.getCombined())) {
      Type element = cast<RankedTensorType>(result.getType()).getElementType();
      set(result,
          Registers(get<RegistersRef>(value)->size(), getUndefined(element)));
    }
    return Progress::outside;
  }
  unmerged = std::move(parts.values);
  machine.parts.erase(place);
  merged = std::move(unmerged.extract(unmerged.begin()).mapped());
  return merge(op);
}

Agent::Progress Agent::merge(MeetOp op) {
  if (!unmerged.empty()) {
    std::vector<RuntimeValue> sides = std::move(merged);
    llvm::append_range(sides, unmerged.extract(unmerged.begin()).mapped());
    enter(op.getMerge(), sides);
    return Progress::inside;
  }
  set(op.getIsWhole(), toValue(1));
  for (auto [result, value] : llvm::zip_equal(op.getCombined(), merged))
    set(result, value);
  // The stack is at the op again.
  ++stack.back().next;
  return Progress::outside;
}

Agent::Progress Agent::endMerge(MeetOp op, ArrayRef<RuntimeValue> values) {
  stack.pop_back();
  merged.assign(values.begin(), values.end());
  return merge(op);
}

//===- Runs.cpp - sums over runs ------------------------------------------===//

#include "Agent.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

Agent::Progress Agent::startRuns(Operation *op) {
  int64_t bound = getInteger(op->getOperands().back());
  std::vector<int64_t> sums(isa<SumOp>(op) ? op->getNumResults() : 1, 0);
  if (auto locate = dyn_cast<LocateOp>(op)) {
    sums[0] = getInteger(locate.getNumber());
    if (sums[0] < 0)
      return stop(op, "expects a number that is not negative, but got " +
                          std::to_string(sums[0]));
  }
  if (bound > 0) {
    enter(op->getRegion(0), toValue(0));
    stack.back().sums = std::move(sums);
    return Progress::inside;
  }
  for (Value result : op->getResults())
    setInteger(result, 0);
  return Progress::inside;
}

Agent::Progress Agent::endRun(Operation *op, ArrayRef<RuntimeValue> numbers) {
  int64_t run = stack.back().index;
  std::vector<int64_t> sums = std::move(stack.back().sums);
  bool isSum = isa<SumOp>(op), isFound = false;
  for (auto [sum, number] : llvm::zip_equal(sums, numbers)) {
    int64_t own = std::get<Scalar>(number).i;
    if (own < 0)
      return stop(op, "expects numbers that are not negative, but run " +
                          std::to_string(run) + " has " + std::to_string(own));
    isFound = !isSum && sum < own;
    if (!isFound)
      sum += isSum ? own : -own;
  }
  bool isLast = run + 1 >= getInteger(op->getOperands().back());
  if (!isFound && !isLast) {
    stack.pop_back();
    enter(op->getRegion(0), toValue(run + 1));
    stack.back().index = run + 1;
    stack.back().sums = std::move(sums);
    return Progress::inside;
  }
  SmallVector<RuntimeValue> results;
  if (isSum)
    for (int64_t sum : sums)
      results.push_back(toValue(sum));
  else
    results = {toValue(isFound ? run : run + 1),
               toValue(isFound ? sums[0] : 0)};
  leave(results);
  return Progress::inside;
}

//===- Agent.cpp - steps through regions ------------------------------===//

#include "Agent.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

Agent::Agent(Machine &machine, reference::Block &block)
    : machine(machine), block(block), group(0) {
  mlir::Block &body = machine.kernel.getBody().front();
  stack.push_back({&body, body.begin()});
  unsigned numScalars = 0;
  for (BlockArgument argument : body.getArguments())
    if (isa<GlobalType>(argument.getType()))
      set(argument, GlobalRef{argument.getArgNumber() - numScalars});
    else
      set(argument, machine.scalars[numScalars++]);
}

Agent::Agent(Machine &machine, reference::Block &block, RoleOp role,
             int64_t group)
    : machine(machine), block(block), role(role), group(group) {
  mlir::Block &body = role.getBody().front();
  stack.push_back({&body, body.begin()});
  setInteger(role.getGroup(), group);
}

std::string Agent::describe() const {
  if (!role)
    return "the kernel's body";
  RoleOp op = role;
  return "group " + std::to_string(group) + " of \"" + op.getName().str() +
         "\" in block " + std::to_string(block.index);
}

void Agent::finish() {
  for (const std::shared_ptr<Product> &product : unretired)
    machine.report(product->op, "starts a product that " + describe() +
                                    " does not wait for before it ends");
}

//===-- Values ------------------------------------------------------------===//

const RuntimeValue &Agent::get(Value value) const {
  auto it = values.find(value);
  return it != values.end() ? it->second : block.values.find(value)->second;
}

void Agent::set(Value value, RuntimeValue result) {
  (role ? values : block.values)[value] = std::move(result);
}

void Agent::setInteger(Value value, int64_t integer) {
  Scalar scalar;
  scalar.i = integer;
  set(value, scalar);
}

SmallVector<RuntimeValue> Agent::getAll(ValueRange list) const {
  SmallVector<RuntimeValue> result;
  for (Value value : list)
    result.push_back(get(value));
  return result;
}

SmallVector<int64_t> Agent::getIntegers(ValueRange list) const {
  SmallVector<int64_t> result;
  for (Value value : list)
    result.push_back(getInteger(value));
  return result;
}

//===-- Steps -------------------------------------------------------------===//

Agent::Progress Agent::waitFor(const void *object, std::string reason,
                               Operation *party) {
  awaited = object;
  waitReason = std::move(reason);
  waitParty = party;
  return Progress::waits;
}

Agent::Progress Agent::stop(Operation *op, std::string message,
                            ArrayRef<Note> notes) {
  machine.stop(op, std::move(message), notes);
  return Progress::outside;
}

Agent::Progress Agent::step() {
  while (!machine.isStopped && !stack.empty()) {
    Operation *op = getOperation();
    if (!role && isa<RoleOp>(op)) {
      stack.clear();
      break;
    }
    if (++machine.operations > machine.launch.maxOperations)
      return stop(op, "the kernel has not ended after " +
                          std::to_string(machine.launch.maxOperations) +
                          " operations; " + describe() + " is here");
    if (!role && isa<PipeDialect>(op->getDialect()) && !isPure(op) &&
        !op->getParentOfType<WorkOp>() &&
        !op->hasTrait<OpTrait::HasParent<KernelOp>::Impl>())
      return stop(op, "expects to stand in a pipe.role, but stands in the "
                      "kernel's body");
    size_t depth = stack.size();
    Progress progress = execute(op);
    if (progress == Progress::waits)
      return progress;
    // An op that entered or left a region has moved the stack itself.
    if (stack.size() == depth && getOperation() == op &&
        !op->hasTrait<OpTrait::IsTerminator>())
      ++stack.back().next;
    if (progress == Progress::outside)
      return progress;
  }
  return stack.empty() ? Progress::ended : Progress::outside;
}

Agent::Progress Agent::execute(Operation *op) {
  if (isa<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return executeArithmetic(op);
  if (op->hasTrait<OpTrait::IsTerminator>())
    return executeTerminator(op);
  if (isa<scf::SCFDialect>(op->getDialect()) || isa<WorkLoopOp, IfAnyOp>(op))
    return executeControl(op);
  if (!isa<PipeDialect>(op->getDialect()))
    return stop(op, "the interpreter does not know '" +
                        op->getName().getStringRef().str() + "'");
  if (executeTile(op))
    return Progress::inside;
  return executeSync(op);
}

//===-- Control flow ------------------------------------------------------===//

void Agent::enter(Region &region, ArrayRef<RuntimeValue> arguments) {
  mlir::Block &body = region.front();
  for (auto [argument, value] : llvm::zip_equal(body.getArguments(), arguments))
    set(argument, value);
  stack.push_back({&body, body.begin()});
}

/// Ends the region on top of the stack, and with it the op that holds it.
void Agent::leave(ArrayRef<RuntimeValue> results) {
  Operation *op = stack.back().block->getParentOp();
  stack.pop_back();
  for (auto [result, value] : llvm::zip_equal(op->getResults(), results))
    set(result, value);
  ++stack.back().next;
}

Agent::Progress Agent::startFor(scf::ForOp op) {
  int64_t lower = getInteger(op.getLowerBound());
  int64_t step = getInteger(op.getStep());
  if (step <= 0 || op.getUnsignedCmp())
    return stop(op, "expects a positive step of signed integers, but got " +
                        std::to_string(step));
  SmallVector<RuntimeValue> carried = getAll(op.getInitArgs());
  if (lower >= getInteger(op.getUpperBound())) {
    for (auto [result, value] : llvm::zip_equal(op.getResults(), carried))
      set(result, value);
    return Progress::inside;
  }
  carried.insert(carried.begin(), toValue(lower));
  enter(op.getRegion(), carried);
  stack.back().index = lower;
  return Progress::inside;
}

Agent::Progress Agent::executeControl(Operation *op) {
  return TypeSwitch<Operation *, Progress>(op)
      .Case([&](scf::ForOp loop) { return startFor(loop); })
      .Case([&](scf::IfOp branch) {
        bool condition = getInteger(branch.getCondition());
        Region &region =
            condition ? branch.getThenRegion() : branch.getElseRegion();
        if (!region.empty())
          enter(region, {});
        return Progress::inside;
      })
      .Case([&](IfAnyOp branch) {
        const Registers &holds = *get<RegistersRef>(branch.getCondition());
        if (llvm::any_of(holds, [](const Scalar &own) { return own.i != 0; })) {
          enter(branch.getBody(), {});
          return Progress::inside;
        }
        for (auto [result, other] :
             llvm::zip_equal(branch.getResults(), branch.getOthers())) {
          RuntimeValue kept = get(other);
          set(result, std::move(kept));
        }
        return Progress::inside;
      })
      .Case([&](scf::WhileOp loop) {
        enter(loop.getBefore(), getAll(loop.getInits()));
        return Progress::inside;
      })
      .Case([&](WorkLoopOp loop) {
        SmallVector<RuntimeValue> carried = getAll(loop.getInits());
        if (getInteger(loop.getFirst()) < 0)
          return stop(loop, "expects a first item, but got " +
                                std::to_string(getInteger(loop.getFirst())));
        carried.insert(carried.begin(), get(loop.getFirst()));
        enter(loop.getBody(), carried);
        return Progress::inside;
      })
      .Default([&](Operation *other) {
        return stop(other, "the interpreter does not know '" +
                               other->getName().getStringRef().str() + "'");
      });
}

Agent::Progress Agent::executeTerminator(Operation *op) {
  Operation *parent = op->getParentOp();
  SmallVector<RuntimeValue> yielded = getAll(op->getOperands());
  if (isa<RoleOp, KernelOp>(parent)) {
    stack.clear();
    return Progress::inside;
  }
  if (auto fill = dyn_cast<FillOp>(parent)) {
    leave({});
    return endFill(fill);
  }
  if (auto each = dyn_cast<EachOp>(parent))
    return endPoint(each);
  if (auto work = dyn_cast<WorkOp>(parent))
    return endSteps(work, std::get<Scalar>(yielded.front()).i);
  if (auto meeting = dyn_cast<MeetOp>(parent))
    return endMerge(meeting, yielded);
  if (isa<SumOp, LocateOp>(parent))
    return endRun(parent, yielded);
  if (auto loop = dyn_cast<scf::ForOp>(parent)) {
    int64_t next = stack.back().index + getInteger(loop.getStep());
    if (next >= getInteger(loop.getUpperBound())) {
      leave(yielded);
      return Progress::inside;
    }
    stack.pop_back();
    yielded.insert(yielded.begin(), toValue(next));
    enter(loop.getRegion(), yielded);
    stack.back().index = next;
    return Progress::inside;
  }
  if (auto loop = dyn_cast<WorkLoopOp>(parent)) {
    if (std::get<Scalar>(yielded.front()).i < 0) {
      leave(ArrayRef(yielded).drop_front());
      return Progress::inside;
    }
    stack.pop_back();
    enter(loop.getBody(), yielded);
    return Progress::inside;
  }
  if (auto condition = dyn_cast<scf::ConditionOp>(op)) {
    auto loop = cast<scf::WhileOp>(parent);
    SmallVector<RuntimeValue> passed = getAll(condition.getArgs());
    if (!getInteger(condition.getCondition())) {
      leave(passed);
      return Progress::inside;
    }
    stack.pop_back();
    enter(loop.getAfter(), passed);
    return Progress::inside;
  }
  if (auto loop = dyn_cast<scf::WhileOp>(parent)) {
    stack.pop_back();
    enter(loop.getBefore(), yielded);
    return Progress::inside;
  }
  leave(yielded);
  return Progress::inside;
}

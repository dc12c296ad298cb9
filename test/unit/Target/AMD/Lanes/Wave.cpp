//===- Wave.cpp - a wave in lock step -------------------------------------===//

#include "Workgroup.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/IntrinsicsAMDGPU.h"
#include "llvm/IR/Operator.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace attn;
using namespace attn::lanes;

unsigned lanes::countElements(llvm::Type *type) {
  if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(type))
    return vector->getNumElements();
  if (auto *array = llvm::dyn_cast<llvm::ArrayType>(type))
    return static_cast<unsigned>(array->getNumElements()) *
           countElements(array->getElementType());
  if (auto *record = llvm::dyn_cast<llvm::StructType>(type)) {
    unsigned count = 0;
    for (llvm::Type *member : record->elements())
      count += countElements(member);
    return count;
  }
  return 1;
}

Wave::Wave(Workgroup &group, unsigned number)
    : group(group), device(group.device), number(number),
      numLanes(group.device.launch.waveLanes) {
  const LaneLaunch &launch = device.launch;
  at.assign(numLanes, nullptr);
  before.assign(numLanes, nullptr);
  isActive.assign(numLanes, false);
  stacks.resize(numLanes);
  for (unsigned lane = 0; lane < numLanes; ++lane)
    if (number * numLanes + lane < launch.threads) {
      at[lane] = &device.kernel.getEntryBlock();
      ++numRunning;
    }
  for (auto [argument, bytes] :
       llvm::zip(device.kernel.args(), launch.parameters)) {
    Register value;
    value.isSame = true;
    value.words.assign(1, 0);
    std::memcpy(value.words.data(), bytes.data(),
                std::min<size_t>(bytes.size(), 8));
    registers[&argument] = std::move(value);
  }
}

void Wave::stop(const std::string &why) {
  if (!group.finding.empty())
    return;
  llvm::raw_string_ostream stream(group.finding);
  stream << "wave " << number << ": " << why;
  if (current)
    stream << " in" << *current;
}

void Wave::run(unsigned numBlocks) {
  for (unsigned i = 0;
       i < numBlocks && !isDone() && !isWaiting && group.finding.empty(); ++i) {
    if (resume) {
      runBlock(resume->getParent());
      continue;
    }
    llvm::BasicBlock *first = nullptr;
    for (llvm::BasicBlock *block : at)
      if (block && (!first || device.order[block] < device.order[first]))
        first = block;
    for (unsigned lane = 0; lane < numLanes; ++lane)
      isActive[lane] = at[lane] == first;
    takePhis(first);
    runBlock(first);
  }
}

void Wave::takePhis(llvm::BasicBlock *block) {
  // All of them read before any is set.
  std::vector<std::pair<llvm::PHINode *, Register>> taken;
  for (llvm::PHINode &phi : block->phis()) {
    Register &old = registers[&phi];
    Register value = old.words.empty() ? makeResult(phi.getType()) : old;
    forEach([&](unsigned lane) {
      const Register &from = get(phi.getIncomingValueForBlock(before[lane]));
      std::copy_n(from.get(lane), value.count, value.get(lane));
    });
    taken.push_back({&phi, std::move(value)});
  }
  for (auto &[phi, value] : taken)
    registers[phi] = std::move(value);
}

void Wave::runBlock(llvm::BasicBlock *block) {
  auto begin =
      resume ? std::next(resume->getIterator()) : block->getFirstNonPHIIt();
  resume = nullptr;
  for (auto it = begin; it != block->end() && group.finding.empty(); ++it) {
    current = &*it;
    ++device.numInstructions;
    if (it->isTerminator())
      return branch(*it);
    execute(*it);
    if (isWaiting) {
      // Goes on behind the barrier, with the same lanes.
      resume = &*it;
      return;
    }
  }
}

void Wave::branch(llvm::Instruction &terminator) {
  if (llvm::isa<llvm::ReturnInst>(terminator))
    return forEach([&](unsigned lane) {
      at[lane] = nullptr;
      --numRunning;
    });
  llvm::BasicBlock *block = terminator.getParent();
  auto go = [&](unsigned lane, llvm::BasicBlock *to) {
    before[lane] = block;
    at[lane] = to;
  };
  if (auto *jump = llvm::dyn_cast<llvm::BranchInst>(&terminator)) {
    if (jump->isUnconditional())
      return forEach([&](unsigned lane) { go(lane, jump->getSuccessor(0)); });
    const Register &condition = get(jump->getCondition());
    return forEach([&](unsigned lane) {
      go(lane, jump->getSuccessor(*condition.get(lane) & 1 ? 0 : 1));
    });
  }
  if (auto *choice = llvm::dyn_cast<llvm::SwitchInst>(&terminator)) {
    const Register &condition = get(choice->getCondition());
    return forEach([&](unsigned lane) {
      for (auto entry : choice->cases())
        if (entry.getCaseValue()->getZExtValue() == *condition.get(lane))
          return go(lane, entry.getCaseSuccessor());
      go(lane, choice->getDefaultDest());
    });
  }
  stop("there is no model of the instruction");
}

void Wave::execute(llvm::Instruction &instruction) {
  Register result = makeResult(instruction.getType());
  if (auto *op = llvm::dyn_cast<llvm::CallInst>(&instruction))
    call(*op, result);
  else if (!executeNumber(instruction, result) &&
           !executeVector(instruction, result) &&
           !executeMemory(instruction, result))
    stop("there is no model of the instruction");
  if (instruction.getType()->isVoidTy())
    return;
  Register &place = registers[&instruction];
  // Lanes that are elsewhere keep what they have.
  if (place.words.empty()) {
    place = std::move(result);
    return;
  }
  forEach([&](unsigned lane) {
    std::copy_n(result.get(lane), result.count, place.get(lane));
  });
}

Register Wave::makeResult(llvm::Type *type) const {
  Register result;
  if (type->isVoidTy())
    return result;
  result.count = countElements(type);
  result.words.assign(size_t(result.count) * numLanes, kUnset);
  return result;
}

const Register &Wave::get(llvm::Value *value) {
  auto found = registers.find(value);
  if (found != registers.end())
    return found->second;
  if (auto *constant = llvm::dyn_cast<llvm::Constant>(value))
    registers[value] = evaluate(constant);
  else
    registers[value] = makeResult(value->getType());
  return registers[value];
}

Register Wave::evaluate(llvm::Constant *constant) {
  Register value;
  value.isSame = true;
  fill(constant, value.words);
  value.count = static_cast<unsigned>(value.words.size());
  return value;
}

void Wave::fill(llvm::Constant *constant, std::vector<uint64_t> &words) {
  if (auto *integer = llvm::dyn_cast<llvm::ConstantInt>(constant)) {
    if (!integer->getType()->isVectorTy())
      return words.push_back(integer->getZExtValue());
  } else if (auto *number = llvm::dyn_cast<llvm::ConstantFP>(constant)) {
    if (!number->getType()->isVectorTy())
      return words.push_back(
          number->getValueAPF().bitcastToAPInt().getZExtValue());
  } else if (llvm::isa<llvm::UndefValue>(constant)) {
    words.insert(words.end(), countElements(constant->getType()), kUnset);
    return;
  } else if (constant->isNullValue()) {
    words.insert(words.end(), countElements(constant->getType()), 0);
    return;
  } else if (auto *variable = llvm::dyn_cast<llvm::GlobalVariable>(constant)) {
    auto found = device.addresses.find(variable);
    if (found != device.addresses.end())
      return words.push_back(found->second);
  } else if (auto *gep = llvm::dyn_cast<llvm::GEPOperator>(constant)) {
    llvm::APInt offset(device.layout.getIndexTypeSizeInBits(gep->getType()), 0);
    if (gep->accumulateConstantOffset(device.layout, offset)) {
      fill(llvm::cast<llvm::Constant>(gep->getPointerOperand()), words);
      words.back() += offset.getZExtValue();
      return;
    }
  } else if (auto *expr = llvm::dyn_cast<llvm::ConstantExpr>(constant)) {
    if (expr->isCast())
      return fill(expr->getOperand(0), words);
  }
  if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(constant->getType()))
    for (unsigned i = 0; i < vector->getNumElements(); ++i)
      fill(constant->getAggregateElement(i), words);
  else if (llvm::isa<llvm::ConstantAggregate, llvm::ConstantDataSequential>(
               constant))
    for (unsigned i = 0;
         llvm::Constant *member = constant->getAggregateElement(i); ++i)
      fill(member, words);
  else
    stop("there is no model of a constant");
}

//===- Arithmetic.cpp - arith and math on scalars and registers -------===//

#include "Agent.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

static unsigned getBits(Type type) {
  if (type.isIndex())
    return 64;
  auto integer = dyn_cast<IntegerType>(type);
  return integer ? integer.getWidth() : 0;
}

/// What `op` does to one element, or null.
const Instruction *Machine::getInstruction(Operation *op) {
  auto [it, inserted] = compiled.try_emplace(op);
  Instruction &instruction = it->second;
  if (!inserted)
    return instruction.kernel ? &instruction : nullptr;
  if (op->getNumResults() != 1)
    return nullptr;
  instruction.kernel = lookupKernel(op->getName().getStringRef());
  if (!instruction.kernel)
    return nullptr;
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  instruction.operandBits =
      getBits(getElementTypeOrSelf(op->getOperand(0).getType()));
  instruction.resultBits = getBits(type);
  if (auto floatType = dyn_cast<FloatType>(type); floatType && !type.isF64())
    instruction.rounding = floatType;
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    instruction.predicate = static_cast<int64_t>(compare.getPredicate());
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    instruction.predicate = static_cast<int64_t>(compare.getPredicate());
  return &instruction;
}

/// Values that a register file of `type` holds, over all lanes.
static int64_t getNumValues(Machine &machine, RankedTensorType type) {
  const FragmentTable &table = machine.getTable(pipe::getFragment(type));
  if (auto slice = dyn_cast<pipe::SliceAttr>(type.getEncoding()))
    return table.getNumThreads() * table.lines[1 - slice.getDim()].numRegisters;
  return table.getNumThreads() * table.numRegisters;
}

Agent::Progress Agent::executeConstant(Operation *op) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  if (isa<FloatAttr, IntegerAttr>(value)) {
    set(op->getResult(0), reference::getSlot(value));
    return Progress::inside;
  }
  auto elements = dyn_cast<SplatElementsAttr>(value);
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!elements || !type || !pipe::getFragment(type))
    return stop(op, "expects a scalar, or one for all elements of a tile with "
                    "a fragment");
  set(op->getResult(0),
      Registers(getNumValues(machine, type),
                reference::getSlot(elements.getSplatValue<Attribute>())));
  return Progress::inside;
}

Agent::Progress Agent::executeArithmetic(Operation *op) {
  if (isa<arith::ConstantOp>(op))
    return executeConstant(op);
  // Any value may be chosen, a ring too.
  if (auto select = dyn_cast<arith::SelectOp>(op);
      select && select.getCondition().getType().isInteger(1)) {
    bool condition = getInteger(select.getCondition());
    RuntimeValue chosen =
        get(condition ? select.getTrueValue() : select.getFalseValue());
    set(select.getResult(), std::move(chosen));
    return Progress::inside;
  }
  const Instruction *instruction = machine.getInstruction(op);
  Type type = op->getNumResults() == 1 ? op->getResult(0).getType() : Type();
  auto tensor = dyn_cast_if_present<RankedTensorType>(type);
  if (!instruction ||
      !(tensor ? bool(pipe::getFragment(tensor)) : type.isIntOrIndexOrFloat()))
    return stop(op, "the interpreter does not know '" +
                        op->getName().getStringRef().str() +
                        "' of these types");
  SmallVector<const Scalar *> operands;
  for (Value operand : op->getOperands())
    operands.push_back(tensor ? get<RegistersRef>(operand)->data()
                              : &get<Scalar>(operand));
  const char *fault = nullptr;
  if (tensor) {
    Registers result(getNumValues(machine, tensor));
    instruction->kernel(*instruction, operands.data(), result.data(),
                        result.size(), fault);
    set(op->getResult(0), std::move(result));
  } else {
    Scalar result;
    instruction->kernel(*instruction, operands.data(), &result, 1, fault);
    set(op->getResult(0), result);
  }
  if (fault)
    return stop(op, fault);
  return Progress::inside;
}

//===- ScalarProgram.cpp - compiles regions of scalar operations
//------------===//

#include "ScalarProgram.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

double attn::reference::roundTo(FloatType type, double value) {
  if (type.isF64() || !std::isfinite(value) || value == 0)
    return value;
  if (type.isF32())
    return static_cast<float>(value);
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  int precision = llvm::APFloat::semanticsPrecision(semantics);
  int least = llvm::APFloat::semanticsMinExponent(semantics) - (precision - 1);
  int exponent;
  std::frexp(value, &exponent);
  // The value of the last bit; below the normal numbers it stays the same.
  int last = std::max(exponent - precision, least);
  double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -last)), last);
  int limit = llvm::APFloat::semanticsMaxExponent(semantics);
  return std::fabs(rounded) >= std::ldexp(1.0, limit + 1)
             ? std::copysign(std::numeric_limits<double>::infinity(), value)
             : rounded;
}

int64_t attn::reference::toInteger(double value) {
  constexpr double limit = 9223372036854775808.0; // 2^63
  if (std::isnan(value))
    return 0;
  if (value >= limit)
    return std::numeric_limits<int64_t>::max();
  if (value < -limit)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

Slot attn::reference::getSlot(Attribute attribute) {
  Slot slot;
  if (auto value = dyn_cast<FloatAttr>(attribute)) {
    slot.f = value.getValueAsDouble();
  } else {
    auto integer = cast<IntegerAttr>(attribute);
    bool isBit = integer.getType().isInteger(1);
    slot.i = isBit ? integer.getValue().getZExtValue()
                   : integer.getValue().getSExtValue();
  }
  return slot;
}

/// Bits of an integer type; 0 for others.
static unsigned getBits(Type type) {
  if (type.isIndex())
    return 64;
  auto integer = dyn_cast<IntegerType>(type);
  return integer ? integer.getWidth() : 0;
}

static Status refuse(Operation *op, StringRef why) {
  return Status::error(
      StatusCode::unsupported, "interpreter",
      ("operation '" + op->getName().getStringRef() + "' " + why).str(),
      "use scalar operations of arith and math");
}

Result<Instruction> attn::reference::lookupInstruction(Operation *op,
                                                       bool unfused) {
  Instruction instruction;
  instruction.kernel = lookupKernel(op->getName().getStringRef());
  if (!instruction.kernel)
    return refuse(op, "is not one that the interpreter knows");
  auto isScalar = [](Type type) {
    return isa<FloatType, IndexType>(type) ||
           (isa<IntegerType>(type) && getBits(type) <= 64);
  };
  if (op->getNumResults() != 1 || !isScalar(op->getResult(0).getType()) ||
      !llvm::all_of(op->getOperandTypes(), isScalar))
    return refuse(op, "is not scalar");
  Type type = op->getResult(0).getType();
  instruction.operandBits = getBits(op->getOperand(0).getType());
  instruction.resultBits = getBits(type);
  if (auto floatType = dyn_cast<FloatType>(type); floatType && unfused)
    if (!floatType.isF64())
      instruction.rounding = floatType;
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    instruction.predicate = static_cast<int64_t>(compare.getPredicate());
  if (auto compare = dyn_cast<arith::CmpFOp>(op))
    instruction.predicate = static_cast<int64_t>(compare.getPredicate());
  return instruction;
}

namespace {
class Compiler {
public:
  Compiler(Block &block, bool unfused) : block(block), unfused(unfused) {}

  Result<ScalarProgram> run() {
    for (BlockArgument argument : block.getArguments())
      registers[argument] = program.numRegisters++;
    program.numArguments = program.numRegisters;
    for (Operation &op : block.without_terminator())
      if (Status status = compile(&op); !status.isOk())
        return status;
    program.yield = getRegister(block.getTerminator()->getOperand(0));
    return std::move(program);
  }

private:
  Status compile(Operation *op) {
    Attribute constant;
    if (matchPattern(op, m_Constant(&constant)) &&
        isa<FloatAttr, IntegerAttr>(constant)) {
      program.constants.push_back({define(op), getSlot(constant)});
      return {};
    }
    if (auto index = dyn_cast<cascade::IndexOp>(op)) {
      auto einsum = cast<cascade::EinsumOp>(op->getParentOp());
      program.coordinates.push_back(
          {define(op), *einsum.getVariablePosition(index.getVariable())});
      return {};
    }
    if (auto extent = dyn_cast<cascade::ExtentOp>(op)) {
      program.extents.push_back({define(op), extent.getRankAttr()});
      return {};
    }
    Instruction instruction;
    if (auto read = dyn_cast<cascade::ReadOp>(op)) {
      instruction.read = read;
      for (Value coordinate : read.getCoordinates())
        instruction.operands.push_back(getRegister(coordinate));
    } else if (auto member = dyn_cast<cascade::MemberOp>(op)) {
      instruction.member = member;
      for (Value operand : op->getOperands())
        if (operand != member.getSource())
          instruction.operands.push_back(getRegister(operand));
    } else {
      Result<Instruction> found = lookupInstruction(op, unfused);
      if (!found.isOk())
        return found.takeStatus();
      instruction = std::move(*found);
      for (Value operand : op->getOperands())
        instruction.operands.push_back(getRegister(operand));
    }
    instruction.result = define(op);
    program.instructions.push_back(std::move(instruction));
    return {};
  }

  unsigned define(Operation *op) {
    return registers[op->getResult(0)] = program.numRegisters++;
  }

  /// A value from outside the block gets a register on its first use.
  unsigned getRegister(Value value) {
    auto [it, inserted] = registers.try_emplace(value, program.numRegisters);
    if (inserted) {
      ++program.numRegisters;
      program.captures.push_back({it->second, value});
    }
    return it->second;
  }

  Block &block;
  bool unfused;
  ScalarProgram program;
  llvm::DenseMap<Value, unsigned> registers;
};
} // namespace

Result<ScalarProgram> attn::reference::compileBlock(Block &block,
                                                    bool unfused) {
  return Compiler(block, unfused).run();
}

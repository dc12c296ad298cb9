//===- Ops.cpp - instructions of LLVM IR, lane by lane --------------------===//

#include "Workgroup.h"

#include "llvm/IR/GetElementPtrTypeIterator.h"
#include "llvm/IR/Operator.h"

#include <cmath>
#include <cstring>

using namespace attn;
using namespace attn::lanes;

double lanes::toDouble(llvm::Type *type, uint64_t bits) {
  if (type->isDoubleTy())
    return llvm::bit_cast<double>(bits);
  if (type->isFloatTy())
    return llvm::bit_cast<float>(static_cast<uint32_t>(bits));
  if (type->isBFloatTy())
    return llvm::bit_cast<float>(static_cast<uint32_t>(bits << 16));
  return llvm::APFloat(llvm::APFloat::IEEEhalf(),
                       llvm::APInt(16, bits & 0xffff))
      .convertToFloat();
}

uint64_t lanes::toBits(llvm::Type *type, double value) {
  if (type->isDoubleTy())
    return llvm::bit_cast<uint64_t>(value);
  if (type->isFloatTy())
    return llvm::bit_cast<uint32_t>(static_cast<float>(value));
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(type->getFltSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

static uint64_t truncate(uint64_t bits, unsigned width) {
  return width >= 64 ? bits : bits & ((uint64_t(1) << width) - 1);
}

static int64_t extend(uint64_t bits, unsigned width) {
  return llvm::SignExtend64(bits, width);
}

/// Of integers of `width` bits; nothing where there is no model, or the result
/// is none.
static std::optional<uint64_t> compute(unsigned opcode, uint64_t a, uint64_t b,
                                       unsigned width) {
  using Op = llvm::Instruction;
  a = truncate(a, width);
  b = truncate(b, width);
  switch (opcode) {
  case Op::Add:
    return truncate(a + b, width);
  case Op::Sub:
    return truncate(a - b, width);
  case Op::Mul:
    return truncate(a * b, width);
  case Op::And:
    return a & b;
  case Op::Or:
    return a | b;
  case Op::Xor:
    return a ^ b;
  case Op::Shl:
    return b < width ? truncate(a << b, width) : kUnset;
  case Op::LShr:
    return b < width ? a >> b : kUnset;
  case Op::AShr:
    return b < width
               ? truncate(static_cast<uint64_t>(extend(a, width) >> b), width)
               : kUnset;
  case Op::UDiv:
    return b ? std::optional(a / b) : std::nullopt;
  case Op::URem:
    return b ? std::optional(a % b) : std::nullopt;
  case Op::SDiv:
  case Op::SRem: {
    int64_t x = extend(a, width), y = extend(b, width);
    if (y == 0 || (y == -1 && x == extend(uint64_t(1) << (width - 1), width)))
      return std::nullopt;
    return truncate(static_cast<uint64_t>(opcode == Op::SDiv ? x / y : x % y),
                    width);
  }
  default:
    return std::nullopt;
  }
}

static std::optional<double> computeFloat(unsigned opcode, double a, double b) {
  using Op = llvm::Instruction;
  switch (opcode) {
  case Op::FAdd:
    return a + b;
  case Op::FSub:
    return a - b;
  case Op::FMul:
    return a * b;
  case Op::FDiv:
    return a / b;
  default:
    return std::nullopt;
  }
}

static bool compareFloats(llvm::CmpInst::Predicate predicate, double a,
                          double b) {
  bool isUnordered = std::isnan(a) || std::isnan(b);
  // FCMP_: bits equal, greater, less, unordered.
  unsigned bits = predicate;
  return (bits & 8 && isUnordered) ||
         (!isUnordered &&
          ((bits & 1 && a == b) || (bits & 2 && a > b) || (bits & 4 && a < b)));
}

static unsigned getWidth(llvm::Type *type, const llvm::DataLayout &layout) {
  return static_cast<unsigned>(
      layout.getTypeSizeInBits(type->getScalarType()).getFixedValue());
}

/// One element cast from `from` to `to`.
static std::optional<uint64_t> castElement(unsigned opcode, uint64_t bits,
                                           llvm::Type *from, llvm::Type *to,
                                           const llvm::DataLayout &layout) {
  using Op = llvm::Instruction;
  unsigned fromWidth = getWidth(from, layout), toWidth = getWidth(to, layout);
  switch (opcode) {
  case Op::Trunc:
  case Op::ZExt:
  case Op::PtrToInt:
  case Op::IntToPtr:
    return truncate(truncate(bits, fromWidth), toWidth);
  case Op::SExt:
    return truncate(static_cast<uint64_t>(extend(bits, fromWidth)), toWidth);
  case Op::FPTrunc:
  case Op::FPExt:
    return toBits(to, toDouble(from, bits));
  case Op::SIToFP:
    return toBits(to, static_cast<double>(extend(bits, fromWidth)));
  case Op::UIToFP:
    return toBits(to, static_cast<double>(truncate(bits, fromWidth)));
  case Op::FPToSI:
    return truncate(
        static_cast<uint64_t>(static_cast<int64_t>(toDouble(from, bits))),
        toWidth);
  case Op::FPToUI:
    return truncate(static_cast<uint64_t>(toDouble(from, bits)), toWidth);
  default:
    return std::nullopt;
  }
}

bool Wave::executeNumber(llvm::Instruction &instruction, Register &result) {
  llvm::Type *type = instruction.getType();
  llvm::Type *element = getElement(type);
  auto operand = [&](unsigned i) -> const Register & {
    return get(instruction.getOperand(i));
  };
  if (auto *op = llvm::dyn_cast<llvm::BinaryOperator>(&instruction)) {
    const Register &a = operand(0), &b = operand(1);
    unsigned width = getWidth(type, device.layout);
    bool isKnown = true;
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i) {
        uint64_t x = a.get(lane)[i], y = b.get(lane)[i];
        std::optional<uint64_t> bits;
        if (!element->isFloatingPointTy())
          bits = compute(op->getOpcode(), x, y, width);
        else if (auto value =
                     computeFloat(op->getOpcode(), toDouble(element, x),
                                  toDouble(element, y)))
          bits = toBits(element, *value);
        isKnown &= bits.has_value();
        result.get(lane)[i] = bits.value_or(kUnset);
      }
    });
    return isKnown;
  }
  if (auto *op = llvm::dyn_cast<llvm::UnaryOperator>(&instruction)) {
    const Register &a = operand(0);
    uint64_t sign = uint64_t(1) << (getWidth(type, device.layout) - 1);
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i)
        result.get(lane)[i] = a.get(lane)[i] ^ sign;
    });
    return op->getOpcode() == llvm::Instruction::FNeg;
  }
  if (auto *op = llvm::dyn_cast<llvm::CmpInst>(&instruction)) {
    const Register &a = operand(0), &b = operand(1);
    llvm::Type *from = getElement(op->getOperand(0)->getType());
    unsigned width = getWidth(from, device.layout);
    auto predicate = op->getPredicate();
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i) {
        uint64_t x = a.get(lane)[i], y = b.get(lane)[i];
        result.get(lane)[i] =
            op->isFPPredicate()
                ? compareFloats(predicate, toDouble(from, x), toDouble(from, y))
                : llvm::ICmpInst::compare(
                      llvm::APInt(width, truncate(x, width)),
                      llvm::APInt(width, truncate(y, width)), predicate);
      }
    });
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::BitCastInst>(&instruction)) {
    const Register &a = operand(0);
    unsigned from = getWidth(op->getSrcTy(), device.layout);
    unsigned to = getWidth(op->getDestTy(), device.layout);
    forEach([&](unsigned lane) {
      // Little-endian: the first element has the lowest bits.
      std::fill_n(result.get(lane), result.count, 0);
      for (unsigned bit = 0; bit < from * a.count; bit += std::min(from, to)) {
        uint64_t part = a.get(lane)[bit / from] >> (bit % from);
        result.get(lane)[bit / to] |= truncate(part, std::min(from, to))
                                      << (bit % to);
      }
    });
    return true;
  }
  if (llvm::isa<llvm::AddrSpaceCastInst>(&instruction)) {
    const Register &a = operand(0);
    // Global and constant memory are one with the generic space.
    forEach([&](unsigned lane) { *result.get(lane) = *a.get(lane); });
    auto isShared = [](llvm::Type *pointer) {
      unsigned space = pointer->getPointerAddressSpace();
      return space == Space::local || space == Space::priv;
    };
    return !isShared(type) && !isShared(instruction.getOperand(0)->getType());
  }
  if (auto *op = llvm::dyn_cast<llvm::CastInst>(&instruction)) {
    const Register &a = operand(0);
    llvm::Type *from = getElement(op->getSrcTy());
    bool isKnown = true;
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i) {
        auto bits = castElement(op->getOpcode(), a.get(lane)[i], from, element,
                                device.layout);
        isKnown &= bits.has_value();
        result.get(lane)[i] = bits.value_or(kUnset);
      }
    });
    return isKnown;
  }
  if (llvm::isa<llvm::FreezeInst>(&instruction)) {
    const Register &a = operand(0);
    forEach([&](unsigned lane) {
      std::copy_n(a.get(lane), result.count, result.get(lane));
    });
    return true;
  }
  if (llvm::isa<llvm::SelectInst>(&instruction)) {
    const Register &c = operand(0), &a = operand(1), &b = operand(2);
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i)
        result.get(lane)[i] = c.get(lane)[c.count == 1 ? 0 : i] & 1
                                  ? a.get(lane)[i]
                                  : b.get(lane)[i];
    });
    return true;
  }
  return false;
}

/// The first element of the member of `type` that `indices` name.
static unsigned findMember(llvm::Type *type, llvm::ArrayRef<unsigned> indices) {
  unsigned first = 0;
  for (unsigned index : indices) {
    if (auto *record = llvm::dyn_cast<llvm::StructType>(type)) {
      for (unsigned i = 0; i < index; ++i)
        first += countElements(record->getElementType(i));
      type = record->getElementType(index);
    } else {
      type = type->getArrayElementType();
      first += index * countElements(type);
    }
  }
  return first;
}

bool Wave::executeVector(llvm::Instruction &instruction, Register &result) {
  auto operand = [&](unsigned i) -> const Register & {
    return get(instruction.getOperand(i));
  };
  auto copyFirst = [&](const Register &from, unsigned lane) {
    std::copy_n(from.get(lane), from.count, result.get(lane));
  };
  if (llvm::isa<llvm::ExtractElementInst>(&instruction)) {
    const Register &a = operand(0), &index = operand(1);
    forEach([&](unsigned lane) {
      uint64_t i = *index.get(lane);
      *result.get(lane) = i < a.count ? a.get(lane)[i] : kUnset;
    });
    return true;
  }
  if (llvm::isa<llvm::InsertElementInst>(&instruction)) {
    const Register &a = operand(0), &value = operand(1), &index = operand(2);
    forEach([&](unsigned lane) {
      copyFirst(a, lane);
      if (uint64_t i = *index.get(lane); i < a.count)
        result.get(lane)[i] = *value.get(lane);
    });
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::ShuffleVectorInst>(&instruction)) {
    const Register &a = operand(0), &b = operand(1);
    forEach([&](unsigned lane) {
      for (unsigned i = 0; i < result.count; ++i) {
        int from = op->getMaskValue(i);
        if (from >= 0)
          result.get(lane)[i] = unsigned(from) < a.count
                                    ? a.get(lane)[from]
                                    : b.get(lane)[from - a.count];
      }
    });
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::ExtractValueInst>(&instruction)) {
    const Register &a = operand(0);
    unsigned first =
        findMember(op->getAggregateOperand()->getType(), op->getIndices());
    forEach([&](unsigned lane) {
      std::copy_n(a.get(lane) + first, result.count, result.get(lane));
    });
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::InsertValueInst>(&instruction)) {
    const Register &a = operand(0), &value = operand(1);
    unsigned first = findMember(op->getType(), op->getIndices());
    forEach([&](unsigned lane) {
      copyFirst(a, lane);
      std::copy_n(value.get(lane), value.count, result.get(lane) + first);
    });
    return true;
  }
  return false;
}

bool Wave::executeMemory(llvm::Instruction &instruction, Register &result) {
  if (auto *op = llvm::dyn_cast<llvm::GetElementPtrInst>(&instruction)) {
    const Register &base = get(op->getPointerOperand());
    unsigned width =
        device.layout.getPointerSizeInBits(op->getPointerAddressSpace());
    forEach([&](unsigned lane) { *result.get(lane) = *base.get(lane); });
    for (auto it = llvm::gep_type_begin(*op), end = llvm::gep_type_end(*op);
         it != end; ++it) {
      const Register &index = get(it.getOperand());
      unsigned bits = getWidth(it.getOperand()->getType(), device.layout);
      if (llvm::StructType *record = it.getStructTypeOrNull()) {
        uint64_t offset =
            device.layout.getStructLayout(record)->getElementOffset(
                *index.get(0));
        forEach([&](unsigned lane) { *result.get(lane) += offset; });
        continue;
      }
      uint64_t bytes = it.getSequentialElementStride(device.layout);
      forEach([&](unsigned lane) {
        *result.get(lane) +=
            static_cast<uint64_t>(extend(*index.get(lane), bits)) * bytes;
      });
    }
    forEach([&](unsigned lane) {
      *result.get(lane) = truncate(*result.get(lane), width);
    });
    return !op->getType()->isVectorTy();
  }
  if (auto *op = llvm::dyn_cast<llvm::LoadInst>(&instruction)) {
    const Register &address = get(op->getPointerOperand());
    forEach([&](unsigned lane) {
      load(op->getType(), op->getPointerAddressSpace(), *address.get(lane),
           lane, result.get(lane));
    });
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::StoreInst>(&instruction)) {
    const Register &address = get(op->getPointerOperand());
    const Register &value = get(op->getValueOperand());
    forEach([&](unsigned lane) {
      store(op->getValueOperand()->getType(), op->getPointerAddressSpace(),
            *address.get(lane), lane, value.get(lane));
    });
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) {
    atomic(*op, result);
    return true;
  }
  if (auto *op = llvm::dyn_cast<llvm::AllocaInst>(&instruction)) {
    const Register &count = get(op->getArraySize());
    uint64_t bytes = device.layout.getTypeAllocSize(op->getAllocatedType());
    forEach([&](unsigned lane) {
      uint64_t begin = llvm::alignTo(stacks[lane].size(), 16);
      stacks[lane].resize(begin + bytes * *count.get(lane), 0xff);
      *result.get(lane) = begin;
    });
    return true;
  }
  return llvm::isa<llvm::FenceInst>(&instruction);
}

void Wave::atomic(llvm::AtomicRMWInst &op, Register &result) {
  llvm::Type *type = op.getType();
  const Register &address = get(op.getPointerOperand());
  const Register &operand = get(op.getValOperand());
  unsigned width = getWidth(type, device.layout);
  using Op = llvm::AtomicRMWInst;
  // The lanes of an instruction one after the other.
  forEach([&](unsigned lane) {
    uint64_t old = 0, value = *operand.get(lane);
    load(type, op.getPointerAddressSpace(), *address.get(lane), lane, &old);
    uint64_t next = value;
    switch (op.getOperation()) {
    case Op::Xchg:
      break;
    case Op::Add:
      next = truncate(old + value, width);
      break;
    case Op::Sub:
      next = truncate(old - value, width);
      break;
    case Op::And:
      next = old & value;
      break;
    case Op::Or:
      next = old | value;
      break;
    case Op::UMax:
      next = std::max(old, value);
      break;
    case Op::UMin:
      next = std::min(old, value);
      break;
    case Op::Max:
      next = extend(old, width) > extend(value, width) ? old : value;
      break;
    case Op::Min:
      next = extend(old, width) < extend(value, width) ? old : value;
      break;
    case Op::UIncWrap:
      next = old >= value ? 0 : old + 1;
      break;
    case Op::FAdd:
      next = toBits(type, toDouble(type, old) + toDouble(type, value));
      break;
    default:
      stop("there is no model of the operation");
    }
    store(type, op.getPointerAddressSpace(), *address.get(lane), lane, &next);
    *result.get(lane) = old;
  });
}

uint8_t *Wave::find(unsigned space, uint64_t address, uint64_t bytes,
                    unsigned lane) {
  auto within = [&](std::vector<uint8_t> &memory) -> uint8_t * {
    if (address <= memory.size() && bytes <= memory.size() - address)
      return memory.data() + address;
    return nullptr;
  };
  uint8_t *found = nullptr;
  if (space == Space::local) {
    found = within(group.shared);
  } else if (space == Space::priv) {
    found = within(stacks[lane]);
  } else {
    for (auto [begin, end] : device.ranges)
      if (address >= begin && address < end && bytes <= end - address)
        found = reinterpret_cast<uint8_t *>(address);
    for (std::vector<uint8_t> *own : {&device.hidden, &device.packet}) {
      auto begin = reinterpret_cast<uint64_t>(own->data());
      if (address >= begin && address + bytes <= begin + own->size())
        found = reinterpret_cast<uint8_t *>(address);
    }
  }
  if (!found)
    stop("lane " + std::to_string(lane) + " is outside of memory " +
         std::to_string(space) + " at " + std::to_string(address));
  return found;
}

/// Calls `visit` with the offset and type of each element.
static void
forEachPart(llvm::Type *type, uint64_t offset, const llvm::DataLayout &layout,
            llvm::function_ref<void(uint64_t, llvm::Type *)> visit) {
  if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(type)) {
    uint64_t bits = getWidth(type, layout);
    for (unsigned i = 0; i < vector->getNumElements(); ++i)
      visit(offset + i * bits / 8, vector->getElementType());
  } else if (auto *array = llvm::dyn_cast<llvm::ArrayType>(type)) {
    uint64_t bytes = layout.getTypeAllocSize(array->getElementType());
    for (uint64_t i = 0; i < array->getNumElements(); ++i)
      forEachPart(array->getElementType(), offset + i * bytes, layout, visit);
  } else if (auto *record = llvm::dyn_cast<llvm::StructType>(type)) {
    const llvm::StructLayout *places = layout.getStructLayout(record);
    for (unsigned i = 0; i < record->getNumElements(); ++i)
      forEachPart(record->getElementType(i),
                  offset + places->getElementOffset(i), layout, visit);
  } else {
    visit(offset, type);
  }
}

void Wave::load(llvm::Type *type, unsigned space, uint64_t address,
                unsigned lane, uint64_t *words) {
  uint64_t bytes = device.layout.getTypeStoreSize(type);
  const uint8_t *from = find(space, address, bytes, lane);
  if (!from)
    return;
  forEachPart(type, 0, device.layout, [&](uint64_t offset, llvm::Type *part) {
    uint64_t word = 0;
    std::memcpy(&word, from + offset,
                device.layout.getTypeStoreSize(part).getFixedValue());
    *words++ = truncate(word, getWidth(part, device.layout));
  });
}

void Wave::store(llvm::Type *type, unsigned space, uint64_t address,
                 unsigned lane, const uint64_t *words) {
  uint64_t bytes = device.layout.getTypeStoreSize(type);
  uint8_t *to = find(space, address, bytes, lane);
  if (!to)
    return;
  forEachPart(type, 0, device.layout, [&](uint64_t offset, llvm::Type *part) {
    std::memcpy(to + offset, words++,
                device.layout.getTypeStoreSize(part).getFixedValue());
  });
}

//===- ThreadModel.cpp - what threads of lowered kernels compute ----------===//

#include "ThreadModel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <set>

using namespace mlir;
using namespace attn::test;

float attn::test::widen(uint16_t half) {
  uint32_t bits = uint32_t(half) << 16;
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

uint16_t attn::test::narrow(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  EXPECT_EQ(bits & 0xffff, 0u) << "the test's numbers are exact in bf16";
  return bits >> 16;
}

Register Threads::compute(Value value, int64_t thread) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    int64_t fromEnd = function.getNumArguments() - argument.getArgNumber();
    EXPECT_LE(fromEnd, int64_t(arguments.size()));
    return {arguments[arguments.size() - fromEnd], 0};
  }
  Operation *op = value.getDefiningOp();
  auto bits = [&](unsigned i) { return get(op->getOperand(i), thread).bits; };
  auto unsignedBits = [&](unsigned i) {
    unsigned width = op->getOperand(i).getType().getIntOrFloatBitWidth();
    return width == 64 ? bits(i) : bits(i) & ((int64_t(1) << width) - 1);
  };
  if (auto constant = dyn_cast<LLVM::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      return {0, static_cast<float>(number.getValueAsDouble())};
    return {cast<IntegerAttr>(constant.getValue()).getInt(), 0};
  }
  if (isa<LLVM::AddressOfOp>(op))
    return {0, 0};
  if (isa<NVVM::ThreadIdXOp>(op))
    return {thread, 0};
  // Of what a whole warp has alike.
  if (isa<NVVM::ShflOp>(op))
    return {get(op->getOperand(1), thread / kLanes * kLanes).bits, 0};
  if (isa<LLVM::AddOp>(op))
    return {bits(0) + bits(1), 0};
  if (isa<LLVM::MulOp>(op))
    return {bits(0) * bits(1), 0};
  if (isa<LLVM::AndOp>(op))
    return {bits(0) & bits(1), 0};
  if (isa<LLVM::OrOp>(op))
    return {bits(0) | bits(1), 0};
  if (isa<LLVM::XOrOp>(op))
    return {bits(0) ^ bits(1), 0};
  if (isa<LLVM::SubOp>(op))
    return {bits(0) - bits(1), 0};
  if (isa<LLVM::URemOp>(op))
    return {unsignedBits(0) % unsignedBits(1), 0};
  if (isa<LLVM::SIToFPOp>(op))
    return {0, static_cast<float>(bits(0))};
  if (isa<LLVM::FMulOp>(op))
    return {0, get(op->getOperand(0), thread).number *
                   get(op->getOperand(1), thread).number};
  if (auto extract = dyn_cast<LLVM::ExtractElementOp>(op))
    if (auto load = extract.getVector().getDefiningOp<LLVM::LoadOp>())
      return loadWord(load, get(extract.getPosition(), thread).bits, thread);
  if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op);
      call && call.getIntrin() == "llvm.nvvm.prmt") {
    // Byte i of the result is the one of both words that digit i names.
    uint64_t words = uint64_t(uint32_t(bits(1))) << 32 | uint32_t(bits(0));
    uint32_t result = 0;
    for (int64_t i = 0; i < 4; ++i)
      result |= (words >> (8 * (bits(2) >> (4 * i) & 7)) & 0xff) << (8 * i);
    return {result, 0};
  }
  if (isa<LLVM::LShrOp>(op))
    return {unsignedBits(0) >> bits(1), 0};
  if (isa<LLVM::ZExtOp>(op))
    return {unsignedBits(0), 0};
  if (isa<LLVM::PtrToIntOp>(op))
    return {bits(0), 0};
  if (auto compare = dyn_cast<LLVM::ICmpOp>(op)) {
    EXPECT_EQ(compare.getPredicate(), LLVM::ICmpPredicate::ult);
    return {unsignedBits(0) < unsignedBits(1), 0};
  }
  if (auto gep = dyn_cast<LLVM::GEPOp>(op)) {
    int64_t size = gep.getElemType().getIntOrFloatBitWidth() / 8;
    int64_t index = gep.getDynamicIndices().empty()
                        ? gep.getRawConstantIndices()[0]
                        : get(gep.getDynamicIndices()[0], thread).bits;
    return {get(gep.getBase(), thread).bits + index * size, 0};
  }
  if (isa<NVVM::ConvertF32x2ToBF16x2Op>(op)) {
    float high = get(op->getOperand(0), thread).number;
    float low = get(op->getOperand(1), thread).number;
    return {int64_t(narrow(high)) << 16 | narrow(low), 0};
  }
  if (isa<LLVM::BitcastOp>(op))
    return get(op->getOperand(0), thread);
  auto extract = dyn_cast<LLVM::ExtractValueOp>(op);
  auto assembly =
      extract ? extract.getContainer().getDefiningOp<LLVM::InlineAsmOp>()
              : LLVM::InlineAsmOp();
  if (!assembly) {
    ADD_FAILURE() << "the model lacks " << op->getName().getStringRef().str();
    return {};
  }
  if (assembly.getAsmString().contains("e4m3x2"))
    return widenBytes(assembly, extract.getPosition()[0], thread);
  return getWarp(assembly,
                 thread / kLanes)[thread % kLanes][extract.getPosition()[0]];
}

const Threads::Warp &Threads::getWarp(LLVM::InlineAsmOp op, int64_t warp) {
  std::pair<void *, int64_t> key(op.getOperation(), warp);
  auto it = warps.find(key);
  if (it != warps.end())
    return it->second;
  Warp results;
  StringRef text = op.getAsmString();
  if (text.starts_with("ldmatrix.sync.aligned.m8n8."))
    loadMatrices(op, warp, results);
  else if (text.starts_with("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16"
                            ".f32 "))
    multiply(op, warp, results);
  else
    ADD_FAILURE() << "the model lacks " << text.str();
  return warps[key] = results;
}

Register Threads::loadWord(LLVM::LoadOp op, int64_t number, int64_t thread) {
  int64_t words = cast<VectorType>(op.getType()).getNumElements();
  int64_t size = words * 4, lanes = 128 / size;
  auto getAddress = [&](int64_t lane) { return get(op.getAddr(), lane).bits; };
  int64_t address = getAddress(thread);
  EXPECT_EQ(address % size, 0);
  EXPECT_LE(address + size, int64_t(shared.size()));
  // As many lanes as take 128 bytes are served at once, if none meets another
  // in a bank.
  if (number == 0 && thread % lanes == 0 && checksBanks) {
    std::set<int64_t> places;
    for (int64_t lane = thread; lane < thread + lanes; ++lane)
      places.insert(getAddress(lane) % 128 / size);
    EXPECT_EQ(int64_t(places.size()), lanes);
  }
  uint32_t word;
  std::memcpy(&word, &shared[address + 4 * number], sizeof(word));
  return {word, 0};
}

/// OCP 8-bit Floating Point Specification: e4m3 has a bias of 7.
static float decodeE4M3(uint8_t byte) {
  int exponent = byte >> 3 & 15;
  float mantissa = static_cast<float>(byte & 7) / 8;
  float number = exponent == 0 ? std::ldexp(mantissa, -6)
                               : std::ldexp(1 + mantissa, exponent - 7);
  return byte >> 7 ? -number : number;
}

Register Threads::widenBytes(LLVM::InlineAsmOp op, int64_t number,
                             int64_t thread) {
  EXPECT_TRUE(op.getAsmString().contains("cvt.rn.bf16x2.f32"));
  int64_t pair = get(op.getOperands()[0], thread).bits >> (16 * number);
  return {int64_t(narrow(decodeE4M3(pair >> 8 & 0xff))) << 16 |
              narrow(decodeE4M3(pair & 0xff)),
          0};
}

/// "the 8 threads 8 i to 8 i + 7 have the addresses of the rows of matrix i";
/// thread t receives elements 2 (t % 4) and the next of row t / 4; with .trans
/// the matrix is loaded in column-major format.
void Threads::loadMatrices(LLVM::InlineAsmOp op, int64_t warp, Warp &results) {
  StringRef text = op.getAsmString();
  int64_t count = text.contains(".x4.") ? 4 : 2, offset = 0;
  bool isTransposed = text.contains(".trans.");
  text.substr(text.find('+') + 1)
      .take_until([](char c) { return c == ']'; })
      .getAsInteger(10, offset);
  for (int64_t matrix = 0; matrix < count; ++matrix) {
    uint16_t elements[8][8];
    for (int64_t row = 0; row < 8; ++row) {
      int64_t lane = warp * kLanes + matrix * 8 + row;
      int64_t address = get(op.getOperands()[0], lane).bits + offset;
      ASSERT_EQ(address % 16, 0);
      ASSERT_LE(address + 16, int64_t(shared.size()));
      std::memcpy(elements[row], &shared[address], 16);
    }
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      auto at = [&](int64_t element) -> uint32_t {
        int64_t row = lane / 4, column = lane % 4 * 2 + element;
        return isTransposed ? elements[column][row] : elements[row][column];
      };
      results[lane][matrix].bits = at(1) << 16 | at(0);
    }
  }
}

/// With g = lane / 4 and c = lane % 4: A's registers have rows g and g + 8 of
/// columns 2 c and the next, then of those 8 further on; B's have rows 2 c and
/// the next of column g, then 8 further down; C's have row g, then g + 8, of
/// columns 2 c and the next.
void Threads::multiply(LLVM::InlineAsmOp op, int64_t warp, Warp &results) {
  float a[16][16], b[16][8];
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    int64_t thread = warp * kLanes + lane, g = lane / 4, c = lane % 4;
    for (int64_t half = 0; half < 2; ++half) {
      auto read = [&](unsigned operand) {
        return widen(get(op.getOperands()[operand], thread).bits >>
                     (16 * half));
      };
      int64_t at = 2 * c + half;
      a[g][at] = read(4);
      a[g + 8][at] = read(5);
      a[g][at + 8] = read(6);
      a[g + 8][at + 8] = read(7);
      b[at][g] = read(8);
      b[at + 8][g] = read(9);
    }
  }
  for (int64_t lane = 0; lane < kLanes; ++lane)
    for (int64_t i = 0; i < 4; ++i) {
      int64_t row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float sum = get(op.getOperands()[i], warp * kLanes + lane).number;
      for (int64_t k = 0; k < 16; ++k)
        sum += a[row][k] * b[k][column];
      results[lane][i].number = sum;
    }
}

std::map<int64_t, float> Threads::store() {
  std::map<int64_t, float> stored;
  function.walk([&](LLVM::InlineAsmOp op) {
    StringRef text = op.getAsmString();
    if (!text.contains("st.global.f32"))
      return;
    int64_t offset = 0;
    text.substr(text.find('+') + 1)
        .take_until([](char c) { return c == ']'; })
        .getAsInteger(10, offset);
    for (int64_t thread = 0; thread < kThreads; ++thread) {
      EXPECT_TRUE(get(op.getOperands()[2], thread).bits);
      stored[get(op.getOperands()[0], thread).bits + offset] =
          get(op.getOperands()[1], thread).number;
    }
  });
  return stored;
}

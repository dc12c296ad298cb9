//===- ThreadModel.h - what threads of lowered kernels compute --*- C++ -*-===//
//
// Small kernels are lowered, and what their threads store is computed from the
// LLVM dialect by a model of the instructions that is transcribed from the PTX
// ISA and shares nothing with the lowering: "Warp-level matrix load
// instruction: ldmatrix", "Matrix fragments for mma.m16n8k16", "prmt".
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_TARGET_NVIDIA_THREADMODEL_H
#define ATTN_TEST_UNIT_TARGET_NVIDIA_THREADMODEL_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <array>
#include <map>
#include <vector>

namespace attn::test {

inline constexpr int64_t kLanes = 32, kThreads = 128;

/// What a register has: bits, or an f32.
struct Register {
  int64_t bits = 0;
  float number = 0;
};

/// Numbers of bf16, which have to be exact.
float widen(uint16_t half);
uint16_t narrow(float number);

/// The threads of one block, of which values are computed when they are asked
/// for. Nothing but what products and stores depend on is.
class Threads {
public:
  /// Of the function's last arguments, from the first of these on.
  explicit Threads(mlir::LLVM::LLVMFuncOp function,
                   llvm::ArrayRef<int64_t> arguments)
      : function(function), arguments(arguments) {}

  std::vector<uint8_t> shared;
  /// Whether lanes that load at once have to find their words in other banks.
  bool checksBanks = false;

  /// What the kernel stores of f32 to global memory, by address.
  std::map<int64_t, float> store();

  Register get(mlir::Value value, int64_t thread) {
    auto [it, isNew] = known.try_emplace({value, thread});
    if (!isNew)
      return it->second;
    Register result = compute(value, thread);
    return known[{value, thread}] = result;
  }

private:
  using Warp = std::array<std::array<Register, 4>, kLanes>;

  Register compute(mlir::Value value, int64_t thread);
  const Warp &getWarp(mlir::LLVM::InlineAsmOp op, int64_t warp);
  /// The words that a lane loads, or the bytes of one that are widened.
  Register loadWord(mlir::LLVM::LoadOp op, int64_t number, int64_t thread);
  Register widenBytes(mlir::LLVM::InlineAsmOp op, int64_t number,
                      int64_t thread);
  void loadMatrices(mlir::LLVM::InlineAsmOp op, int64_t warp, Warp &results);
  void multiply(mlir::LLVM::InlineAsmOp op, int64_t warp, Warp &results);

  mlir::LLVM::LLVMFuncOp function;
  llvm::ArrayRef<int64_t> arguments;
  std::map<std::pair<void *, int64_t>, Warp> warps;
  struct Less {
    bool operator()(const std::pair<mlir::Value, int64_t> &a,
                    const std::pair<mlir::Value, int64_t> &b) const {
      return std::pair(a.first.getAsOpaquePointer(), a.second) <
             std::pair(b.first.getAsOpaquePointer(), b.second);
    }
  };
  std::map<std::pair<mlir::Value, int64_t>, Register, Less> known;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_TARGET_NVIDIA_THREADMODEL_H

//===- Architecture.h - what GPUs do differently ----------------*- C++ -*-===//
//
// One lowering serves all of them: where they differ it asks this struct. A
// GPU is a file that fills one in, and a line in its vendor's list.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_GPU_ARCHITECTURE_H
#define ATTN_LIB_TARGET_GPU_ARCHITECTURE_H

#include "Primitives.h"

#include "attn/Conversion/MachineModel.h"

namespace attn::gpu {

struct Architecture {
  /// As `--target` and the vendor's tools say it.
  llvm::StringRef name;
  /// LLVM's features.
  llvm::StringRef features;
  /// The oldest driver that takes its code, as Manifest::Target has it; nothing
  /// where any does that the runtime takes.
  std::optional<int64_t> driver;
  /// Its code is text that runs on all later GPUs too, so that artifacts hold
  /// it.
  bool isPortable;
  /// The schedules that were measured on it.
  const char *schedules;

  const MachineModel &(*getModel)(bool anyStrides);

  /// Lanes of a warp. Groups are four warps.
  int64_t warpSize;
  /// Registers of all threads of a block, and the most that one has of them.
  int64_t registersOfBlock, mostRegisters;
  /// Gives a role a budget of registers of its own, more or less than it has at
  /// entry; null where all threads have equally many.
  void (*setRegisters)(mlir::OpBuilder &b, mlir::Location loc,
                       int64_t registers, bool isMore);
  /// The warps of a role of one take its fillings in turns: copies hold a warp
  /// up until they are done, so that several are on their way.
  bool sharesFillings;
  /// Barriers that groups have for meeting: of hardware, or words of shared
  /// memory.
  bool hasNamedBarriers;
  /// Code says how much shared memory a block has, else launches do.
  bool hasFixedShared;
  /// Bytes that the back end may spill of a kernel: a few values that wait from
  /// the beginning of an item to its end, beside all that products take. A
  /// kernel that adds up digits has more of these.
  int64_t spilledBytes, digitSpilledBytes;

  const Primitives *primitives;
  /// Null where threads copy.
  const BulkCopies *bulk;

  /// Refuses a product of which there are no instructions, beyond what is asked
  /// of all.
  mlir::LogicalResult (*verifyProduct)(pipe::MmaAsyncOp product);
  /// Adds the patterns of products and of waits for them.
  void (*populateProducts)(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
  /// Looks over what a kernel has become; null for nothing.
  void (*finish)(mlir::LLVM::LLVMFuncOp function);
  /// Bytes behind the tiles of a kernel that products read; null for none.
  int64_t (*getOverread)(mlir::Operation *kernel) = nullptr;

  static constexpr int64_t kGroupWarps = 4;
  int64_t getGroupThreads() const { return warpSize * kGroupWarps; }
};

} // namespace attn::gpu

#endif // ATTN_LIB_TARGET_GPU_ARCHITECTURE_H

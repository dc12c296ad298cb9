//===- Architecture.h - what NVIDIA GPUs do differently ---------*- C++ -*-===//
//
// One lowering serves all of them: where they differ it asks this struct. A
// GPU is a file that fills one in, and a line in Architecture.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_NVIDIA_ARCHITECTURE_H
#define ATTN_LIB_TARGET_NVIDIA_ARCHITECTURE_H

#include "attn/Conversion/MachineModel.h"

#include "mlir/Transforms/DialectConversion.h"

namespace attn::nvidia {

struct KernelValues;

struct Architecture {
  /// As `--target` and ptxas say it.
  llvm::StringRef name;
  /// LLVM's features: the lowest version of PTX that has what is written.
  llvm::StringRef features;
  /// The oldest driver that compiles such PTX, as Manifest::Target has it;
  /// nothing where any does that the runtime takes.
  std::optional<int64_t> driver;
  /// Its PTX runs on all later GPUs too, so that artifacts hold it.
  bool isPortable;
  /// The schedules that were measured on it.
  const char *schedules;

  const MachineModel &(*getModel)(bool anyStrides);

  /// A role has a budget of registers of its own; else all threads have equally
  /// many.
  bool hasRegisterBudgets;
  /// Engines copy boxes of tensors, with what came along: clusters, barriers
  /// that count bytes, another proxy by which products and copies see shared
  /// memory.
  bool hasBulkCopies;
  /// Bytes that ptxas may spill of a kernel: a few values that wait from the
  /// beginning of an item to its end, beside all that products take.
  int64_t spilledBytes;
  /// Instructions widen floats of 8 bits.
  bool hasFloat8;

  /// Refuses a product of which there are no instructions, beyond what is asked
  /// of all.
  mlir::LogicalResult (*verifyProduct)(pipe::MmaAsyncOp product);
  /// Adds the patterns of products and of waits for them.
  void (*populateProducts)(const mlir::TypeConverter &converter,
                           const KernelValues &values,
                           mlir::RewritePatternSet &patterns);
};

/// The one of that name, or without a name the usual one; null if there is
/// none.
const Architecture *findArchitecture(llvm::StringRef name);

/// The same, with an error at `where` if there is none.
const Architecture *getArchitecture(mlir::Operation *where,
                                    llvm::StringRef name);

const Architecture &getHopper();
const Architecture &getAmpere();
const Architecture &getAda();

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_ARCHITECTURE_H

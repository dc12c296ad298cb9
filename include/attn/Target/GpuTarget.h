//===- GpuTarget.h - what the driver asks of a GPU's target -----*- C++ -*-===//
//
// Each vendor's library fills in a GpuVendor; lib/Target/Registry lists them. A
// vendor is added by its files and a line there, a GPU of one by a line in the
// vendor's own list.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TARGET_GPUTARGET_H
#define ATTN_TARGET_GPUTARGET_H

#include "attn/Analysis/ScheduleTable.h"
#include "attn/Conversion/MachineModel.h"
#include "attn/Runtime/Artifact.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace attn {

/// How far kernels are compiled. Assembly is text that an assembler, or the
/// driver, takes. `Best` is what an artifact should hold: machine code where it
/// can be made.
enum class CodeKind { LLVMDialect, LLVMIR, Assembly, MachineCode, Best };

/// What machine code says of one kernel.
struct Resources {
  std::string kernel;
  int64_t registers = 0, spillStores = 0, spillLoads = 0, stackBytes = 0;
};

/// A module of pipe kernels as code and its manifest.
struct CompiledCode {
  Manifest manifest;
  /// What `Best` came to; else what was asked for.
  CodeKind kind;
  std::string bytes;
  /// Beside machine code, assembly that later GPUs run too, if the target's is
  /// such.
  std::string portable;
  /// Empty but for machine code.
  std::vector<Resources> resources;
};

struct GpuVendor {
  /// The names of its GPUs, as `--target` says them, the usual one first.
  llvm::ArrayRef<llvm::StringRef> (*getTargetNames)();

  /// What schedules for a target are made for: tensors whose rows are copied as
  /// wholes, or tensors of any strides and alignment, which threads copy
  /// element by element.
  const MachineModel &(*getMachineModel)(llvm::StringRef target,
                                         bool anyStrides);

  /// The schedules that were measured for it and ship with attn. Refuses what
  /// ScheduleTable::parse refuses.
  Result<ScheduleTable> (*readScheduleTable)(llvm::StringRef target);

  /// Lowers a module of pipe kernels in place. Fails with errors.
  mlir::FailureOr<CompiledCode> (*compile)(mlir::ModuleOp module, CodeKind kind,
                                           llvm::StringRef target);

  /// What `--emit` may be beside `artifact`, and the kind of an artifact's
  /// payload that such code is, if it is.
  struct Form {
    llvm::StringRef name;
    CodeKind kind;
    std::optional<Artifact::PayloadKind> payload = std::nullopt;
  };
  llvm::ArrayRef<Form> forms;

  /// What to say of an artifact of assembly alone; empty where there is none.
  llvm::StringRef assemblyNote;

  /// The files of programs that `compile` runs, for telling one version from
  /// another.
  std::vector<std::string> (*listAssemblers)();

  /// The form of `--emit=name`, or of a kind of code; null if there is none.
  const Form *findForm(llvm::StringRef name) const;
  const Form *findForm(CodeKind kind) const;
};

/// The usual one first.
llvm::ArrayRef<const GpuVendor *> getGpuVendors();

/// The vendor of the GPU `target`, or without a name of the usual one; null if
/// there is none.
const GpuVendor *findGpuVendor(llvm::StringRef target);

/// The same. Pre-condition: there is one.
const GpuVendor &getGpuVendor(llvm::StringRef target);

/// The names of all GPUs.
std::vector<llvm::StringRef> getGpuTargetNames();

/// Pre-condition of both: there is such a target.
const MachineModel &getMachineModel(llvm::StringRef target = "",
                                    bool anyStrides = false);
mlir::FailureOr<CompiledCode>
compileKernels(mlir::ModuleOp module, CodeKind kind, llvm::StringRef target);

} // namespace attn

#endif // ATTN_TARGET_GPUTARGET_H

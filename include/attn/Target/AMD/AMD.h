//===- AMD.h - from pipe kernels to code for AMD GPUs ---------------------===//

#ifndef ATTN_TARGET_AMD_AMD_H
#define ATTN_TARGET_AMD_AMD_H

#include "attn/Conversion/MachineModel.h"

#include "mlir/Pass/PassManager.h"

namespace attn::amd {

/// The names of the targets of this library, the usual one first. Wherever one
/// is asked for, that is what an empty name says.
llvm::ArrayRef<llvm::StringRef> getTargetNames();

/// What schedules for a target are made for: tensors whose rows are copied as
/// wholes, or tensors of any strides and alignment, which threads copy element
/// by element.
const MachineModel &getMachineModel(llvm::StringRef target = "",
                                    bool anyStrides = false);

/// Adds the passes from pipe kernels to the LLVM dialect.
void buildPipeline(mlir::OpPassManager &passes, llvm::StringRef target = "");

/// Registers `amd-pipeline` and `amd-schedule`.
void registerPipelines();

} // namespace attn::amd

#endif // ATTN_TARGET_AMD_AMD_H

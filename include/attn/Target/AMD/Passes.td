//===- Passes.td - passes of the AMD target ------------*- tablegen -*-===//
#ifndef ATTN_TARGET_AMD_PASSES_TD
#define ATTN_TARGET_AMD_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertPipeToROCDLPass : Pass<"convert-pipe-to-rocdl", "::mlir::ModuleOp"> {
  let summary = "Lower pipe kernels to the ROCDL dialect";
  let description = [{
    Each `pipe.kernel` becomes an LLVM function for a GPU: rings become counters
    in shared memory and copies by way of registers, products become MFMA or
    WMMA with their rows as the instruction's columns, a tile of registers
    becomes the registers of one lane. Control flow and arithmetic on scalars
    stay in `scf`, `arith` and `math`, for the upstream conversions.

    A kernel that the GPU cannot run is an error at the op that asks for it.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"\"",
           "The GPU, as gfx942, gfx90a or gfx1100 (gfx942)">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::ROCDL::ROCDLDialect",
                           "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

#endif // ATTN_TARGET_AMD_PASSES_TD

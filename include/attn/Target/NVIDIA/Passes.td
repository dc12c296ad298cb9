//===- Passes.td - passes of the NVIDIA target ---------*- tablegen -*-===//
#ifndef ATTN_TARGET_NVIDIA_PASSES_TD
#define ATTN_TARGET_NVIDIA_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertPipeToNVVMPass : Pass<"convert-pipe-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "Lower pipe kernels to the NVVM dialect";
  let description = [{
    Each `pipe.kernel` becomes an LLVM function for a GPU: rings become
    mbarriers and TMA or cp.async, products become wgmma or mma.sync, a tile of
    registers becomes the registers of one thread. Control flow and arithmetic on
    scalars stay in `scf`, `arith` and `math`, for the upstream conversions.

    A kernel that the GPU cannot run is an error at the op that asks for it.
  }];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"\"",
           "The GPU, as sm_90a, sm_89 or sm_80 (sm_90a)">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect",
                           "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

#endif // ATTN_TARGET_NVIDIA_PASSES_TD

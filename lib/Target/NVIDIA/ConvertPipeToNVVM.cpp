//===- ConvertPipeToNVVM.cpp - lowers pipe kernels to the NVVM dialect ----===//

#include "Instructions.h"
#include "attn/Target/NVIDIA/Passes.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attn::nvidia {
#define GEN_PASS_DEF_CONVERTPIPETONVVMPASS
#include "attn/Target/NVIDIA/Passes.h.inc"
} // namespace attn::nvidia

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

namespace {
struct ConvertPipeToNVVM final
    : attn::nvidia::impl::ConvertPipeToNVVMPassBase<ConvertPipeToNVVM> {
  using ConvertPipeToNVVMPassBase::ConvertPipeToNVVMPassBase;

  void runOnOperation() override {
    const Architecture *architecture = getArchitecture(getOperation(), target);
    if (!architecture ||
        failed(attn::gpu::lowerKernels(getOperation(), *architecture)))
      signalPassFailure();
  }
};
} // namespace

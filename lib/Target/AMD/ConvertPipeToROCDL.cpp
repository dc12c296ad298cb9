//===- ConvertPipeToROCDL.cpp - lowers pipe kernels to ROCDL --------------===//

#include "Instructions.h"
#include "attn/Target/AMD/Passes.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attn::amd {
#define GEN_PASS_DEF_CONVERTPIPETOROCDLPASS
#include "attn/Target/AMD/Passes.h.inc"
} // namespace attn::amd

using namespace mlir;
using namespace attn;
using namespace attn::amd;

namespace {
struct ConvertPipeToROCDL final
    : attn::amd::impl::ConvertPipeToROCDLPassBase<ConvertPipeToROCDL> {
  using ConvertPipeToROCDLPassBase::ConvertPipeToROCDLPassBase;

  void runOnOperation() override {
    const attn::gpu::Architecture *architecture =
        getArchitecture(getOperation(), target);
    if (!architecture ||
        failed(attn::gpu::lowerKernels(getOperation(), *architecture)))
      signalPassFailure();
  }
};
} // namespace

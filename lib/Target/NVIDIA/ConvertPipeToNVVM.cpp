//===- ConvertPipeToNVVM.cpp - lowers pipe kernels to the NVVM dialect ----===//

#include "Lowering.h"
#include "attn/Target/NVIDIA/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/UB/IR/UBOps.h"

namespace attn::nvidia {
#define GEN_PASS_DEF_CONVERTPIPETONVVMPASS
#include "attn/Target/NVIDIA/Passes.h.inc"
} // namespace attn::nvidia

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// Lowers the ops of `pipe` and those on its values inside the function.
static LogicalResult lowerBody(const KernelValues &values) {
  LLVM::LLVMFuncOp function = values.function;
  MLIRContext *context = function.getContext();
  PipeTypeConverter converter(context);
  RewritePatternSet patterns(context);
  ConversionTarget target(*context);
  populateCoordPatterns(converter, values, patterns);
  populateMaskPatterns(converter, values, patterns);
  populateRegisterPatterns(converter, patterns);
  populateMathPatterns(converter, values, patterns);
  populateMeetingPatterns(converter, values, patterns);
  values.architecture->populateProducts(converter, values, patterns);
  populateRingPatterns(converter, values, patterns);
  populateStorePatterns(converter, values, patterns);
  populateStreamPatterns(converter, patterns);
  populateSumPatterns(converter, values, patterns);
  populateThreadPatterns(converter, values, patterns);
  populateWorkPatterns(converter, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                       target);
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  target.addLegalOp<UnrealizedConversionCastOp>();
  // What no upstream conversion has instructions for, on scalars too.
  target.addDynamicallyLegalDialect<arith::ArithDialect, math::MathDialect,
                                    ub::UBDialect>(
      [&](Operation *op) -> std::optional<bool> {
        if (isa<math::Exp2Op, math::Log2Op, arith::CeilDivUIOp,
                arith::CeilDivSIOp, arith::FloorDivSIOp>(op))
          return false;
        if (isa<arith::SIToFPOp>(op) &&
            op->getOperand(0).getType().isInteger(8))
          return op->getResult(0).getType().isF32();
        return converter.isLegal(op->getOperandTypes()) &&
               converter.isLegal(op->getResultTypes());
      });
  target.addIllegalDialect<pipe::PipeDialect>();
  if (failed(applyPartialConversion(function, target, std::move(patterns))))
    return failure();
  spreadProducts(function);
  return success();
}

namespace {
struct ConvertPipeToNVVM final
    : attn::nvidia::impl::ConvertPipeToNVVMPassBase<ConvertPipeToNVVM> {
  using ConvertPipeToNVVMPassBase::ConvertPipeToNVVMPassBase;

  void runOnOperation() override {
    const Architecture *architecture = getArchitecture(getOperation(), target);
    if (!architecture)
      return signalPassFailure();
    IRRewriter rewriter(&getContext());
    for (pipe::KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<pipe::KernelOp>())) {
      if (failed(expandThreadMath(kernel)) ||
          failed(verifyKernel(kernel, *architecture)))
        return signalPassFailure();
      FailureOr<KernelValues> values =
          lowerKernel(kernel, *architecture, rewriter);
      if (failed(values) || failed(lowerBody(*values)))
        return signalPassFailure();
    }
  }
};
} // namespace

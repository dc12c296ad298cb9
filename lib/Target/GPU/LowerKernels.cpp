//===- LowerKernels.cpp - lowers pipe kernels to LLVM's dialects ----------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Dialect/UB/IR/UBOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// Lowers the ops of `pipe` and those on its values inside the function.
static LogicalResult lowerBody(const KernelValues &values) {
  LLVM::LLVMFuncOp function = values.function;
  MLIRContext *context = function.getContext();
  PipeTypeConverter converter(context);
  RewritePatternSet patterns(context);
  ConversionTarget target(*context);
  populateClearPatterns(converter, values, patterns);
  populateCoordPatterns(converter, values, patterns);
  populateMaskPatterns(converter, values, patterns);
  populateRegisterPatterns(converter, values, patterns);
  populateMathPatterns(converter, values, patterns);
  populateMeetingPatterns(converter, values, patterns);
  values.architecture->populateProducts(converter, values, patterns);
  populateRingPatterns(converter, values, patterns);
  populateSplitPatterns(converter, values, patterns);
  populateStorePatterns(converter, values, patterns);
  if (values.architecture->bulk)
    values.architecture->bulk->populateStores(converter, values, patterns);
  populateStreamPatterns(converter, values, patterns);
  populateSumPatterns(converter, values, patterns);
  populatePagePatterns(converter, values, patterns);
  populateThreadPatterns(converter, values, patterns);
  populateWorkPatterns(converter, values, patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                       target);
  values.getPrimitives().addLegalDialects(target);
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
  if (values.architecture->finish)
    values.architecture->finish(function);
  return success();
}

LogicalResult attn::gpu::lowerKernels(ModuleOp module,
                                      const Architecture &architecture) {
  IRRewriter rewriter(module.getContext());
  for (pipe::KernelOp kernel :
       llvm::make_early_inc_range(module.getOps<pipe::KernelOp>())) {
    if (failed(expandThreadMath(kernel)) ||
        failed(verifyKernel(kernel, architecture)))
      return failure();
    FailureOr<KernelValues> values =
        lowerKernel(kernel, architecture, rewriter);
    if (failed(values) || failed(lowerBody(*values)))
      return failure();
  }
  return success();
}

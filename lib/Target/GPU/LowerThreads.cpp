//===- LowerThreads.cpp - points shared out to ordinary threads -----------===//
//
// The threads of a group take the points of a `pipe.each` in turn, so that
// neighbours have neighbouring points of the last dimension, and meet at a
// named barrier. An element that all threads get from an array is followed by a
// barrier too: a thread ahead of others could overwrite it.
//
//===----------------------------------------------------------------------===//

#include "ElementAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// The number of the barrier of this thread's group.
static Value getGroupBarrier(OpBuilder &b, Operation *op,
                             const KernelValues &values) {
  Location loc = op->getLoc();
  auto barrier = op->getAttrOfType<IntegerAttr>(kBarrierAttr);
  auto firstGroup = op->getAttrOfType<IntegerAttr>(kFirstGroupAttr);
  Value group = arith::ShRUIOp::create(
      b, loc, values.thread,
      createI32(b, loc, llvm::Log2_64(values.getGroupThreads())));
  return arith::AddIOp::create(
      b, loc, group, createI32(b, loc, barrier.getInt() - firstGroup.getInt()));
}

void attn::gpu::createGroupBarrier(OpBuilder &b, Operation *op,
                                   const KernelValues &values) {
  values.getPrimitives().meet(b, op->getLoc(), values,
                              getGroupBarrier(b, op, values),
                              values.getGroupThreads());
}

Value attn::gpu::meetAndTake(OpBuilder &b, Operation *op, Value value,
                             const KernelValues &values) {
  return values.getPrimitives().meetAndTake(b, op->getLoc(), values,
                                            getGroupBarrier(b, op, values),
                                            values.getGroupThreads(), value);
}

namespace {
struct GetLowering : OpConversionPattern<GetOp> {
  GetLowering(const TypeConverter &converter, MLIRContext *context,
              const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(GetOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ElementAccess access(rewriter, loc, op.getSource().getType(),
                         adaptor.getSource(), adaptor.getIndices());
    Value element = access.load(op.getBeyondAttr());
    if (op->hasAttr(kBarrierAttr))
      createGroupBarrier(rewriter, op, values);
    rewriter.replaceOp(op, element);
    return success();
  }

  const KernelValues &values;
};

struct PutLowering : OpConversionPattern<PutOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(PutOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    ElementAccess access(rewriter, op.getLoc(), op.getDest().getType(),
                         adaptor.getDest(), adaptor.getIndices());
    access.store(adaptor.getValue()[0]);
    rewriter.eraseOp(op);
    return success();
  }
};

struct EachLowering : OpConversionPattern<EachOp> {
  EachLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(EachOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value zero = createI32(rewriter, loc, 0);
    SmallVector<Value> extents;
    for (ValueRange extent : adaptor.getExtents())
      extents.push_back(arith::MaxSIOp::create(rewriter, loc, extent[0], zero));
    Value numPoints = extents[0];
    for (Value extent : ArrayRef(extents).drop_front())
      numPoints = arith::MulIOp::create(rewriter, loc, numPoints, extent);
    auto loop =
        scf::ForOp::create(rewriter, loc, values.threadInGroup, numPoints,
                           createI32(rewriter, loc, values.getGroupThreads()));
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(loop.getBody());
      Value rest = loop.getInductionVar();
      SmallVector<Value> point(extents.size());
      for (size_t dim = extents.size(); --dim > 0;) {
        point[dim] = arith::RemUIOp::create(rewriter, loc, rest, extents[dim]);
        rest = arith::DivUIOp::create(rewriter, loc, rest, extents[dim]);
      }
      point[0] = rest;
      Block *body = &op.getBody().front();
      rewriter.eraseOp(body->getTerminator());
      rewriter.inlineBlockBefore(body, loop.getBody()->getTerminator(), point);
    }
    createGroupBarrier(rewriter, op, values);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populateThreadPatterns(const TypeConverter &converter,
                                       const KernelValues &values,
                                       RewritePatternSet &patterns) {
  patterns.add<EachLowering, GetLowering>(converter, patterns.getContext(),
                                          values);
  patterns.add<PutLowering>(converter, patterns.getContext());
}

LogicalResult attn::gpu::expandThreadMath(KernelOp kernel) {
  SmallVector<Operation *> ops;
  kernel.walk([&](EachOp each) {
    each.walk([&](Operation *op) {
      if (isa<math::MathDialect>(op->getDialect()))
        ops.push_back(op);
    });
  });
  if (ops.empty())
    return success();
  RewritePatternSet patterns(kernel.getContext());
  // Those of which NVPTX has no instruction, or one of few bits only.
  math::populateExpansionPatterns(patterns, {"exp2", "powf", "sinh", "cosh"});
  populateMathPolynomialApproximationPatterns(
      patterns, [](StringRef name) { return name != "math.cbrt"; });
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  return applyOpPatternsGreedily(ops, std::move(patterns), config);
}

//===- LowerPages.cpp - tables that say where pages are -------------------===//
//
// Of a step's pages each lane has one. A lane's number is in no register that
// a warp shares, whose fillings would wait for the table before the slot.
//
//===----------------------------------------------------------------------===//

#include "ElementAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

namespace {
struct PagesLowering : OpConversionPattern<PagesOp> {
  PagesLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(PagesOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto i32 = [&](int64_t value) { return createI32(rewriter, loc, value); };
    Value offset = arith::MulIOp::create(
        rewriter, loc, values.lane, i32(static_cast<int64_t>(op.getRun())));
    Value row =
        arith::AddIOp::create(rewriter, loc, adaptor.getPosition()[0], offset);
    Value place = arith::DivUIOp::create(
        rewriter, loc, row, i32(static_cast<int64_t>(op.getSize())));
    SmallVector<ValueRange> indices = llvm::to_vector(adaptor.getIndices());
    indices.push_back(place);
    ElementAccess access(rewriter, loc, op.getTable().getType(),
                         adaptor.getTable(), indices);
    access.restrict(arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::ult, values.lane,
        i32(op.getPages().getType().getCount())));
    rewriter.replaceOp(op, access.load(rewriter.getI32IntegerAttr(-1)));
    return success();
  }

  const KernelValues &values;
};

struct PageLowering : OpConversionPattern<PageOp> {
  PageLowering(const TypeConverter &converter, MLIRContext *context,
               const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(PageOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, values.getPrimitives().take(
                               rewriter, op.getLoc(), adaptor.getPages()[0],
                               static_cast<int64_t>(op.getNumber())));
    return success();
  }

  const KernelValues &values;
};
} // namespace

void attn::gpu::populatePagePatterns(const TypeConverter &converter,
                                     const KernelValues &values,
                                     RewritePatternSet &patterns) {
  patterns.add<PageLowering, PagesLowering>(converter, patterns.getContext(),
                                            values);
}

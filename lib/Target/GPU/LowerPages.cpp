//===- LowerPages.cpp - tables that say where pages are -------------------===//
//
// Of a step's pages each lane has one. A lane's number is in no register that
// a warp shares, whose fillings would wait for the table before the slot.
//
//===----------------------------------------------------------------------===//

#include "ElementAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

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

/// A line of a table has so many entries, and a warp asks for so many of a row.
static constexpr int64_t kEntriesOfLine = 32;

void attn::gpu::createTablePrefetch(OpBuilder &b, Location loc,
                                    GlobalType table, ValueRange lowered,
                                    const KernelValues &values) {
  if (table.getRank() > 2)
    return;
  const Primitives &primitives = values.getPrimitives();
  auto i32 = [&](int64_t value) { return createI32(b, loc, value); };
  Value warp = arith::ShRUIOp::create(
      b, loc, values.thread, i32(llvm::Log2_64(values.architecture->warpSize)));
  auto isSecond = scf::IfOp::create(
      b, loc,
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, warp, i32(1)),
      /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(isSecond.thenBlock());
  Value block = primitives.getBlock(b, loc), line = values.lane;
  // Of one row blocks have a run of lines each, else a row each.
  if (table.getRank() == 1)
    line = arith::AddIOp::create(
        b, loc, line,
        arith::MulIOp::create(b, loc, block,
                              i32(values.architecture->warpSize)));
  Value entry = arith::MulIOp::create(b, loc, line, i32(kEntriesOfLine));
  SmallVector<ValueRange> indices;
  if (table.getRank() == 2)
    indices.push_back(block);
  indices.push_back(entry);
  ElementAccess(b, loc, table, lowered, indices).prefetch(primitives);
}

void attn::gpu::populatePagePatterns(const TypeConverter &converter,
                                     const KernelValues &values,
                                     RewritePatternSet &patterns) {
  patterns.add<PageLowering, PagesLowering>(converter, patterns.getContext(),
                                            values);
}

//===- LowerWork.cpp - work items, turns and extents ----------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

namespace {
struct DimLowering : OpConversionPattern<DimOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(DimOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getSource()[1 + op.getIndex()]);
    return success();
  }
};

/// A pattern that asks the kernel's values.
template <typename OpT> struct WorkPattern : OpConversionPattern<OpT> {
  WorkPattern(const TypeConverter &converter, MLIRContext *context,
              const KernelValues &values)
      : OpConversionPattern<OpT>(converter, context), values(values),
        primitives(values.getPrimitives()) {}

  const KernelValues &values;
  const Primitives &primitives;
};

/// Where the share of `block` of split work begins: block * items / blocks.
Value createShareBegin(OpBuilder &b, Location loc, Value block, Value items,
                       const Primitives &primitives) {
  Type i64 = b.getI64Type();
  auto widen = [&](Value value) -> Value {
    return arith::ExtUIOp::create(b, loc, i64, value);
  };
  Value blocks = primitives.getNumBlocks(b, loc);
  Value product = arith::MulIOp::create(b, loc, widen(block), widen(items));
  Value begin = arith::DivUIOp::create(b, loc, product, widen(blocks));
  return arith::TruncIOp::create(b, loc, b.getI32Type(), begin);
}

struct FirstItemLowering : WorkPattern<FirstItemOp> {
  using WorkPattern::WorkPattern;

  LogicalResult
  matchAndRewrite(FirstItemOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value item = primitives.getBlock(rewriter, op.getLoc());
    if (op.getWork().getType().getKind() == WorkKind::Split)
      item = createShareBegin(rewriter, op.getLoc(), item, adaptor.getWork()[0],
                              primitives);
    rewriter.replaceOp(op, item);
    return success();
  }
};

struct NextItemLowering : WorkPattern<NextItemOp> {
  using WorkPattern::WorkPattern;

  LogicalResult
  matchAndRewrite(NextItemOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    WorkKind kind = op.getWork().getType().getKind();
    Value none = createI32(rewriter, loc, -1);
    if (kind == WorkKind::Single) {
      rewriter.replaceOp(op, none);
      return success();
    }
    Value items = adaptor.getWork()[0];
    if (kind == WorkKind::Split) {
      Value one = createI32(rewriter, loc, 1);
      Value block = primitives.getBlock(rewriter, loc);
      Value end = createShareBegin(
          rewriter, loc, arith::AddIOp::create(rewriter, loc, block, one),
          items, primitives);
      Value next =
          arith::AddIOp::create(rewriter, loc, adaptor.getItem()[0], one);
      Value exists = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::slt, next, end);
      rewriter.replaceOpWithNewOp<arith::SelectOp>(op, exists, next, none);
      return success();
    }
    Value blocks = primitives.getNumBlocks(rewriter, loc);
    Value base = adaptor.getItem()[0];
    if (kind == WorkKind::Dynamic) {
      // Every item is followed by one addition, so that the block that makes
      // the last one of the launch can set the counter back for the next.
      Value counter = adaptor.getWork()[1];
      base =
          primitives.count(rewriter, loc, counter, createI32(rewriter, loc, 1));
      Value last = arith::SubIOp::create(rewriter, loc, items,
                                         createI32(rewriter, loc, 1));
      Value isLast = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::eq, base, last);
      primitives.storeGlobalIf(rewriter, loc, counter, /*offset=*/0,
                               createI32(rewriter, loc, 0), isLast);
    }
    Value next = arith::AddIOp::create(rewriter, loc, base, blocks);
    Value exists = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::slt, next, items);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, exists, next, none);
    return success();
  }
};

struct BlockInClusterLowering : WorkPattern<BlockInClusterOp> {
  using WorkPattern::WorkPattern;

  LogicalResult
  matchAndRewrite(BlockInClusterOp op, OneToNOpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, values.architecture->bulk->getRank(rewriter, op.getLoc()));
    return success();
  }
};

/// Runs the body at least once: `scf.while` with an empty second region.
struct WorkLoopLowering : OpConversionPattern<WorkLoopOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(WorkLoopOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    SmallVector<Value> inits;
    for (ValueRange operand : adaptor.getOperands())
      llvm::append_range(inits, operand);
    SmallVector<Type> types = llvm::to_vector(ValueRange(inits).getTypes());
    SmallVector<SmallVector<Type>> resultTypes;
    for (Type type : op.getResultTypes())
      if (failed(getTypeConverter()->convertType(type,
                                                 resultTypes.emplace_back())))
        return rewriter.notifyMatchFailure(op, "carries what no thread holds");

    auto loop = scf::WhileOp::create(rewriter, loc, types, inits);
    rewriter.inlineRegionBefore(op.getBody(), loop.getBefore(),
                                loop.getBefore().end());
    if (failed(rewriter.convertRegionTypes(&loop.getBefore(),
                                           *getTypeConverter())))
      return rewriter.notifyMatchFailure(op, "carries what no thread holds");
    Block *after =
        rewriter.createBlock(&loop.getAfter(), loop.getAfter().end(), types,
                             SmallVector<Location>(types.size(), loc));
    scf::YieldOp::create(rewriter, loc, after->getArguments());

    SmallVector<SmallVector<Value>> results;
    unsigned next = 1;
    for (const SmallVector<Type> &list : resultTypes) {
      results.push_back(llvm::to_vector(
          ValueRange(loop.getResults()).slice(next, list.size())));
      next += list.size();
    }
    rewriter.replaceOpWithMultiple(op, results);
    return success();
  }
};

/// What the body of a work loop yields: again, where there is an item.
struct YieldLowering : OpConversionPattern<pipe::YieldOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(pipe::YieldOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isa<scf::WhileOp>(op->getParentOp()))
      return rewriter.notifyMatchFailure(op, "ends no work loop");
    SmallVector<Value> values;
    for (ValueRange operand : adaptor.getValues())
      llvm::append_range(values, operand);
    Value again = arith::CmpIOp::create(
        rewriter, op.getLoc(), arith::CmpIPredicate::sge, values.front(),
        createI32(rewriter, op.getLoc(), 0));
    rewriter.replaceOpWithNewOp<scf::ConditionOp>(op, again, values);
    return success();
  }
};

/// The group's own named barrier: its threads and those of the group before.
struct TakeTurnLowering : WorkPattern<TakeTurnOp> {
  using WorkPattern::WorkPattern;

  LogicalResult
  matchAndRewrite(TakeTurnOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value barrier = arith::AddIOp::create(rewriter, loc, adaptor.getTurn()[0],
                                          adaptor.getGroup()[0]);
    primitives.meet(rewriter, loc, values, barrier,
                    2 * values.getGroupThreads());
    rewriter.eraseOp(op);
    return success();
  }
};

struct PassTurnLowering : WorkPattern<PassTurnOp> {
  using WorkPattern::WorkPattern;

  LogicalResult
  matchAndRewrite(PassTurnOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    int64_t groups = op.getTurn().getType().getGroups();
    Value next = arith::AddIOp::create(rewriter, loc, adaptor.getGroup()[0],
                                       createI32(rewriter, loc, 1));
    Value wraps = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        next, createI32(rewriter, loc, groups));
    next = arith::SelectOp::create(rewriter, loc, wraps,
                                   createI32(rewriter, loc, 0), next);
    Value barrier =
        arith::AddIOp::create(rewriter, loc, adaptor.getTurn()[0], next);
    primitives.arrive(rewriter, loc, values, barrier,
                      2 * values.getGroupThreads());
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void attn::gpu::populateWorkPatterns(const TypeConverter &converter,
                                     const KernelValues &values,
                                     RewritePatternSet &patterns) {
  patterns.add<DimLowering, WorkLoopLowering, YieldLowering>(
      converter, patterns.getContext());
  patterns.add<FirstItemLowering, NextItemLowering, BlockInClusterLowering,
               TakeTurnLowering, PassTurnLowering>(
      converter, patterns.getContext(), values);
}

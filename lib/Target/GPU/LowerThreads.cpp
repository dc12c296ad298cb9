//===- LowerThreads.cpp - points shared out to ordinary threads -----------===//
//
// The threads of a group take the points of a `pipe.each` in turn, so that
// neighbours have neighbouring points of the last dimension, and meet at a
// named barrier. An element that all threads get from an array is followed by a
// barrier too: a thread ahead of others could overwrite it.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

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

/// LLVM has no floats of 8 bits.
static Type getScalarType(Type element) {
  bool isByte = element.getIntOrFloatBitWidth() == 8;
  return isByte ? IntegerType::get(element.getContext(), 8) : element;
}

/// Memory has no bits of their own: an i1 takes a byte.
static Type getMemoryType(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8)
                              : element;
}

namespace {
/// Loads and stores of one element.
class ElementAccess {
public:
  ElementAccess(OpBuilder &b, Location loc, Type source, ValueRange lowered,
                ArrayRef<ValueRange> indices)
      : b(b), loc(loc), type(getScalarType(getElementType(source))),
        memoryType(getMemoryType(type)) {
    if (auto array = dyn_cast<ArrayType>(source))
      locate(array, lowered, indices);
    else
      locate(cast<GlobalType>(source), lowered, indices);
  }

  Value load() {
    if (!exists)
      return loadAlways();
    auto ifOp = scf::IfOp::create(b, loc, type, exists, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    scf::YieldOp::create(b, loc, loadAlways());
    b.setInsertionPointToStart(ifOp.elseBlock());
    Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    scf::YieldOp::create(b, loc, zero);
    return ifOp.getResult(0);
  }

  void store(Value value) {
    OpBuilder::InsertionGuard guard(b);
    if (exists) {
      auto ifOp = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
      b.setInsertionPointToStart(ifOp.thenBlock());
    }
    if (memoryType != type)
      value = arith::ExtUIOp::create(b, loc, memoryType, value);
    LLVM::StoreOp::create(b, loc, value, address);
  }

private:
  Value loadAlways() {
    Value value = LLVM::LoadOp::create(b, loc, memoryType, address);
    if (memoryType != type)
      value = arith::TruncIOp::create(b, loc, type, value);
    return value;
  }

  Value createAddress(Value base, Value offset) {
    return LLVM::GEPOp::create(b, loc, base.getType(), memoryType, base,
                               LLVM::GEPArg(offset));
  }

  void locate(ArrayType array, ValueRange lowered,
              ArrayRef<ValueRange> indices) {
    Value offset = indices[0][0];
    for (auto [index, size] :
         llvm::zip_equal(indices.drop_front(), array.getShape().drop_front())) {
      offset = arith::MulIOp::create(b, loc, offset, createI32(b, loc, size));
      offset = arith::AddIOp::create(b, loc, offset, index[0]);
    }
    address = createAddress(lowered[0], offset);
  }

  void locate(GlobalType global, ValueRange lowered,
              ArrayRef<ValueRange> indices) {
    unsigned rank = global.getRank();
    ValueRange extents = lowered.slice(1, rank);
    ValueRange strides = lowered.drop_front(1 + rank);
    Value offset;
    for (unsigned dim = 0; dim < rank; ++dim) {
      Value index = indices[dim][0];
      // Unsigned: a negative index is beyond any extent.
      Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                           index, extents[dim]);
      exists = exists ? arith::AndIOp::create(b, loc, exists, inside) : inside;
      Value term = arith::ExtSIOp::create(b, loc, b.getI64Type(), index);
      if (dim < strides.size())
        term = arith::MulIOp::create(b, loc, term, strides[dim]);
      offset = offset ? arith::AddIOp::create(b, loc, offset, term) : term;
    }
    address = createAddress(lowered[0], offset);
  }

  OpBuilder &b;
  Location loc;
  Type type, memoryType;
  /// `exists` is null for what always does.
  Value address, exists;
};

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
    Value element = access.load();
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

//===- LowerMmaSync.cpp - products become mma.sync ------------------------===//
//
// A warp multiplies its 16 rows as soon as a product is started, so that there
// is nothing to wait for. Both sides come from shared memory by ldmatrix just
// before they are needed; ptxas moves the loads ahead.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Lowering.h"
#include "MmaSync.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

using Side = MatrixWalk::Side;

namespace {
/// Reads the fragments of one side from a tile in shared memory.
class MatrixReader {
public:
  /// Blocks of M are counted from the warp's own.
  MatrixReader(OpBuilder &b, Location loc, const MatrixWalk &walk, Value tile,
               Side side, const KernelValues &values);

  /// The registers of `count` (2 or 4) matrices.
  SmallVector<Value> read(int64_t step, int64_t block, int64_t count) {
    MatrixWalk::Place place = walk.getPlace(step, block);
    return loadMatrices(b, loc, addresses[place.pairInPanel], place.bytes,
                        count, walk.isTransposed());
  }

private:
  OpBuilder &b;
  Location loc;
  MatrixWalk walk;
  /// By the number of a pair of chunks in its panel.
  SmallVector<Value> addresses;
};
} // namespace

MatrixReader::MatrixReader(OpBuilder &b, Location loc, const MatrixWalk &walk,
                           Value tile, Side side, const KernelValues &values)
    : b(b), loc(loc), walk(walk) {
  auto i32 = [&](int64_t value) { return createI32(b, loc, value); };
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddIOp::create(b, loc, x, y);
  };
  auto mul = [&](Value x, int64_t y) -> Value {
    return arith::MulIOp::create(b, loc, x, i32(y));
  };
  auto bits = [&](Value x, int64_t mask) -> Value {
    return arith::AndIOp::create(b, loc, x, i32(mask));
  };
  auto bit = [&](unsigned number) -> Value {
    return bits(arith::ShRUIOp::create(b, loc, values.lane, i32(number)), 1);
  };
  Value rowInMatrix = bits(values.lane, 7);
  Value row = add(rowInMatrix, mul(bit(walk.getRowBit()), 8));
  Value chunk =
      arith::XOrIOp::create(b, loc, bit(walk.getChunkBit()), rowInMatrix);
  Value base = LLVM::PtrToIntOp::create(b, loc, b.getI32Type(), tile);
  base =
      add(base, add(mul(row, MatrixWalk::kRowBytes), mul(chunk, kChunkBytes)));
  Value pair;
  if (side == Side::Left && walk.isTransposed())
    pair = values.warpInGroup;
  else if (side == Side::Left)
    base = add(base, mul(values.warpInGroup, kMmaRows * MatrixWalk::kRowBytes));
  for (int64_t i = 0; i < MatrixWalk::kPairsInPanel; ++i) {
    Value changed = i32(i * 2 * kChunkBytes);
    if (pair)
      changed =
          arith::XOrIOp::create(b, loc, changed, mul(pair, 2 * kChunkBytes));
    addresses.push_back(arith::XOrIOp::create(b, loc, base, changed));
  }
}

namespace {
struct MmaLowering : OpConversionPattern<MmaAsyncOp> {
  MmaLowering(const TypeConverter &converter, MLIRContext *context,
              const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(MmaAsyncOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    constexpr int64_t kLeftRegisters = 4, kAccumulators = 4;
    Location loc = op.getLoc();
    FailureOr<MatrixWalk> rhsWalk =
        MatrixWalk::create(op.getRhs().getType(), op.getRhsDim(), Side::Right);
    if (failed(rhsWalk))
      return rewriter.notifyMatchFailure(op, "has a right side without "
                                             "addresses");
    MatrixReader rhs(rewriter, loc, *rhsWalk, adaptor.getRhs()[0], Side::Right,
                     values);
    std::optional<MatrixReader> lhs;
    if (auto shared = dyn_cast<SharedType>(op.getLhs().getType())) {
      FailureOr<MatrixWalk> walk =
          MatrixWalk::create(shared, op.getLhsDim(), Side::Left);
      if (failed(walk))
        return rewriter.notifyMatchFailure(op, "has a left side without "
                                               "addresses");
      lhs.emplace(rewriter, loc, *walk, adaptor.getLhs()[0], Side::Left,
                  values);
    }
    RankedTensorType type = op.getToken().getType().getAccumulator();
    SmallVector<Value> registers;
    if (op.getAcc())
      registers = llvm::to_vector(adaptor.getAcc());
    else
      registers.assign(getNumRegisters(type),
                       arith::ConstantOp::create(rewriter, loc,
                                                 rewriter.getF32FloatAttr(0)));
    MmaSync product;
    product.element =
        op.getRhs().getType().getElementType().isBF16() ? "bf16" : "f16";
    int64_t blocks = type.getDimSize(1) / kMmaColumns;
    for (int64_t step = 0; step < op.getNumTerms() / kMmaDepth; ++step) {
      SmallVector<Value> left =
          lhs ? lhs->read(step, 0, kLeftRegisters)
              : llvm::to_vector(adaptor.getLhs().slice(step * kLeftRegisters,
                                                       kLeftRegisters));
      product.lhs = left;
      SmallVector<Value> matrices;
      for (int64_t block = 0; block < blocks; ++block) {
        // Two blocks at a time; an odd number leaves one.
        if (block % 2 == 0)
          matrices = rhs.read(step, block / 2, block + 1 < blocks ? 4 : 2);
        product.rhs = ArrayRef(matrices).slice(block % 2 * 2, 2);
        MutableArrayRef<Value> own = MutableArrayRef(registers).slice(
            block * kAccumulators, kAccumulators);
        llvm::copy(multiply(rewriter, loc, product, own), own.begin());
      }
    }
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }

  const KernelValues &values;
};

/// What is waited for is there.
template <typename OpT> struct WaitLowering : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpConversionPattern<OpT>::OneToNOpAdaptor a,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(op, {a.getToken()});
    return success();
  }
};
} // namespace

LogicalResult attn::nvidia::verifyMmaSync(MmaAsyncOp op) {
  auto hasAddresses = [](SharedType tile, int64_t contracted) {
    return succeeded(MatrixWalk::create(tile, contracted, Side::Right));
  };
  auto lhs = dyn_cast<SharedType>(op.getLhs().getType());
  if (hasAddresses(op.getRhs().getType(), op.getRhsDim()) &&
      (!lhs || hasAddresses(lhs, op.getLhsDim())))
    return success();
  return op.emitOpError(
      "expects tiles in shared memory with elements of 16 bits, a swizzle of "
      "128 bytes and one part");
}

void attn::nvidia::populateMmaSyncPatterns(const TypeConverter &converter,
                                           const KernelValues &values,
                                           RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<MmaLowering>(converter, context, values);
  patterns.add<WaitLowering<MmaWaitOp>, WaitLowering<MmaRetireOp>>(converter,
                                                                   context);
}

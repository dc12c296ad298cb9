//===- LowerMmaSync.cpp - products become mma.sync ------------------------===//
//
// A warp multiplies its 16 rows, or twice as many in two products with the same
// right side, as soon as a product is started, so that there is nothing to wait
// for. Both sides come from shared memory by ldmatrix just
// before they are needed; ptxas moves the loads ahead.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Instructions.h"
#include "MmaSync.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::nvidia;
using namespace attn::pipe;

using Side = MatrixWalk::Side;

namespace {
/// Reads the fragments of one side from a tile in shared memory.
class MatrixReader {
public:
  MatrixReader(OpBuilder &b, Location loc, const MatrixWalk &walk, Value tile)
      : b(b), loc(loc), walk(walk), tile(tile) {}

  /// Begins with block number `first` (i32) of M or N, a multiple of the number
  /// of blocks that are read; without it, with the tile's.
  void begin(const KernelValues &values, Value first = Value());

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
  Value tile;
  /// By the number of a pair of chunks in its panel.
  SmallVector<Value> addresses;
};
} // namespace

void MatrixReader::begin(const KernelValues &values, Value first) {
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
  if (first && walk.isTransposed()) {
    // Pairs of chunks that follow, in this panel or a later one.
    constexpr int64_t kPairs = MatrixWalk::kPairsInPanel;
    base = add(base, mul(arith::ShRUIOp::create(b, loc, first,
                                                i32(llvm::Log2_64(kPairs))),
                         walk.getPanelBytes()));
    base = arith::XOrIOp::create(b, loc, base,
                                 mul(bits(first, kPairs - 1), 2 * kChunkBytes));
  } else if (first) {
    base = add(base, mul(first, kMmaRows * MatrixWalk::kRowBytes));
  }
  for (int64_t i = 0; i < MatrixWalk::kPairsInPanel; ++i)
    addresses.push_back(
        arith::XOrIOp::create(b, loc, base, i32(i * 2 * kChunkBytes)));
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
    bool runsBeside = hasOtherWait(op);
    FailureOr<MatrixWalk> rhsWalk =
        MatrixWalk::create(op.getRhs().getType(), op.getRhsDim(), Side::Right);
    if (failed(rhsWalk))
      return rewriter.notifyMatchFailure(op, "has a right side without "
                                             "addresses");
    MatrixReader rhs(rewriter, loc, *rhsWalk, adaptor.getRhs()[0]);
    rhs.begin(values);
    RankedTensorType type = op.getToken().getType().getAccumulator();
    // Products of a warp, one above the other.
    int64_t height = type.getDimSize(0) / kMmaGroupRows;
    std::optional<MatrixReader> lhs;
    if (auto shared = dyn_cast<SharedType>(op.getLhs().getType())) {
      FailureOr<MatrixWalk> walk =
          MatrixWalk::create(shared, op.getLhsDim(), Side::Left);
      if (failed(walk))
        return rewriter.notifyMatchFailure(op, "has a left side without "
                                               "addresses");
      lhs.emplace(rewriter, loc, *walk, adaptor.getLhs()[0]);
      lhs->begin(values,
                 arith::MulIOp::create(rewriter, loc, values.warpInGroup,
                                       createI32(rewriter, loc, height)));
    }
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
    Operation *last = op->getPrevNode();
    for (int64_t step = 0; step < op.getNumTerms() / kMmaDepth; ++step) {
      SmallVector<SmallVector<Value>> left;
      for (int64_t row = 0; row < height; ++row)
        left.push_back(lhs ? lhs->read(step, row, kLeftRegisters)
                           : getLeft(adaptor.getLhs(), step, row, height));
      SmallVector<Value> matrices;
      for (int64_t block = 0; block < blocks; ++block) {
        // Two blocks at a time; an odd number leaves one.
        if (block % 2 == 0)
          matrices = rhs.read(step, block / 2, block + 1 < blocks ? 4 : 2);
        product.rhs = ArrayRef(matrices).slice(block % 2 * 2, 2);
        for (int64_t row = 0; row < height; ++row) {
          product.lhs = left[row];
          MutableArrayRef<Value> own = MutableArrayRef(registers).slice(
              (block * height + row) * kAccumulators, kAccumulators);
          llvm::copy(multiply(rewriter, loc, product, own), own.begin());
        }
      }
    }
    if (runsBeside)
      name(last, op);
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }

private:
  /// Whether the next wait of the block is for another product, so that what
  /// follows that runs beside this one.
  static bool hasOtherWait(MmaAsyncOp op) {
    for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
      if (auto wait = dyn_cast<MmaWaitOp>(next))
        return wait.getToken() != op.getToken();
    return false;
  }

  /// Names what was written between two ops.
  static void name(Operation *last, MmaAsyncOp op) {
    auto product = DistinctAttr::create(UnitAttr::get(op.getContext()));
    for (Operation *made = last->getNextNode(); made != op;
         made = made->getNextNode())
      made->setAttr(kInFlightAttr, product);
  }

  /// Of a left side in registers those of one product: of 8 columns each
  /// product has two pairs, then of the next 8.
  static SmallVector<Value> getLeft(ValueRange registers, int64_t step,
                                    int64_t row, int64_t height) {
    constexpr int64_t kPairs = 2;
    SmallVector<Value> left;
    for (int64_t half : {0, 1})
      llvm::append_range(
          left,
          registers.slice(((2 * step + half) * height + row) * kPairs, kPairs));
    return left;
  }

  const KernelValues &values;
};

/// What is waited for is there. A cast marks where the wait was: what comes
/// after it, as the release of a slot, needs the product done.
template <typename OpT> struct WaitLowering : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpConversionPattern<OpT>::OneToNOpAdaptor a,
                  ConversionPatternRewriter &rewriter) const override {
    auto mark = UnrealizedConversionCastOp::create(
        rewriter, op.getLoc(), rewriter.getI1Type(), a.getToken());
    mark->setAttr(kWaitAttr, rewriter.getUnitAttr());
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

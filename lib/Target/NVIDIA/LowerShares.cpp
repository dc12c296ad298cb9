//===- LowerShares.cpp - products of shares become mma.sync ---------------===//
//
// Each warp reads the rows of its share from shared memory, 8 bits an element,
// and widens them in registers to what is the right side of its products
// (ShareWalk). Of a product's 16 rows all are there, or the first eight.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Instructions.h"
#include "MmaSync.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <array>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::nvidia;
using namespace attn::pipe;

static bool hasShares(Value token) {
  auto product = token.getDefiningOp<MmaAsyncOp>();
  return product && product.getNumShares() > 1;
}

namespace {
/// Writes one product.
class ShareProduct {
public:
  ShareProduct(OpBuilder &b, MmaAsyncOp op, const ShareWalk &walk, Value tile,
               ValueRange lhs, ArrayRef<Value> registers,
               const KernelValues &values)
      : b(b), loc(op.getLoc()), walk(walk), tile(tile), lhs(lhs),
        registers(registers), values(values),
        bytes(getByteType(op.getRhs().getType().getElementType())),
        isBF16(getElementType(op.getLhs().getType()).isBF16()) {
    element = isBF16 ? "bf16" : "f16";
    halves = op.getToken().getType().getAccumulator().getDimSize(0) /
             (op.getNumShares() * kFewSharedRows);
    place = arith::AndIOp::create(b, loc, values.lane, i32(3));
    group = arith::ShRUIOp::create(b, loc, values.lane, i32(2));
    share = mul(values.warpInGroup, walk.rows * walk.rowBytes);
  }

  /// The accumulator of sums along columns, and of sums along rows.
  SmallVector<Value> runAlongColumns();
  SmallVector<Value> runAlongRows();

private:
  static constexpr int64_t kChunk = 16, kWord = 4;

  Value i32(int64_t value) { return createI32(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t y) {
    return arith::MulIOp::create(b, loc, x, i32(y));
  }
  /// Where the swizzle puts chunk number `chunk` of a row, of which `row` has
  /// the last three bits.
  Value getChunk(Value row, Value chunk) {
    Value moved = walk.rowBytes == kWidePanel
                      ? row
                      : arith::ShRUIOp::create(b, loc, row, i32(1)).getResult();
    return mul(arith::XOrIOp::create(b, loc, chunk, moved), kChunk);
  }
  /// So many bytes at `offset`, an i32, and a constant, as words.
  SmallVector<Value> read(Value offset, int64_t constant, int64_t count);
  SmallVector<Value> widen(Value word) {
    return values.getPrimitives().widenBytes(b, loc, word, bytes, isBF16);
  }
  /// The bytes of two words that `selector` names.
  Value permute(Value x, Value y, int64_t selector) {
    return LLVM::CallIntrinsicOp::create(b, loc, b.getI32Type(),
                                         b.getStringAttr("llvm.nvvm.prmt"),
                                         ValueRange{x, y, i32(selector)})
        .getResult(0);
  }
  /// Sums of rows that are not there, which nobody reads.
  using Spare = std::array<Value, 2>;
  Spare createSpare() {
    Value zero = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0));
    return {zero, zero};
  }
  /// Adds a product to registers of the accumulator, given for a row, of which
  /// a second one is `further` on: the left side's are words, two elements
  /// each. Where there is none, `spare` goes from one product to the next.
  void multiply(ArrayRef<int64_t> leftWords, int64_t leftFurther,
                ArrayRef<Value> right, ArrayRef<int64_t> sums, int64_t further,
                Spare &spare);

  OpBuilder &b;
  Location loc;
  const ShareWalk &walk;
  Value tile;
  ValueRange lhs;
  SmallVector<Value> registers;
  const KernelValues &values;
  ByteType bytes;
  bool isBF16;
  std::string element;
  /// Of the rows of a product: those of lanes, eight, or both.
  int64_t halves;
  /// The lane's place among four, the number of these, and the bytes before the
  /// warp's share in a panel.
  Value place, group, share;
};
} // namespace

SmallVector<Value> ShareProduct::read(Value offset, int64_t constant,
                                      int64_t count) {
  auto type = VectorType::get(count / kWord, b.getI32Type());
  Value address = createByteOffset(
      b, loc, createByteOffset(b, loc, tile, offset), constant);
  Value words = LLVM::LoadOp::create(b, loc, type, address, count);
  SmallVector<Value> list;
  for (int64_t i = 0; i < count / kWord; ++i)
    list.push_back(LLVM::ExtractElementOp::create(b, loc, words, i32(i)));
  return list;
}

void ShareProduct::multiply(ArrayRef<int64_t> leftWords, int64_t leftFurther,
                            ArrayRef<Value> right, ArrayRef<int64_t> sums,
                            int64_t further, Spare &spare) {
  Value none = i32(0);
  // A's registers: both rows of the first columns, and of those 8 further; C's:
  // two columns of the first row, and of the second.
  SmallVector<Value> left, all;
  for (int64_t word : leftWords)
    for (int64_t half : {0, 1})
      left.push_back(half < halves ? lhs[word + half * leftFurther] : none);
  for (int64_t half : {0, 1})
    for (auto [i, sum] : llvm::enumerate(sums))
      all.push_back(half < halves ? registers[sum + half * further] : spare[i]);
  MmaSync product;
  product.element = element;
  product.lhs = left;
  product.rhs = right;
  SmallVector<Value> results = nvidia::multiply(b, loc, product, all);
  for (int64_t half = 0; half < halves; ++half)
    for (auto [i, sum] : llvm::enumerate(sums))
      registers[sum + half * further] = results[2 * half + i];
  if (halves == 1)
    spare = {results[2], results[3]};
}

SmallVector<Value> ShareProduct::runAlongColumns() {
  constexpr int64_t kRows = kMmaColumns;
  int64_t words = walk.laneChunks * kChunk / kWord;
  SmallVector<Value> offsets;
  Value row = add(share, mul(group, walk.rowBytes));
  for (int64_t chunk = 0; chunk < walk.laneChunks; ++chunk)
    offsets.push_back(add(
        row, getChunk(group, add(mul(place, walk.laneChunks), i32(chunk)))));
  for (int64_t block = 0; block < walk.rows / kRows; ++block) {
    Spare spare = createSpare();
    for (int64_t panel = 0; panel < walk.panels; ++panel)
      for (int64_t chunk = 0; chunk < walk.laneChunks; ++chunk) {
        SmallVector<Value> list = read(
            offsets[chunk],
            panel * walk.panelBytes + block * kRows * walk.rowBytes, kChunk);
        for (auto [i, word] : llvm::enumerate(list)) {
          int64_t number = 2 * (panel * words + chunk * kChunk / kWord + i);
          int64_t first = 2 * halves * block;
          multiply({number, number + 1}, static_cast<int64_t>(lhs.size()) / 2,
                   widen(word), {first, first + 1}, 2, spare);
        }
      }
  }
  return registers;
}

SmallVector<Value> ShareProduct::runAlongRows() {
  // The bytes of two rows by turns: of the first two columns, and of the next.
  constexpr int64_t kLower = 0x5140, kUpper = 0x7362;
  constexpr int64_t kHalf = kMmaDepth / 2;
  // Of the rows that a lane has side by side each its own.
  SmallVector<Value> offsets;
  for (int64_t next : {0, 1}) {
    Value row = add(mul(place, 2), i32(next));
    Value column = mul(group, walk.laneBytes);
    Value chunk =
        arith::ShRUIOp::create(b, loc, column, i32(llvm::Log2_64(kChunk)));
    Value within = arith::AndIOp::create(b, loc, column, i32(kChunk - 1));
    offsets.push_back(add(add(share, mul(row, walk.rowBytes)),
                          add(getChunk(row, chunk), within)));
  }
  for (int64_t step = 0; step < walk.rows / kMmaDepth; ++step)
    for (int64_t panel = 0; panel < walk.panels; ++panel) {
      SmallVector<SmallVector<Value>> rows;
      for (int64_t half : {0, 1})
        for (int64_t next : {0, 1})
          rows.push_back(
              read(offsets[next],
                   panel * walk.panelBytes +
                       (step * kMmaDepth + half * kHalf) * walk.rowBytes,
                   walk.laneBytes));
      for (int64_t word = 0; word < walk.laneBytes / kWord; ++word)
        for (int64_t pair : {0, 1}) {
          SmallVector<Value> sides[2];
          for (int64_t half : {0, 1})
            sides[half] =
                widen(permute(rows[2 * half][word], rows[2 * half + 1][word],
                              pair == 0 ? kLower : kUpper));
          for (int64_t i : {0, 1}) {
            int64_t column =
                panel * 2 * walk.laneBytes + word * kWord + pair * 2 + i;
            // Of two blocks of 8 keys, in each of which rows follow.
            int64_t first = 2 * halves * step;
            Spare spare = createSpare();
            multiply({first, first + halves}, 1, {sides[0][i], sides[1][i]},
                     {column, column + walk.laneBytes},
                     static_cast<int64_t>(registers.size()) / 2, spare);
          }
        }
    }
  return registers;
}

namespace {
struct ShareLowering : OpConversionPattern<MmaAsyncOp> {
  ShareLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context, /*benefit=*/2), values(values) {
  }

  LogicalResult
  matchAndRewrite(MmaAsyncOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (op.getNumShares() == 1)
      return rewriter.notifyMatchFailure(op, "has no shares");
    FailureOr<ShareWalk> walk =
        ShareWalk::create(op.getRhs().getType(), op.getNumShares());
    if (failed(walk))
      return rewriter.notifyMatchFailure(op, "has a right side without "
                                             "addresses");
    SmallVector<Value> registers(adaptor.getAcc());
    if (!op.getAcc())
      registers.assign(
          getNumRegisters(op.getToken().getType().getAccumulator()),
          arith::ConstantOp::create(rewriter, op.getLoc(),
                                    rewriter.getF32FloatAttr(0)));
    ShareProduct product(rewriter, op, *walk, adaptor.getRhs()[0],
                         adaptor.getLhs(), registers, values);
    registers = op.getRhsDim() == 1 ? product.runAlongColumns()
                                    : product.runAlongRows();
    rewriter.replaceOpWithMultiple(op, {ValueRange(registers)});
    return success();
  }

  const KernelValues &values;
};

/// What is waited for is there.
template <typename OpT> struct ShareWait : OpConversionPattern<OpT> {
  ShareWait(const TypeConverter &converter, MLIRContext *context)
      : OpConversionPattern<OpT>(converter, context, /*benefit=*/2) {}

  LogicalResult
  matchAndRewrite(OpT op, typename OpConversionPattern<OpT>::OneToNOpAdaptor a,
                  ConversionPatternRewriter &rewriter) const override {
    if (!hasShares(op.getToken()))
      return rewriter.notifyMatchFailure(op, "waits for no shares");
    rewriter.replaceOpWithMultiple(op, {a.getToken()});
    return success();
  }
};
} // namespace

LogicalResult attn::nvidia::verifyShares(MmaAsyncOp op) {
  for (Operation *user : op.getToken().getUsers())
    if (!isa<MmaWaitOp, MmaAsyncOp>(user))
      return op.emitOpError("expects a product of shares to be waited for "
                            "where it is started on this target");
  if (succeeded(ShareWalk::create(op.getRhs().getType(), op.getNumShares())))
    return success();
  return op.emitOpError("expects ")
         << kShares << " shares of a multiple of " << kMmaDepth
         << " rows of elements of 8 bits, in panels of " << kWidePanel
         << " columns, or else " << kNarrowPanel
         << ", with a swizzle of as many bytes, but got " << op.getNumShares()
         << " of " << op.getRhs().getType();
}

void attn::nvidia::populateSharePatterns(const TypeConverter &converter,
                                         const KernelValues &values,
                                         RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  patterns.add<ShareLowering>(converter, context, values);
  patterns.add<ShareWait<MmaWaitOp>>(converter, context);
}

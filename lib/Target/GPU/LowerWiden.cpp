//===- LowerWiden.cpp - slots of 8 bits an element become slots of 16 -----===//
//
// A thread takes 8 bytes of a row at a time and writes 16, a chunk that the
// swizzle moves as one. Neighbouring threads take neighbouring chunks, so that
// neither the reads nor the writes of a warp meet in a bank.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Elements of a chunk that is written.
static constexpr int64_t kElements = kChunkBytes / 2;
/// Reads of a thread that are on their way at once.
static constexpr int64_t kBatch = 8;

static ByteType getByteType(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return ByteType::E4M3;
  return isa<Float8E5M2Type>(type) ? ByteType::E5M2 : ByteType::Signed;
}

namespace {
class Widening {
public:
  Widening(OpBuilder &b, WidenOp op, Value source, Value slot,
           const KernelValues &values)
      : b(b), loc(op.getLoc()), sourceType(op.getSource().getType()),
        slotType(op.getSlot().getType()), source(source), slot(slot),
        values(values) {}

  void run();

private:
  Value i32(int64_t value) { return createI32(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t y) {
    return arith::MulIOp::create(b, loc, x, i32(y));
  }
  Value getPlace(SharedType type, Value tile, Value row, Value byte);
  Value read(Value unit);
  void write(Value unit, Value words);
  std::pair<Value, Value> split(Value unit);

  OpBuilder &b;
  Location loc;
  SharedType sourceType, slotType;
  Value source, slot;
  const KernelValues &values;
};
} // namespace

/// Where byte `byte` of a row lies, the first of at most a chunk.
Value Widening::getPlace(SharedType type, Value tile, Value row, Value byte) {
  int64_t swizzle = type.getSwizzle();
  Value panel = arith::DivUIOp::create(b, loc, byte, i32(swizzle));
  Value within = arith::RemUIOp::create(b, loc, byte, i32(swizzle));
  Value inPanel = mul(row, swizzle);
  // Bits from 4 on change by those from 7 on.
  Value moved = arith::AndIOp::create(
      b, loc,
      arith::ShRUIOp::create(b, loc, inPanel, i32(llvm::Log2_64(128 / 16))),
      i32(swizzle - kChunkBytes));
  within = arith::XOrIOp::create(b, loc, within, moved);
  Value offset =
      add(add(mul(panel, type.getNumRows() * swizzle), inPanel), within);
  return createByteOffset(b, loc, tile, offset);
}

/// The row and the first column of a unit of `kElements`.
std::pair<Value, Value> Widening::split(Value unit) {
  Value perRow = i32(slotType.getNumColumns() / kElements);
  Value row = arith::DivUIOp::create(b, loc, unit, perRow);
  Value chunk = arith::RemUIOp::create(b, loc, unit, perRow);
  return {row, mul(chunk, kElements)};
}

Value Widening::read(Value unit) {
  auto [row, column] = split(unit);
  auto type = VectorType::get(kElements / 4, b.getI32Type());
  return LLVM::LoadOp::create(
      b, loc, type, getPlace(sourceType, source, row, column), kElements);
}

void Widening::write(Value unit, Value words) {
  auto [row, column] = split(unit);
  auto type = VectorType::get(kChunkBytes / 4, b.getI32Type());
  Value wide = LLVM::PoisonOp::create(b, loc, type);
  for (int64_t i = 0; i < kElements / 4; ++i) {
    Value word = LLVM::ExtractElementOp::create(b, loc, words, i32(i));
    auto halves = values.getPrimitives().widenBytes(
        b, loc, word, getByteType(sourceType.getElementType()),
        slotType.getElementType().isBF16());
    for (auto [j, half] : llvm::enumerate(halves))
      wide = LLVM::InsertElementOp::create(b, loc, wide, half, i32(2 * i + j));
  }
  LLVM::StoreOp::create(
      b, loc, wide, getPlace(slotType, slot, row, mul(column, 2)), kChunkBytes);
}

void Widening::run() {
  int64_t units = slotType.getNumRows() * slotType.getNumColumns() / kElements;
  int64_t groupThreads = values.getGroupThreads();
  int64_t turns = units / groupThreads;
  for (int64_t first = 0; first < turns; first += kBatch) {
    SmallVector<Value> numbers, words;
    for (int64_t turn = first; turn < std::min(first + kBatch, turns); ++turn)
      numbers.push_back(add(values.threadInGroup, i32(turn * groupThreads)));
    for (Value number : numbers)
      words.push_back(read(number));
    for (auto [number, word] : llvm::zip_equal(numbers, words))
      write(number, word);
  }
  if (units % groupThreads == 0)
    return;
  Value rest = add(values.threadInGroup, i32(turns * groupThreads));
  Value exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, rest,
                                       i32(units));
  auto choice = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  write(rest, read(rest));
}

void attn::gpu::widenByThreads(OpBuilder &b, WidenOp op, Value source,
                               Value slot, const KernelValues &values) {
  Widening(b, op, source, slot, values).run();
}

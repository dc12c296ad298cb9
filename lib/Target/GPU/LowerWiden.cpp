//===- LowerWiden.cpp - slots of 8 bits an element become slots of 16 -----===//
//
// A thread takes 8 bytes of a row at a time and writes 16, a chunk that the
// swizzle moves as one. Neighbouring threads take neighbouring chunks, so that
// neither the reads nor the writes of a warp meet in a bank. Where a group
// takes whole rows, as many as a swizzle has or a multiple, a thread's places
// are at constant distances.
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
static constexpr int64_t kBatch = 16;
/// Rows after which a swizzle repeats itself.
static constexpr int64_t kSwizzleRows = 8;

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
  /// Where a unit is read and where it is written.
  struct Places {
    Value from, to;
  };
  Places getPlaces(Value unit);
  Places getPlacesOfTurn(int64_t turn);
  Value read(Places places);
  void write(Places places, Value words);

  OpBuilder &b;
  Location loc;
  SharedType sourceType, slotType;
  Value source, slot;
  const KernelValues &values;
  /// Those of the first turn.
  std::optional<Places> first;
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

/// A unit has `kElements` of a row.
Widening::Places Widening::getPlaces(Value unit) {
  Value perRow = i32(slotType.getNumColumns() / kElements);
  Value row = arith::DivUIOp::create(b, loc, unit, perRow);
  Value column = mul(arith::RemUIOp::create(b, loc, unit, perRow), kElements);
  return {getPlace(sourceType, source, row, column),
          getPlace(slotType, slot, row, mul(column, 2))};
}

Widening::Places Widening::getPlacesOfTurn(int64_t turn) {
  int64_t perRow = slotType.getNumColumns() / kElements;
  int64_t groupThreads = values.getGroupThreads();
  int64_t rows = groupThreads / perRow;
  if (groupThreads % perRow != 0 || rows % kSwizzleRows != 0)
    return getPlaces(add(values.threadInGroup, i32(turn * groupThreads)));
  if (!first)
    first = getPlaces(values.threadInGroup);
  auto move = [&](Value place, SharedType type) {
    return createByteOffset(b, loc, place, turn * rows * type.getSwizzle());
  };
  return {move(first->from, sourceType), move(first->to, slotType)};
}

Value Widening::read(Places places) {
  auto type = VectorType::get(kElements / 4, b.getI32Type());
  return LLVM::LoadOp::create(b, loc, type, places.from, kElements);
}

void Widening::write(Places places, Value words) {
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
  LLVM::StoreOp::create(b, loc, wide, places.to, kChunkBytes);
}

void Widening::run() {
  int64_t units = slotType.getNumRows() * slotType.getNumColumns() / kElements;
  int64_t groupThreads = values.getGroupThreads();
  int64_t turns = units / groupThreads;
  for (int64_t begin = 0; begin < turns; begin += kBatch) {
    SmallVector<Places> batch;
    SmallVector<Value> words;
    for (int64_t turn = begin; turn < std::min(begin + kBatch, turns); ++turn)
      batch.push_back(getPlacesOfTurn(turn));
    for (Places places : batch)
      words.push_back(read(places));
    for (auto [places, word] : llvm::zip_equal(batch, words))
      write(places, word);
  }
  if (units % groupThreads == 0)
    return;
  Value rest = add(values.threadInGroup, i32(turns * groupThreads));
  Value exists = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, rest,
                                       i32(units));
  auto choice = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Places places = getPlaces(rest);
  write(places, read(places));
}

void attn::gpu::widenByThreads(OpBuilder &b, WidenOp op, Value source,
                               Value slot, const KernelValues &values) {
  Widening(b, op, source, slot, values).run();
}

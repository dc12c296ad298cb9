//===- LowerChunks.cpp - copies into slots by the lanes of a warp ---------===//
//
// Of tensors whose rows begin at multiples of 16 bytes each lane copies a chunk
// of 16 at a time to where the swizzle puts it: a warp's are
// those of whole rows of one panel, neighbours in memory. A swizzled panel
// repeats itself after 8 rows, so that a few places a lane serve all rows, and
// what lies between rows is the same from turn to turn. Chunks beyond the
// extents are filled with zeros.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Rows of a panel after which its swizzle repeats itself, and rows that are
/// written out in a turn of the loop.
static constexpr int64_t kPeriod = 8, kRowsOfTurn = 16;

namespace {
class LaneCopy {
public:
  LaneCopy(OpBuilder &b, LoadOp load, ValueRange source, ValueRange indices,
           Value slot, const KernelValues &values, LaneCopier &copier)
      : b(b), loc(load.getLoc()), load(load), tile(load.getSlot().getType()),
        source(source), indices(indices), slot(slot), values(values),
        copier(copier), bytes(tile.getElementBytes()),
        rank(load.getSource().getType().getRank()),
        chunks(tile.getSwizzle() / kChunkBytes),
        rowsAtOnce(values.getWarpSize() / chunks) {}

  void run();

private:
  Value i32(int64_t value) { return createI32(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t y) {
    return arith::MulIOp::create(b, loc, x, i32(y));
  }
  Value both(Value x, Value y) {
    return x ? Value(arith::AndIOp::create(b, loc, x, y)) : y;
  }
  Value isInside(Value index, unsigned dim) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, index,
                                 source[1 + dim]);
  }
  bool isOfRows(unsigned dim) {
    PackingAttr packing = load.getPackingAttr();
    return packing ? dim == packing.getInner() || dim == packing.getOuter()
                   : dim == rank - 2;
  }
  /// Bytes from one index of dimension `dim`, no last one, to `count` on.
  Value getDistance(Value count, unsigned dim);
  Value move(Value address, Value distance) {
    return LLVM::GEPOp::create(b, loc, address.getType(), b.getI8Type(),
                               address, LLVM::GEPArg(distance));
  }
  void createPlaces();
  void createSizes();
  void copyRow(Value address, Value isRow, int64_t number, Value written);

  OpBuilder &b;
  Location loc;
  LoadOp load;
  SharedType tile;
  /// The tensor's address, extents and strides.
  ValueRange source, indices;
  Value slot;
  const KernelValues &values;
  LaneCopier &copier;
  int64_t bytes;
  unsigned rank;
  /// Of a panel's row, and the rows that a warp copies at once.
  int64_t chunks, rowsAtOnce;
  /// The lane's row of those, and its chunk.
  Value row, chunk;
  /// In the slot, of the lane's chunk in each kind of row; the bytes that it
  /// has in each panel.
  SmallVector<Value> places, sizes;
  /// Whether these are whole chunks.
  bool isWhole = false;
};
} // namespace

Value LaneCopy::getDistance(Value count, unsigned dim) {
  Value wide = arith::ExtSIOp::create(b, loc, b.getI64Type(), count);
  wide = arith::MulIOp::create(b, loc, wide, source[1 + rank + dim]);
  return arith::MulIOp::create(
      b, loc, wide,
      arith::ConstantIntOp::create(b, loc, b.getI64Type(), bytes));
}

/// SharedType: bits of an offset from 4 on change by those from 7 on.
void LaneCopy::createPlaces() {
  int64_t swizzle = tile.getSwizzle();
  for (int64_t first = 0; first < kPeriod; first += rowsAtOnce) {
    Value offset = mul(add(row, i32(first)), swizzle);
    Value bits = arith::AndIOp::create(
        b, loc, arith::ShRUIOp::create(b, loc, offset, i32(7)),
        i32(chunks - 1));
    Value moved = arith::XOrIOp::create(b, loc, chunk, bits);
    offset = add(offset, mul(moved, kChunkBytes));
    places.push_back(createByteOffset(b, loc,
                                      createByteOffset(b, loc, slot, offset),
                                      load.getFirstRow() * swizzle));
  }
}

void LaneCopy::createSizes() {
  GlobalType type = load.getSource().getType();
  int64_t columns = type.getShape().back(), perChunk = kChunkBytes / bytes;
  Value first = indices.back();
  isWhole = matchPattern(first, m_Zero()) && !ShapedType::isDynamic(columns) &&
            columns >= tile.getNumColumns();
  for (int64_t panel = 0; panel < tile.getNumPanels(); ++panel) {
    if (isWhole) {
      sizes.push_back(i32(kChunkBytes));
      continue;
    }
    Value column = add(
        first, add(mul(chunk, perChunk), i32(panel * tile.getPanelColumns())));
    Value rest = arith::SubIOp::create(b, loc, source[rank], column);
    rest = arith::MinSIOp::create(b, loc, rest, i32(perChunk));
    rest = arith::MaxSIOp::create(b, loc, rest, i32(0));
    // What would begin before the tensor is not there.
    Value isThere = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge,
                                          column, i32(0));
    sizes.push_back(
        arith::SelectOp::create(b, loc, isThere, mul(rest, bytes), i32(0)));
  }
}

/// The lane's chunks of all panels of one row, which is the one numbered
/// `number * rowsAtOnce` after its first, `written` bytes further down in the
/// slot.
void LaneCopy::copyRow(Value address, Value isRow, int64_t number,
                       Value written) {
  int64_t kinds = places.size();
  int64_t panelBytes = tile.getNumRows() * tile.getSwizzle();
  Value place = createByteOffset(b, loc, places[number % kinds], written);
  for (int64_t panel = 0; panel < tile.getNumPanels(); ++panel) {
    Value size = arith::SelectOp::create(b, loc, isRow, sizes[panel], i32(0));
    Value dest = createByteOffset(b, loc, place,
                                  panel * panelBytes + number / kinds * kinds *
                                                           rowsAtOnce *
                                                           tile.getSwizzle());
    Value from = createByteOffset(b, loc, address, panel * tile.getSwizzle());
    copier.copy(b, loc, dest, from, size, isWhole);
  }
}

void LaneCopy::run() {
  row = arith::DivUIOp::create(b, loc, values.lane, i32(chunks));
  chunk = arith::RemUIOp::create(b, loc, values.lane, i32(chunks));
  createPlaces();
  createSizes();
  // What all rows share.
  Value base = source[0], isThere;
  for (unsigned dim = 0; dim + 1 < rank; ++dim)
    if (!isOfRows(dim)) {
      isThere = both(isThere, isInside(indices[dim], dim));
      base = move(base, getDistance(indices[dim], dim));
    }
  Value column = add(mul(indices.back(), bytes), mul(chunk, kChunkBytes));
  base = move(base, arith::ExtSIOp::create(b, loc, b.getI64Type(), column));

  PackingAttr packing = load.getPackingAttr();
  unsigned rowDim = rank - 2;
  Value step;
  if (!packing) {
    base = move(base, getDistance(add(indices[rowDim], row), rowDim));
    step = getDistance(i32(rowsAtOnce), rowDim);
  }
  auto copyRows = [&](Value first, Value address, int64_t count) {
    Value written = mul(first, tile.getSwizzle());
    for (int64_t number = 0; number < count / rowsAtOnce; ++number) {
      Value place = add(add(first, row), i32(number * rowsAtOnce));
      Value isRow = isThere, own = address;
      auto require = [&](unsigned dim, Value index) {
        isRow = both(isRow, isInside(index, dim));
      };
      if (packing) {
        Value inner =
            arith::AndIOp::create(b, loc, place, i32(packing.getWidth() - 1));
        Value outer = arith::ShRUIOp::create(
            b, loc, place, i32(llvm::Log2_64(packing.getWidth())));
        for (auto [dim, part] : {std::pair(packing.getInner(), inner),
                                 std::pair(packing.getOuter(), outer)}) {
          Value index = add(indices[dim], part);
          require(dim, index);
          own = move(own, getDistance(index, dim));
        }
      } else {
        require(rowDim, add(indices[rowDim], place));
      }
      copyRow(own, isRow, number, written);
      if (!packing)
        address = move(address, step);
    }
    return address;
  };
  int64_t numRows = load.getNumRows(), whole = numRows / kRowsOfTurn;
  if (!copier.mayLoop()) {
    copyRows(i32(0), base, numRows);
    return;
  }
  // Some rows at once, in a loop, and what is left of them.
  if (whole > 1) {
    auto loop = scf::ForOp::create(b, loc, i32(0), i32(whole * kRowsOfTurn),
                                   i32(kRowsOfTurn), base);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value next = copyRows(loop.getInductionVar(), loop.getRegionIterArg(0),
                            kRowsOfTurn);
      scf::YieldOp::create(b, loc, next);
    }
    base = loop.getResult(0);
  } else if (whole == 1) {
    base = copyRows(i32(0), base, kRowsOfTurn);
  }
  if (numRows % kRowsOfTurn != 0)
    copyRows(i32(whole * kRowsOfTurn), base, numRows % kRowsOfTurn);
}

void attn::gpu::copyByLanes(OpBuilder &b, LoadOp load, ValueRange source,
                            ValueRange indices, Value slot,
                            const KernelValues &values, LaneCopier &copier) {
  LaneCopy(b, load, source, indices, slot, values, copier).run();
}

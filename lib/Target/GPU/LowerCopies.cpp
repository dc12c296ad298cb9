//===- LowerCopies.cpp - copies into slots by threads ---------------------===//
//
// Of tensors whose rows no tensor map has (elements of a row that are no
// neighbours, rows at odd addresses) the threads of a group bring 16 bytes of a
// slot at a time, element by element, to where the swizzle puts them.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

namespace {
class ThreadCopy {
public:
  ThreadCopy(OpBuilder &b, LoadOp load, ValueRange source, ValueRange indices,
             Value slot, const KernelValues &values)
      : b(b), loc(load.getLoc()), load(load), tile(load.getSlot().getType()),
        source(source), indices(indices), slot(slot), values(values),
        bytes(tile.getElementType().getIntOrFloatBitWidth() / 8) {}

  void run();

private:
  Value i32(int64_t value) { return createI32(b, loc, value); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value isBelow(Value x, Value y) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, x, y);
  }
  /// `address` advanced by `index` strides of dimension `dim`.
  Value advance(Value address, Value index, unsigned dim);
  unsigned getRank() { return load.getSource().getType().getRank(); }
  Value getExtent(unsigned dim) { return source[1 + dim]; }
  Value loadWords(Value address, Value column, Value isRow);
  Value getPlace(Value row, Value chunk);

  OpBuilder &b;
  Location loc;
  LoadOp load;
  SharedType tile;
  /// The tensor's address, extents and strides.
  ValueRange source, indices;
  Value slot;
  const KernelValues &values;
  int64_t bytes;
};
} // namespace

Value ThreadCopy::advance(Value address, Value index, unsigned dim) {
  Value stride = source[1 + getRank() + dim];
  Value offset = arith::MulIOp::create(
      b, loc, arith::ExtUIOp::create(b, loc, b.getI64Type(), index), stride);
  return LLVM::GEPOp::create(b, loc, address.getType(), tile.getElementType(),
                             address, LLVM::GEPArg(offset));
}

/// The chunk at `column` of a row, four words of it; zero beyond the extents.
Value ThreadCopy::loadWords(Value address, Value column, Value isRow) {
  unsigned last = getRank() - 1;
  int64_t perWord = 4 / bytes;
  auto type = VectorType::get(kChunkBytes / 4, b.getI32Type());
  Value words = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value stride = source[1 + getRank() + last];
  for (int64_t word = 0; word < kChunkBytes / 4; ++word) {
    Value all;
    for (int64_t part = 0; part < perWord; ++part) {
      Value isThere = arith::AndIOp::create(b, loc, isRow,
                                            isBelow(column, getExtent(last)));
      Value element = values.getPrimitives().loadGlobalIf(b, loc, address,
                                                          bytes * 8, isThere);
      if (part != 0)
        element = arith::ShLIOp::create(b, loc, element, i32(part * bytes * 8));
      all = all ? Value(arith::OrIOp::create(b, loc, all, element)) : element;
      column = add(column, i32(1));
      address =
          LLVM::GEPOp::create(b, loc, address.getType(), tile.getElementType(),
                              address, LLVM::GEPArg(stride));
    }
    words = LLVM::InsertElementOp::create(b, loc, words, all, i32(word));
  }
  return words;
}

/// Where the swizzle puts a chunk: its number in the row of a panel changes by
/// the last bits of the row's own.
Value ThreadCopy::getPlace(Value row, Value chunk) {
  constexpr int64_t perPanel = kThreadSwizzle / kChunkBytes;
  Value panel = arith::DivUIOp::create(b, loc, chunk, i32(perPanel));
  Value inPanel = arith::RemUIOp::create(b, loc, chunk, i32(perPanel));
  inPanel = arith::XOrIOp::create(
      b, loc, inPanel, arith::RemUIOp::create(b, loc, row, i32(perPanel)));
  Value offset = arith::MulIOp::create(b, loc, panel, i32(tile.getNumRows()));
  offset =
      arith::MulIOp::create(b, loc, add(offset, row), i32(tile.getSwizzle()));
  offset =
      add(offset, arith::MulIOp::create(b, loc, inPanel, i32(kChunkBytes)));
  return createByteOffset(b, loc, slot, offset);
}

void ThreadCopy::run() {
  unsigned rank = getRank(), rowDim = rank - 2, last = rank - 1;
  PackingAttr packing = load.getPackingAttr();
  auto isOfRows = [&](unsigned dim) {
    return packing ? dim == packing.getInner() || dim == packing.getOuter()
                   : dim == rowDim;
  };
  Value base = source[0], isInside;
  for (unsigned dim = 0; dim < last; ++dim) {
    if (isOfRows(dim))
      continue;
    Value isHere = isBelow(indices[dim], getExtent(dim));
    isInside = isInside ? Value(arith::AndIOp::create(b, loc, isInside, isHere))
                        : isHere;
    base = advance(base, indices[dim], dim);
  }
  int64_t perChunk = kChunkBytes / bytes;
  int64_t chunks = tile.getNumPanels() * tile.getPanelColumns() / perChunk;
  auto loop = scf::ForOp::create(b, loc, values.threadInGroup,
                                 i32(load.getNumRows() * chunks),
                                 i32(values.getGroupThreads()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();
  Value row = arith::DivUIOp::create(b, loc, number, i32(chunks));
  Value chunk = arith::RemUIOp::create(b, loc, number, i32(chunks));
  Value isRow = isInside, address = base;
  auto addRow = [&](unsigned dim, Value place) {
    Value at = add(indices[dim], place);
    Value isHere = isBelow(at, getExtent(dim));
    isRow =
        isRow ? Value(arith::AndIOp::create(b, loc, isRow, isHere)) : isHere;
    address = advance(address, at, dim);
  };
  if (packing) {
    Value width = i32(packing.getWidth());
    addRow(packing.getInner(), arith::RemUIOp::create(b, loc, row, width));
    addRow(packing.getOuter(), arith::DivUIOp::create(b, loc, row, width));
  } else {
    addRow(rowDim, row);
  }
  Value column =
      add(indices[last], arith::MulIOp::create(b, loc, chunk, i32(perChunk)));
  address = advance(address, column, last);
  Value words = loadWords(address, column, isRow);
  Value place = getPlace(add(row, i32(load.getFirstRow())), chunk);
  LLVM::StoreOp::create(b, loc, words, place, kChunkBytes);
}

void attn::gpu::copyByThreads(OpBuilder &b, LoadOp load, ValueRange source,
                              ValueRange indices, Value slot,
                              const KernelValues &values) {
  ThreadCopy(b, load, source, indices, slot, values).run();
}

//===- Stores.cpp - copies between global memory and tiles ------------===//

#include "Agent.h"

#include "llvm/ADT/BitVector.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

bool Agent::checkIndices(ArrayRef<int64_t> indices, ArrayRef<int64_t> box,
                         Operation *op) {
  // The box covers the last dimensions.
  size_t first = indices.size() - box.size();
  for (size_t i = first; i < indices.size(); ++i)
    if (indices[i] + box[i - first] > std::numeric_limits<int32_t>::max()) {
      stop(op, "expects coordinates of 32 bits, but got index " +
                   std::to_string(indices[i]) + " of a box of " +
                   std::to_string(box[i - first]));
      return false;
    }
  return true;
}

/// Moves `position`, at `start` in a dimension `rowDim`, to row `row`: in that
/// dimension, or in the two of packed rows.
static void moveToRow(MutableArrayRef<int64_t> position,
                      ArrayRef<int64_t> start, size_t rowDim, int64_t row,
                      PackingAttr packing) {
  if (!packing) {
    position[rowDim] = start[rowDim] + row;
    return;
  }
  unsigned inner = packing.getInner(), outer = packing.getOuter();
  position[inner] = start[inner] + row % packing.getWidth();
  position[outer] = start[outer] + row / packing.getWidth();
}

//===-- Loads -------------------------------------------------------------===//

namespace {
/// A copy to rows [begin, end) of `slot`, of which the op's first one is that
/// at `indices`.
class CopyEvent final : public Event {
public:
  CopyEvent(LoadOp op, Agent &agent, Global &source, ArrayRef<int64_t> indices,
            RingSlot &slot, int64_t begin, int64_t end)
      : Event(op, agent, &slot), source(source), indices(indices), slot(slot),
        begin(begin), end(end) {
    ++slot.copiesInFlight;
  }

  void complete() override {
    --slot.copiesInFlight;
    SmallVector<int64_t> position = indices;
    size_t rank = position.size();
    auto load = cast<LoadOp>(op);
    for (int64_t row = begin; row < end; ++row) {
      moveToRow(position, indices, rank - 2, row - load.getFirstRow(),
                load.getPackingAttr());
      for (int64_t column = 0; column < slot.buffer.columns; ++column) {
        position[rank - 1] = indices[rank - 1] + column;
        int64_t offset = Machine::getOffset(source, position);
        slot.buffer.getRow(row)[column] =
            offset >= 0 ? agent.machine.read(source, offset, op)
                        : toScalar(slot.buffer.elementType, 0);
      }
      slot.buffer.written[row] = true;
    }
  }

private:
  Global &source;
  SmallVector<int64_t> indices;
  RingSlot &slot;
  int64_t begin, end;
};
} // namespace

Agent::Progress Agent::load(LoadOp op) {
  Global &source = machine.globals[get<GlobalRef>(op.getSource()).argument];
  SmallVector<int64_t> indices = getIntegers(op.getIndices());
  int64_t first = op.getFirstRow(), rows = op.getNumRows();
  int64_t columns = op.getSlot().getType().getNumColumns();
  if (!checkIndices(indices, {rows, columns}, op))
    return Progress::outside;
  auto start = [&](RingSlot &slot, int64_t begin, int64_t end) {
    machine.events.push_back(std::make_unique<CopyEvent>(
        op, *this, source, indices, slot, begin, end));
  };
  if (!filledSlot->ring.getRing().getType().getCluster()) {
    start(*filledSlot, first, first + rows);
    return Progress::outside;
  }
  int64_t cluster = machine.kernel.getCluster();
  int64_t share = rows / cluster;
  int64_t rank = block.index % cluster;
  if (rows % cluster)
    return stop(op,
                "expects rows that the cluster's " + std::to_string(cluster) +
                    " blocks share evenly, but got " + std::to_string(rows));
  for (std::unique_ptr<Block> &peer : machine.getCluster(block))
    start(*peer->rings[filledSlot->ring][filledSlot->index], rank * share,
          (rank + 1) * share);
  return Progress::outside;
}

//===-- Staged stores -----------------------------------------------------===//

bool Agent::claim(SharedTile &tile, Operation *op) {
  if (tile.owner && tile.owner != this) {
    stop(op,
         describe() + " uses a shared tile that " + tile.owner->describe() +
             " uses, and nothing orders the two",
         Note(tile.firstUse, "its first use is here"));
    return false;
  }
  if (!tile.owner)
    tile.firstUse = op;
  tile.owner = this;
  return true;
}

Agent::Progress Agent::stage(StageOp op) {
  SharedTile **tileRef =
      std::get_if<SharedTile *>(const_cast<RuntimeValue *>(&get(op.getDest())));
  if (!tileRef)
    return stop(op, "expects a pipe.shared_tile, but got a ring's slot");
  SharedTile &tile = **tileRef;
  if (!claim(tile, op))
    return Progress::outside;
  if (tile.storesInFlight > 0)
    return waitFor(&tile, "waits until bulk stores have read the tile");
  for (const std::shared_ptr<Product> &product : unretired)
    for (const RuntimeValue &operand : {product->lhs, product->rhs})
      if (auto *read = std::get_if<SharedTile *>(&operand);
          read && *read == &tile)
        return stop(op,
                    "writes a tile while a product that reads it is in "
                    "flight",
                    Note(product->op, "the product is started here"));
  RankedTensorType type = op.getTile().getType();
  const FragmentTable &table = machine.getTable(getFragment(type));
  if (table.numWarps != getNumWarps())
    return stop(op, "expects a fragment of the role's " +
                        std::to_string(getNumWarps()) + " warps, but got " +
                        std::to_string(table.numWarps));
  const Registers &registers = *get<RegistersRef>(op.getTile());
  int64_t perWarp = table.numLanes * table.numRegisters;
  for (size_t i = 0; i < registers.size(); ++i) {
    int64_t row = table.coordinate[0][i];
    tile.buffer.getRow(row)[table.coordinate[1][i]] = registers[i];
    tile.buffer.written[row] = true;
    tile.stagedBy[row] = i / perWarp;
  }
  return Progress::outside;
}

namespace {
class StoreEvent final : public Event {
public:
  StoreEvent(BulkStoreOp op, Agent &agent, SharedTile &tile, Global &dest,
             ArrayRef<int64_t> indices)
      : Event(op, agent, &tile), tile(tile), dest(dest), indices(indices) {
    ++tile.storesInFlight;
  }

  void complete() override {
    --tile.storesInFlight;
    SmallVector<int64_t> position = indices;
    size_t rank = position.size();
    PackingAttr packing = cast<BulkStoreOp>(op).getPackingAttr();
    for (int64_t row = 0; row < tile.buffer.rows; ++row) {
      moveToRow(position, indices, rank - 2, row, packing);
      for (int64_t column = 0; column < tile.buffer.columns; ++column) {
        position[rank - 1] = indices[rank - 1] + column;
        if (int64_t at = Machine::getOffset(dest, position); at >= 0)
          agent.machine.write(dest, at, tile.buffer.getRow(row)[column], op,
                              agent);
      }
    }
  }

private:
  SharedTile &tile;
  Global &dest;
  SmallVector<int64_t> indices;
};
} // namespace

Agent::Progress Agent::bulkStore(BulkStoreOp op) {
  Global &dest = machine.globals[get<GlobalRef>(op.getDest()).argument];
  auto *tileRef = std::get_if<SharedTile *>(&get(op.getTile()));
  if (!tileRef)
    return stop(op, "expects a pipe.shared_tile, but got a ring's slot");
  SharedTile &tile = **tileRef;
  SharedType type = op.getTile().getType();
  SmallVector<int64_t> indices = getIntegers(op.getIndices());
  if (!claim(tile, op) || !checkIndices(indices, type.getShape(), op))
    return Progress::outside;
  // Each warp stores its own parts: no barrier orders the warps of a group.
  int64_t partsOfWarp = std::max<int64_t>(type.getParts() / getNumWarps(), 1);
  for (int64_t row = 0; row < tile.buffer.rows; ++row) {
    int64_t warp = row / type.getRowsOfPart() / partsOfWarp;
    if (!tile.buffer.written[row])
      return stop(op, describe() +
                          " stores rows of a shared tile that nothing "
                          "has staged; the first is row " +
                          std::to_string(row));
    if (tile.stagedBy[row] != warp)
      return stop(op, "warp " + std::to_string(warp) + " of " + describe() +
                          " stores row " + std::to_string(row) +
                          ", which warp " + std::to_string(tile.stagedBy[row]) +
                          " staged, and nothing orders the two");
  }
  machine.events.push_back(
      std::make_unique<StoreEvent>(op, *this, tile, dest, indices));
  return Progress::outside;
}

//===-- Stores from registers ---------------------------------------------===//

Agent::Progress Agent::gather(GatherOp op) {
  Global &source = machine.globals[get<GlobalRef>(op.getSource()).argument];
  auto type = cast<RankedTensorType>(op.getResult().getType());
  const FragmentTable &table = machine.getTable(getFragment(type));
  auto slice = dyn_cast<SliceAttr>(type.getEncoding());
  int64_t count = table.getNumThreads() *
                  (slice ? table.lines[1 - slice.getDim()].numRegisters
                         : table.numRegisters);
  SmallVector<int64_t> position(op.getIndices().size());
  Registers result(count);
  for (int64_t i = 0; i < count; ++i) {
    for (auto [at, index] : llvm::zip_equal(position, op.getIndices()))
      at = index.getType().isInteger() ? getInteger(index)
                                       : (*get<RegistersRef>(index))[i].i;
    int64_t offset = Machine::getOffset(source, position);
    result[i] = offset >= 0 ? machine.read(source, offset, op)
                            : toScalar(source.elementType, 0);
    if (type.getElementType().isInteger(32))
      result[i].i = static_cast<int32_t>(result[i].i);
  }
  set(op.getResult(), std::move(result));
  return Progress::inside;
}

Agent::Progress Agent::store(StoreOp op) {
  Global &dest = machine.globals[get<GlobalRef>(op.getDest()).argument];
  auto type = cast<RankedTensorType>(op.getValue().getType());
  SmallVector<int64_t> indices = getIntegers(op.getIndices());
  if (!checkIndices(indices, type.getShape(), op))
    return Progress::outside;
  const FragmentTable &table = machine.getTable(getFragment(type));
  auto slice = dyn_cast<SliceAttr>(type.getEncoding());
  const Registers &values = *get<RegistersRef>(op.getValue());
  const Registers *rows =
      op.getRows() ? &*get<RegistersRef>(op.getRows()) : nullptr;
  SmallVector<int64_t> position = indices;
  size_t rank = position.size(), rowDim = rank - type.getRank();
  // The registers of `rows`, by their row.
  llvm::DenseMap<int64_t, int64_t> places;
  if (rows) {
    auto rowType = cast<RankedTensorType>(op.getRows().getType());
    const FragmentTable &rowTable = machine.getTable(getFragment(rowType));
    unsigned dim = cast<SliceAttr>(rowType.getEncoding()).getDim();
    for (size_t i = 0; i < rows->size(); ++i)
      places[rowTable.lines[1 - dim].coordinate[i]] = (*rows)[i].i;
  }
  // Lanes that share a line's value hold it alike: the first of them stores it.
  llvm::BitVector stored(slice ? type.getDimSize(0) : 0);
  for (size_t i = 0; i < values.size(); ++i) {
    if (slice) {
      int64_t at = table.lines[1 - slice.getDim()].coordinate[i];
      if (stored.test(at))
        continue;
      stored.set(at);
      moveToRow(position, indices, rank - 1, at, op.getPackingAttr());
    } else {
      moveToRow(position, indices, rank - 2, table.coordinate[0][i],
                op.getPackingAttr());
      position[rank - 1] = indices[rank - 1] + table.coordinate[1][i];
    }
    if (rows) {
      int64_t place = places.lookup(position[rowDim] - indices[rowDim]);
      if (place < 0)
        continue;
      position[rowDim] = indices[rowDim] + place;
    }
    if (int64_t offset = Machine::getOffset(dest, position); offset >= 0)
      machine.write(dest, offset, values[i], op, *this);
  }
  return Progress::outside;
}

//===- TileOps.cpp - tiles in registers, lane by lane -----------------===//

#include "Agent.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

static RankedTensorType getTensor(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The line of `table` that values of `slice` are.
static const FragmentTable::Line &getLine(const FragmentTable &table,
                                          SliceAttr slice) {
  return table.lines[1 - slice.getDim()];
}

static Scalar combine(ReduceKind kind, Type type, Scalar a, Scalar b) {
  Scalar result;
  if (auto floatType = dyn_cast<FloatType>(type)) {
    double value = kind == ReduceKind::Add ? a.f + b.f : std::fmax(a.f, b.f);
    if (kind == ReduceKind::Maximum && (std::isnan(a.f) || std::isnan(b.f)))
      value = std::numeric_limits<double>::quiet_NaN();
    result.f = roundTo(floatType, value);
    return result;
  }
  if (kind != ReduceKind::Add) {
    result.i = std::max(a.i, b.i);
    return result;
  }
  result.i = static_cast<int64_t>(static_cast<uint64_t>(a.i) +
                                  static_cast<uint64_t>(b.i));
  if (unsigned spare = 64 - type.getIntOrFloatBitWidth())
    result.i =
        static_cast<int64_t>(static_cast<uint64_t>(result.i) << spare) >> spare;
  return result;
}

bool Agent::executeTile(Operation *op) {
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](SplatOp o) { return splat(o), true; })
      .Case([&](CoordOp o) { return coord(o), true; })
      .Case([&](BroadcastOp o) { return broadcast(o), true; })
      .Case([&](RowReduceOp o) { return rowReduce(o), true; })
      .Case([&](LaneReduceOp o) { return laneReduce(o), true; })
      .Case([&](SplitOp o) { return split(o), true; })
      .Case([&](RelayoutOp o) {
        return move(o.getTile(), o.getResult(), 0), true;
      })
      .Case([&](ColumnsOp o) {
        return move(o.getTile(), o.getResult(), o.getFirst()), true;
      })
      .Default(false);
}

void Agent::splat(SplatOp op) {
  RankedTensorType type = getTensor(op.getResult());
  const FragmentTable &table = machine.getTable(getFragment(type));
  auto slice = dyn_cast<SliceAttr>(type.getEncoding());
  int64_t count =
      slice ? getLine(table, slice).numRegisters : table.numRegisters;
  set(op.getResult(),
      Registers(table.getNumThreads() * count, get<Scalar>(op.getScalar())));
}

void Agent::coord(CoordOp op) {
  RankedTensorType type = getTensor(op.getResult());
  const FragmentTable &table = machine.getTable(getFragment(type));
  auto slice = dyn_cast<SliceAttr>(type.getEncoding());
  const std::vector<int64_t> &coordinate =
      slice ? getLine(table, slice).coordinate : table.coordinate[op.getDim()];
  Registers result(coordinate.size());
  for (auto [scalar, position] : llvm::zip_equal(result, coordinate))
    scalar.i = position;
  if (op.getShares()) {
    int64_t rows = type.getDimSize(0) / static_cast<int64_t>(*op.getShares());
    const std::vector<int64_t> &row = slice ? coordinate : table.coordinate[0];
    for (auto [scalar, own] : llvm::zip_equal(result, row)) {
      if (op.getDim() == 0)
        scalar.i %= rows;
      else
        scalar.i += own / rows * type.getDimSize(1);
    }
  }
  set(op.getResult(), std::move(result));
}

/// Where the elements of `type` are: the register of each, by row and column.
/// Of a line several lanes hold equal values.
static std::vector<int64_t> findHolders(const FragmentTable &table,
                                        RankedTensorType type) {
  std::vector<int64_t> holders(type.getNumElements());
  if (auto slice = dyn_cast<SliceAttr>(type.getEncoding())) {
    const FragmentTable::Line &line = getLine(table, slice);
    for (auto [i, row] : llvm::enumerate(line.coordinate))
      holders[row] = i;
    return holders;
  }
  for (size_t i = 0; i < table.coordinate[0].size(); ++i)
    holders[table.coordinate[0][i] * type.getDimSize(1) +
            table.coordinate[1][i]] = i;
  return holders;
}

void Agent::split(SplitOp op) {
  size_t count = op.getValues().size();
  for (auto [i, run] : llvm::enumerate(op.getRuns())) {
    Value value = op.getValues()[i % count];
    RankedTensorType from = getTensor(value), to = getTensor(run);
    std::vector<int64_t> holders =
        findHolders(machine.getTable(getFragment(from)), from);
    const Registers &tile = *get<RegistersRef>(value);
    if (auto slice = dyn_cast<SliceAttr>(from.getEncoding())) {
      const FragmentTable::Line &line =
          getLine(machine.getTable(getFragment(from)), slice);
      for (auto [own, row] : llvm::zip_equal(tile, line.coordinate))
        if (own.i != tile[holders[row]].i)
          return machine.stop(op, "expects a line that all lanes of a row have "
                                  "alike");
    }
    const FragmentTable &table = machine.getTable(getFragment(to));
    int64_t columns = to.getRank() == 2 ? to.getDimSize(1) : 1;
    int64_t first = static_cast<int64_t>(i / count) * to.getDimSize(0);
    Registers result;
    auto take = [&](int64_t row, int64_t column) {
      result.push_back(tile[holders[(first + row) * columns + column]]);
    };
    if (auto slice = dyn_cast<SliceAttr>(to.getEncoding()))
      for (int64_t row : getLine(table, slice).coordinate)
        take(row, 0);
    else
      for (auto [row, column] :
           llvm::zip_equal(table.coordinate[0], table.coordinate[1]))
        take(row, column);
    set(run, std::move(result));
  }
}

void Agent::broadcast(BroadcastOp op) {
  RankedTensorType type = getTensor(op.getResult());
  // Onto a partial line each lane keeps its value.
  if (isa<SliceAttr>(type.getEncoding())) {
    RuntimeValue line = get(op.getLine());
    return set(op.getResult(), std::move(line));
  }
  const FragmentTable &table = machine.getTable(getFragment(type));
  const FragmentTable::Line &line =
      getLine(table, cast<SliceAttr>(op.getLine().getType().getEncoding()));
  const Registers &values = *get<RegistersRef>(op.getLine());
  Registers result(table.getNumThreads() * table.numRegisters);
  for (int64_t thread = 0; thread < table.getNumThreads(); ++thread)
    for (int64_t i = 0; i < table.numRegisters; ++i)
      result[thread * table.numRegisters + i] =
          values[thread * line.numRegisters + line.valueOf[i]];
  set(op.getResult(), std::move(result));
}

void Agent::rowReduce(RowReduceOp op) {
  RankedTensorType type = getTensor(op.getResult());
  Type element = type.getElementType();
  auto slice = cast<SliceAttr>(type.getEncoding());
  const FragmentTable &table =
      machine.getTable(getFragment(getTensor(op.getTile())));
  const FragmentTable::Line &line = getLine(table, slice);
  const Registers &tile = *get<RegistersRef>(op.getTile());
  int64_t count = line.numRegisters;
  Registers result(table.getNumThreads() * count);
  std::vector<bool> isSet(result.size());
  for (int64_t thread = 0; thread < table.getNumThreads(); ++thread)
    for (int64_t i = 0; i < table.numRegisters; ++i) {
      int64_t at = thread * count + line.valueOf[i];
      Scalar value = tile[thread * table.numRegisters + i];
      result[at] =
          isSet[at] ? combine(op.getKind(), element, result[at], value) : value;
      isSet[at] = true;
    }
  if (!slice.getPartial())
    combineLanes(result, type, op.getKind(), op);
  if (op.getInit()) {
    const Registers &init = *get<RegistersRef>(op.getInit());
    for (auto [value, initial] : llvm::zip_equal(result, init))
      value = combine(op.getKind(), element, value, initial);
  }
  set(op.getResult(), std::move(result));
}

void Agent::laneReduce(LaneReduceOp op) {
  RankedTensorType type = getTensor(op.getResult());
  Registers result = *get<RegistersRef>(op.getLine());
  combineLanes(result, type, op.getKind(), op);
  set(op.getResult(), std::move(result));
}

/// Gives each lane the combination of all that share its values, as a butterfly
/// of shuffles does: with the partner half of the sharers away, then a quarter.
void Agent::combineLanes(Registers &values, RankedTensorType type,
                         ReduceKind kind, Operation *op) {
  const FragmentTable &table = machine.getTable(getFragment(type));
  const FragmentTable::Line &line =
      getLine(table, cast<SliceAttr>(type.getEncoding()));
  if (line.acrossWarps)
    return machine.stop(op, "expects one warp to hold all of a line's parts, "
                            "but several do");
  int64_t numSharers = line.sharers.front().size();
  if (!llvm::isPowerOf2_64(numSharers))
    return machine.stop(op, "expects a power of 2 of lanes to share a line's "
                            "values, but got " +
                                std::to_string(numSharers));
  for (int64_t distance = numSharers / 2; distance > 0; distance /= 2) {
    Registers before = values;
    for (int64_t warp = 0; warp < table.numWarps; ++warp)
      for (int64_t lane = 0; lane < table.numLanes; ++lane) {
        ArrayRef<int64_t> sharers = line.sharers[lane];
        int64_t self = llvm::find(sharers, lane) - sharers.begin();
        int64_t partner = sharers[self ^ distance];
        for (int64_t i = 0; i < line.numRegisters; ++i) {
          auto at = [&](int64_t l) {
            return (warp * table.numLanes + l) * line.numRegisters + i;
          };
          values[at(lane)] = combine(kind, type.getElementType(),
                                     before[at(lane)], before[at(partner)]);
        }
      }
  }
}

/// Gives each register of `to` the element of `from` that lies `firstColumn`
/// columns to the right of its own.
void Agent::move(Value from, Value to, int64_t firstColumn) {
  RankedTensorType fromType = getTensor(from), toType = getTensor(to);
  const FragmentTable &source = machine.getTable(getFragment(fromType));
  const FragmentTable &target = machine.getTable(getFragment(toType));
  const Registers &tile = *get<RegistersRef>(from);
  int64_t columns = fromType.getDimSize(1);
  std::vector<int64_t> holder(fromType.getNumElements());
  for (size_t i = 0; i < tile.size(); ++i)
    holder[source.coordinate[0][i] * columns + source.coordinate[1][i]] = i;
  Registers result(toType.getNumElements());
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = tile[holder[target.coordinate[0][i] * columns +
                            target.coordinate[1][i] + firstColumn]];
  set(to, std::move(result));
}

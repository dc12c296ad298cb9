//===- TileCount.cpp - the tiles that a kernel's sweeps visit -------------===//

#include "attn/Driver/TileCount.h"

#include "dialects/Tile/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

namespace {
/// The values of a program's index computations at one work item.
class Evaluator {
public:
  void set(Value value, int64_t number) { values[value] = number; }

  std::optional<int64_t> get(Value value) {
    if (auto it = values.find(value); it != values.end())
      return it->second;
    Operation *op = value.getDefiningOp();
    if (!op || op->getNumResults() != 1)
      return std::nullopt;
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      std::optional<int64_t> number = get(operand);
      if (!number || !operand.getType().isIntOrIndex())
        return std::nullopt;
      operands.push_back(IntegerAttr::get(operand.getType(), *number));
    }
    SmallVector<OpFoldResult> folded;
    Attribute result;
    if (!matchPattern(op, m_Constant(&result)) &&
        succeeded(op->fold(operands, folded)) && folded.size() == 1) {
      // A fold gives a constant, or one of the operands.
      result = dyn_cast<Attribute>(folded[0]);
      if (auto same = dyn_cast<Value>(folded[0]))
        return values[value] = get(same).value_or(0);
    }
    auto integer = dyn_cast_or_null<IntegerAttr>(result);
    if (!integer)
      return std::nullopt;
    return values[value] = integer.getType().isInteger(1)
                               ? integer.getValue().getZExtValue()
                               : integer.getValue().getSExtValue();
  }

private:
  llvm::DenseMap<Value, int64_t> values;
};

/// One dimension of a program's space.
struct Dimension {
  int64_t extent, tile;
};
} // namespace

static std::optional<int64_t> getExtent(tile::ProgramOp program, StringRef rank,
                                        const Problem &problem) {
  if (std::optional<int64_t> extent = program.getStaticExtent(rank))
    return extent;
  auto it = problem.extents.find(rank.str());
  return it == problem.extents.end() ? std::nullopt : std::optional(it->second);
}

/// The program's arguments that are extents and scalars.
static Evaluator bindArguments(tile::ProgramOp program,
                               const Problem &problem) {
  Evaluator evaluator;
  for (unsigned i = 0, e = program.getArgumentTypes().size(); i < e; ++i) {
    Value argument = program.getBody().getArgument(i);
    if (auto rank = program.getArgAttrOfType<StringAttr>(i, "tile.extent")) {
      if (auto extent = getExtent(program, rank, problem))
        evaluator.set(argument, *extent);
      continue;
    }
    auto name = program.getArgAttrOfType<StringAttr>(i, "tile.name");
    if (!name || !argument.getType().isIntOrIndex())
      continue;
    if (auto it = problem.scalars.find(name.str()); it != problem.scalars.end())
      evaluator.set(argument, static_cast<int64_t>(it->second));
  }
  return evaluator;
}

/// Adds the tiles of one sweep at one work item.
static bool addSweep(tile::SweepOp sweep, Evaluator &evaluator,
                     int64_t sweptExtent, TileCounts &counts) {
  auto tile = static_cast<int64_t>(sweep.getTile());
  int64_t visited = 0;
  for (auto [i, lower, upper, full] :
       llvm::enumerate(sweep.getLowers(), sweep.getUppers(), sweep.getFull())) {
    auto low = evaluator.get(lower), high = evaluator.get(upper);
    if (!low || !high)
      return false;
    int64_t length = std::max<int64_t>(*high - *low, 0);
    int64_t tiles = (length + tile - 1) / tile;
    if (sweep.isLocated(i)) {
      // Lists depend on data; the other runs have a step each.
      if (!sweep.getLocators()[i].getOps<tile::EntryOp>().empty())
        return false;
      tiles = length;
    }
    (full ? counts.full : counts.partial) += tiles;
    visited += tiles;
  }
  int64_t all = (sweptExtent + tile - 1) / tile;
  counts.empty += std::max<int64_t>(all - visited, 0);
  return true;
}

static bool addProgram(tile::ProgramOp program, const Problem &problem,
                       int64_t sweptExtent, TileCounts &counts) {
  if (auto rank = program.getGuardRank()) {
    std::optional<int64_t> extent = getExtent(program, *rank, problem);
    if (!extent)
      return false;
    bool below =
        *extent < static_cast<int64_t>(program.getGuardBound().value_or(0));
    if (below != program.getGuardBelow())
      return true;
  }
  SmallVector<Dimension> space;
  int64_t items = 1;
  for (auto [rank, tile] :
       llvm::zip(program.getSpaceRanks().getAsValueRange<StringAttr>(),
                 program.getSpaceTiles())) {
    std::optional<int64_t> extent = getExtent(program, rank, problem);
    if (!extent)
      return false;
    space.push_back({*extent, tile});
    items *= (*extent + tile - 1) / tile;
    if (items > int64_t(1) << 20)
      return false;
  }
  SmallVector<tile::SweepOp> sweeps(program.getBody().getOps<tile::SweepOp>());
  Evaluator base = bindArguments(program, problem);
  for (int64_t item = 0; item < items; ++item) {
    Evaluator evaluator = base;
    int64_t rest = item;
    for (size_t i = space.size(); i-- > 0;) {
      int64_t count = (space[i].extent + space[i].tile - 1) / space[i].tile;
      evaluator.set(program.getCoordinates()[i], rest % count * space[i].tile);
      rest /= count;
    }
    for (tile::SweepOp sweep : sweeps)
      if (!addSweep(sweep, evaluator, sweptExtent, counts))
        return false;
  }
  return true;
}

std::optional<TileCounts>
attn::countTiles(ModuleOp tiled, const Problem &problem, int64_t sweptExtent) {
  TileCounts counts;
  for (auto program : tiled.getOps<tile::ProgramOp>())
    if (!addProgram(program, problem, sweptExtent, counts))
      return std::nullopt;
  return counts;
}

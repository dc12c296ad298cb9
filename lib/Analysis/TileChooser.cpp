//===- TileChooser.cpp - bytes moved by tiles of a work space -------------===//

#include "attn/Analysis/TileChooser.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace attn;

/// Products and sums that stop at 2^64 - 1.
static uint64_t product(std::initializer_list<uint64_t> factors) {
  uint64_t result = 1;
  for (uint64_t factor : factors)
    result = llvm::SaturatingMultiply(result, factor);
  return result;
}

static uint64_t sum(std::initializer_list<uint64_t> terms) {
  uint64_t result = 0;
  for (uint64_t term : terms)
    result = llvm::SaturatingAdd(result, term);
  return result;
}

namespace {
/// What tiles of rows see, over all tiles: keys, and pairs of a row and a key
/// (whole tiles, from the first to the last key that one of their rows sees).
struct Seen {
  uint64_t keys = 0, points = 0;
};
} // namespace

static Seen getSeen(const IoProblem &problem, uint64_t tile) {
  Seen seen;
  uint64_t rows = problem.liveKeys.size();
  for (uint64_t row = 0; row < rows; row += tile) {
    uint64_t end = std::min(rows, row + tile);
    KeyRange hull;
    for (uint64_t i = row; i < end; ++i) {
      KeyRange range = problem.liveKeys[i];
      if (range.first == range.last)
        continue;
      if (hull.first == hull.last)
        hull = range;
      hull = {std::min(hull.first, range.first),
              std::max(hull.last, range.last)};
    }
    seen.keys += hull.last - hull.first;
    seen.points += (end - row) * (hull.last - hull.first);
  }
  return seen;
}

/// The bytes of `tensor` that tiles of `tile` rows read, `tile` being one or
/// more; a tensor with keys alone is read once for each tile.
static uint64_t getSeenBytes(const IoProblem &problem,
                             const TensorTraffic &tensor, uint64_t tile) {
  if (!tensor.hasKeys || problem.keys == 0 || problem.rows == 0)
    return tensor.bytes;
  uint64_t rowTiles = llvm::divideCeil(problem.rows, tile);
  if (problem.liveKeys.empty())
    return product({tensor.bytes, tensor.hasRows ? 1 : rowTiles});
  Seen seen = getSeen(problem, tile);
  return tensor.hasRows ? product({tensor.bytes / problem.keys / problem.rows,
                                   seen.points})
                        : product({tensor.bytes / problem.keys, seen.keys});
}

uint64_t attn::getCompulsoryBytes(const IoProblem &problem) {
  uint64_t bytes = 0;
  for (const TensorTraffic &tensor : problem.tensors)
    bytes = sum(
        {bytes, getSeenBytes(
                    problem, tensor,
                    tensor.hasRows ? 1 : std::max<uint64_t>(problem.rows, 1))});
  return bytes;
}

uint64_t attn::getBoundBytes(const IoProblem &problem, uint64_t bufferBytes) {
  uint64_t bound = getCompulsoryBytes(problem);
  for (const Contraction &contraction : problem.contractions) {
    if (!contraction.ofArguments)
      continue;
    // The narrower operand's words make the weaker, hence valid, statement.
    uint64_t wordBytes = std::min(contraction.lhsBytes, contraction.rhsBytes);
    double words = static_cast<double>(bufferBytes) / wordBytes;
    double depth = static_cast<double>(contraction.depth);
    double points = static_cast<double>(contraction.livePoints);
    double moved = points * depth * depth / (words + 4 * depth * depth) - words;
    if (moved > 0)
      bound = std::max(bound, static_cast<uint64_t>(moved) * wordBytes);
  }
  return bound;
}

TileChoice attn::evaluateStreamed(const IoProblem &problem, uint64_t rows,
                                  uint64_t keys) {
  rows = std::min(rows, problem.rows);
  keys = std::min(keys, problem.keys);
  uint64_t moved = problem.spillBytes;
  for (const TensorTraffic &tensor : problem.tensors) {
    bool keysHeld = !tensor.hasKeys || keys == problem.keys;
    bool rowsHeld = !tensor.hasRows || rows == problem.rows;
    moved = sum(
        {moved, product({getSeenBytes(problem, tensor,
                                      !tensor.hasRows && keysHeld ? problem.rows
                                                                  : rows),
                         tensor.leadingSweeps,
                         keysHeld && rowsHeld ? 1 : tensor.trailingSweeps})});
  }
  uint64_t held = sum({problem.fixedBytes, product({rows, problem.rowBytes}),
                       product({keys, problem.keyBytes}),
                       product({rows, keys, problem.pointBytes})});
  return {Schedule::Streamed, rows, keys, held, moved};
}

TileChoice attn::evaluateUnfused(const IoProblem &problem) {
  return {Schedule::Unfused, problem.rows, problem.keys, 0,
          sum({getCompulsoryBytes(problem), problem.spillBytes})};
}

//===----------------------------------------------------------------------===//
// One contraction at a time
//===----------------------------------------------------------------------===//

/// An accumulator tile and one slice of each operand.
static uint64_t getTileBytes(const Contraction &contraction, uint64_t rows,
                             uint64_t columns) {
  return sum({product({rows, columns, contraction.outBytes}),
              product({rows, contraction.lhsBytes}),
              product({columns, contraction.rhsBytes})});
}

static uint64_t getTileMoved(const Contraction &contraction, uint64_t rows,
                             uint64_t columns) {
  const Contraction &c = contraction;
  return product({c.batch, sum({product({c.rows, c.depth, c.lhsBytes,
                                         llvm::divideCeil(c.columns, columns)}),
                                product({c.columns, c.depth, c.rhsBytes,
                                         llvm::divideCeil(c.rows, rows)}),
                                product({c.rows, c.columns, c.outBytes})})});
}

TileChoice
attn::evaluateTiled(const IoProblem &problem,
                    const std::vector<std::pair<uint64_t, uint64_t>> &tiles) {
  TileChoice choice = {Schedule::Tiled, tiles.front().first,
                       tiles.front().second, 0, problem.phaseSpillBytes};
  for (const TensorTraffic &tensor : problem.tensors)
    if (!tensor.inContraction)
      choice.movedBytes = sum({choice.movedBytes, tensor.bytes});
  for (size_t i = 0; i < tiles.size(); ++i) {
    auto [rows, columns] = tiles[i];
    const Contraction &contraction = problem.contractions[i];
    choice.heldBytes =
        std::max(choice.heldBytes, getTileBytes(contraction, rows, columns));
    choice.movedBytes =
        sum({choice.movedBytes, getTileMoved(contraction, rows, columns)});
  }
  return choice;
}

/// The best tile of one contraction. For each number of column tiles the
/// narrowest tile leaves room for the most rows, and more rows never move more;
/// there are O(sqrt(columns)) different widths.
static std::optional<std::pair<uint64_t, uint64_t>>
chooseTile(const Contraction &contraction, uint64_t bufferBytes) {
  std::optional<std::pair<uint64_t, uint64_t>> best;
  uint64_t bestMoved = 0;
  for (uint64_t columns = contraction.columns;;) {
    uint64_t rowCost = columns * contraction.outBytes + contraction.lhsBytes;
    uint64_t fixed = columns * contraction.rhsBytes;
    if (fixed + rowCost <= bufferBytes) {
      uint64_t rows =
          std::min(contraction.rows, (bufferBytes - fixed) / rowCost);
      uint64_t moved = getTileMoved(contraction, rows, columns);
      if (!best || moved < bestMoved) {
        best = {rows, columns};
        bestMoved = moved;
      }
    }
    if (columns == 1)
      return best;
    // The next narrower tile that changes the number of tiles: ceil(j / c) = n
    // for c from ceil(j / n) up, so go on with one tile more.
    uint64_t tiles = llvm::divideCeil(contraction.columns, columns);
    uint64_t next = llvm::divideCeil(contraction.columns, tiles + 1);
    columns = std::min(next, columns - 1);
  }
}

static std::optional<TileChoice> chooseTiled(const IoProblem &problem,
                                             uint64_t bufferBytes) {
  std::vector<std::pair<uint64_t, uint64_t>> tiles;
  for (const Contraction &contraction : problem.contractions) {
    auto tile = chooseTile(contraction, bufferBytes);
    if (!tile)
      return std::nullopt;
    tiles.push_back(*tile);
  }
  if (tiles.empty())
    return std::nullopt;
  return evaluateTiled(problem, tiles);
}

//===----------------------------------------------------------------------===//
// Streaming
//===----------------------------------------------------------------------===//

/// The most rows that fit beside `keys` keys, or 0.
static uint64_t getRows(const IoProblem &problem, uint64_t bufferBytes,
                        uint64_t keys, const TileLimits &limits) {
  if (limits.fixedRows != 0)
    return std::min(limits.fixedRows, problem.rows);
  uint64_t fixed = sum({problem.fixedBytes, product({keys, problem.keyBytes})});
  if (fixed > bufferBytes)
    return 0;
  uint64_t rowCost =
      sum({problem.rowBytes, product({keys, problem.pointBytes})});
  uint64_t rows = rowCost == 0 ? problem.rows : (bufferBytes - fixed) / rowCost;
  if (rows >= problem.rows)
    return problem.rows;
  uint64_t granules = rows / limits.rowGranule;
  if (limits.rowsDivide) {
    uint64_t total = llvm::divideCeil(problem.rows, limits.rowGranule);
    while (granules != 0 && total % granules != 0)
      --granules;
  }
  return granules * limits.rowGranule;
}

std::optional<TileChoice> attn::chooseTiles(const IoProblem &problem,
                                            uint64_t bufferBytes,
                                            const TileLimits &limits) {
  std::optional<TileChoice> best;
  auto consider = [&](std::optional<TileChoice> choice) {
    if (choice && choice->heldBytes <= bufferBytes &&
        (!best || choice->movedBytes < best->movedBytes))
      best = choice;
  };
  if (problem.canTile && limits.fixedRows == 0 && limits.fixedKeys == 0)
    consider(chooseTiled(problem, bufferBytes));
  std::optional<TileChoice> tiled = std::exchange(best, std::nullopt);
  std::vector<uint64_t> keySizes = {limits.fixedKeys};
  if (limits.fixedKeys == 0)
    keySizes = {problem.keys, std::min(limits.keyGranule, problem.keys)};
  for (uint64_t keys : keySizes) {
    keys = std::min(keys, problem.keys);
    if (uint64_t rows = getRows(problem, bufferBytes, keys, limits))
      consider(evaluateStreamed(problem, rows, keys));
  }
  consider(tiled);
  return best;
}

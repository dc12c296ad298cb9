//===- TileMap.cpp - maps of tiles as cells and as text -------------------===//

#include "attn/Driver/TileMap.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <limits>

using namespace attn;

static Status refuse(const llvm::Twine &reason, const char *alternative) {
  return Status::error(StatusCode::invalidArgument, "tile map", reason.str(),
                       alternative);
}

/// The class of the tiles [row, rowEnd) x [key, keyEnd), which are some.
static Result<TileClass> reduceCell(const TileMap &map, int64_t row,
                                    int64_t rowEnd, int64_t key,
                                    int64_t keyEnd) {
  TileClass first = map.classAt(row, key);
  for (int64_t r = row; r < rowEnd; ++r)
    for (int64_t k = key; k < keyEnd; ++k) {
      TileClass tileClass = map.classAt(r, k);
      if (tileClass > TileClass::full)
        return refuse("expects empty, partial or full, but got " +
                          llvm::Twine(unsigned(tileClass)) + " at row " +
                          llvm::Twine(r) + ", key tile " + llvm::Twine(k),
                      "return a value of TileClass");
      if (tileClass != first)
        return TileClass::partial;
    }
  return first;
}

/// Cells for `rows` x `keys` tiles, without classes.
static CellMap cutCells(int64_t rows, int64_t keys) {
  CellMap cells;
  if (rows == 0 || keys == 0)
    return cells;
  cells.rowsPerCell = llvm::divideCeil(rows, CellMap::maxRows);
  cells.keysPerCell = llvm::divideCeil(keys, CellMap::maxKeys);
  cells.rows = llvm::divideCeil(rows, cells.rowsPerCell);
  cells.keys = llvm::divideCeil(keys, cells.keysPerCell);
  return cells;
}

CellMapBuilder::CellMapBuilder(int64_t rows, int64_t keys)
    : rows(rows), keys(keys), cells(cutCells(rows, keys)),
      numFull(cells.rows * cells.keys), numPartial(cells.rows * cells.keys) {}

void CellMapBuilder::add(int64_t row, int64_t first, int64_t last,
                         TileClass tileClass) {
  if (tileClass == TileClass::empty)
    return;
  std::vector<int64_t> &numTiles =
      tileClass == TileClass::full ? numFull : numPartial;
  int64_t *line = &numTiles[row / cells.rowsPerCell * cells.keys];
  for (int64_t at = first; at < last;) {
    int64_t cell = at / cells.keysPerCell;
    int64_t end = std::min((cell + 1) * cells.keysPerCell, last);
    line[cell] += end - at;
    at = end;
  }
}

CellMap CellMapBuilder::getCells() const {
  CellMap result = cells;
  for (int64_t row = 0; row < cells.rows; ++row)
    for (int64_t key = 0; key < cells.keys; ++key) {
      int64_t cell = row * cells.keys + key;
      int64_t tiles =
          std::min(cells.rowsPerCell, rows - row * cells.rowsPerCell) *
          std::min(cells.keysPerCell, keys - key * cells.keysPerCell);
      result.cells.push_back(numFull[cell] == tiles ? TileClass::full
                             : numFull[cell] + numPartial[cell] > 0
                                 ? TileClass::partial
                                 : TileClass::empty);
    }
  return result;
}

Result<CellMap> attn::reduce(const TileMap &map) {
  constexpr int64_t maxTiles = std::numeric_limits<int32_t>::max();
  if (map.rows < 0 || map.rows > maxTiles || map.keys < 0 ||
      map.keys > maxTiles)
    return refuse("expects 0 to 2^31 - 1 rows and key tiles, but got " +
                      llvm::Twine(map.rows) + " and " + llvm::Twine(map.keys),
                  "draw a part of the map");
  if (!map.classAt)
    return refuse("expects a function of classes, but got none",
                  "give a function of row and key tile");
  CellMap cells = cutCells(map.rows, map.keys);
  if (cells.rows == 0)
    return cells;
  for (int64_t row = 0; row < map.rows; row += cells.rowsPerCell)
    for (int64_t key = 0; key < map.keys; key += cells.keysPerCell) {
      Result<TileClass> cell =
          reduceCell(map, row, std::min(row + cells.rowsPerCell, map.rows), key,
                     std::min(key + cells.keysPerCell, map.keys));
      if (!cell.isOk())
        return cell.takeStatus();
      cells.cells.push_back(*cell);
    }
  return cells;
}

/// A terminal takes control characters for commands.
static std::string toPrintable(std::string text) {
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
      c = '?';
  return text;
}

Status attn::printText(const TileMap &map, llvm::raw_ostream &os) {
  Result<CellMap> cells = reduce(map);
  if (!cells.isOk())
    return cells.takeStatus();
  printText(map, *cells, os);
  return {};
}

void attn::printText(const TileMap &map, const CellMap &cells,
                     llvm::raw_ostream &os) {
  os << toPrintable(map.title) << '\n'
     << map.rows << " rows x " << map.keys << " key tiles";
  if (cells.rowsPerCell > 1 || cells.keysPerCell > 1)
    os << ", " << cells.rowsPerCell << " x " << cells.keysPerCell
       << " a character";
  os << '\n';

  // Ten digits fit between two labels, and no map has longer numbers.
  constexpr int64_t cellsPerLabel = 16;
  unsigned width =
      std::to_string(std::max<int64_t>(cells.rows - 1, 0) * cells.rowsPerCell)
          .size();
  std::string axis;
  for (int64_t key = 0; key < cells.keys; key += cellsPerLabel) {
    axis.resize(key, ' ');
    axis += std::to_string(key * cells.keysPerCell);
  }
  if (cells.rows > 0)
    os.indent(width + 1) << axis << '\n';
  for (int64_t row = 0; row < cells.rows; ++row) {
    std::string label = std::to_string(row * cells.rowsPerCell);
    os.indent(width - label.size()) << label << ' ';
    for (int64_t key = 0; key < cells.keys; ++key)
      os << ".+#"[size_t(cells.getClass(row, key))];
    os << '\n';
  }
  os << ". empty  + partial  # full\n";
}

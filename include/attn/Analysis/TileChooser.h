//===- TileChooser.h - bytes moved by tiles of a work space ---------------===//
//
// The work space of a problem is rows by keys (by an outer product of batches).
// Two schedules move data through a buffer of S bytes:
//
//   Streamed  A tile of rows stays in the buffer with its accumulators while
//   the
//             keys stream past it. A tensor without the row rank is read once
//             for each tile of rows; points (row, key) never leave the buffer.
//             With E features of d words each side, about S/(2d) rows fit, so
//             4*N^2*d^2/S words move.
//   Tiled     Each contraction is a phase of its own, output tile by output
//   tile
//             (Saha & Ye, arXiv 2402.07443, theorem 3.5; their tiles are square
//             with a quarter of the buffer, here the accumulator tile gets what
//             the two slices leave). Points are written by one phase and read
//             by the next, and about 4*N^2*d/sqrt(S) words move.
//
// They meet at S = d^2 words (up to a constant): large buffers stream.
//
// No IR here: IoModel.h fills the problem from a cascade.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_TILECHOOSER_H
#define ATTN_ANALYSIS_TILECHOOSER_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// A buffer: a cache, a scratch pad, a register file.
struct MemoryLevel {
  std::string name;
  uint64_t bytes;
};

/// A tensor in memory beyond the buffer, read or written by the problem.
struct TensorTraffic {
  std::string name;
  /// Once through.
  uint64_t bytes;
  /// It has the row rank, the key rank.
  bool hasRows, hasKeys;
  /// Coordinates of the outer ranks that it lacks: those outside of one that it
  /// has, and those inside of all that it has. In the second case its part
  /// stays in the buffer, if all of it is held.
  uint64_t leadingSweeps = 1, trailingSweeps = 1;
  /// A contraction reads or writes it: the tiled schedule counts it there.
  bool inContraction = true;
};

/// A sum of products: out[b, i, j] = sum over k of lhs[b, i, k] * rhs[b, j, k].
struct Contraction {
  uint64_t batch, rows, columns, depth;
  /// Bytes of an element.
  uint64_t lhsBytes, rhsBytes, outBytes;
  /// Both operands are arguments, up to views and maps of single elements: then
  /// the lower bound holds for it.
  bool ofArguments;
  /// Number of (i, j) pairs over all batches that are not empty.
  uint64_t livePoints;
};

/// Keys [first, last); none if they are equal.
struct KeyRange {
  uint64_t first = 0, last = 0;
};

struct IoProblem {
  /// Extents of the row and the key rank.
  uint64_t rows = 1, keys = 1;
  /// The keys that each row sees; empty if each sees all. The streamed schedule
  /// leaves out what lies before and behind the keys of a tile of rows.
  std::vector<KeyRange> liveKeys;
  std::vector<TensorTraffic> tensors;
  std::vector<Contraction> contractions;
  /// A tile of r rows and c keys holds
  /// fixedBytes + r * rowBytes + c * keyBytes + r * c * pointBytes.
  uint64_t fixedBytes = 0, rowBytes = 0, keyBytes = 0, pointBytes = 0;
  /// The contractions can run one after the other. Not so if one reads the
  /// state of a scan.
  bool canTile = true;
  /// Moved by tensors that live from one pass over the keys into another.
  uint64_t spillBytes = 0;
  /// The part of it that comes on top of what one contraction writes and the
  /// next one reads.
  uint64_t phaseSpillBytes = 0;
};

/// What a schedule may choose. Zero leaves a size free.
struct TileLimits {
  uint64_t rowGranule = 1, keyGranule = 1;
  /// The tiles' number of row granules divides the rank's.
  bool rowsDivide = false;
  uint64_t fixedRows = 0, fixedKeys = 0;
};

enum class Schedule { Unfused, Streamed, Tiled };

struct TileChoice {
  Schedule schedule;
  /// Of the streamed schedule, or of the first contraction's tile.
  uint64_t rows, keys;
  /// Held at once, and moved in all.
  uint64_t heldBytes, movedBytes;
};

/// Every tensor once, less what no row sees: what any schedule moves. Counts
/// saturate at 2^64 - 1.
uint64_t getCompulsoryBytes(const IoProblem &problem);

/// A lower bound on the bytes moved through a buffer of `bufferBytes`: the
/// compulsory bytes, or for a contraction of arguments of depth d over nnz live
/// pairs, with M the buffer's words, nnz * d^2 / (M + 4 * d^2) - M words if
/// that is more. The constant is derived from Saha & Ye's lemmas 2.8 and 3.3
/// and is not printed there: a part of a 2M-partition touches at most M^2/d^2 +
/// 4M of the trees that sum one pair's products. It holds for every algorithm
/// that sums those products one by one.
uint64_t getBoundBytes(const IoProblem &problem, uint64_t bufferBytes);

/// The streamed schedule with these tiles, fitting or not.
TileChoice evaluateStreamed(const IoProblem &problem, uint64_t rows,
                            uint64_t keys);

/// The tiled schedule with one tile size for each contraction,
/// `tiles[i] = {rows, columns}`, fitting or not.
TileChoice
evaluateTiled(const IoProblem &problem,
              const std::vector<std::pair<uint64_t, uint64_t>> &tiles);

/// Every tensor once, and what lives across passes to memory and back: the
/// fibers of one pass are taken to fit.
TileChoice evaluateUnfused(const IoProblem &problem);

/// The tiles that move the fewest bytes through a buffer of `bufferBytes`, of
/// both schedules; the larger of equals. Nothing if not even the smallest tile
/// fits. For the streamed schedule it tries the smallest and the whole key
/// range, each with all the rows that fit; for the tiled one all numbers of
/// column tiles, each with all the rows that fit: optimal, since more rows
/// never move more.
std::optional<TileChoice> chooseTiles(const IoProblem &problem,
                                      uint64_t bufferBytes,
                                      const TileLimits &limits = {});

} // namespace attn

#endif // ATTN_ANALYSIS_TILECHOOSER_H

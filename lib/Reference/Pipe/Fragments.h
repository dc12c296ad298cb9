//===- Fragments.h - #pipe.fragment as tables -------------------------===//

#ifndef ATTN_LIB_REFERENCE_PIPE_FRAGMENTS_H
#define ATTN_LIB_REFERENCE_PIPE_FRAGMENTS_H

#include "dialects/Pipe/Pipe.h"

#include <array>
#include <cstdint>
#include <vector>

namespace attn::reference {

/// A fragment, expanded. Registers are numbered `[warp][lane][register]`.
struct FragmentTable {
  explicit FragmentTable(pipe::FragmentAttr fragment);

  int64_t numWarps, numLanes, numRegisters;

  int64_t getNumThreads() const { return numWarps * numLanes; }

  /// What remains when one dimension is reduced, along the other.
  struct Line {
    /// Values that each lane holds.
    int64_t numRegisters = 1;
    /// For each register of a lane's tile, the value it belongs to.
    std::vector<int64_t> valueOf;
    /// For `[warp][lane][value]`, the coordinate.
    std::vector<int64_t> coordinate;
    /// For each lane, the lanes that hold the same coordinates, ascending.
    std::vector<llvm::SmallVector<int64_t>> sharers;
    /// Whether several warps hold parts of one value.
    bool acrossWarps = false;
  };

  /// For each register, its element's coordinates.
  std::array<std::vector<int64_t>, 2> coordinate;
  /// The line that keeps dimension 0, and the one that keeps dimension 1.
  std::array<Line, 2> lines;

private:
  void buildLine(pipe::FragmentAttr fragment, unsigned kept);
};

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_PIPE_FRAGMENTS_H

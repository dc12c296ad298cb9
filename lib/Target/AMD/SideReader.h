//===- SideReader.h - a side of a product in shared memory ------*- C++ -*-===//
//
// Panels of a tile have rows of 128 bytes, in which chunks of 16 are moved: a
// byte's place is
//
//   panel * panelBytes + row * 128 + (byte in the panel's row ^ row % 8 * 16)
//
// A lane's row and byte are those of its number and constants that share no
// bits with them below 8 and 128, so that
//
//   (address of the tile + place of the lane) ^ (changes of bits 4 to 6)
//       + (constants)
//
// is the address, of which eight a lane serve all of a tile.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_AMD_SIDEREADER_H
#define ATTN_LIB_TARGET_AMD_SIDEREADER_H

#include "MatrixInstruction.h"

#include "GPU/Emitter.h"

#include <array>
#include <map>

namespace attn::amd {

/// In which order steps contract a depth: what a lane has of it are runs of
/// `run`, those of the lanes of a column after each other.
struct DepthOrder {
  DepthOrder(const MatrixInstruction &instruction, int64_t run)
      : instruction(instruction), run(run) {}

  /// The run by which both sides are read from shared memory 16 bytes at a
  /// time, or 8 where the depth is too small.
  static int64_t getSharedRun(const MatrixInstruction &instruction,
                              int64_t depth) {
    int64_t run = 8;
    return depth % (run * instruction.getShares()) == 0 ? run : run / 2;
  }

  /// What element `number` of those that a lane holds in a step is, without
  /// what the lane's share adds: `run` a share, or nothing where lanes hold
  /// all.
  int64_t getTerm(int64_t step, int64_t number) const {
    int64_t shares = instruction.getShares();
    int64_t held = instruction.depth / shares;
    int64_t share = number / held;
    int64_t own = step * held + number % held;
    return own / run * run * shares + share * run + own % run;
  }

  const MatrixInstruction &instruction;
  int64_t run;
};

class SideReader {
public:
  SideReader(gpu::Emitter e, const gpu::KernelValues &values,
             pipe::SharedType tile, mlir::Value address, int64_t contracted,
             const DepthOrder &order)
      : e(e), values(values), address(address), order(order),
        isAcross(contracted == 0), panelBytes(tile.getNumRows() * kRowBytes) {}

  /// Whether a tile is laid out as these addresses say.
  static bool canRead(pipe::SharedType tile) {
    return tile.getSwizzle() == kRowBytes && tile.getParts() == 1 &&
           tile.getElementBytes() == 2;
  }

  /// Lanes are rows of A, of a tile of so many columns.
  void beginRows(const MatrixInstruction &instruction, int64_t columns);
  /// Lanes are columns of B: the wave's rows of the tile.
  void beginColumns(const MatrixInstruction &instruction);

  /// Loads what `read` is going to take, which then loads nothing.
  void fetch(int64_t step, int64_t block);
  /// The words of a lane's operand of step `step` of instruction number
  /// `block`.
  llvm::SmallVector<mlir::Value> read(int64_t step, int64_t block);

  static constexpr int64_t kRowBytes = 128;

private:
  /// `other` is the lane's index along what is not contracted.
  void begin(const MatrixInstruction &instruction, int64_t lanesOfSide,
             mlir::Value other);
  /// `bytes` from a constant row and byte on, beside the lane's: words, or one
  /// of 16 bits.
  llvm::SmallVector<mlir::Value> load(int64_t row, int64_t byte, int64_t bytes);
  llvm::SmallVector<mlir::Value> readAlong(int64_t step, int64_t block);
  llvm::SmallVector<mlir::Value> readAcross(int64_t step, int64_t block);
  /// Of the lane's term number `term`, the neighbours.
  llvm::SmallVector<mlir::Value> loadTerm(int64_t step, int64_t block,
                                          int64_t term);

  gpu::Emitter e;
  const gpu::KernelValues &values;
  mlir::Value address;
  DepthOrder order;
  /// Whether rows of memory run across the depth.
  bool isAcross;
  int64_t panelBytes;
  /// Instructions whose neighbouring columns a lane reads at once, rows of A
  /// that instructions of one run are apart otherwise, and columns of all of a
  /// run.
  int64_t together = 1, apart = 0, columnsOfRun = 0;
  /// The lane's address, and others by what they change of it.
  mlir::Value lanePlace;
  std::map<int64_t, mlir::Value> places;
  /// What was read, by the constant row and byte.
  std::map<std::pair<int64_t, int64_t>, llvm::SmallVector<mlir::Value>> known;
};

} // namespace attn::amd

#endif // ATTN_LIB_TARGET_AMD_SIDEREADER_H

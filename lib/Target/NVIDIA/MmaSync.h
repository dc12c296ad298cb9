//===- MmaSync.h - what products of one warp take ---------------*- C++ -*-===//
//
// mma.sync.m16n8k16 reads fragments of 8 x 8 elements of 16 bits, which
// ldmatrix brings: each lane names one row of 16 bytes, lanes 0-7 those of the
// first matrix, 8-15 of the second, and so on, and gets two elements of each
// matrix. In a tile whose panels are swizzled over 128 bytes a lane's row is at
//
//   (laneBase ^ (chunkPair % 4 * 32)) + chunkPair / 4 * panelBytes + row * 128
//
// from the tile's start, a multiple of 1024: two chunks of 16 bytes are a pair,
// the swizzle changes a chunk's number by the last three bits of the row's, and
// rows are taken by 16. So four addresses a lane serve all of a tile.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_TARGET_NVIDIA_MMASYNC_H
#define ATTN_LIB_TARGET_NVIDIA_MMASYNC_H

#include "dialects/Pipe/Pipe.h"

namespace attn::nvidia {

/// Rows of a product of one warp, of a group's four, and of a group whose warps
/// have two products each, one above the other; a product's K for elements of
/// 16 bits (PTX ISA, mma.m16n8k16).
inline constexpr int64_t kMmaRows = 16, kMmaGroupRows = 64, kTallRows = 128;
inline constexpr int64_t kMmaDepth = 16, kMmaColumns = 8;

/// Who holds a 64 x `columns` accumulator, and a left side of 16-bit elements
/// in registers (PTX ISA, mma.m16n8k16): four warps, one above the other.
pipe::FragmentAttr getMmaFragment(mlir::MLIRContext *context, int64_t columns);
/// The same of 128 rows.
pipe::FragmentAttr getTallFragment(mlir::MLIRContext *context, int64_t columns);

/// The parts of the keys of a step that the warps of a group share out. Each
/// has the program's rows, all of a product's or the first half.
inline constexpr int64_t kShares = 4, kFewSharedRows = 8, kSharedRows = 16;
/// Columns of a tile of which lanes hold other runs than of narrower ones.
inline constexpr int64_t kWidePanel = 128, kNarrowPanel = 64;

/// The bytes of a row of a panel, of elements of 8 bits, in which a tile of so
/// many columns lies; 0 if it has no panels.
int64_t getSharePanel(int64_t columns);

/// Who holds tiles of other columns than the keys of a step: a lane has a
/// quarter of each panel's columns of a row (ShareWalk). Null where the columns
/// are no panels.
template <int64_t Rows>
pipe::FragmentAttr getShareFragment(mlir::MLIRContext *context,
                                    int64_t columns);
/// Who holds a tile of so many rows once shares have come together: each warp a
/// quarter of the columns.
template <int64_t Rows>
pipe::FragmentAttr getJoinedFragment(mlir::MLIRContext *context,
                                     int64_t columns);

/// How a warp's lanes read the rows of its share of a tile of 8 bits an element
/// as the right sides of its products, mma.m16n8k16, without a lane that meets
/// another in a bank. The order of what is summed over, and of the columns of a
/// result, is free:
///
/// * Contracted along columns: lane `4 * g + t` has of row `g` of eight the
///   chunks `t * chunks ...` of a panel; each word of these, two pairs of
///   columns, is its part of the right side of one product.
/// * Contracted along rows: it has part `g` of a panel's columns, of rows
///   `2 * t`, `2 * t + 1`, and those eight further; column `i` of these is the
///   one it has of product `i`.
struct ShareWalk {
  /// Fails for what is not laid out as these say, in shares of a multiple of 16
  /// rows.
  static mlir::FailureOr<ShareWalk> create(pipe::SharedType tile,
                                           int64_t shares);

  /// Of a row of a panel: bytes, its chunks of 16, those of a lane of four, and
  /// the bytes of a lane of eight.
  int64_t rowBytes, chunks, laneChunks, laneBytes;
  int64_t panels, panelBytes;
  /// Rows of a share.
  int64_t rows;
};

/// How a warp's lanes address a side of its products, by four matrices that are
/// 16 of K and 16 of M or N.
class MatrixWalk {
public:
  enum class Side { Left, Right };

  /// Walks `tile` along its dimension `contracted`; fails for what is not laid
  /// out as these addresses say.
  static mlir::FailureOr<MatrixWalk> create(pipe::SharedType tile,
                                            int64_t contracted, Side side);

  /// Whether ldmatrix transposes.
  bool isTransposed() const { return contracted == 0; }

  /// For a lane, the number of its row among 16, and of its chunk in a pair.
  int64_t getRow(int64_t lane) const {
    return lane % 8 + (isTransposed() ? getK(lane) : getOther(lane)) * 8;
  }
  int64_t getChunk(int64_t lane) const {
    return isTransposed() ? getOther(lane) : getK(lane);
  }
  /// The bits of a lane's number of which `getRow` has the upper one, and
  /// `getChunk` its only one.
  unsigned getRowBit() const {
    return isTransposed() ? getKBit() : getOtherBit();
  }
  unsigned getChunkBit() const {
    return isTransposed() ? getOtherBit() : getKBit();
  }

  /// Of step `step` of K and the 16 of M or N from number `16 * block` on: the
  /// pair of chunks, in its panel, and the bytes that panels and rows add.
  struct Place {
    int64_t pairInPanel, bytes;
  };
  Place getPlace(int64_t step, int64_t block) const;
  /// Of a panel.
  int64_t getPanelBytes() const { return panelBytes; }

  static constexpr int64_t kRowBytes = 128, kPairsInPanel = 4;

private:
  MatrixWalk(int64_t numRows, int64_t contracted, Side side)
      : panelBytes(numRows * kRowBytes), contracted(contracted), side(side) {}

  /// Of the four matrices, a left side's second is further down in M, a right
  /// side's in K.
  unsigned getKBit() const { return side == Side::Left ? 4 : 3; }
  unsigned getOtherBit() const { return side == Side::Left ? 3 : 4; }
  int64_t getK(int64_t lane) const { return lane >> getKBit() & 1; }
  int64_t getOther(int64_t lane) const { return lane >> getOtherBit() & 1; }

  int64_t panelBytes, contracted;
  Side side;
};

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_MMASYNC_H

//===- MachineModel.h - what tile -> pipe asks of a GPU ---------*- C++ -*-===//

#ifndef ATTN_CONVERSION_MACHINEMODEL_H
#define ATTN_CONVERSION_MACHINEMODEL_H

#include "dialects/Pipe/Pipe.h"

namespace attn {

/// What a multiprocessor does in a clock: for comparing schedules.
struct MachineRates {
  /// Clocks of a product a column, and at least of one whose left side comes
  /// from shared memory: so many and so many a column.
  double productColumn, sharedProduct, sharedColumn;
  /// Of exponentials and their like, of other operations on elements, and bytes
  /// from the cache that multiprocessors share.
  double specials, operations, cacheBytes;
};

/// Who brings rows of tensors to shared memory.
enum class CopyKind {
  /// Engines, in boxes.
  Bulk,
  /// One warp, whose lanes start copies of 16 bytes each.
  Chunks,
  /// A group's threads, element by element, of any strides and alignment.
  Elements
};

/// A way to split a multiprocessor's registers: what a thread that loads has,
/// none where one role does both, and one that multiplies, in each of so many
/// blocks at once.
struct RegisterSplit {
  int64_t loading, multiplying, blocks = 1;

  bool isMerged() const { return loading == 0; }
};

/// The products of a machine and what a block of threads has. A target gives
/// one; schedules are made for it, and its lowering has the last word.
struct MachineModel {
  /// As `--target` says it.
  llvm::StringRef name;
  /// Rows of one product and the multiple that its depth has to be.
  int64_t productRows, productDepth;
  /// Columns of one product at the most, of which it takes any multiple.
  int64_t maxColumns, columnGranule;
  CopyKind copies;
  /// Whether groups that take turns at the products gain by it.
  bool takesTurns;
  /// Columns of bits that say which rows of a slot are seen, at the most.
  int64_t maxSeenColumns;
  /// Warps of a group that multiplies, and lanes of a warp.
  int64_t groupWarps, warpSize;
  /// Bytes of a row of a panel in shared memory, which products walk.
  int64_t swizzle;
  /// Dimensions of a tensor that bulk copies take, and rows of one copy.
  unsigned maxTensorRank;
  int64_t maxBoxRows;
  /// Bytes of shared memory of a block, and of the cache that blocks share.
  int64_t sharedBytes, cacheBytes;
  /// What the beginning and the end of an item take, as keys of steps.
  int64_t itemKeys;
  /// The most groups that multiply, and blocks of a cluster.
  int64_t maxGroups, maxCluster;
  MachineRates rates;

  /// Who holds an accumulator of `productRows` x `columns`, and a left side of
  /// 16-bit elements in registers.
  pipe::FragmentAttr (*getFragment)(mlir::MLIRContext *context,
                                    int64_t columns);
  /// Of a block with so many groups that multiply, and perhaps one that widens
  /// elements of 8 bits with `widenRegisters`: for one block from the fewest
  /// for loading on, for several in the order in which they are to be tried.
  llvm::ArrayRef<RegisterSplit> (*getRegisters)(int64_t groups, bool widens);
  int64_t widenRegisters;
  /// Registers that products take beside their tiles'.
  int64_t operandRegisters;
  /// The same machine with groups that multiply more rows each, for tiles that
  /// are whole numbers of these; null where all groups are of one height.
  const MachineModel *tall = nullptr;
  /// Of what early and late products take, each has a role of its own that
  /// widens it, or one role widens both.
  bool widensApart = false;
  /// The same with one group of fewer rows, for tiles of just so many: products
  /// take as long, but what is computed of their results is less.
  const MachineModel *low = nullptr;
  /// The same with one group whose warps have the same few rows and share out
  /// the keys of a step, for elements of 8 bits: each widens what it multiplies
  /// in registers. Of that the next one, for more rows.
  const MachineModel *sharing = nullptr;
  /// Warps that share out the keys of a step; 1 where warps have rows of their
  /// own. A tile of a program's rows has `productRows` for each of them.
  int64_t shares = 1;
  /// With shares: who holds tiles of other columns than the keys of a step, and
  /// tiles of `productRows` rows once shares have come together.
  pipe::FragmentAttr (*getWideFragment)(mlir::MLIRContext *context,
                                        int64_t columns) = nullptr;
  pipe::FragmentAttr (*getJoinedFragment)(mlir::MLIRContext *context,
                                          int64_t columns) = nullptr;

  /// Bytes of shared memory of each of so many blocks of a multiprocessor.
  int64_t getSharedBytes(int64_t blocks) const {
    // What the system has of each block's.
    constexpr int64_t kSystemBytes = 1024;
    return (sharedBytes + kSystemBytes) / blocks - kSystemBytes;
  }
  /// The rows of a group's tiles.
  int64_t getTileRows() const { return productRows * shares; }
  /// `low` or `sharing` for tiles of its rows, else this one.
  const MachineModel &forFewRows(int64_t rows) const {
    if (low && rows == low->productRows)
      return *low;
    for (const MachineModel *own = sharing; own; own = own->sharing)
      if (rows == own->productRows)
        return *own;
    return *this;
  }
  /// The one for tiles of so many rows.
  const MachineModel &forRows(int64_t rows) const {
    if (const MachineModel &own = forFewRows(rows); &own != this)
      return own;
    return tall && rows > 0 && rows % tall->productRows == 0 ? *tall : *this;
  }
};

} // namespace attn

#endif // ATTN_CONVERSION_MACHINEMODEL_H

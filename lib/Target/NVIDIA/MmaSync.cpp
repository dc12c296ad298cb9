//===- MmaSync.cpp - what products of one warp take -----------------------===//

#include "MmaSync.h"

#include "Wgmma.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

FragmentAttr attn::nvidia::getMmaFragment(MLIRContext *context,
                                          int64_t columns) {
  // Four warps' products, one above the other, are what a warpgroup holds.
  return getWgmmaFragment(context, columns);
}

FragmentAttr attn::nvidia::getTallFragment(MLIRContext *context,
                                           int64_t columns) {
  auto digit = [&](int64_t size, unsigned dim, int64_t stride) {
    return DigitAttr::get(context, size, dim, stride);
  };
  return FragmentAttr::get(
      context,
      {digit(2, 1, 1), digit(2, 0, 8),
       digit(kTallRows / kMmaGroupRows, 0, kMmaRows), digit(columns / 8, 1, 8)},
      {digit(4, 1, 2), digit(8, 0, 1)}, {digit(4, 0, 2 * kMmaRows)});
}

int64_t attn::nvidia::getSharePanel(int64_t columns) {
  if (columns % kWidePanel == 0)
    return kWidePanel;
  return columns % kNarrowPanel == 0 ? kNarrowPanel : 0;
}

/// The fragment of such digits along columns in registers; of rows a lane has
/// one, or a second eight further on.
static FragmentAttr getFragmentOfRows(MLIRContext *context, int64_t rows,
                                      SmallVector<DigitAttr> registers,
                                      int64_t ofLane, DigitAttr warps) {
  if (rows > kFewSharedRows)
    registers.push_back(DigitAttr::get(context, 2, 0, kFewSharedRows));
  return FragmentAttr::get(context, registers,
                           {DigitAttr::get(context, 4, 1, ofLane),
                            DigitAttr::get(context, kFewSharedRows, 0, 1)},
                           {warps});
}

template <int64_t Rows>
FragmentAttr attn::nvidia::getShareFragment(MLIRContext *context,
                                            int64_t columns) {
  int64_t panel = getSharePanel(columns);
  if (panel == 0)
    return {};
  return getFragmentOfRows(context, Rows,
                           {DigitAttr::get(context, panel / 4, 1, 1),
                            DigitAttr::get(context, columns / panel, 1, panel)},
                           panel / 4,
                           DigitAttr::get(context, kShares, 0, Rows));
}

template <int64_t Rows>
FragmentAttr attn::nvidia::getJoinedFragment(MLIRContext *context,
                                             int64_t columns) {
  int64_t ofWarp = columns / kShares;
  return getFragmentOfRows(
      context, Rows, {DigitAttr::get(context, ofWarp / 4, 1, 1)}, ofWarp / 4,
      DigitAttr::get(context, kShares, 1, ofWarp));
}

template FragmentAttr
attn::nvidia::getShareFragment<kFewSharedRows>(MLIRContext *, int64_t);
template FragmentAttr attn::nvidia::getShareFragment<kSharedRows>(MLIRContext *,
                                                                  int64_t);
template FragmentAttr
attn::nvidia::getJoinedFragment<kFewSharedRows>(MLIRContext *, int64_t);
template FragmentAttr
attn::nvidia::getJoinedFragment<kSharedRows>(MLIRContext *, int64_t);

FailureOr<ShareWalk> ShareWalk::create(SharedType tile, int64_t shares) {
  int64_t rowBytes = getSharePanel(tile.getNumColumns());
  if (tile.getElementBytes() != 1 || tile.getParts() != 1 || rowBytes == 0 ||
      tile.getSwizzle() != rowBytes || shares != kShares ||
      tile.getNumRows() % (shares * kMmaDepth) != 0)
    return failure();
  constexpr int64_t kChunk = 16;
  ShareWalk walk;
  walk.rowBytes = rowBytes;
  walk.chunks = rowBytes / kChunk;
  walk.laneChunks = walk.chunks / 4;
  walk.laneBytes = rowBytes / 8;
  walk.panels = tile.getNumColumns() / rowBytes;
  walk.panelBytes = tile.getNumRows() * rowBytes;
  walk.rows = tile.getNumRows() / shares;
  return walk;
}

FailureOr<MatrixWalk> MatrixWalk::create(SharedType tile, int64_t contracted,
                                         Side side) {
  if (tile.getSwizzle() != kRowBytes || tile.getParts() != 1 ||
      tile.getElementBytes() != 2)
    return failure();
  return MatrixWalk(tile.getNumRows(), contracted, side);
}

MatrixWalk::Place MatrixWalk::getPlace(int64_t step, int64_t block) const {
  int64_t rows = isTransposed() ? step : block;
  int64_t pair = isTransposed() ? block : step;
  return {pair % kPairsInPanel,
          pair / kPairsInPanel * panelBytes + rows * 16 * kRowBytes};
}

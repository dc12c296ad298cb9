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

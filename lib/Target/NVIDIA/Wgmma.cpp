//===- Wgmma.cpp - what Hopper's warpgroup products take ------------------===//
//
// Descriptor (PTX ISA, "Matrix descriptor format"): bits 0-13 the address / 16,
// 16-29 the leading byte offset / 16, 32-45 the stride byte offset / 16, 62-63
// the swizzle, 1 for 128 bytes. Tiles are panels of 128-byte rows; the stride
// offset is that of eight rows. A tile whose rows run along K needs no leading
// offset; for one whose rows run along M or N it is the pitch of panels.
//
// Of a left side of 32 rows eight go to each warp, which has 16 rows of the
// product: with half the stride every second eight rows of the product are
// eight of the tile, and those between them begin in their middle.
//
//===----------------------------------------------------------------------===//

#include "Wgmma.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;
using namespace attn::pipe;

FragmentAttr attn::nvidia::getWgmmaFragment(MLIRContext *context,
                                            int64_t columns) {
  auto digit = [&](int64_t size, unsigned dim, int64_t stride) {
    return DigitAttr::get(context, size, dim, stride);
  };
  return FragmentAttr::get(
      context, {digit(2, 1, 1), digit(2, 0, 8), digit(columns / 8, 1, 8)},
      {digit(4, 1, 2), digit(8, 0, 1)}, {digit(4, 0, 16)});
}

FragmentAttr attn::nvidia::getLowFragment(MLIRContext *context,
                                          int64_t columns) {
  auto digit = [&](int64_t size, unsigned dim, int64_t stride) {
    return DigitAttr::get(context, size, dim, stride);
  };
  return FragmentAttr::get(context, {digit(2, 1, 1), digit(columns / 8, 1, 8)},
                           {digit(4, 1, 2), digit(8, 0, 1)}, {digit(4, 0, 8)});
}

FailureOr<WgmmaOperand>
attn::nvidia::getWgmmaOperand(SharedType tile, int64_t contracted, bool isLow) {
  constexpr int64_t kSwizzle = 128, kRowsOfAtom = 8, kUnit = 16;
  if (tile.getSwizzle() != kSwizzle || tile.getParts() != 1 ||
      tile.getElementBytes() != 2)
    return failure();
  int64_t panelBytes = tile.getNumRows() * kSwizzle;
  bool transpose = contracted == 0;
  if (isLow && transpose)
    return failure();
  int64_t stride = kRowsOfAtom * kSwizzle / (isLow ? 2 : 1);
  int64_t leading = transpose ? panelBytes : kUnit;
  if (leading / kUnit >= 1 << 14)
    return failure();
  WgmmaOperand operand;
  operand.transpose = transpose;
  operand.descriptor =
      (int64_t(1) << 62) | ((stride / kUnit) << 32) | ((leading / kUnit) << 16);
  if (transpose) {
    // A step is 16 rows further down all panels.
    operand.stepsInPanel = tile.getNumRows() / kWgmmaDepth;
    operand.stepOffset = kWgmmaDepth * kSwizzle / kUnit;
    operand.panelOffset = 0;
  } else {
    operand.stepsInPanel = tile.getPanelColumns() / kWgmmaDepth;
    operand.stepOffset = kWgmmaDepth * 2 / kUnit;
    operand.panelOffset = panelBytes / kUnit;
  }
  return operand;
}

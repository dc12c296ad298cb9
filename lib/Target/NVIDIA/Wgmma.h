//===- Wgmma.h - what Hopper's warpgroup products take --------------------===//

#ifndef ATTN_LIB_TARGET_NVIDIA_WGMMA_H
#define ATTN_LIB_TARGET_NVIDIA_WGMMA_H

#include "dialects/Pipe/Pipe.h"

namespace attn::nvidia {

/// Rows of one product, and its K for elements of 16 bits (PTX ISA, wgmma).
inline constexpr int64_t kWgmmaRows = 64;
inline constexpr int64_t kWgmmaDepth = 16;

/// Rows of a tile of which each warp takes the first half of its 16 rows of a
/// product; the others are of nobody.
inline constexpr int64_t kLowRows = kWgmmaRows / 2;
/// What the product's last rows read behind such a tile.
inline constexpr int64_t kLowOverread = 512;

/// Who holds a 64 x `columns` accumulator, and a left side of 16-bit elements
/// in registers (PTX ISA, wgmma: the D fragment, the A fragment). The two are
/// one: an A fragment of k16 is a D fragment of 16 columns.
pipe::FragmentAttr getWgmmaFragment(mlir::MLIRContext *context,
                                    int64_t columns);

/// The same of a tile of `kLowRows`: every second pair of a full fragment's
/// registers.
pipe::FragmentAttr getLowFragment(mlir::MLIRContext *context, int64_t columns);

/// How a tile in shared memory is walked by products of k16.
struct WgmmaOperand {
  /// Added to bits 4 to 17 of the tile's address, it gives the descriptor.
  int64_t descriptor;
  bool transpose;

  /// What to add to the descriptor for the step `step` of K.
  int64_t getOffset(int64_t step) const {
    return step / stepsInPanel * panelOffset + step % stepsInPanel * stepOffset;
  }

  int64_t stepsInPanel, panelOffset, stepOffset;
};

/// Walks `tile` along its dimension `contracted`; fails for what no descriptor
/// can say. `isLow`: a left side of `kLowRows` rows.
mlir::FailureOr<WgmmaOperand>
getWgmmaOperand(pipe::SharedType tile, int64_t contracted, bool isLow = false);

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_WGMMA_H

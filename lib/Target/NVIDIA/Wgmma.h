//===- Wgmma.h - what Hopper's warpgroup products take --------------------===//

#ifndef ATTN_LIB_TARGET_NVIDIA_WGMMA_H
#define ATTN_LIB_TARGET_NVIDIA_WGMMA_H

#include "dialects/Pipe/Pipe.h"

namespace attn::nvidia {

/// Rows of one product, and its K for elements of 16 bits (PTX ISA, wgmma).
inline constexpr int64_t kWgmmaRows = 64;
inline constexpr int64_t kWgmmaDepth = 16;

/// Who holds a 64 x `columns` accumulator, and a left side of 16-bit elements
/// in registers (PTX ISA, wgmma: the D fragment, the A fragment). The two are
/// one: an A fragment of k16 is a D fragment of 16 columns.
pipe::FragmentAttr getWgmmaFragment(mlir::MLIRContext *context,
                                    int64_t columns);

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
/// can say.
mlir::FailureOr<WgmmaOperand> getWgmmaOperand(pipe::SharedType tile,
                                              int64_t contracted);

} // namespace attn::nvidia

#endif // ATTN_LIB_TARGET_NVIDIA_WGMMA_H

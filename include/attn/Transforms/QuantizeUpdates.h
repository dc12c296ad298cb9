//===- QuantizeUpdates.h - updated tensors of 8 bits with scales -*- C++ -*-==//

#ifndef ATTN_TRANSFORMS_QUANTIZEUPDATES_H
#define ATTN_TRANSFORMS_QUANTIZEUPDATES_H

#include "attn/Transforms/QuantizeArguments.h"

namespace attn {

/// Gives each tensor of floats that `func` updates at entries of index tensors,
/// a row of its last rank at a time, the element type `elementType` (f8E4M3FN,
/// f8E5M2 or i8), and the function its scales of f32 behind it:
///  * `Head`: an argument `NAME_scale` of the ranks that are neither entries
///    nor the last. A stride of 0 gives all heads one scale.
///  * `Token`: a result `NAME_scale` that updates an argument of all ranks but
///    the last. The scale of a row is its largest magnitude over the largest
///    number of the type, and at least 1e-30.
///  * `Channel`: that of the row after its elements are divided by an argument
///    `NAME_channel_scale` of the heads' ranks and the last.
/// An element is the row's number over its scales, cut to the type's range and
/// rounded to nearest even.
///
/// Returns whether there is such a tensor; fails with a diagnostic where one is
/// updated in another way, something else uses it, or a name is taken.
mlir::FailureOr<bool> quantizeUpdates(cascade::FuncOp func,
                                      mlir::Type elementType,
                                      ScaleGranularity granularity);

} // namespace attn

#endif // ATTN_TRANSFORMS_QUANTIZEUPDATES_H

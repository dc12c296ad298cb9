//===- QuantizeArguments.h - tensors of 8 bits with scales ------*- C++ -*-===//

#ifndef ATTN_TRANSFORMS_QUANTIZEARGUMENTS_H
#define ATTN_TRANSFORMS_QUANTIZEARGUMENTS_H

#include "dialects/Cascade/Cascade.h"

#include <optional>

namespace attn {

/// What shares a scale. `Head`: all of a head. `Token`: a row of a head.
/// `Channel`: elements are scaled by one factor of the row and one of the
/// channel (channel-separable token-wise quantisation; ZipCache,
/// arXiv:2405.14256, section 4.2).
enum class ScaleGranularity { Head, Token, Channel };

std::optional<ScaleGranularity> parseScaleGranularity(llvm::StringRef name);

/// The type called `e4m3`, `e5m2` or `i8`, else null.
mlir::Type parseNarrowType(mlir::MLIRContext *context, llvm::StringRef name);

struct QuantizeOptions {
  /// f8E4M3FN, f8E5M2 or i8.
  mlir::Type elementType;
  ScaleGranularity granularity = ScaleGranularity::Head;
  /// The ranks of tokens, and of sequences: a head's scale has neither.
  llvm::StringRef tokens = "M", sequences = "B";
};

/// Gives argument number `argument` of `func`, a tensor of floats with the rank
/// of tokens before its last, the element type of `options`, and the function
/// an argument of f32 for its scales behind it: `NAME_scale`, which has all
/// ranks but the last and, for one scale a head, but tokens and sequences, and
/// for channels `NAME_channel_scale` of the heads' ranks and the last. What
/// read the argument reads the product instead. A stride of 0 gives all heads
/// one scale.
///
/// Fails with a diagnostic, and changes nothing, where the argument is no such
/// tensor or a name is taken.
llvm::LogicalResult quantizeArgument(cascade::FuncOp func, unsigned argument,
                                     const QuantizeOptions &options);

} // namespace attn

#endif // ATTN_TRANSFORMS_QUANTIZEARGUMENTS_H

//===- FoldQuotients.h - quotients of what was put together -----*- C++ -*-===//

#ifndef ATTN_LIB_TRANSFORMS_FOLDQUOTIENTS_H
#define ATTN_LIB_TRANSFORMS_FOLDQUOTIENTS_H

#include "mlir/IR/PatternMatch.h"

namespace attn {

/// Patterns that take a sum of a multiple and of what is less apart again:
/// quotients and remainders by the same constant are the two. Comparisons of
/// coordinates with 0 fold.
void populateFoldQuotientsPatterns(mlir::RewritePatternSet &patterns);

} // namespace attn

#endif // ATTN_LIB_TRANSFORMS_FOLDQUOTIENTS_H

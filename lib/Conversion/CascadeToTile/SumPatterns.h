//===- SumPatterns.h - sums that products go on from ------------*- C++ -*-===//

#ifndef ATTN_LIB_CONVERSION_CASCADETOTILE_SUMPATTERNS_H
#define ATTN_LIB_CONVERSION_CASCADETOTILE_SUMPATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace attn {

/// Products that are added to a sum so far go on from it.
void populateSumPatterns(mlir::RewritePatternSet &patterns);

} // namespace attn

#endif // ATTN_LIB_CONVERSION_CASCADETOTILE_SUMPATTERNS_H

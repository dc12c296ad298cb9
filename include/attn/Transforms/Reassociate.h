//===- Reassociate.h - the order of matrix products -----------------------===//

#ifndef ATTN_TRANSFORMS_REASSOCIATE_H
#define ATTN_TRANSFORMS_REASSOCIATE_H

#include "attn/Analysis/RankPolynomial.h"
#include "dialects/Cascade/Cascade.h"

namespace attn {

/// Computes chains of matrix products in the order of fewest multiply-adds:
/// (a b) c becomes a (b c) where that is cheaper at `extents`. Ranks with
/// neither a given nor a declared extent are taken to be long (sequences, at
/// least 65536 and twice every known extent). Factors that are one scalar for
/// all points move behind the products. Each step lowers the cost, so it ends.
///
/// Needs the function's `reassoc`. Chains that another order would serve and
/// that a law forbids get a remark.
void reassociateProducts(cascade::FuncOp func, const RankExtents &extents);

} // namespace attn

#endif // ATTN_TRANSFORMS_REASSOCIATE_H

//===- Dependence.h - how an Einsum reads the coordinates of a family -----===//

#ifndef LIB_ANALYSIS_DEPENDENCE_H
#define LIB_ANALYSIS_DEPENDENCE_H

#include "attn/Analysis/RankFamilies.h"

namespace attn {

/// None: the operand lacks the family. Point stands for `tile` too: both are
/// met within one sweep.
enum class Dependence { None, Point, Prefix, Suffix, All };

/// A tensor that an Einsum reads, as an operand, an index tensor or in a
/// region.
struct TensorUse {
  mlir::Value value;
  Dependence dependence;
};

/// What `einsum` reads, by its dependence on coordinates of the family of
/// `root`.
llvm::SmallVector<TensorUse> getTensorUses(cascade::EinsumOp einsum,
                                           const RankFamilies &families,
                                           mlir::StringAttr root);

/// The members of the family that `einsum` iterates, with those that enclosing
/// scans step through.
RankSet getIteratedMembers(cascade::EinsumOp einsum,
                           const RankFamilies &families, mlir::StringAttr root);

} // namespace attn

#endif // LIB_ANALYSIS_DEPENDENCE_H

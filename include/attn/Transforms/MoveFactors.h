//===- MoveFactors.h - factors of a product's operand -----------*- C++ -*-===//

#ifndef ATTN_TRANSFORMS_MOVEFACTORS_H
#define ATTN_TRANSFORMS_MOVEFACTORS_H

#include "dialects/Cascade/Cascade.h"

namespace attn {

/// Takes factors out of operands that are products themselves, for the operand
/// to be read as it lies in memory: sum q[p, e] (k[m, e] s[m] c[e]) becomes
/// s[m] sum (q[p, e] c[e]) k[m, e]. A factor without reduced ranks multiplies
/// the sum, another joins an operand that has its ranks and is computed anyway,
/// or any where the tensor has elements of 8 bits. An operand stays as it is if
/// one of its factors can do neither. What joins weights that are rounded to
/// f16 is multiplied by a power of two, for them to keep their digits. Needs
/// the function's `reassoc`, as products round otherwise.
void moveFactors(cascade::FuncOp func);

} // namespace attn

#endif // ATTN_TRANSFORMS_MOVEFACTORS_H

//===- Signature.h - a cascade's structure as a few digits ------*- C++ -*-===//

#ifndef ATTN_ANALYSIS_SIGNATURE_H
#define ATTN_ANALYSIS_SIGNATURE_H

#include "dialects/Cascade/Cascade.h"

#include <string>

namespace attn {

/// 16 hexadecimal digits of what `func` computes: ops, types, constants, masks.
/// Functions that differ only in names (of the function, its arguments, results
/// and ranks), in documentation, defaults and bounds of parameters, or in their
/// schedule have one signature. For looking measurements up: two functions with
/// one signature may still differ where a text in them is no name.
std::string computeSignature(cascade::FuncOp func);

} // namespace attn

#endif // ATTN_ANALYSIS_SIGNATURE_H

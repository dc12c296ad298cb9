//===- Passes.h - passes over cascades ------------------------------------===//

#ifndef ATTN_TRANSFORMS_PASSES_H
#define ATTN_TRANSFORMS_PASSES_H

#include "dialects/Cascade/Cascade.h"

#include "mlir/Pass/Pass.h"

namespace attn {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

#endif // ATTN_TRANSFORMS_PASSES_H

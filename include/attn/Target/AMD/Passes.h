//===- Passes.h - passes of the AMD target --------------------------------===//

#ifndef ATTN_TARGET_AMD_PASSES_H
#define ATTN_TARGET_AMD_PASSES_H

#include "mlir/Pass/Pass.h"

namespace attn::amd {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "attn/Target/AMD/Passes.h.inc"

} // namespace attn::amd

#endif // ATTN_TARGET_AMD_PASSES_H

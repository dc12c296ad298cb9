//===- Passes.h - passes of the NVIDIA target -----------------------------===//

#ifndef ATTN_TARGET_NVIDIA_PASSES_H
#define ATTN_TARGET_NVIDIA_PASSES_H

#include "mlir/Pass/Pass.h"

namespace attn::nvidia {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "attn/Target/NVIDIA/Passes.h.inc"

} // namespace attn::nvidia

#endif // ATTN_TARGET_NVIDIA_PASSES_H

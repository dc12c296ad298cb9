//===- Passes.td - passes of all levels --------------------*- tablegen -*-===//

#ifndef ATTN_TRANSFORMS_PASSES_TD
#define ATTN_TRANSFORMS_PASSES_TD

include "attn/Transforms/CascadePasses.td"
include "attn/Transforms/PipePasses.td"
include "attn/Transforms/TilePasses.td"

#endif // ATTN_TRANSFORMS_PASSES_TD

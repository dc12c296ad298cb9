//===- Variants.cpp - the cascades that attn ships ------------------------===//

#include "attn/Variants/Variants.h"

const attn::Variant *attn::lookupVariant(llvm::StringRef name) {
  if (name == "causal")
    name = "causal-bottom-right";
  for (const Variant &variant : getVariants())
    if (name == variant.name)
      return &variant;
  return nullptr;
}

//===- Variants.h - the cascades that attn ships --------------------------===//

#ifndef ATTN_VARIANTS_VARIANTS_H
#define ATTN_VARIANTS_VARIANTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace attn {

/// One file of lib/Variants: its name without extension, its first line and its
/// whole text, a module with one function.
struct Variant {
  const char *name, *summary, *text;
};

/// All of them, by name.
llvm::ArrayRef<Variant> getVariants();

/// The one called `name`, or null. `causal` is short for
/// `causal-bottom-right`.
const Variant *lookupVariant(llvm::StringRef name);

} // namespace attn

#endif // ATTN_VARIANTS_VARIANTS_H

//===- Refusal.h - what the compiler says instead of a kernel ---*- C++ -*-===//

#ifndef ATTN_LIB_JIT_REFUSAL_H
#define ATTN_LIB_JIT_REFUSAL_H

#include "attn/Runtime/Status.h"

#include <string>

namespace attn {

/// The refusal that attn-compile --refusal=json has printed as its last line.
/// One that points to an error printed before has that error's place as its
/// feature and its text as its reason. Success where there is no such line.
Status readRefusal(const std::string &errors);

} // namespace attn

#endif // ATTN_LIB_JIT_REFUSAL_H

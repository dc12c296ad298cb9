//===- RegionReads.h - how regions read tensors ---------------------------===//

#ifndef ATTN_LIB_REFERENCE_REGIONREADS_H
#define ATTN_LIB_REFERENCE_REGIONREADS_H

#include "EinsumInterpreter.h"

namespace attn::reference {

/// Executes a cascade.read for the first `lanes` lanes of `frame`.
void readElements(const Instruction &instruction,
                  const Environment &environment, Frame &frame, int64_t lanes);

/// Executes a cascade.member, likewise.
void testMembership(const Instruction &instruction,
                    const Environment &environment, Frame &frame,
                    int64_t lanes);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_REGIONREADS_H

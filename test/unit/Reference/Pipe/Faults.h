//===- Faults.h - wrong pipe programs, on purpose -------------------------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_PIPE_FAULTS_H
#define ATTN_TEST_UNIT_REFERENCE_PIPE_FAULTS_H

#include "Attention.h"

#include <ostream>
#include <string>
#include <vector>

namespace attn::test {

/// A mistake in attention-full that the verifier does not see.
struct Fault {
  std::string name;
  /// Makes the mistake; false if there is no place for it.
  bool (*apply)(pipe::KernelOp kernel);
  /// A regular expression of the findings that tell it, or nothing where the
  /// result does.
  std::string finding;
  AttentionCase shape = {.queries = 200, .keys = 385, .rising = true};
};

const std::vector<Fault> &getFaults();

/// How GoogleTest prints one.
inline void PrintTo(const Fault &fault, std::ostream *os) { *os << fault.name; }

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_PIPE_FAULTS_H

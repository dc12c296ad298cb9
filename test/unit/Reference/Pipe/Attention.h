//===- Attention.h - attention's arguments and what it must give
//-----------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_PIPE_ATTENTION_H
#define ATTN_TEST_UNIT_REFERENCE_PIPE_ATTENTION_H

#include "attn/Reference/PipeInterpreter.h"

#include <string>

namespace attn::test {

struct AttentionCase {
  int64_t heads = 2, queries = 128, keys = 128;
  double scale = 0.08838834764831845; // 1 / sqrt(128)
  /// Keys that grow along M, so that the maximum moves in every block, ...
  bool rising = false;
  /// ... or shrink, so that it is met in the block that runs last.
  bool falling = false;
  /// Row p sees the keys up to p + keys - queries; heads run in sections.
  bool causal = false;
  int64_t section = 1;
};

PipeArguments makeArguments(const AttentionCase &c);

/// What is wrong with O and the LSE, or nothing.
std::string compare(const AttentionCase &c, const PipeArguments &arguments,
                    const PipeOutcome &outcome);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_PIPE_ATTENTION_H

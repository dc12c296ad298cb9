//===- SmallPrograms.h - pipe kernels of a few operations -----------------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_PIPE_SMALLPROGRAMS_H
#define ATTN_TEST_UNIT_REFERENCE_PIPE_SMALLPROGRAMS_H

#include "RunPipe.h"

#include <string>

namespace attn::test {

/// The parts of a kernel that reads `x` [R, 64] in bf16 and writes `y` [R, 64]
/// in f32, `b` [R, 64] in bf16 and `z` [R] in f32. `load` is the body of a role
/// of one warp, `compute` that of `groups` groups of four. Both find constants
/// %c0, %c1, %c64 and %f0, the ring %r of 2 slots and the tile %t; `compute`
/// finds also %eye, the identity in bf16, and %c, the cursor at the start.
struct SmallProgram {
  std::string load;
  std::string compute;
  int64_t groups = 1;
  int64_t readers = 1;
  /// Of the ring; "" or ", message".
  std::string ring;
  /// Declarations before the roles.
  std::string declare;
  /// Aliases before the kernel.
  std::string aliases;
  /// Of the kernel.
  int64_t cluster = 1;
  /// More roles.
  std::string roles;

  std::string getText() const;
};

/// `fill` of `x` from row `row` (an SSA value) at `cursor`.
std::string fill(const std::string &cursor, const std::string &row);

/// Waits for the slot at `cursor`, multiplies it by the identity, releases it,
/// and calls the tile of f32 `name`.
std::string read(const std::string &cursor, const std::string &name);

/// x as i / 4 modulo 97, for R rows.
PipeArguments makeRows(int64_t rows);

/// Runs it under each fixed schedule and some random ones, expects no findings
/// and equal results, and gives these.
PipeOutcome runSmall(const SmallProgram &program,
                     const PipeArguments &arguments,
                     int64_t multiprocessors = 1);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_PIPE_SMALLPROGRAMS_H

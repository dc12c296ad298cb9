//===- TileKernels.h - compiles the programs in Inputs/ ---------*- C++ -*-===//

#ifndef TEST_UNIT_TARGET_CPU_TILEKERNELS_H
#define TEST_UNIT_TARGET_CPU_TILEKERNELS_H

#include "HostTensor.h"
#include "attn/Runtime/Plan.h"

#include <map>
#include <string>

namespace attn::test {

/// `$NAME` of a program's text and what stands for it.
using Substitutions = std::map<std::string, std::string>;

/// The text of Inputs/`file` with substitutions made.
std::string readProgram(const std::string &file, const Substitutions &names);

/// The program compiled by the JIT for `target`; the same text is compiled
/// once. Null after a test failure.
std::shared_ptr<const Kernel> compileProgram(const std::string &file,
                                             const Substitutions &names,
                                             const std::string &target);

/// Runs a kernel and records a test failure when it refuses.
void runKernel(std::shared_ptr<const Kernel> kernel,
               const std::vector<ArgumentValue> &values, int threads = 1);

/// The targets that this machine runs.
std::vector<std::string> getRunnableTargets();

/// What Inputs/attention.mlir takes.
struct AttentionCase {
  DType type = DType::f32;
  int64_t batch = 1, heads = 2, queries = 70, keys = 90, headDim = 64,
          valueDim = 64, tileQueries = 64, tileKeys = 64;
  /// Keys after `query + shift` are not seen; no mask when large.
  int64_t shift = 1 << 30;
  Placement placement = Placement::Compact;
  std::string target = "host";
};

std::shared_ptr<const Kernel> compileAttention(const AttentionCase &c);

} // namespace attn::test

#endif // TEST_UNIT_TARGET_CPU_TILEKERNELS_H

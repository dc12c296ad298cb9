//===- EmulatedRun.h - a variant's code for AMD GPUs, lane by lane --------===//
//
// As InterpretedRun, but the kernels go on to LLVM IR, and the runtime launches
// them by a stand-in for HIP's library, which has the model of lanes run them:
// with the manifest's grids, parameters, workspace and state.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_TARGET_AMD_EMULATEDRUN_H
#define ATTN_TEST_UNIT_TARGET_AMD_EMULATEDRUN_H

#include "test/unit/Execution/InterpretVariant.h"

namespace llvm {
class Module;
} // namespace llvm

namespace attn::test {

class EmulatedRun final : public InterpretedRun {
public:
  using InterpretedRun::InterpretedRun;

  /// May change the LLVM IR before it is run.
  std::function<void(llvm::Module &)> editIR;
  /// Of a multiprocessor at once, if not as many as the schedule has.
  int64_t blocks = 1;
  /// Of a launch: with more it counts as one that does not end.
  uint64_t mostInstructions = 20'000'000;

private:
  Status interpret(const PipeLaunch &launch) override;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_TARGET_AMD_EMULATEDRUN_H

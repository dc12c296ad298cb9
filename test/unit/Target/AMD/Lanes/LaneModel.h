//===- LaneModel.h - LLVM IR for AMD GPUs, run lane by lane ---------------===//
//
// Runs a kernel's LLVM IR on the host, as it comes to the back end: whole
// workgroups, each wave in lock step, one instruction for all active lanes at a
// time. Lanes that branch apart go on in the order of blocks, loops before what
// follows them, and meet again where they come to one block. Waves take turns
// at random. Exchanges between lanes and matrix instructions are modelled from
// the ISA manuals; no table of the lowering is consulted.
//
// Memory is one for all: a load sees each store before it. What was never
// written of shared memory and of registers reads as NaN. The back end's own
// work, as waits for loads in flight, is not modelled.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_TARGET_AMD_LANES_LANEMODEL_H
#define ATTN_TEST_UNIT_TARGET_AMD_LANES_LANEMODEL_H

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class Function;
class LLVMContext;
class Module;
} // namespace llvm

namespace attn::lanes {

struct LaneLaunch {
  std::string kernel;
  unsigned grid[3] = {1, 1, 1};
  unsigned threads = 64;
  unsigned waveLanes = 64;
  /// Of the array that a launch sizes, if the kernel has one.
  uint64_t sharedBytes = 0;
  /// The bytes of each parameter.
  std::vector<std::string> parameters;
  /// Of the turns that waves take.
  uint64_t seed = 0;
  /// A launch of more instructions of waves is given up.
  uint64_t mostInstructions = 20'000'000;
};

class LaneModel {
public:
  /// Parses LLVM IR; null with `error` where it is none.
  static std::unique_ptr<LaneModel> parse(const std::string &text,
                                          std::string &error);
  ~LaneModel();

  /// Memory of the host that kernels may use as the device's.
  void addMemory(const void *begin, uint64_t bytes);

  /// Runs all workgroups, one after the other. Returns what went wrong, or
  /// nothing.
  std::string run(const LaneLaunch &launch);

  /// For tests that make mistakes.
  llvm::Module &getModule() { return *module; }

private:
  LaneModel();

  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
};

} // namespace attn::lanes

#endif // ATTN_TEST_UNIT_TARGET_AMD_LANES_LANEMODEL_H

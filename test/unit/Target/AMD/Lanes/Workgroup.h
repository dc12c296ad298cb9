//===- Workgroup.h - the waves of a workgroup and what they hold ----------===//

#ifndef ATTN_TEST_UNIT_TARGET_AMD_LANES_WORKGROUP_H
#define ATTN_TEST_UNIT_TARGET_AMD_LANES_WORKGROUP_H

#include "LaneModel.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"

#include <map>
#include <random>
#include <unordered_map>

namespace attn::lanes {

/// User guide for AMDGPU back end, "Address spaces".
enum Space : unsigned {
  generic = 0,
  global = 1,
  local = 3,
  constant = 4,
  priv = 5
};

/// Of values that nobody has set: NaN as f16, bf16 and f32, of either half.
inline constexpr uint64_t kUnset = 0xffffffffffffffff;

/// A value of all lanes: elements of vectors and members of structs one after
/// the other, each in the low bits of a word.
struct Register {
  unsigned count = 1;
  /// `[lane][element]`; of one lane where all have the same.
  std::vector<uint64_t> words;
  bool isSame = false;

  uint64_t *get(unsigned lane) {
    return words.data() + (isSame ? 0 : size_t(lane) * count);
  }
  const uint64_t *get(unsigned lane) const {
    return words.data() + (isSame ? 0 : size_t(lane) * count);
  }
};

/// The elements that values of `type` have.
unsigned countElements(llvm::Type *type);
/// The type of all elements of a scalar or a vector.
inline llvm::Type *getElement(llvm::Type *type) {
  return type->getScalarType();
}

/// Bits of a float as a number, and back, rounded to nearest even.
double toDouble(llvm::Type *type, uint64_t bits);
uint64_t toBits(llvm::Type *type, double value);

/// What the workgroups of a launch have in common.
struct Device {
  Device(const LaneLaunch &launch, const llvm::DataLayout &layout,
         const std::vector<std::pair<uint64_t, uint64_t>> &ranges,
         llvm::Function &kernel)
      : launch(launch), layout(layout), ranges(ranges), kernel(kernel),
        random(launch.seed) {}

  const LaneLaunch &launch;
  const llvm::DataLayout &layout;
  const std::vector<std::pair<uint64_t, uint64_t>> &ranges;
  llvm::Function &kernel;
  /// The blocks in the order in which lanes that are apart go on.
  llvm::DenseMap<const llvm::BasicBlock *, unsigned> order;
  std::vector<llvm::BasicBlock *> blocks;
  /// Where global variables lie.
  std::map<const llvm::GlobalVariable *, uint64_t> addresses;
  uint64_t sharedBytes = 0;
  /// The hidden arguments and the dispatch packet.
  std::vector<uint8_t> hidden, packet;
  uint64_t numInstructions = 0;
  std::mt19937_64 random;
};

class Workgroup;

class Wave {
public:
  Wave(Workgroup &group, unsigned number);

  /// Runs up to so many blocks, or to a barrier.
  void run(unsigned numBlocks);
  bool isDone() const { return numRunning == 0; }
  bool isWaiting = false;

private:
  friend class Workgroup;

  void runBlock(llvm::BasicBlock *block);
  void enterBlock(llvm::BasicBlock *from, llvm::BasicBlock *to, unsigned lane);
  void takePhis(llvm::BasicBlock *block);
  void execute(llvm::Instruction &instruction);
  void branch(llvm::Instruction &terminator);
  // Ops.cpp
  bool executeNumber(llvm::Instruction &instruction, Register &result);
  bool executeVector(llvm::Instruction &instruction, Register &result);
  bool executeMemory(llvm::Instruction &instruction, Register &result);
  void atomic(llvm::AtomicRMWInst &op, Register &result);
  // Intrinsics.cpp
  void call(llvm::CallInst &call, Register &result);
  bool callNumber(llvm::CallInst &call, Register &result);
  bool callExchange(llvm::CallInst &call, Register &result);
  bool callMatrix(llvm::CallInst &call, Register &result);

  const Register &get(llvm::Value *value);
  Register evaluate(llvm::Constant *constant);
  void fill(llvm::Constant *constant, std::vector<uint64_t> &words);
  Register makeResult(llvm::Type *type) const;
  template <typename F> void forEach(F visit) {
    for (unsigned lane = 0; lane < numLanes; ++lane)
      if (isActive[lane])
        visit(lane);
  }

  void load(llvm::Type *type, unsigned space, uint64_t address, unsigned lane,
            uint64_t *words);
  void store(llvm::Type *type, unsigned space, uint64_t address, unsigned lane,
             const uint64_t *words);
  /// The host's bytes, or null with a finding.
  uint8_t *find(unsigned space, uint64_t address, uint64_t bytes,
                unsigned lane);
  void stop(const std::string &why);

  Workgroup &group;
  Device &device;
  unsigned number, numLanes, numRunning = 0;
  /// The block that each lane is at; null of one that has ended.
  std::vector<llvm::BasicBlock *> at, before;
  std::vector<bool> isActive;
  llvm::Instruction *current = nullptr;
  llvm::Instruction *resume = nullptr;
  /// References stay while others are added.
  std::unordered_map<llvm::Value *, Register> registers;
  /// Of each lane.
  std::vector<std::vector<uint8_t>> stacks;
};

class Workgroup {
public:
  Workgroup(Device &device, const unsigned (&number)[3]);

  /// Runs to its end. What went wrong, or nothing.
  std::string run();

  unsigned number[3];
  Device &device;
  std::vector<uint8_t> shared;
  std::vector<std::unique_ptr<Wave>> waves;
  std::string finding;
};

} // namespace attn::lanes

#endif // ATTN_TEST_UNIT_TARGET_AMD_LANES_WORKGROUP_H

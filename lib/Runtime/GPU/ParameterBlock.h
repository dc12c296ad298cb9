//===- ParameterBlock.h - the bytes of a launch's parameters --------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_PARAMETERBLOCK_H
#define ATTN_LIB_RUNTIME_GPU_PARAMETERBLOCK_H

#include "../Bindings.h"
#include "Device.h"

#include <vector>

namespace attn::gpu {

/// A plan's device memory, as parameters refer to it.
struct PlanMemory {
  DevicePointer state = 0, workspace = 0;
  int64_t stateBytes = 0, workspaceBytes = 0;
  /// Of 16 bytes or more, where a tensor that a map describes is empty.
  DevicePointer zeros = 0;
};

/// The parameters of one launch, as drivers take them. Move-only: the
/// addresses are those of its own bytes.
class ParameterBlock {
public:
  /// Evaluates all parameters. `lookup` knows the names of expressions. Refuses
  /// tensors that a tensor map cannot describe, values that their type cannot
  /// hold, and offsets beyond the memory.
  static Result<ParameterBlock>
  create(const Device &device, const Manifest &manifest, const Launch &launch,
         const BoundArguments &bound, const Expr::Lookup &lookup,
         const PlanMemory &memory);
  /// The same parameters over `bound`, which differs by its tensors' addresses
  /// alone: those that depend on them are made anew. Refuses as `create` does.
  Result<ParameterBlock> move(const Device &device, const Manifest &manifest,
                              const Launch &launch,
                              const BoundArguments &bound) const;
  ParameterBlock(ParameterBlock &&) = default;
  ParameterBlock &operator=(ParameterBlock &&) = default;

  /// The address of each parameter.
  void **getAddresses() { return addresses.data(); }

private:
  struct alignas(64) Line {
    unsigned char bytes[64];
  };

  ParameterBlock() = default;

  std::vector<Line> storage;
  std::vector<void *> addresses;
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_PARAMETERBLOCK_H

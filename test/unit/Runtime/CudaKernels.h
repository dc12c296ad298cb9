//===- CudaKernels.h - the GPU kernel that the runtime's tests launch -----===//

#ifndef ATTN_TEST_UNIT_RUNTIME_CUDAKERNELS_H
#define ATTN_TEST_UNIT_RUNTIME_CUDAKERNELS_H

#include "FakeCuda/FakeCuda.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Target.h"

#include <string>
#include <vector>

namespace attn::test {

/// Two launches: `first` reads q[B, P, 64] of bf16 by a tensor map and takes
/// one parameter of every kind; `second` writes o[B, P] of f32, with no block
/// where the scalar `repeats` is 0.
Manifest makeCudaManifest();

/// The manifest with an image that the fake driver takes.
Artifact makeCudaArtifact();

/// "Device" memory for a tensor, and its DLPack view, which may be edited.
struct DeviceTensor {
  DeviceTensor(std::vector<int64_t> shape, DLDataType type);
  DeviceTensor(const DeviceTensor &) = delete;

  std::vector<int64_t> shape, strides;
  std::vector<std::max_align_t> data;
  DLTensor view;
};

/// One call's arguments of that kernel, valid until a test edits them.
struct CudaCall {
  CudaCall();

  DeviceTensor q, o;
  std::vector<ArgumentValue> values;
};

/// Makes the runtime use the fake driver, which is reset.
void useFakeCuda();

/// Empty, or what of the fake driver's objects is alive.
std::string describeLeaks();

/// The lines of the fake driver's log that are not empty.
std::vector<std::string> getCudaLog();

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_CUDAKERNELS_H

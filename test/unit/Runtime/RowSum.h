//===- RowSum.h - the kernel that the runtime's tests run -----------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_ROWSUM_H
#define ATTN_TEST_UNIT_RUNTIME_ROWSUM_H

#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/Kernel.h"
#include "attn/Runtime/Plan.h"

#include <string>
#include <vector>

namespace attn::test {

/// The manifest of Inputs/rowsum.c: o[b] = scale * sum over n of x[B-1-b, n].
Manifest makeRowSumManifest();

/// Inputs/rowsum.c as an artifact with its shared object.
Artifact makeRowSumArtifact();

/// The same interface for a GPU, with an image that the fake driver takes.
Artifact makeRowSumGpuArtifact(const std::string &arch = "sm_90a");

/// Inputs/rowsum.c's kernel, linked into the test.
std::shared_ptr<const Kernel>
makeRowSumKernel(Manifest manifest = makeRowSumManifest());

/// A compact f32 tensor and its DLPack view, which may be edited.
struct FloatTensor {
  explicit FloatTensor(std::vector<int64_t> shape);
  FloatTensor(const FloatTensor &) = delete;

  std::vector<int64_t> shape, strides;
  std::vector<float> data;
  DLTensor view;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_ROWSUM_H

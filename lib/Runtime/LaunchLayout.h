//===- LaunchLayout.h - where a launch's parameters lie -------------------===//

#ifndef ATTN_LIB_RUNTIME_LAUNCHLAYOUT_H
#define ATTN_LIB_RUNTIME_LAUNCHLAYOUT_H

#include "attn/Runtime/Manifest.h"

#include <cstdint>
#include <vector>

namespace attn {

/// The byte offset of each parameter, as a function's declaration has them, and
/// their end.
struct LaunchLayout {
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
};

/// Pre-condition: the parameters name arguments of `manifest`.
LaunchLayout layOutParameters(const Manifest &manifest, const Launch &launch);

} // namespace attn

#endif // ATTN_LIB_RUNTIME_LAUNCHLAYOUT_H

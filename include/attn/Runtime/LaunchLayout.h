//===- LaunchLayout.h - where a launch's parameters lie -------------------===//

#ifndef ATTN_RUNTIME_LAUNCHLAYOUT_H
#define ATTN_RUNTIME_LAUNCHLAYOUT_H

#include "attn/Runtime/Manifest.h"

#include <cstdint>
#include <vector>

namespace attn {

/// Where a function's declaration has each parameter, and their end, in bytes.
struct LaunchLayout {
  struct Place {
    int64_t offset, bytes;
  };

  std::vector<Place> places;
  int64_t bytes = 0;
};

/// Pre-condition: the parameters name arguments of `manifest`.
LaunchLayout layOutParameters(const Manifest &manifest, const Launch &launch);

} // namespace attn

#endif // ATTN_RUNTIME_LAUNCHLAYOUT_H

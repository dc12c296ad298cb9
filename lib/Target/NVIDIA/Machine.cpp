//===- Machine.cpp - what schedules are made for --------------------------===//

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "Wgmma.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// Of a thread that loads and one that multiplies. ptxas gives all threads as
/// many at entry; what loaders give back, in multiples of 8, goes to the
/// others.
static ArrayRef<std::pair<int64_t, int64_t>> getRegisters(int64_t groups) {
  using Split = std::pair<int64_t, int64_t>;
  static const Split one[] = {{56, 240}, {88, 240}},
                     two[] = {{56, 224}, {88, 208}},
                     three[] = {{32, 160}, {56, 152}};
  switch (groups) {
  case 1:
    return one;
  case 2:
    return two;
  default:
    return three;
  }
}

const MachineModel &attn::nvidia::getMachineModel() {
  static const MachineModel model = {
      /*name=*/"sm_90a",
      /*productRows=*/kWgmmaRows,
      /*productDepth=*/kWgmmaDepth,
      /*maxColumns=*/256,
      /*columnGranule=*/8,
      /*groupWarps=*/4,
      /*swizzle=*/128,
      /*maxTensorRank=*/5,
      /*maxBoxRows=*/256,
      /*sharedBytes=*/232448,
      /*cacheBytes=*/32 << 20,
      /*maxGroups=*/3,
      getWgmmaFragment,
      getRegisters,
  };
  return model;
}

//===- Machine.cpp - what schedules are made for --------------------------===//

#include "attn/Target/NVIDIA/NVIDIA.h"

#include "Wgmma.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// Of a thread that loads and one that multiplies. ptxas gives all threads as
/// many at entry; what loaders give back, in multiples of 8, goes to the
/// others.
static std::pair<int64_t, int64_t> getRegisters(int64_t groups) {
  switch (groups) {
  case 1:
    return {56, 240};
  case 2:
    return {56, 224};
  default:
    return {32, 160};
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

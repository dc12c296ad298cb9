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
                     two[] = {{56, 224}, {88, 208}, {104, 200}, {120, 192}},
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

SmallVector<std::pair<int64_t, int64_t>>
attn::nvidia::getTileShapes(int64_t width) {
  constexpr int64_t kGranule = 16, kLeast = 32;
  SmallVector<std::pair<int64_t, int64_t>> shapes;
  // Elementwise work, not products, takes the time of narrow operands: more
  // groups share what one does not use.
  if (width <= 64)
    shapes = {{192, 128}, {192, 96}};
  // What a step computes, its narrow copy and the accumulator share the
  // registers of a group, the rings shared memory.
  int64_t most = width <= 128 ? 128 : width <= 192 ? 112 : 64;
  for (int64_t step = most; step >= kLeast; step -= kGranule)
    shapes.push_back({128, step});
  return shapes;
}

//===- Gfx1100.cpp - gfx1100: WMMA by waves of 32 lanes
//---------------------===//
//
// As Gfx9.h, but lanes 0-15 and 16-31 of a wave hold the same of both sides
// of a product, so that halves exchange what they hold of a left side in
// registers.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"
#include "Models.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

/// Of the 1536 registers of a SIMD's lane, of which a block has four, all have
/// as many as an instruction can name. Two blocks of a group that fills its own
/// slots share a compute unit.
static ArrayRef<RegisterSplit> getRegisters(int64_t groups, bool widens) {
  static const RegisterSplit all[] = {{256, 256}, {0, 256, 2}};
  return groups == 1 && !widens ? ArrayRef(all) : ArrayRef(all).drop_back();
}

static MachineModel createModel() {
  return {
      /*name=*/"gfx1100",
      /*productRows=*/4 * kWmma16.columns,
      /*productDepth=*/kWmma16.depth,
      /*maxColumns=*/256,
      /*columnGranule=*/kWmma16.rows,
      /*copies=*/CopyKind::Chunks,
      /*takesTurns=*/false,
      /*maxSeenColumns=*/64,
      /*groupWarps=*/4,
      /*warpSize=*/kWmma16.lanes,
      /*swizzle=*/128,
      /*maxTensorRank=*/5,
      /*maxBoxRows=*/256,
      /*sharedBytes=*/64 << 10,
      /*cacheBytes=*/6 << 20,
      /*itemKeys=*/256,
      /*maxGroups=*/3,
      /*maxCluster=*/1,
      // AMD RDNA 3 white paper: 512 operations of a product a clock and compute
      // unit, 64 others, a quarter of that of exponentials.
      {/*productColumn=*/4, /*sharedProduct=*/16, /*sharedColumn=*/1,
       /*specials=*/16, /*operations=*/64, /*cacheBytes=*/32},
      getWmma16Fragment,
      getRegisters,
      /*widenRegisters=*/96,
      /*operandRegisters=*/96,
  };
}

static const MachineModel &getModel(bool anyStrides) {
  static const MachineModel rows = createModel();
  static const Models models(rows, /*tall=*/nullptr);
  return models.get(anyStrides);
}

const gpu::Architecture &amd::getGfx1100() {
  static const gpu::Architecture architecture = {
      /*name=*/"gfx1100",
      /*features=*/"",
      /*driver=*/std::nullopt,
      /*isPortable=*/false,
      // None was measured.
      /*schedules=*/"",
      getModel,
      /*warpSize=*/kWmma16.lanes,
      /*registersOfBlock=*/4 * 32 * 1536,
      /*mostRegisters=*/256,
      /*setRegisters=*/nullptr,
      /*sharesFillings=*/true,
      /*hasNamedBarriers=*/false,
      /*hasFixedShared=*/true,
      /*spilledBytes=*/0,
      /*digitSpilledBytes=*/0,
      &getGfx11Primitives(),
      /*bulk=*/nullptr,
      verifyProduct,
      populateWmmaPatterns,
      /*finish=*/nullptr,
  };
  return architecture;
}

//===- Gfx9.cpp - MFMA by waves of 64 lanes -------------------------------===//

#include "Gfx9.h"

#include "Instructions.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

/// What a lane has of the 512 registers of a SIMD's lane that its waves share:
/// one wave of each group of four, one of them a group that loads, or of two
/// blocks of a group that fills its own slots. A multiple of 8, and no more
/// than an instruction can name.
static ArrayRef<RegisterSplit> getRegisters(int64_t groups, bool widens) {
  static const RegisterSplit two[] = {{256, 256}, {0, 256, 2}},
                             three[] = {{168, 168}}, four[] = {{128, 128}};
  switch (groups + (widens ? 1 : 0)) {
  case 1:
    return two;
  case 2:
    return three;
  default:
    return four;
  }
}

MachineModel amd::createGfx9Model(const Gfx9Numbers &numbers) {
  return {
      /*name=*/numbers.name,
      /*productRows=*/4 * kMfma16.columns,
      /*productDepth=*/16,
      /*maxColumns=*/256,
      /*columnGranule=*/kMfma16.rows,
      /*copies=*/CopyKind::Chunks,
      /*takesTurns=*/false,
      /*maxSeenColumns=*/128,
      /*groupWarps=*/4,
      /*warpSize=*/kMfma16.lanes,
      /*swizzle=*/128,
      /*maxTensorRank=*/5,
      /*maxBoxRows=*/256,
      numbers.sharedBytes,
      numbers.cacheBytes,
      /*itemKeys=*/256,
      /*maxGroups=*/3,
      /*maxCluster=*/1,
      // All four waves of a group read the right side's 32 bytes a column from
      // shared memory, which gives 128 bytes a clock. Exponentials take four
      // times as long as other operations on elements, of which there are 16 a
      // clock and SIMD.
      {numbers.productColumn, /*sharedProduct=*/16, /*sharedColumn=*/1,
       /*specials=*/16, /*operations=*/64, /*cacheBytes=*/32},
      getMfma16Fragment,
      getRegisters,
      /*widenRegisters=*/96,
      /*operandRegisters=*/24,
  };
}

/// Of what products can do, shared memory gives half.
MachineModel amd::createTallGfx9Model(MachineModel model) {
  model.productRows = 4 * kMfma32.columns;
  model.columnGranule = kMfma32.rows;
  model.maxSeenColumns = 64;
  model.maxGroups = 2;
  model.rates.productColumn *= 2;
  model.rates.sharedProduct *= 2;
  model.getFragment = getMfma32Fragment;
  return model;
}

gpu::Architecture amd::createGfx9(StringRef name,
                                  const MachineModel &(*getModel)(bool)) {
  return {
      name,
      /*features=*/"",
      /*driver=*/std::nullopt,
      /*isPortable=*/false,
      // None was measured.
      /*schedules=*/"",
      getModel,
      /*warpSize=*/kMfma16.lanes,
      /*registersOfBlock=*/4 * 64 * 512,
      /*mostRegisters=*/256,
      /*setRegisters=*/nullptr,
      /*sharesFillings=*/true,
      /*hasNamedBarriers=*/false,
      /*hasFixedShared=*/true,
      /*spilledBytes=*/0,
      /*digitSpilledBytes=*/0,
      &getGfx9Primitives(),
      /*bulk=*/nullptr,
      verifyProduct,
      populateMfmaPatterns,
      /*finish=*/nullptr,
  };
}

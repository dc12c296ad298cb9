//===- Ampere.cpp - sm_80 and sm_89: products of warps, copies by lanes ---===//
//
// Code for these runs on all later GPUs. One warp starts copies of 16 bytes a
// lane. Each warp multiplies 16 rows of its group's 64, or 32 of 128, for which
// it reads as much of the right side.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"
#include "MmaSync.h"
#include "Schedules.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// What a thread has of the 64 K registers that all threads of a block share
/// alike: of `groups` groups that multiply, perhaps one that widens, and one
/// that loads or of which one warp does. A multiple of 8, and no more than an
/// instruction can name.
static ArrayRef<RegisterSplit> getRegisters(int64_t groups, bool widens) {
  static const RegisterSplit two[] = {{248, 248}}, three[] = {{168, 168}},
                             four[] = {{128, 128}}, five[] = {{96, 96}};
  switch (groups + (widens ? 1 : 0)) {
  case 1:
    return two;
  case 2:
    return three;
  case 3:
    return four;
  default:
    return five;
  }
}

static MachineModel createModel(StringRef name, int64_t sharedBytes,
                                int64_t cacheBytes) {
  return {
      /*name=*/name,
      /*productRows=*/kMmaGroupRows,
      /*productDepth=*/kMmaDepth,
      /*maxColumns=*/256,
      /*columnGranule=*/8,
      /*copies=*/CopyKind::Chunks,
      /*takesTurns=*/false,
      /*maxSeenColumns=*/128,
      /*groupWarps=*/4,
      /*warpSize=*/kWarpSize,
      /*swizzle=*/128,
      /*maxTensorRank=*/5,
      /*maxBoxRows=*/256,
      sharedBytes,
      cacheBytes,
      /*itemKeys=*/256,
      /*maxGroups=*/3,
      /*maxCluster=*/1,
      // 1024 products of bf16 a clock, 64 x 16 x a column at once. All four
      // warps of a group read the right side's 32 bytes a column from shared
      // memory, which gives 128 bytes a clock: both would be full, which they
      // never are.
      {/*productColumn=*/1.4, /*sharedProduct=*/16, /*sharedColumn=*/1.4,
       /*specials=*/16, /*operations=*/128, /*cacheBytes=*/40},
      getMmaFragment,
      getRegisters,
      /*widenRegisters=*/96,
      /*operandRegisters=*/16,
  };
}

/// Two blocks of one group that fills its own slots share a multiprocessor.
static ArrayRef<RegisterSplit> getTallRegisters(int64_t groups, bool widens) {
  static const RegisterSplit one[] = {{248, 248}, {0, 248, 2}};
  return groups == 1 && !widens ? ArrayRef(one) : getRegisters(groups, widens);
}

/// With groups of 128 rows: of what products can do, shared memory gives half.
static MachineModel createTallModel(MachineModel model) {
  model.productRows = kTallRows;
  model.maxGroups = 2;
  model.rates.productColumn = 2;
  model.rates.sharedProduct = 32;
  model.rates.sharedColumn = 1;
  model.getFragment = getTallFragment;
  model.getRegisters = getTallRegisters;
  return model;
}

namespace {
/// Both kinds of tensors, and both heights of groups.
class Models {
public:
  Models(StringRef name, int64_t sharedBytes, int64_t cacheBytes)
      : rows(createModel(name, sharedBytes, cacheBytes)), strided(rows) {
    strided.copies = CopyKind::Elements;
    tallRows = createTallModel(rows);
    tallStrided = createTallModel(strided);
    rows.tall = &tallRows;
    strided.tall = &tallStrided;
  }
  Models(const Models &) = delete;

  const MachineModel &get(bool anyStrides) const {
    return anyStrides ? strided : rows;
  }

private:
  MachineModel rows, strided, tallRows, tallStrided;
};
} // namespace

/// CUDA C++ Programming Guide, "Technical Specifications per Compute
/// Capability": 163 KiB of shared memory a block, and of an A100 40 MiB of
/// cache, half of which is far.
static const MachineModel &getAmpereModel(bool anyStrides) {
  static const Models models("sm_80", 163 << 10, 20 << 20);
  return models.get(anyStrides);
}

/// 99 KiB a block, and 48 MiB of cache or more.
static const MachineModel &getAdaModel(bool anyStrides) {
  static const Models models("sm_89", 99 << 10, 32 << 20);
  return models.get(anyStrides);
}

const Architecture &attn::nvidia::getAmpere() {
  static const Architecture architecture = {
      /*name=*/"sm_80",
      // Instructions on shared::cta have it from 7.8 on.
      /*features=*/"+ptx80",
      /*driver=*/12000,
      /*isPortable=*/true,
      /*schedules=*/kAmpereSchedules,
      getAmpereModel,
      kWarpSize,
      /*registersOfBlock=*/64 << 10,
      /*mostRegisters=*/248,
      /*setRegisters=*/nullptr,
      /*sharesFillings=*/false,
      /*hasNamedBarriers=*/true,
      /*hasFixedShared=*/false,
      /*spilledBytes=*/32,
      /*digitSpilledBytes=*/32,
      &getAmperePrimitives(),
      /*bulk=*/nullptr,
      verifyMmaSync,
      populateMmaSyncPatterns,
      spreadProducts,
  };
  return architecture;
}

const Architecture &attn::nvidia::getAda() {
  static const Architecture architecture = [] {
    Architecture ada = getAmpere();
    ada.name = "sm_89";
    // Conversions of floats of 8 bits.
    ada.features = "+ptx81";
    ada.driver = 12010;
    ada.schedules = kAdaSchedules;
    ada.getModel = getAdaModel;
    ada.primitives = &getAdaPrimitives();
    return ada;
  }();
  return architecture;
}

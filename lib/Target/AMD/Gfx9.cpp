//===- Gfx9.cpp - gfx942 and gfx90a: MFMA by waves of 64 lanes ------------===//
//
// The lanes of one wave bring 16 bytes each to shared memory, by way of their
// registers. Each wave multiplies 16 rows of its group's 64, or 32 of 128, for
// which it reads as much of the right side.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"
#include "Models.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;

/// What a lane has of the 512 registers of a SIMD's lane that its waves share:
/// one wave of each group of four, one of them a group that loads, or of two
/// blocks of a group that fills its own slots. A multiple of 8, and no more
/// than an instruction can name.
static ArrayRef<std::pair<int64_t, int64_t>> getRegisters(int64_t groups,
                                                          bool widens) {
  using Split = std::pair<int64_t, int64_t>;
  static const Split two[] = {{256, 256}, {0, 256}}, three[] = {{168, 168}},
                     four[] = {{128, 128}};
  switch (groups + (widens ? 1 : 0)) {
  case 1:
    return two;
  case 2:
    return three;
  default:
    return four;
  }
}

namespace {
/// How the GPUs differ.
struct Numbers {
  StringRef name;
  /// Of the cache that compute units share.
  int64_t cacheBytes;
  /// Clocks of a product of 64 rows and a depth of 16 a column.
  double productColumn;
};
} // namespace

static MachineModel createModel(const Numbers &numbers) {
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
      /*sharedBytes=*/64 << 10,
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
      /*tall=*/nullptr,
      /*mergedBlocks=*/2,
  };
}

/// With groups of 128 rows: of what products can do, shared memory gives half.
static MachineModel createTallModel(MachineModel model) {
  model.productRows = 4 * kMfma32.columns;
  model.columnGranule = kMfma32.rows;
  model.maxSeenColumns = 64;
  model.maxGroups = 2;
  model.rates.productColumn *= 2;
  model.rates.sharedProduct *= 2;
  model.getFragment = getMfma32Fragment;
  return model;
}

/// AMD Instinct MI300X data sheet: 2048 operations of a product a clock and
/// compute unit; 4 MiB of cache a die.
static const MachineModel &getGfx942Model(bool anyStrides) {
  static const MachineModel rows = createModel({"gfx942", 4 << 20, 1}),
                            tall = createTallModel(rows);
  static const Models models(rows, &tall);
  return models.get(anyStrides);
}

/// AMD Instinct MI250X data sheet: half as many; 8 MiB.
static const MachineModel &getGfx90aModel(bool anyStrides) {
  static const MachineModel rows = createModel({"gfx90a", 8 << 20, 2}),
                            tall = createTallModel(rows);
  static const Models models(rows, &tall);
  return models.get(anyStrides);
}

const gpu::Architecture &amd::getGfx942() {
  static const gpu::Architecture architecture = {
      /*name=*/"gfx942",
      /*features=*/"",
      /*driver=*/std::nullopt,
      /*isPortable=*/false,
      // None was measured.
      /*schedules=*/"",
      getGfx942Model,
      /*warpSize=*/kMfma16.lanes,
      /*registersOfBlock=*/4 * 64 * 512,
      /*mostRegisters=*/256,
      /*setRegisters=*/nullptr,
      /*sharesFillings=*/true,
      /*hasNamedBarriers=*/false,
      /*hasFixedShared=*/true,
      /*spilledBytes=*/0,
      &getGfx9Primitives(),
      /*bulk=*/nullptr,
      verifyProduct,
      populateMfmaPatterns,
      /*finish=*/nullptr,
  };
  return architecture;
}

const gpu::Architecture &amd::getGfx90a() {
  static const gpu::Architecture architecture = [] {
    gpu::Architecture gfx90a = getGfx942();
    gfx90a.name = "gfx90a";
    gfx90a.getModel = getGfx90aModel;
    return gfx90a;
  }();
  return architecture;
}

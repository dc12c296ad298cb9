//===- Hopper.cpp - sm_90a: warpgroup products and bulk copies ------------===//

#include "Instructions.h"
#include "MmaSync.h"
#include "Schedules.h"
#include "Wgmma.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

/// Of a thread that loads and one that multiplies. ptxas gives all threads as
/// many at entry; what loaders give back, in multiples of 8, goes to the
/// others.
static ArrayRef<RegisterSplit> getRegisters(int64_t groups, bool widens) {
  // One group may have all that a thread can, and leaves a loader more than it
  // needs.
  static const RegisterSplit one[] = {{88, 256}, {104, 256}},
                             two[] = {{24, 240},
                                      {56, 224},
                                      {88, 208},
                                      {104, 200},
                                      {120, 192}},
                             three[] = {{32, 160}, {56, 152}};
  // With a group of 128 threads more.
  static const RegisterSplit twoAndOne[] = {{24, 192}, {56, 176}, {88, 160}},
                             threeAndOne[] = {{32, 128}, {56, 120}};
  switch (groups) {
  case 1:
    return one;
  case 2:
    return widens ? ArrayRef(twoAndOne) : ArrayRef(two);
  default:
    return widens ? ArrayRef(threeAndOne) : ArrayRef(three);
  }
}

/// Threads that copy need more than those that start copies, and there are no
/// bulk copies for the blocks of a cluster to share.
static ArrayRef<RegisterSplit> getRegistersOfCopies(int64_t groups,
                                                    bool widens) {
  auto splits = getRegisters(groups, widens);
  constexpr int64_t kCopyRegisters = 56;
  while (splits.front().loading < kCopyRegisters)
    splits = splits.drop_front();
  return splits;
}

static MachineModel createModel() {
  return {
      /*name=*/"sm_90a",
      /*productRows=*/kWgmmaRows,
      /*productDepth=*/kWgmmaDepth,
      /*maxColumns=*/256,
      /*columnGranule=*/8,
      /*copies=*/CopyKind::Bulk,
      /*takesTurns=*/true,
      /*maxSeenColumns=*/128,
      /*groupWarps=*/4,
      /*warpSize=*/kWarpSize,
      /*swizzle=*/128,
      /*maxTensorRank=*/5,
      /*maxBoxRows=*/256,
      /*sharedBytes=*/232448,
      /*cacheBytes=*/32 << 20,
      /*itemKeys=*/512,
      /*maxGroups=*/3,
      /*maxCluster=*/2,
      // A product of 64 rows and a depth of 16 takes half a clock a column; the
      // left side's 2 KiB and the right side's 32 bytes a column come at 128
      // bytes a clock. MUFU has 16 lanes, the schedulers issue for 128. Of the
      // shared cache 128 x 176 tiles of D=128 take 54 bytes a clock at 49 % of
      // what it gives (Nsight Compute).
      {/*productColumn=*/0.5, /*sharedProduct=*/16, /*sharedColumn=*/0.25,
       /*specials=*/16, /*operations=*/128, /*cacheBytes=*/54},
      getWgmmaFragment,
      getRegisters,
      /*widenRegisters=*/96,
      /*operandRegisters=*/0,
  };
}

static MachineModel createStridedModel() {
  MachineModel model = createModel();
  model.copies = CopyKind::Elements;
  model.maxCluster = 1;
  model.getRegisters = getRegistersOfCopies;
  return model;
}

/// With two groups of 128 threads that widen.
static ArrayRef<RegisterSplit> getLowRegisters(int64_t groups, bool widens) {
  static const RegisterSplit twoMore[] = {{88, 232}};
  return widens ? ArrayRef(twoMore) : getRegisters(groups, widens);
}

/// What is left of a step is less than widening it takes.
static MachineModel createLowModel(MachineModel model) {
  model.productRows = kLowRows;
  model.widensApart = true;
  model.getRegisters = getLowRegisters;
  model.maxGroups = 1;
  model.getFragment = getLowFragment;
  return model;
}

/// Of two blocks one multiplies while the other waits. Which of theirs fits
/// depends on a few of a loader's numbers, and is tried.
static ArrayRef<RegisterSplit> getSharingRegisters(int64_t, bool) {
  static const RegisterSplit splits[] = {{88, 256},    {104, 256},
                                         {48, 208, 2}, {40, 216, 2},
                                         {56, 200, 2}, {32, 224, 2}};
  return splits;
}

/// A group whose warps share out keys of elements of 8 bits: nobody has to
/// widen them from slot to slot, which takes twice what copies do of shared
/// memory.
template <int64_t Rows>
static MachineModel createSharingModel(MachineModel model) {
  model.productRows = Rows;
  model.shares = kShares;
  model.maxGroups = 1;
  model.getRegisters = getSharingRegisters;
  model.getFragment = Rows == kSharedRows ? getMmaFragment : getLowFragment;
  model.getWideFragment = getShareFragment<Rows>;
  model.getJoinedFragment = getJoinedFragment<Rows>;
  return model;
}

namespace {
/// Both kinds of tensors, and all heights of groups.
struct Models {
  Models() {
    model.low = &low;
    model.sharing = &sharingFew;
    sharingFew.sharing = &sharing;
    strided.low = &lowStrided;
  }
  Models(const Models &) = delete;

  MachineModel model = createModel(), strided = createStridedModel();
  MachineModel low = createLowModel(model),
               lowStrided = createLowModel(strided),
               sharingFew = createSharingModel<kFewSharedRows>(model),
               sharing = createSharingModel<kSharedRows>(model);
};
} // namespace

static const MachineModel &getModel(bool anyStrides) {
  static const Models models;
  return anyStrides ? models.strided : models.model;
}

/// What products read behind their left sides of few rows.
static int64_t getOverread(Operation *kernel) {
  bool isLow =
      kernel
          ->walk([](pipe::MmaAsyncOp product) {
            auto type = product.getToken().getType().getAccumulator();
            return type.getDimSize(0) == kLowRows && product.getNumShares() == 1
                       ? WalkResult::interrupt()
                       : WalkResult::advance();
          })
          .wasInterrupted();
  return isLow ? kLowOverread : 0;
}

static LogicalResult verifyProduct(pipe::MmaAsyncOp op) {
  return op.getNumShares() > 1 ? verifyShares(op) : verifyWgmma(op);
}

static void populateProductPatterns(const TypeConverter &converter,
                                    const KernelValues &values,
                                    RewritePatternSet &patterns) {
  populateWgmmaPatterns(converter, values, patterns);
  populateSharePatterns(converter, values, patterns);
}

static void setRegisters(OpBuilder &b, Location loc, int64_t registers,
                         bool isMore) {
  NVVM::SetMaxRegisterOp::create(b, loc, registers,
                                 isMore ? NVVM::SetMaxRegisterAction::increase
                                        : NVVM::SetMaxRegisterAction::decrease);
}

const Architecture &attn::nvidia::getHopper() {
  static const Architecture architecture = {
      /*name=*/"sm_90a",
      // Copies into shared::cta.
      /*features=*/"+ptx86",
      /*driver=*/std::nullopt,
      /*isPortable=*/false,
      /*schedules=*/kHopperSchedules,
      getModel,
      kWarpSize,
      /*registersOfBlock=*/64 << 10,
      /*mostRegisters=*/256,
      setRegisters,
      /*sharesFillings=*/false,
      /*hasNamedBarriers=*/true,
      /*hasFixedShared=*/false,
      /*spilledBytes=*/0,
      /*digitSpilledBytes=*/48,
      &getHopperPrimitives(),
      &getBulkCopies(),
      verifyProduct,
      populateProductPatterns,
      spreadProducts,
      getOverread,
  };
  return architecture;
}

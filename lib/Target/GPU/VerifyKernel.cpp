//===- VerifyKernel.cpp - what a GPU can run ------------------------------===//
//
// Refuses, at the op, what the lowering has no instructions for, so that its
// patterns need no diagnostics of their own.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"
#include "attn/Analysis/RegisterPressure.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// What groups of so many rows as `tile` has are made for.
static const MachineModel &getModel(const Architecture &architecture,
                                    RankedTensorType tile) {
  return architecture.getModel(/*anyStrides=*/false)
      .forRows(tile.getDimSize(0));
}

/// Products of which each warp of a group has a share.
static LogicalResult verifyShares(MmaAsyncOp op,
                                  const Architecture &architecture) {
  const MachineModel *first =
      architecture.getModel(/*anyStrides=*/false).sharing;
  if (!first)
    return op.emitOpError("expects products without shares on this target");
  RankedTensorType accumulator = op.getToken().getType().getAccumulator();
  const MachineModel *model = first;
  while (model->sharing && model->getTileRows() < accumulator.getDimSize(0))
    model = model->sharing;
  auto lhs = dyn_cast<RankedTensorType>(op.getLhs().getType());
  if (!lhs || accumulator.getDimSize(0) != model->getTileRows() ||
      !accumulator.getElementType().isF32() ||
      lhs.getElementTypeBitWidth() != 16)
    return op.emitOpError("expects a left side of 16 bits in registers and an "
                          "accumulator of f32, of ")
           << first->getTileRows() << " rows or twice as many each on this "
           << "target, but got " << op.getLhs().getType() << " and "
           << accumulator;
  if (failed(architecture.verifyProduct(op)))
    return failure();
  // Keys are shared out: columns of the result, or what is summed over.
  bool areKept = op.getRhsDim() == 1;
  for (auto [type, isShared, name] :
       {std::tuple(accumulator, areKept, "accumulator"),
        std::tuple(lhs, !areKept, "left side")}) {
    auto get = isShared ? model->getFragment : model->getWideFragment;
    FragmentAttr expected = get(op.getContext(), type.getDimSize(1));
    if (getFragment(type) != expected)
      return op.emitOpError("expects the ")
             << name << "'s fragment on this target to be " << expected
             << ", but got " << getFragment(type);
  }
  return success();
}

/// Warps are the shares of the rows.
static LogicalResult verify(CoordOp op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  ArrayRef<DigitAttr> warps = getFragment(type).getWarps();
  int64_t shares = op.getShares().value_or(1);
  if (!op.getShares() || (warps.size() == 1 && warps[0].getDim() == 0 &&
                          warps[0].getSize() == shares &&
                          warps[0].getStride() * shares == type.getDimSize(0)))
    return success();
  return op.emitOpError("expects each warp to have one of the shares of the "
                        "rows on this target, but got ")
         << type;
}

static LogicalResult verify(SplitOp op) {
  auto role = op->getParentOfType<RoleOp>();
  for (Value value : op.getValues())
    if (cast<RankedTensorType>(value.getType()).getElementTypeBitWidth() != 32)
      return op.emitOpError("expects elements of 32 bits on this target, but "
                            "got ")
             << value.getType();
  if (role && role.getGroups() == 1 && role.getWarps() == kGroupWarps)
    return success();
  return op.emitOpError("expects a role of one group of ")
         << kGroupWarps << " warps on this target";
}

static LogicalResult verify(MmaAsyncOp op, const Architecture &architecture) {
  if (op.getNumShares() > 1)
    return verifyShares(op, architecture);
  RankedTensorType accumulator = op.getToken().getType().getAccumulator();
  const MachineModel &model = getModel(architecture, accumulator);
  int64_t columns = accumulator.getDimSize(1);
  FragmentAttr expected = model.getFragment(op.getContext(), columns);
  if (accumulator.getDimSize(0) != model.productRows ||
      columns > model.maxColumns || columns % model.columnGranule ||
      !accumulator.getElementType().isF32())
    return op.emitOpError("expects an accumulator of f32, ")
           << model.productRows << " rows and a multiple of "
           << model.columnGranule << " columns up to " << model.maxColumns
           << " on this target, but got " << accumulator;
  if (getFragment(accumulator) != expected)
    return op.emitOpError("expects the accumulator's fragment on this target "
                          "to be ")
           << expected << ", but got " << getFragment(accumulator);
  Type element = op.getRhs().getType().getElementType();
  if (!element.isBF16() && !element.isF16())
    return op.emitOpError("expects elements of bf16 or f16 on this target, "
                          "but got ")
           << element;
  int64_t depth = op.getNumTerms();
  if (depth % model.productDepth)
    return op.emitOpError("expects a contracted size that is a multiple of ")
           << model.productDepth << ", but got " << depth;
  if (failed(architecture.verifyProduct(op)))
    return failure();
  auto lhs = dyn_cast<RankedTensorType>(op.getLhs().getType());
  if (!lhs)
    return success();
  if (op.getLhsDim() != 1)
    return op.emitOpError("expects a left side in registers to be contracted "
                          "along dimension 1");
  FragmentAttr lhsExpected = model.getFragment(op.getContext(), depth);
  if (getFragment(lhs) != lhsExpected)
    return op.emitOpError("expects the left side's fragment on this target "
                          "to be ")
           << lhsExpected << ", but got " << getFragment(lhs);
  return success();
}

static LogicalResult verify(ClearUnsetOp op, const Architecture &architecture) {
  RankedTensorType bits = op.getBits().getType();
  int64_t columns = bits.getDimSize(1);
  FragmentAttr expected =
      getModel(architecture, bits).getFragment(op.getContext(), columns);
  int64_t most = getModel(architecture, bits).maxSeenColumns;
  if (columns <= most && getFragment(bits) == expected)
    return success();
  return op.emitOpError("expects bits of at most ")
         << most << " columns with, on this target, the fragment " << expected
         << ", but got " << bits;
}

/// Refuses what only engines copy.
static LogicalResult verifyBulk(Operation *op,
                                const Architecture &architecture) {
  if (architecture.bulk)
    return success();
  return op->emitOpError("expects a target with bulk copies, but ")
         << architecture.name << " has none; use pipe.store";
}

static LogicalResult verify(StageOp op, const Architecture &architecture) {
  if (failed(verifyBulk(op, architecture)))
    return failure();
  RankedTensorType tile = op.getTile().getType();
  SharedType dest = op.getDest().getType();
  FragmentAttr expected = getModel(architecture, tile)
                              .getFragment(op.getContext(), tile.getDimSize(1));
  constexpr int64_t kSwizzle = 128;
  if (tile.getElementTypeBitWidth() != 16 || dest.getSwizzle() != kSwizzle ||
      getFragment(tile) != expected)
    return op.emitOpError("expects elements of 16 bits, a swizzle of 128 bytes "
                          "and, on this target, the fragment ")
           << expected << ", but got " << tile << " and " << dest;
  return success();
}

static LogicalResult verify(BulkStoreOp op, const Architecture &architecture) {
  if (failed(verifyBulk(op, architecture)))
    return failure();
  if (op.getTile().getType().getParts() != kGroupWarps)
    return op.emitOpError("expects a tile of ")
           << kGroupWarps << " parts, one a warp, but got "
           << op.getTile().getType();
  return success();
}

static LogicalResult verify(StoreOp op) {
  auto type = cast<RankedTensorType>(op.getValue().getType());
  auto slice = dyn_cast<SliceAttr>(type.getEncoding());
  FragmentAttr fragment = getFragment(type);
  int64_t perRegister = 32 / type.getElementTypeBitWidth();

  for (ArrayRef<DigitAttr> digits : {fragment.getLanes(), fragment.getWarps()})
    for (DigitAttr digit : digits)
      if (!llvm::isPowerOf2_64(digit.getSize()))
        return op.emitOpError("expects lanes and warps counted in powers of "
                              "2, but got ")
               << fragment;
  if (perRegister == 1)
    return success();
  // Two elements go together: they must be neighbours, and into tensors whose
  // rows have no gaps both inside or not.
  DigitAttr pair = fragment.getRegisters().front();
  int64_t columns = op.getDest().getType().getShape().back();
  bool even = op.getDest().getType().getStrided() ||
              (!ShapedType::isDynamic(columns) && columns % 2 == 0);
  if (perRegister != 2 || slice || pair.getDim() != 1 ||
      pair.getStride() != 1 || pair.getSize() % 2 != 0 || !even)
    return op.emitOpError("expects elements of 16 bits as pairs of "
                          "neighbouring columns and an even number of "
                          "columns, but got ")
           << type << " and " << op.getDest().getType();
  return success();
}

/// Lanes that copy chunks of 16 bytes go by the eight rows after which a
/// swizzled panel repeats itself, as bulk copies do (assignTensorMaps).
static LogicalResult verifyChunks(FillOp op, int64_t warps,
                                  const Architecture &architecture) {
  constexpr int64_t kPeriod = 8, kLeastSwizzle = 64;
  SharedType slot = op.getRing().getType().getSlot();
  // All lanes copy.
  int64_t rows = std::max(kPeriod, architecture.warpSize * warps * kChunkBytes /
                                       slot.getSwizzle());
  if (slot.getSwizzle() < kLeastSwizzle)
    return op.emitOpError("expects slots with a swizzle of at least ")
           << kLeastSwizzle << " bytes on this target, but got " << slot;
  for (auto load : op.getBody().getOps<LoadOp>())
    if (load.getNumRows() % rows || load.getFirstRow() % rows)
      return load.emitOpError("expects copies of a multiple of ")
             << rows << " rows from a multiple of " << rows << " on, but got "
             << load.getNumRows() << " from " << load.getFirstRow() << " on";
  return success();
}

static LogicalResult verify(FillOp op, const Architecture &architecture) {
  auto role = op->getParentOfType<RoleOp>();
  int64_t warps = role ? role.getWarps() : 1;
  if (!isFilledByThreads(op)) {
    if (!architecture.bulk)
      return verifyChunks(op, warps, architecture);
    if (warps == 1)
      return success();
    return op.emitOpError("expects a role of 1 warp on this target, where "
                          "engines copy, but got ")
           << warps;
  }
  if (warps != kGroupWarps)
    return op.emitOpError("expects a role of groups of ")
           << kGroupWarps << " warps where threads fill slots on this target";
  SharedType slot = op.getRing().getType().getSlot();
  if (slot.getSwizzle() == kThreadSwizzle)
    return success();
  return op.emitOpError("expects slots with a swizzle of ")
         << kThreadSwizzle << " bytes where threads fill them, but got "
         << slot;
}

static LogicalResult verify(PagesOp op, const Architecture &architecture) {
  int64_t count = op.getPages().getType().getCount();
  if (count <= architecture.warpSize)
    return success();
  return op.emitOpError("expects at most ")
         << architecture.warpSize
         << " pages, one for each lane of a warp, but got " << count;
}

static LogicalResult verify(EachOp op) {
  auto role = op->getParentOfType<RoleOp>();
  if (role && role.getWarps() == kGroupWarps)
    return success();
  return op.emitOpError("expects a role of groups of ")
         << kGroupWarps << " warps on this target";
}

/// Ops of which there are only approximate instructions.
template <typename OpT> static LogicalResult verifyApproximate(OpT op) {
  if (arith::bitEnumContainsAll(op.getFastmath(), arith::FastMathFlags::afn))
    return success();
  return op.emitOpError("expects fastmath<afn> on this target, which has an "
                        "approximate instruction only");
}

/// Registers that lie in other lanes or halves have no way to move yet.
static LogicalResult verify(RelayoutOp op) {
  if (op.getCost() == RelayoutCost::Free &&
      op.getTile().getType().getElementTypeBitWidth() == 32)
    return success();
  return op.emitOpError("expects a free move of elements of 32 bits on this "
                        "target, but got cost ")
         << stringifyRelayoutCost(op.getCost()) << " for "
         << op.getTile().getType();
}

/// What is made of scalars, one a register.
template <typename OpT> static LogicalResult verifyWide(OpT op) {
  auto type = cast<RankedTensorType>(op.getResult().getType());
  if (type.getElementTypeBitWidth() != 16)
    return success();
  return op.emitOpError("expects elements of 32 bits on this target, but got ")
         << type << "; narrow after";
}

static LogicalResult verify(arith::ConstantOp op) {
  if (!isa<RankedTensorType>(op.getType()) ||
      isa<SplatElementsAttr>(op.getValue()))
    return success();
  return op.emitOpError("expects one value for all elements of a tile on this "
                        "target, but got several");
}

/// Of arithmetic, only conversions and selections know pairs of 16 bits.
static LogicalResult verifyElementwise(Operation *op) {
  if (!OpTrait::hasElementwiseMappableTraits(op) ||
      isa<arith::ExtFOp, arith::TruncFOp, arith::SelectOp>(op))
    return success();
  for (Value operand : op->getOperands())
    if (auto type = dyn_cast<RankedTensorType>(operand.getType());
        type && type.getElementTypeBitWidth() == 16)
      return op->emitOpError("expects elements of 32 bits on this target, but "
                             "got ")
             << type << "; widen before and narrow after";
  return success();
}

/// What addresses, counters and temporaries take beside tiles, at least: the
/// programs of test/Device build without spills with this much left.
static constexpr int64_t kReservedRegisters = 16;

/// Tiles beyond the budget would be spilled, and products in flight could not
/// keep their registers.
static LogicalResult verify(RoleOp role) {
  RegisterPressure pressure = estimateRegisters(role);
  int64_t budget = role.getRegisters() - kReservedRegisters;
  if (!pressure.peak || pressure.registers <= budget)
    return success();
  InFlightDiagnostic diag =
      pressure.peak->emitOpError("expects tiles of at most ")
      << budget << " registers of a thread here, the role's "
      << role.getRegisters() << " without " << kReservedRegisters
      << " for addresses, but they take " << pressure.registers
      << "; use smaller tiles or more groups";
  diag.attachNote(role.getLoc()) << "the role is here";
  for (Value value : pressure.values)
    diag.attachNote(value.getLoc())
        << countRegisters(value.getType()) << " registers hold this "
        << value.getType();
  return diag;
}

/// What uses a ring is told of its arrivals and releases, and found through
/// selections alone.
static LogicalResult verifyRings(Operation *op) {
  bool takesRing = llvm::any_of(op->getOperandTypes(),
                                [](Type type) { return isa<RingType>(type); });
  if (!takesRing ||
      isa<FillOp, WaitOp, MessageOp, ReleaseOp, arith::SelectOp>(op))
    return success();
  return op->emitOpError("expects to pass no ring on; use the kernel's rings "
                         "themselves, or choose one by arith.select");
}

LogicalResult attn::gpu::verifyKernel(KernelOp kernel,
                                      const Architecture &architecture) {
  bool failedAny = false;
  if (kernel.getCluster() > 1 && !architecture.bulk) {
    kernel.emitOpError("expects blocks without clusters, as ")
        << architecture.name << " has none, but got clusters of "
        << kernel.getCluster() << "; use cluster=1";
    failedAny = true;
  }
  MeetOp first;
  kernel.walk([&](MeetOp op) {
    if (first) {
      InFlightDiagnostic diag =
          op.emitOpError("expects to be the only one of its kernel on this "
                         "target, as parts of items have one place each");
      diag.attachNote(first.getLoc()) << "the other is here";
      failedAny = true;
    }
    first = op;
  });
  kernel.walk([&](Operation *op) {
    LogicalResult result =
        llvm::TypeSwitch<Operation *, LogicalResult>(op)
            .Case<MmaAsyncOp, ClearUnsetOp, StageOp, BulkStoreOp, FillOp,
                  PagesOp>(
                [&](auto typed) { return verify(typed, architecture); })
            .Case<CoordOp, EachOp, RelayoutOp, RoleOp, SplitOp, StoreOp>(
                [](auto typed) { return verify(typed); })
            .Case<arith::ConstantOp>(
                [](auto constant) { return verify(constant); })
            .Case<SplatOp, BroadcastOp>(
                [](auto typed) { return verifyWide(typed); })
            .Case<math::Exp2Op, math::Log2Op, math::TanhOp>(
                [](auto typed) { return verifyApproximate(typed); })
            .Default([](Operation *other) { return verifyElementwise(other); });
    failedAny |= failed(result) || failed(verifyRings(op));
  });
  return failure(failedAny);
}

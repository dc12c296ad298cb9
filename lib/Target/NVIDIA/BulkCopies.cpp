//===- BulkCopies.cpp - boxes of tensors, by engines ----------------------===//
//
// Loads come to slots of rings, whose mbarrier counts their bytes. A staged
// store goes through shared memory, where each warp has a part of its own, so
// that no warp waits for another: `stmatrix` into the swizzled part, a fence
// towards the copy engine, one bulk store a panel by one lane.
//
//===----------------------------------------------------------------------===//

#include "InlinePtx.h"
#include "Instructions.h"
#include "attn/Target/GPU/LaunchRecipe.h"

#include "GPU/Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::nvidia;
using namespace attn::pipe;

static constexpr int64_t kMapBytes = 128, kMapAlignment = 64;

/// One copy a panel. In a cluster ring, of this block's share of the rows, to
/// all blocks.
static LogicalResult startLoad(LoadOp load, RingType type, Value full,
                               Value slot, const KernelValues &values,
                               ConversionPatternRewriter &rewriter) {
  Location loc = load.getLoc();
  SharedType tile = type.getSlot();
  SmallVector<Value> indices;
  if (failed(rewriter.getRemappedValues(load.getIndices(), indices)))
    return failure();
  auto number = load->getAttrOfType<IntegerAttr>(kMapAttr);
  Value map = values.maps[number.getInt()];
  // Innermost first, as the instruction has them.
  SmallVector<Value> coordinates;
  for (int64_t dim :
       llvm::reverse(getMapOrder(indices.size(), load.getPackingAttr())))
    coordinates.push_back(indices[dim]);
  Value destination = createByteOffset(rewriter, loc, slot,
                                       load.getFirstRow() * tile.getSwizzle());
  Value multicast;
  bool shares = type.getCluster() && values.cluster > 1;
  if (shares) {
    int64_t rows = tile.getNumRows() / values.cluster;
    Value row = arith::MulIOp::create(rewriter, loc, values.rank,
                                      createI32(rewriter, loc, rows));
    coordinates[1] = arith::AddIOp::create(rewriter, loc, coordinates[1], row);
    Value offset = arith::MulIOp::create(
        rewriter, loc, row, createI32(rewriter, loc, tile.getSwizzle()));
    destination = createByteOffset(rewriter, loc, destination, offset);
    multicast = arith::ConstantIntOp::create(
        rewriter, loc, rewriter.getI16Type(), (1 << values.cluster) - 1);
  }
  Value policy = arith::ConstantIntOp::create(
      rewriter, loc, rewriter.getI64Type(), getCachePolicy(load.getCache()));
  Value column = coordinates[0];
  for (int64_t panel = 0; panel < tile.getNumPanels(); ++panel) {
    Value target =
        createByteOffset(rewriter, loc, destination,
                         panel * tile.getNumRows() * tile.getSwizzle());
    if (shares)
      target = LLVM::AddrSpaceCastOp::create(
          rewriter, loc,
          LLVM::LLVMPointerType::get(
              rewriter.getContext(),
              static_cast<unsigned>(NVVM::NVVMMemorySpace::SharedCluster)),
          target);
    coordinates[0] = column;
    if (panel)
      coordinates[0] = arith::AddIOp::create(
          rewriter, loc, column,
          createI32(rewriter, loc, panel * tile.getPanelColumns()));
    NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
        rewriter, loc, target, map, coordinates, full,
        /*im2colOffsets=*/ValueRange(), multicast, policy,
        NVVM::TMALoadMode::TILE, /*isCTAOnly=*/!shares,
        NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
  }
  return success();
}

namespace {
struct StageLowering : OpConversionPattern<StageOp> {
  StageLowering(const TypeConverter &converter, MLIRContext *context,
                const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(StageOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    RankedTensorType tile = op.getTile().getType();
    SharedType dest = op.getDest().getType();
    // Four matrices of 8 x 8, as many below each other as rows allow.
    constexpr int64_t kSwizzle = 128, kMatrices = 4, kMatrixSize = 8;
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    waitBulkReadsIf(rewriter, loc, values.isFirstInWarp);
    int64_t rows = dest.getRowsOfPart();
    int64_t partBytes = dest.getNumBytes() / dest.getParts();
    int64_t chunks = kMatrices * kMatrixSize / rows;
    int64_t columns = chunks * kMatrixSize;
    // PTX ISA, stmatrix.x4: lanes address the rows of the matrices in order.
    Value row = e.bits(values.lane, rows - 1);
    Value chunk = e.shiftRight(values.lane, llvm::Log2_64(rows));
    Value rowInAtom = e.bits(row, kMatrixSize - 1);
    Value base = createByteOffset(
        rewriter, loc, adaptor.getDest()[0],
        e.add(e.mul(values.warpInGroup, partBytes), e.mul(row, kSwizzle)));
    int64_t stepsInPanel = dest.getPanelColumns() / columns;
    ValueRange registers = adaptor.getTile();
    for (int64_t step = 0; step < tile.getDimSize(1) / columns; ++step) {
      Value position = e.exclusiveOr(
          e.add(chunk, e.constant(step % stepsInPanel * chunks)), rowInAtom);
      Value offset = e.add(e.mul(position, 16),
                           e.constant(step / stepsInPanel * rows * kSwizzle));
      NVVM::StMatrixOp::create(
          rewriter, loc, createByteOffset(rewriter, loc, base, offset),
          registers.slice(kMatrices * step, kMatrices), NVVM::MMALayout::row,
          NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8),
          NVVM::LdStMatrixEltType::B16);
    }
    createSharedFence(rewriter, loc, values);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

struct BulkStoreLowering : OpConversionPattern<BulkStoreOp> {
  BulkStoreLowering(const TypeConverter &converter, MLIRContext *context,
                    const KernelValues &values)
      : OpConversionPattern(converter, context), values(values) {}

  LogicalResult
  matchAndRewrite(BulkStoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SharedType tile = op.getTile().getType();
    Location loc = op.getLoc();
    Emitter e{rewriter, loc};
    auto number = op->getAttrOfType<IntegerAttr>(kMapAttr);
    int64_t rows = tile.getRowsOfPart();
    Value base = createByteOffset(
        rewriter, loc, adaptor.getTile()[0],
        e.mul(values.warpInGroup, tile.getNumBytes() / tile.getParts()));
    SmallVector<Value> coordinates;
    PackingAttr packing = op.getPackingAttr();
    for (int64_t dim :
         llvm::reverse(getMapOrder(adaptor.getIndices().size(), packing)))
      coordinates.push_back(adaptor.getIndices()[dim][0]);
    Value row = e.mul(values.warpInGroup, rows);
    if (packing) {
      auto [inner, outer] = e.split(row, packing);
      coordinates[1] = e.add(coordinates[1], inner);
      coordinates[2] = e.add(coordinates[2], outer);
    } else {
      coordinates[1] = e.add(coordinates[1], row);
    }
    SmallVector<Value> sources;
    SmallVector<SmallVector<Value>> lists;
    for (int64_t panel = 0; panel < tile.getNumPanels(); ++panel) {
      Value address = createByteOffset(rewriter, loc, base,
                                       panel * rows * tile.getSwizzle());
      sources.push_back(LLVM::PtrToIntOp::create(
          rewriter, loc, rewriter.getI32Type(), address));
      lists.push_back(coordinates);
      lists.back()[0] =
          e.add(coordinates[0], e.constant(panel * tile.getPanelColumns()));
    }
    storeTensorIf(rewriter, loc, values.maps[number.getInt()], sources, lists,
                  values.isFirstInWarp);
    rewriter.eraseOp(op);
    return success();
  }

  const KernelValues &values;
};

class Engine final : public BulkCopies {
public:
  FailureOr<size_t> assignMaps(KernelOp kernel) const override {
    FailureOr<SmallVector<TensorMap>> maps = assignTensorMaps(kernel);
    if (failed(maps))
      return failure();
    return maps->size();
  }
  void setMapAttributes(LLVM::LLVMFuncOp function,
                        unsigned argument) const override;
  void prefetchMap(OpBuilder &b, Location loc, Value map) const override {
    NVVM::PrefetchOp::create(b, loc, NVVM::PrefetchCacheLevelAttr(),
                             NVVM::CacheEvictionPriorityAttr(), map, Value(),
                             /*tensormap=*/true);
  }
  void fenceCounters(OpBuilder &b, Location loc) const override {
    NVVM::FenceMbarrierInitOp::create(b, loc);
  }
  void fenceShared(OpBuilder &b, Location loc) const override {
    NVVM::FenceProxyOp::create(
        b, loc, NVVM::ProxyKind::async_shared,
        NVVM::SharedSpaceAttr::get(b.getContext(),
                                   NVVM::SharedSpace::shared_cta));
  }
  Value getRank(OpBuilder &b, Location loc) const override {
    return NVVM::ClusterId::create(b, loc, b.getI32Type());
  }
  void meetCluster(OpBuilder &b, Location loc) const override {
    NVVM::ClusterArriveOp::create(b, loc, b.getUnitAttr());
    NVVM::ClusterWaitOp::create(b, loc, b.getUnitAttr());
  }
  void arriveAt(OpBuilder &b, Location loc, Value counter, Value rank,
                Value predicate) const override {
    Value address = LLVM::PtrToIntOp::create(b, loc, b.getI32Type(), counter);
    address = mapToBlock(b, loc, address, rank);
    arriveRemoteIf(b, loc, address, predicate);
  }
  // So that ptxas knows it for one lane, whose registers are uniform.
  Value electLane(OpBuilder &b, Location loc) const override {
    return NVVM::ElectSyncOp::create(b, loc, b.getI1Type(), Value());
  }
  LogicalResult start(FillOp fill, Value full,
                      llvm::function_ref<Value()> createSlot,
                      const KernelValues &values,
                      ConversionPatternRewriter &rewriter) const override;
  void finishStores(OpBuilder &b, Location loc,
                    Value predicate) const override {
    waitBulkStoresIf(b, loc, predicate);
  }
  void populateStores(const TypeConverter &converter,
                      const KernelValues &values,
                      RewritePatternSet &patterns) const override {
    patterns.add<StageLowering, BulkStoreLowering>(
        converter, patterns.getContext(), values);
  }
};
} // namespace

void Engine::setMapAttributes(LLVM::LLVMFuncOp function,
                              unsigned argument) const {
  Builder b(function.getContext());
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), kMapBytes);
  function.setArgAttr(argument, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(type));
  function.setArgAttr(argument, LLVM::LLVMDialect::getAlignAttrName(),
                      b.getI64IntegerAttr(kMapAlignment));
  function.setArgAttr(argument, NVVM::NVVMDialect::getGridConstantAttrName(),
                      b.getUnitAttr());
}

LogicalResult Engine::start(FillOp fill, Value full,
                            llvm::function_ref<Value()> createSlot,
                            const KernelValues &values,
                            ConversionPatternRewriter &rewriter) const {
  Location loc = fill.getLoc();
  RingType type = fill.getRing().getType();
  SharedType tile = type.getSlot();
  Block &body = fill.getBody().front();
  int64_t bytes = 0;
  for (auto load : body.getOps<LoadOp>())
    bytes += load.getNumRows() * (tile.getNumBytes() / tile.getNumRows());
  if (bytes == 0)
    arriveIf(rewriter, loc, full,
             arith::ConstantIntOp::create(rewriter, loc, 1, 1));
  else
    NVVM::MBarrierArriveExpectTxOp::create(
        rewriter, loc, Type(), full, createI32(rewriter, loc, bytes),
        NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
  Value slot = createSlot();
  for (Operation &nested : llvm::make_early_inc_range(body)) {
    if (auto load = dyn_cast<LoadOp>(nested)) {
      if (failed(startLoad(load, type, full, slot, values, rewriter)))
        return failure();
    } else if (!nested.hasTrait<OpTrait::IsTerminator>()) {
      rewriter.moveOpBefore(&nested, fill);
    }
  }
  return success();
}

const BulkCopies &attn::nvidia::getBulkCopies() {
  static const Engine engine;
  return engine;
}

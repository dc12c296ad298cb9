//===- Primitives.cpp - what the lowering asks, as NVVM and PTX -----------===//

#include "InlinePtx.h"
#include "Instructions.h"

#include "GPU/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::nvidia;

namespace {
/// How the GPUs differ.
struct Features {
  /// Instructions widen and narrow floats of 8 bits.
  bool hasFloat8;
  /// The hardware suspends threads that wait.
  bool suspends;
};

/// Asynchronous copies, each of whose lanes arrives when its own are done.
class AsyncCopier final : public LaneCopier {
public:
  bool mayLoop() const override { return true; }
  void copy(OpBuilder &b, Location loc, Value dest, Value source, Value bytes,
            bool isWhole) override;
  void finish(OpBuilder &b, Location loc, Value full,
              const KernelValues &values, Value isSender,
              bool hasMessages) override;
};

class NvidiaPrimitives final : public Primitives {
public:
  explicit NvidiaPrimitives(const Features &features) : features(features) {}

  void addLegalDialects(ConversionTarget &target) const override {
    target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  }
  void setKernelAttributes(LLVM::LLVMFuncOp function, int64_t threads,
                           int64_t blocks, int64_t cluster) const override;

  Value getThread(OpBuilder &b, Location loc) const override {
    return NVVM::ThreadIdXOp::create(b, loc, b.getI32Type());
  }
  Value getBlock(OpBuilder &b, Location loc) const override {
    return NVVM::BlockIdXOp::create(b, loc, b.getI32Type());
  }
  Value getNumBlocks(OpBuilder &b, Location loc) const override {
    return NVVM::GridDimXOp::create(b, loc, b.getI32Type());
  }
  Value takeFirst(OpBuilder &b, Location loc, Value value) const override {
    return shuffle(b, loc, value, 0, kWarpSize - 1, NVVM::ShflKind::idx);
  }
  Value take(OpBuilder &b, Location loc, Value value,
             int64_t lane) const override {
    return shuffle(b, loc, value, lane, kWarpSize - 1, NVVM::ShflKind::idx);
  }
  Value takeFrom(OpBuilder &b, Location loc, Value value,
                 Value lane) const override {
    return shuffle(b, loc, value, lane, kWarpSize - 1, NVVM::ShflKind::idx);
  }
  Value shuffleXor(OpBuilder &b, Location loc, Value value,
                   int64_t mask) const override {
    return shuffle(b, loc, value, mask, kWarpSize - 1, NVVM::ShflKind::bfly);
  }
  Value shuffleUp(OpBuilder &b, Location loc, Value value,
                  int64_t lanes) const override {
    return shuffle(b, loc, value, lanes, 0, NVVM::ShflKind::up);
  }
  Value reduce(OpBuilder &b, Location loc, WarpReduction kind,
               Value value) const override {
    auto redux = kind == WarpReduction::Add ? NVVM::ReduxKind::ADD
                                            : NVVM::ReduxKind::MAX;
    return NVVM::ReduxOp::create(b, loc, b.getI32Type(), value, redux,
                                 createI32(b, loc, -1));
  }

  void meetBlock(OpBuilder &b, Location loc) const override {
    NVVM::Barrier0Op::create(b, loc);
  }
  void meet(OpBuilder &b, Location loc, const KernelValues &, Value barrier,
            int64_t threads) const override {
    NVVM::BarrierOp::create(b, loc, Type(), barrier, createI32(b, loc, threads),
                            NVVM::BarrierReductionAttr(), Value());
  }
  void arrive(OpBuilder &b, Location loc, const KernelValues &, Value barrier,
              int64_t threads) const override {
    NVVM::BarrierArriveOp::create(b, loc, barrier, createI32(b, loc, threads));
  }
  Value meetAndTake(OpBuilder &b, Location loc, const KernelValues &,
                    Value barrier, int64_t threads,
                    Value value) const override {
    return reduceOverBarrier(b, loc, barrier, threads, value);
  }

  void initCounter(OpBuilder &b, Location loc, Value counter,
                   int64_t arrivals) const override {
    NVVM::MBarrierInitOp::create(b, loc, counter, createI32(b, loc, arrivals),
                                 Value());
  }
  // The parity says which phase it is. A fresh barrier counts as having
  // completed one of parity 1.
  Value getNextPhase(OpBuilder &b, Location loc, Value phase,
                     Value one) const override {
    return arith::XOrIOp::create(b, loc, phase, one);
  }
  Value getLastPhase(OpBuilder &b, Location loc, Value phase,
                     Value one) const override {
    return getNextPhase(b, loc, phase, one);
  }
  void waitFilled(OpBuilder &b, Location loc, Value full, Value phase,
                  int64_t) const override {
    waitBarrier(b, loc, full, phase, getWaitKind(Waiter::Needed));
  }
  void waitReleased(OpBuilder &b, Location loc, Value empty, Value phase,
                    int64_t, Waiter waiter) const override {
    waitBarrier(b, loc, empty, phase, getWaitKind(waiter));
  }
  void arriveIf(OpBuilder &b, Location loc, Value counter,
                Value predicate) const override {
    nvidia::arriveIf(b, loc, counter, predicate);
  }
  void joinWarp(OpBuilder &b, Location loc) const override {
    NVVM::SyncWarpOp::create(b, loc, createI32(b, loc, -1));
  }
  Value readMessage(OpBuilder &b, Location loc, const KernelValues &values,
                    Value address) const override {
    Value bits = LLVM::PtrToIntOp::create(b, loc, b.getI32Type(), address);
    return takeFirst(b, loc, loadSharedIf(b, loc, bits, values.isFirstInWarp));
  }
  int64_t getCopyArrivals(int64_t warps, bool hasMessages) const override {
    return kWarpSize * warps + (hasMessages ? 1 : 0);
  }
  std::unique_ptr<LaneCopier>
  createLaneCopier(OpBuilder &,
                   llvm::function_ref<void()> wait) const override {
    wait();
    return std::make_unique<AsyncCopier>();
  }
  void finishCopies(OpBuilder &b, Location loc) const override {
    NVVM::CpAsyncWaitGroupOp::create(b, loc, 0);
  }

  Value loadGlobalIf(OpBuilder &b, Location loc, Value address, unsigned bits,
                     Value predicate) const override {
    return nvidia::loadGlobalIf(b, loc, address, bits, predicate);
  }
  int64_t getStoreRegisters() const override { return 1; }
  void storeGlobalIf(OpBuilder &b, Location loc, Value address, int64_t offset,
                     Value value, Value predicate) const override {
    nvidia::storeGlobalIf(b, loc, address, offset, value, predicate);
  }
  void storeChunkIf(OpBuilder &b, Location loc, Value address, int64_t offset,
                    ValueRange registers, Value predicate) const override {
    storeGlobalChunkIf(b, loc, address, offset, registers, predicate);
  }
  SmallVector<Value> loadChunkIf(OpBuilder &b, Location loc, Value address,
                                 int64_t offset,
                                 Value predicate) const override {
    return loadGlobalChunkIf(b, loc, address, offset, predicate);
  }
  Value count(OpBuilder &b, Location loc, Value address,
              Value value) const override {
    return LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::add, address,
                                     value, LLVM::AtomicOrdering::monotonic);
  }
  Value exchange(OpBuilder &b, Location loc, Value address,
                 Value value) const override {
    return addGlobal(b, loc, address, value);
  }
  bool canPrefetch() const override { return true; }
  void prefetch(OpBuilder &b, Location loc, Value address) const override {
    prefetchGlobal(b, loc, address);
  }
  // Barriers pass on what the one atomic operation orders.
  void release(OpBuilder &, Location) const override {}
  void acquire(OpBuilder &, Location) const override {}

  Value exp2(OpBuilder &b, Location loc, Value value) const override {
    return call(b, loc, "llvm.nvvm.ex2.approx.ftz.f", value);
  }
  Value log2(OpBuilder &b, Location loc, Value value) const override {
    return call(b, loc, "llvm.nvvm.lg2.approx.ftz.f", value);
  }
  Value invert(OpBuilder &b, Location loc, Value value) const override {
    return call(b, loc, "llvm.nvvm.rcp.approx.ftz.f", value);
  }
  Value tanh(OpBuilder &b, Location loc, Value value) const override {
    return approximateTanh(b, loc, value);
  }
  Value pack(OpBuilder &b, Location loc, Value low, Value high,
             bool isBF16) const override;
  SmallVector<Value> widenBytes(OpBuilder &b, Location loc, Value word,
                                ByteType type, bool isBF16) const override {
    return nvidia::widenBytes(b, loc, word, type, isBF16, features.hasFloat8);
  }
  Value narrowToByte(OpBuilder &b, Location loc, Value value,
                     ByteType type) const override;

  Value join(OpBuilder &b, Location loc, Value lhs, Value rhs) const override {
    return joinPredicates(b, loc, lhs, rhs);
  }
  Value makeMask(OpBuilder &b, Location loc, Value width) const override {
    return LLVM::CallIntrinsicOp::create(
               b, loc, b.getI32Type(), b.getStringAttr("llvm.nvvm.bmsk.clamp"),
               ValueRange{createI32(b, loc, 0), width})
        .getResults();
  }
  Value testBit(OpBuilder &b, Location loc, Value word,
                unsigned bit) const override {
    return nvidia::testBit(b, loc, word, bit);
  }

private:
  WaitKind getWaitKind(Waiter waiter) const {
    if (waiter == Waiter::Ahead)
      return WaitKind::Rested;
    return features.suspends ? WaitKind::Suspended : WaitKind::Tested;
  }
  static Value shuffle(OpBuilder &b, Location loc, Value value, int64_t lane,
                       int64_t clamp, NVVM::ShflKind kind) {
    return shuffle(b, loc, value, createI32(b, loc, lane), clamp, kind);
  }
  static Value shuffle(OpBuilder &b, Location loc, Value value, Value lane,
                       int64_t clamp, NVVM::ShflKind kind) {
    return NVVM::ShflOp::create(b, loc, value.getType(), createI32(b, loc, -1),
                                value, lane, createI32(b, loc, clamp), kind,
                                UnitAttr());
  }
  static Value call(OpBuilder &b, Location loc, StringRef intrinsic,
                    Value value) {
    return LLVM::CallIntrinsicOp::create(b, loc, value.getType(),
                                         b.getStringAttr(intrinsic), value)
        .getResult(0);
  }

  Features features;
};
} // namespace

void AsyncCopier::copy(OpBuilder &b, Location loc, Value dest, Value source,
                       Value bytes, bool) {
  NVVM::CpAsyncOp::create(b, loc, dest, source, kChunkBytes,
                          NVVM::LoadCacheModifierKind::CG, bytes);
}

/// By the time that all copies are done the others need not wait for this warp;
/// the lane that sends messages arrives also when it has sent them.
void AsyncCopier::finish(OpBuilder &b, Location loc, Value full,
                         const KernelValues &, Value isSender,
                         bool hasMessages) {
  NVVM::CpAsyncMBarrierArriveOp::create(b, loc, full, /*noinc=*/true);
  if (hasMessages)
    arriveIf(b, loc, full, isSender);
}

void NvidiaPrimitives::setKernelAttributes(LLVM::LLVMFuncOp function,
                                           int64_t threads, int64_t blocks,
                                           int64_t cluster) const {
  Builder b(function.getContext());
  auto dims = [&](int64_t x) {
    return b.getDenseI32ArrayAttr({static_cast<int32_t>(x), 1, 1});
  };
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    b.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getMaxntidAttrName(), dims(threads));
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    b.getI32IntegerAttr(static_cast<int32_t>(blocks)));
  if (cluster > 1)
    function->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      dims(cluster));
}

Value NvidiaPrimitives::pack(OpBuilder &b, Location loc, Value low, Value high,
                             bool isBF16) const {
  constexpr auto kNearest = NVVM::FPRoundingMode::RN;
  Type element = isBF16 ? Type(b.getBF16Type()) : b.getF16Type();
  auto pair = VectorType::get(2, element);
  Value packed;
  if (isBF16)
    packed = NVVM::ConvertF32x2ToBF16x2Op::create(b, loc, pair, high, low,
                                                  Value(), kNearest);
  else
    packed = NVVM::ConvertF32x2ToF16x2Op::create(b, loc, pair, high, low,
                                                 Value(), kNearest);
  return LLVM::BitcastOp::create(b, loc, b.getI32Type(), packed);
}

Value NvidiaPrimitives::narrowToByte(OpBuilder &b, Location loc, Value value,
                                     ByteType type) const {
  if (!features.hasFloat8)
    return nvidia::narrowToByte(b, loc, value, type);
  Type to = type == ByteType::E4M3 ? Type(Float8E4M3FNType::get(b.getContext()))
                                   : Type(Float8E5M2Type::get(b.getContext()));
  return NVVM::ConvertF32x2ToF8x2Op::create(
      b, loc, b.getI16Type(), value, value, NVVM::FPRoundingMode::RN,
      NVVM::SaturationMode::SATFINITE, /*relu=*/false, to);
}

const Primitives &attn::nvidia::getAmperePrimitives() {
  static const NvidiaPrimitives primitives(
      {/*hasFloat8=*/false, /*suspends=*/false});
  return primitives;
}

const Primitives &attn::nvidia::getAdaPrimitives() {
  static const NvidiaPrimitives primitives(
      {/*hasFloat8=*/true, /*suspends=*/false});
  return primitives;
}

const Primitives &attn::nvidia::getHopperPrimitives() {
  static const NvidiaPrimitives primitives(
      {/*hasFloat8=*/true, /*suspends=*/true});
  return primitives;
}

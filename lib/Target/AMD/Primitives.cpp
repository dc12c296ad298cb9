//===- Primitives.cpp - what the lowering asks, as ROCDL and LLVM ---------===//
//
// The lanes of a wave come to an instruction together. Counters of rings and
// barriers are words of shared memory, which only grow: who waits compares the
// difference to what it waits for, by one lane's value. Shared memory does one
// instruction of a wave after the other, so that one arrival is a wave's.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "ChunkQueue.h"
#include "Instructions.h"
#include "Memory.h"

#include "GPU/Emitter.h"

#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::amd;
using namespace attn::gpu;

/// Of a compute unit, or on RDNA of the two that run a block.
static constexpr int64_t kSimds = 4;

namespace {
class AmdPrimitives final : public Primitives {
public:
  explicit AmdPrimitives(int64_t lanes) : lanes(lanes) {}

  void addLegalDialects(ConversionTarget &target) const override {
    target.addLegalDialect<LLVM::LLVMDialect, ROCDL::ROCDLDialect>();
  }
  void setKernelAttributes(LLVM::LLVMFuncOp function, int64_t threads,
                           int64_t blocks, int64_t cluster) const override;

  Value getThread(OpBuilder &b, Location loc) const override {
    return ROCDL::ThreadIdXOp::create(b, loc, b.getI32Type());
  }
  Value getBlock(OpBuilder &b, Location loc) const override {
    return ROCDL::BlockIdXOp::create(b, loc, b.getI32Type());
  }
  // AMDGPUUsage, "Code object V5 metadata": hidden_block_count_x comes first.
  Value getNumBlocks(OpBuilder &b, Location loc) const override {
    return LLVM::LoadOp::create(b, loc, b.getI32Type(),
                                getHiddenArguments(b, loc), /*alignment=*/4);
  }
  Value takeFirst(OpBuilder &b, Location loc, Value value) const override {
    return ROCDL::ReadfirstlaneOp::create(b, loc, value.getType(), value);
  }
  Value take(OpBuilder &b, Location loc, Value value,
             int64_t lane) const override {
    return ROCDL::ReadlaneOp::create(b, loc, value.getType(), value,
                                     createI32(b, loc, lane));
  }
  Value takeFrom(OpBuilder &b, Location loc, Value value,
                 Value lane) const override {
    return permute(b, loc, value, lane);
  }
  Value shuffleXor(OpBuilder &b, Location loc, Value value,
                   int64_t mask) const override;
  Value shuffleUp(OpBuilder &b, Location loc, Value value,
                  int64_t distance) const override {
    Value lane = arith::SubIOp::create(b, loc, getLane(b, loc),
                                       createI32(b, loc, distance));
    return permute(b, loc, value, lane);
  }
  Value reduce(OpBuilder &b, Location loc, WarpReduction kind,
               Value value) const override;

  void meetBlock(OpBuilder &b, Location loc) const override {
    ROCDL::BarrierOp::create(b, loc);
  }
  void meet(OpBuilder &b, Location loc, const KernelValues &values,
            Value barrier, int64_t threads) const override;
  void arrive(OpBuilder &b, Location loc, const KernelValues &values,
              Value barrier, int64_t threads) const override {
    arriveIf(b, loc, getBarrier(b, loc, values, barrier), values.isFirstInWarp);
  }
  Value meetAndTake(OpBuilder &b, Location loc, const KernelValues &values,
                    Value barrier, int64_t threads, Value value) const override;

  void initCounter(OpBuilder &b, Location loc, Value counter,
                   int64_t) const override {
    Value zero = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 0);
    LLVM::StoreOp::create(b, loc, zero, counter, kBarrierBytes);
  }
  Value getNextPhase(OpBuilder &b, Location loc, Value phase,
                     Value one) const override {
    return arith::AddIOp::create(b, loc, phase, one);
  }
  Value getLastPhase(OpBuilder &b, Location loc, Value phase,
                     Value one) const override {
    return arith::SubIOp::create(b, loc, phase, one);
  }
  void waitFilled(OpBuilder &b, Location loc, Value full, Value phase,
                  int64_t arrivals) const override {
    waitReleased(b, loc, full, phase, arrivals, Waiter::Needed);
  }
  void waitReleased(OpBuilder &b, Location loc, Value empty, Value phase,
                    int64_t releases, Waiter waiter) const override;
  void arriveIf(OpBuilder &b, Location loc, Value counter,
                Value predicate) const override;
  void joinWarp(OpBuilder &, Location) const override {}
  Value readMessage(OpBuilder &b, Location loc, const KernelValues &,
                    Value address) const override {
    return takeFirst(
        b, loc,
        LLVM::LoadOp::create(b, loc, b.getI32Type(), address, /*alignment=*/4));
  }
  int64_t getCopyArrivals(int64_t warps, bool) const override { return warps; }
  std::unique_ptr<LaneCopier>
  createLaneCopier(OpBuilder &,
                   llvm::function_ref<void()> wait) const override {
    return std::make_unique<ChunkQueue>(*this, wait);
  }
  void finishCopies(OpBuilder &, Location) const override {}

  Value loadGlobalIf(OpBuilder &b, Location loc, Value address, unsigned bits,
                     Value predicate) const override;
  int64_t getStoreRegisters() const override { return 4; }
  void storeGlobalIf(OpBuilder &b, Location loc, Value address, int64_t offset,
                     Value value, Value predicate) const override;
  void storeChunkIf(OpBuilder &b, Location loc, Value address, int64_t offset,
                    ValueRange registers, Value predicate) const override;
  SmallVector<Value> loadChunkIf(OpBuilder &b, Location loc, Value address,
                                 int64_t offset,
                                 Value predicate) const override;
  Value count(OpBuilder &b, Location loc, Value address,
              Value value) const override {
    return LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::add, address,
                                     value, LLVM::AtomicOrdering::monotonic,
                                     kDeviceScope);
  }
  Value exchange(OpBuilder &b, Location loc, Value address,
                 Value value) const override {
    return LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::add, address,
                                     value, LLVM::AtomicOrdering::acq_rel,
                                     kDeviceScope);
  }
  // Each wave for itself: what orders a block orders no caches of others.
  void release(OpBuilder &b, Location loc) const override {
    LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::release, kDeviceScope);
  }
  void acquire(OpBuilder &b, Location loc) const override {
    LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::acquire, kDeviceScope);
  }

  Value exp2(OpBuilder &b, Location loc, Value value) const override {
    return ROCDL::ROCDLExp2::create(b, loc, value.getType(), value);
  }
  Value log2(OpBuilder &b, Location loc, Value value) const override {
    return ROCDL::ROCDLLog::create(b, loc, value.getType(), value);
  }
  Value invert(OpBuilder &b, Location loc, Value value) const override {
    return ROCDL::ROCDLRcp::create(b, loc, value.getType(), value);
  }
  Value tanh(OpBuilder &b, Location loc, Value value) const override;
  Value pack(OpBuilder &b, Location loc, Value low, Value high,
             bool isBF16) const override;
  SmallVector<Value> widenBytes(OpBuilder &b, Location loc, Value word,
                                ByteType type, bool isBF16) const override {
    return amd::widenBytes(b, loc, word, type, isBF16);
  }
  Value narrowToByte(OpBuilder &b, Location loc, Value value,
                     ByteType type) const override {
    return amd::narrowToByte(b, loc, value, type);
  }

  Value join(OpBuilder &b, Location loc, Value lhs, Value rhs) const override {
    return arith::AndIOp::create(b, loc, lhs, rhs);
  }
  Value makeMask(OpBuilder &b, Location loc, Value width) const override;
  Value testBit(OpBuilder &b, Location loc, Value word,
                unsigned bit) const override;

private:
  Value getLane(OpBuilder &b, Location loc) const;
  /// `value`, of 32 bits, of the lane numbered `lane`.
  static Value permute(OpBuilder &b, Location loc, Value value, Value lane);
  static Value getBarrier(OpBuilder &b, Location loc,
                          const KernelValues &values, Value barrier) {
    Value offset = arith::MulIOp::create(b, loc, barrier,
                                         createI32(b, loc, kBarrierBytes));
    return createByteOffset(b, loc, values.barriers, offset);
  }
  /// Waits until `counter` has come to `target`.
  void waitCounter(OpBuilder &b, Location loc, Value counter,
                   Value target) const;

  int64_t lanes;
};
} // namespace

void AmdPrimitives::setKernelAttributes(LLVM::LLVMFuncOp function,
                                        int64_t threads, int64_t blocks,
                                        int64_t) const {
  MLIRContext *context = function.getContext();
  Builder b(context);
  ROCDL::ROCDLDialect::KernelAttrHelper(context).setAttr(function,
                                                         b.getUnitAttr());
  std::string number = std::to_string(threads);
  ROCDL::ROCDLDialect::FlatWorkGroupSizeAttrHelper(context).setAttr(
      function, b.getStringAttr(number + "," + number));
  ROCDL::ROCDLDialect::ReqdWorkGroupSizeAttrHelper(context).setAttr(
      function, b.getDenseI32ArrayAttr({static_cast<int32_t>(threads), 1, 1}));
  int64_t waves = llvm::divideCeil(blocks * threads, lanes * kSimds);
  ROCDL::ROCDLDialect::WavesPerEuAttrHelper(context).setAttr(
      function, b.getI32IntegerAttr(waves));
  // Any register may be an accumulator; none is one alone.
  SmallVector<Attribute> passed(function.getPassthroughAttr().getValue());
  passed.push_back(b.getStrArrayAttr({"amdgpu-agpr-alloc", "0"}));
  function.setPassthroughAttr(b.getArrayAttr(passed));
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

Value AmdPrimitives::getLane(OpBuilder &b, Location loc) const {
  Type i32 = b.getI32Type();
  Value all = createI32(b, loc, -1);
  Value lane = ROCDL::MbcntLoOp::create(b, loc, i32, all, createI32(b, loc, 0),
                                        /*arg_attrs=*/{}, /*res_attrs=*/{});
  if (lanes == 64)
    lane = ROCDL::MbcntHiOp::create(b, loc, i32, all, lane, /*arg_attrs=*/{},
                                    /*res_attrs=*/{});
  return lane;
}

static Value castBits(OpBuilder &b, Location loc, Value value, Type type) {
  return value.getType() == type
             ? value
             : Value(LLVM::BitcastOp::create(b, loc, type, value));
}

Value AmdPrimitives::permute(OpBuilder &b, Location loc, Value value,
                             Value lane) {
  Type i32 = b.getI32Type();
  Value index = arith::MulIOp::create(b, loc, lane, createI32(b, loc, 4));
  Value other = ROCDL::DsBpermuteOp::create(b, loc, i32, index,
                                            castBits(b, loc, value, i32));
  return castBits(b, loc, other, value.getType());
}

/// Neighbours by the operand's selection of lanes where it has one, halves of a
/// wave of 32 by their exchange, else by what moves shared memory's data.
Value AmdPrimitives::shuffleXor(OpBuilder &b, Location loc, Value value,
                                int64_t mask) const {
  Type i32 = b.getI32Type();
  if (mask == 32)
    return permute(b, loc, value,
                   arith::XOrIOp::create(b, loc, getLane(b, loc),
                                         createI32(b, loc, mask)));
  Value bits = castBits(b, loc, value, i32), other;
  bool isWide = lanes == 64;
  // LLVM, SIDefines.h: quad_perm 0 to 0xff, row_ror 0x120 on, row_xmask 0x160
  // on (RDNA).
  std::optional<int64_t> control;
  if (!isWide && mask < 16)
    control = 0x160 + mask;
  else if (mask == 1)
    control = 0xb1;
  else if (mask == 2)
    control = 0x4e;
  else if (mask == 8)
    control = 0x128;
  if (control) {
    other = ROCDL::DPPUpdateOp::create(b, loc, i32, bits, bits, *control,
                                       /*rowMask=*/0xf, /*bankMask=*/0xf,
                                       /*boundCtrl=*/true);
  } else if (!isWide && mask == 16) {
    // Each lane that of its own number in the other row of 16.
    other = ROCDL::PermlaneX16Op::create(
        b, loc, i32, bits, bits, createI32(b, loc, 0x76543210),
        createI32(b, loc, static_cast<int32_t>(0xfedcba98)), /*fi=*/true,
        /*boundControl=*/false);
  } else {
    // ds_swizzle_b32: bits 10 to 14 are exchanged, by 0 to 4 all are kept.
    other = ROCDL::DsSwizzleOp::create(b, loc, i32, bits,
                                       createI32(b, loc, mask << 10 | 0x1f));
  }
  return castBits(b, loc, other, value.getType());
}

Value AmdPrimitives::reduce(OpBuilder &b, Location loc, WarpReduction kind,
                            Value value) const {
  for (int64_t mask = 1; mask < lanes; mask *= 2) {
    Value other = shuffleXor(b, loc, value, mask);
    if (kind == WarpReduction::Add)
      value = arith::AddIOp::create(b, loc, value, other);
    else
      value = arith::MaxSIOp::create(b, loc, value, other);
  }
  return value;
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

void AmdPrimitives::waitCounter(OpBuilder &b, Location loc, Value counter,
                                Value target) const {
  auto loop = scf::WhileOp::create(
      b, loc, TypeRange(), ValueRange(),
      [&](OpBuilder &b, Location loc, ValueRange) {
        Value now = LLVM::LoadOp::create(
            b, loc, b.getI32Type(), counter, /*alignment=*/4,
            /*isVolatile=*/false, /*isNonTemporal=*/false,
            /*isInvariant=*/false, /*isInvariantGroup=*/false,
            LLVM::AtomicOrdering::monotonic, kBlockScope);
        Value rest =
            arith::SubIOp::create(b, loc, takeFirst(b, loc, now), target);
        Value isEarly = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                              rest, createI32(b, loc, 0));
        scf::ConditionOp::create(b, loc, isEarly, ValueRange());
      },
      [&](OpBuilder &b, Location loc, ValueRange) {
        // 64 clocks, in which others have the SIMD and shared memory.
        ROCDL::SSleepOp::create(b, loc, /*count=*/1);
        scf::YieldOp::create(b, loc);
      });
  b.setInsertionPointAfter(loop);
}

void AmdPrimitives::waitReleased(OpBuilder &b, Location loc, Value empty,
                                 Value phase, int64_t releases, Waiter) const {
  Value target = arith::AddIOp::create(b, loc, phase, createI32(b, loc, 1));
  target = arith::MulIOp::create(b, loc, target, createI32(b, loc, releases));
  waitCounter(b, loc, empty, target);
  fenceShared(b, loc, LLVM::AtomicOrdering::acquire);
}

void AmdPrimitives::arriveIf(OpBuilder &b, Location loc, Value counter,
                             Value predicate) const {
  fenceShared(b, loc, LLVM::AtomicOrdering::release);
  auto choice = scf::IfOp::create(b, loc, predicate, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  LLVM::AtomicRMWOp::create(b, loc, LLVM::AtomicBinOp::add, counter,
                            createI32(b, loc, 1),
                            LLVM::AtomicOrdering::monotonic, kBlockScope);
}

/// The wave that comes knows by what it finds how often all have met.
void AmdPrimitives::meet(OpBuilder &b, Location loc, const KernelValues &values,
                         Value barrier, int64_t threads) const {
  Value counter = getBarrier(b, loc, values, barrier);
  LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::release, kBlockScope);
  auto choice = scf::IfOp::create(b, loc, b.getI32Type(), values.isFirstInWarp,
                                  /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    Value found = LLVM::AtomicRMWOp::create(
        b, loc, LLVM::AtomicBinOp::add, counter, createI32(b, loc, 1),
        LLVM::AtomicOrdering::monotonic, kBlockScope);
    scf::YieldOp::create(b, loc, found);
    b.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(b, loc, createI32(b, loc, 0));
  }
  Value waves = createI32(b, loc, threads / lanes);
  Value found = takeFirst(b, loc, choice.getResult(0));
  Value times = arith::DivUIOp::create(b, loc, found, waves);
  times = arith::AddIOp::create(b, loc, times, createI32(b, loc, 1));
  waitCounter(b, loc, counter, arith::MulIOp::create(b, loc, times, waves));
  LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::acquire, kBlockScope);
}

Value AmdPrimitives::meetAndTake(OpBuilder &b, Location loc,
                                 const KernelValues &values, Value barrier,
                                 int64_t threads, Value value) const {
  Value word = createByteOffset(b, loc, getBarrier(b, loc, values, barrier),
                                kBarrierBytes / 2);
  auto choice = scf::IfOp::create(b, loc, values.isFirstInGroup,
                                  /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    LLVM::StoreOp::create(b, loc, value, word, /*alignment=*/4);
  }
  meet(b, loc, values, barrier, threads);
  Value taken = LLVM::LoadOp::create(b, loc, b.getI32Type(), word, 4);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                               takeFirst(b, loc, taken), createI32(b, loc, 0));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value AmdPrimitives::loadGlobalIf(OpBuilder &b, Location loc, Value address,
                                  unsigned bits, Value predicate) const {
  Type type = b.getIntegerType(bits);
  Value from = chooseAddress(b, loc, predicate, address);
  Value value = LLVM::LoadOp::create(b, loc, type, from, bits / 8);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  value = arith::SelectOp::create(b, loc, predicate, value, zero);
  return bits < 32
             ? Value(arith::ExtUIOp::create(b, loc, b.getI32Type(), value))
             : value;
}

void AmdPrimitives::storeGlobalIf(OpBuilder &b, Location loc, Value address,
                                  int64_t offset, Value value,
                                  Value predicate) const {
  auto choice = scf::IfOp::create(b, loc, predicate, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  // Words of a vector need no more than what one does.
  Type element = getElementTypeOrSelf(value.getType());
  LLVM::StoreOp::create(b, loc, value,
                        createByteOffset(b, loc, address, offset),
                        element.getIntOrFloatBitWidth() / 8);
}

void AmdPrimitives::storeChunkIf(OpBuilder &b, Location loc, Value address,
                                 int64_t offset, ValueRange registers,
                                 Value predicate) const {
  auto choice = scf::IfOp::create(b, loc, predicate, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  Value chunk = LLVM::PoisonOp::create(
      b, loc, VectorType::get(registers.size(), b.getI32Type()));
  for (auto [i, word] : llvm::enumerate(registers))
    chunk = LLVM::InsertElementOp::create(b, loc, chunk, word,
                                          createI32(b, loc, i));
  LLVM::StoreOp::create(b, loc, chunk,
                        createByteOffset(b, loc, address, offset), kChunkBytes);
}

SmallVector<Value> AmdPrimitives::loadChunkIf(OpBuilder &b, Location loc,
                                              Value address, int64_t offset,
                                              Value predicate) const {
  Value chunk = amd::loadChunkIf(
      b, loc, createByteOffset(b, loc, address, offset), predicate);
  SmallVector<Value> words;
  for (int64_t i = 0; i < kChunkBytes / 4; ++i)
    words.push_back(
        LLVM::ExtractElementOp::create(b, loc, chunk, createI32(b, loc, i)));
  return words;
}

//===----------------------------------------------------------------------===//
// Numbers and bits
//===----------------------------------------------------------------------===//

/// 1 - 2 / (1 + e^2x), and x - x^3/3 + 2 x^5/15 where that would be a
/// difference of neighbours.
Value AmdPrimitives::tanh(OpBuilder &b, Location loc, Value value) const {
  auto number = [&](double x) -> Value {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(x));
  };
  auto mul = [&](Value x, Value y) -> Value {
    return arith::MulFOp::create(b, loc, x, y, arith::FastMathFlags::contract);
  };
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(b, loc, x, y, arith::FastMathFlags::contract);
  };
  // 2 log2(e).
  Value power = exp2(b, loc, mul(value, number(2.8853900817779268)));
  Value large =
      add(number(1), mul(number(-2), invert(b, loc, add(number(1), power))));
  Value square = mul(value, value);
  Value series = add(number(-1.0 / 3), mul(square, number(2.0 / 15)));
  Value small = add(value, mul(mul(value, square), series));
  constexpr double kSmallSquare = 1.0 / 64;
  Value isSmall = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OLT,
                                        square, number(kSmallSquare));
  return arith::SelectOp::create(b, loc, isSmall, small, large);
}

Value AmdPrimitives::pack(OpBuilder &b, Location loc, Value low, Value high,
                          bool isBF16) const {
  Value pair =
      LLVM::PoisonOp::create(b, loc, VectorType::get(2, b.getF32Type()));
  for (auto [i, value] : llvm::enumerate(ArrayRef<Value>{low, high}))
    pair = LLVM::InsertElementOp::create(b, loc, pair, value,
                                         createI32(b, loc, i));
  Type element = isBF16 ? Type(b.getBF16Type()) : b.getF16Type();
  Value narrow =
      LLVM::FPTruncOp::create(b, loc, VectorType::get(2, element), pair);
  return LLVM::BitcastOp::create(b, loc, b.getI32Type(), narrow);
}

Value AmdPrimitives::makeMask(OpBuilder &b, Location loc, Value width) const {
  Value all = createI32(b, loc, -1), one = createI32(b, loc, 1);
  Value isFull = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, width,
                                       createI32(b, loc, 32));
  Value mask = arith::SubIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, one, width), one);
  return arith::SelectOp::create(b, loc, isFull, all, mask);
}

Value AmdPrimitives::testBit(OpBuilder &b, Location loc, Value word,
                             unsigned bit) const {
  Value own = arith::AndIOp::create(
      b, loc, word, createI32(b, loc, static_cast<int32_t>(1u << bit)));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, own,
                               createI32(b, loc, 0));
}

const Primitives &amd::getGfx9Primitives() {
  static const AmdPrimitives primitives(/*lanes=*/64);
  return primitives;
}

const Primitives &amd::getGfx11Primitives() {
  static const AmdPrimitives primitives(/*lanes=*/32);
  return primitives;
}

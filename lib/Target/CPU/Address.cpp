//===- Address.cpp - indices, buffers and memory accesses -----------------===//
//
// Memory is reached by llvm.getelementptr without `inbounds` or `nuw`: strides
// of the caller's tensors may be negative, and `memref` ops promise that they
// are not. Loads and stores claim no more than an element's alignment.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static constexpr auto noWrap = arith::IntegerOverflowFlags::nsw;

Value Emitter::constant(int64_t value) {
  return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
}

Value Emitter::add(Value a, Value c) {
  return b.createOrFold<arith::AddIOp>(a, c, noWrap);
}

Value Emitter::mul(Value a, Value c) {
  return b.createOrFold<arith::MulIOp>(a, c, noWrap);
}

Value Emitter::minimum(Value a, Value c) {
  return b.createOrFold<arith::MinSIOp>(a, c);
}

Value Emitter::toValue(Index index) {
  if (!index.dynamic)
    return constant(index.constant);
  if (index.constant == 0)
    return index.dynamic;
  return add(index.dynamic, constant(index.constant));
}

Value Emitter::toI64(Value index) {
  return b.createOrFold<arith::IndexCastOp>(i64, index);
}

Value Emitter::toIndex(Value value) {
  return b.createOrFold<arith::IndexCastOp>(b.getIndexType(), value);
}

VectorType Emitter::vectorOf(Type element, int64_t factor) {
  return VectorType::get({machine.lanes * factor}, element);
}

Value Emitter::splat(Value scalar) {
  if (isa<VectorType>(scalar.getType()))
    return scalar;
  return vector::BroadcastOp::create(b, vectorOf(scalar.getType()), scalar);
}

Value Emitter::advance(Value pointer, Type element, Index offset) {
  if (offset.dynamic)
    pointer = LLVM::GEPOp::create(b, pointerType, element, pointer,
                                  ValueRange(offset.dynamic));
  if (offset.constant == 0)
    return pointer;
  // Constant indices of the op hold fewer bits than the scratch of large tiles
  // has bytes.
  if (!llvm::isInt<LLVM::kGEPConstantBitWidth>(offset.constant))
    return LLVM::GEPOp::create(b, pointerType, element, pointer,
                               ValueRange(constant(offset.constant)));
  return LLVM::GEPOp::create(
      b, pointerType, element, pointer,
      ArrayRef<LLVM::GEPArg>(static_cast<int32_t>(offset.constant)));
}

Value Emitter::getAddress(const Access &access, const Point &point) {
  Index offset;
  auto addDynamic = [&](Value value) {
    offset.dynamic = offset.dynamic ? add(offset.dynamic, value) : value;
  };
  for (auto [dim, index] : llvm::enumerate(point)) {
    Index at = index;
    // Points 2i and 2i+1 share a row of pairs: a block starts at an even point.
    int64_t within = 0;
    if (int64_t(dim) == access.form.pairDim) {
      if (at.dynamic) {
        at.dynamic = arith::ShRUIOp::create(b, at.dynamic, constant(1));
        assert(at.constant % 2 == 0 && "a dynamic row of pairs is addressed at "
                                       "an even offset");
      }
      within = at.constant % 2;
      at.constant /= 2;
    }
    const Stride &stride = access.strides[dim];
    offset.constant += within;
    if (stride.dynamic) {
      if (at.dynamic || at.constant != 0)
        addDynamic(mul(toValue(at), stride.dynamic));
      continue;
    }
    offset.constant += at.constant * stride.constant;
    if (at.dynamic)
      addDynamic(stride.constant == 1
                     ? at.dynamic
                     : mul(at.dynamic, constant(stride.constant)));
  }
  return advance(access.pointer, access.form.storage, offset);
}

static unsigned getAlignment(Type element) {
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

Value Emitter::loadScalar(const Access &access, const Point &point) {
  Type storage = access.form.storage;
  return LLVM::LoadOp::create(b, storage, getAddress(access, point),
                              getAlignment(storage));
}

void Emitter::storeScalar(const Access &access, const Point &point,
                          Value value) {
  LLVM::StoreOp::create(b, value, getAddress(access, point),
                        getAlignment(access.form.storage));
}

Value Emitter::loadVector(const Access &access, const Point &point,
                          int64_t lane) {
  Type storage = access.form.storage;
  if (lane < 0)
    return splat(loadScalar(access, point));
  VectorType type = vectorOf(storage);
  if (lane != access.form.lane || access.form.pairDim >= 0) {
    // Not contiguous: lane by lane. Beyond the buffer's points anything is
    // read, so repeat the last.
    Value result = arith::ConstantOp::create(b, b.getZeroAttr(type));
    for (int64_t i = 0; i < machine.lanes; ++i) {
      Point at = point;
      at[lane] = at[lane] + i;
      if (access.laneLimit && !at[lane].dynamic)
        at[lane].constant = std::min(at[lane].constant, *access.laneLimit - 1);
      Value scalar = loadScalar(access, at);
      result = vector::InsertOp::create(b, scalar, result, i);
    }
    return result;
  }
  Value address = getAddress(access, point);
  const Index &at = point[lane];
  if (access.laneLimit && !at.dynamic &&
      at.constant + machine.lanes > *access.laneLimit) {
    SmallVector<bool> bits(machine.lanes, false);
    for (int64_t i = 0; i < machine.lanes; ++i)
      bits[i] = at.constant + i < *access.laneLimit;
    Value mask = arith::ConstantOp::create(
        b,
        DenseElementsAttr::get(vectorOf(b.getI1Type()), ArrayRef<bool>(bits)));
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
    return LLVM::MaskedLoadOp::create(
        b, type, address, mask, zero,
        b.getI32IntegerAttr(getAlignment(storage)), UnitAttr());
  }
  return LLVM::LoadOp::create(b, type, address, getAlignment(storage));
}

void Emitter::storeVector(const Access &access, const Point &point,
                          int64_t lane, Value value) {
  value = toStorage(value, access.form.storage);
  if (lane < 0) {
    storeScalar(access, point, vector::ExtractOp::create(b, value, 0));
    return;
  }
  LLVM::StoreOp::create(b, value, getAddress(access, point),
                        getAlignment(access.form.storage));
}

Value Emitter::fromStorage(Value value, Type element) {
  Type target = element;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    target = vector.clone(element);
  Type from = getElementTypeOrSelf(value.getType());
  if (from == element)
    return value;
  if (element.isIndex())
    return arith::IndexCastOp::create(b, target, value);
  if (element.isInteger(1))
    return arith::TruncIOp::create(b, target, value);
  if (from.getIntOrFloatBitWidth() == element.getIntOrFloatBitWidth())
    return arith::BitcastOp::create(b, target, value);
  if (cast<FloatType>(from).getWidth() < cast<FloatType>(element).getWidth())
    return arith::ExtFOp::create(b, target, value);
  return arith::TruncFOp::create(b, target, value);
}

Value Emitter::toFloat(Value value, Value tile) {
  Type element = cast<RankedTensorType>(tile.getType()).getElementType();
  Type f32 = b.getF32Type();
  if (isa<FloatType>(getElementTypeOrSelf(value.getType())))
    return fromStorage(value, f32);
  if (isa<FloatType>(element))
    return fromStorage(fromStorage(value, element), f32);
  Type target = f32;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    target = vector.clone(f32);
  return arith::SIToFPOp::create(b, target, value);
}

Value Emitter::toStorage(Value value, Type storage) {
  Type from = getElementTypeOrSelf(value.getType());
  if (from == storage)
    return value;
  Type target = storage;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    target = vector.clone(storage);
  if (from.isIndex())
    return arith::IndexCastOp::create(b, target, value);
  if (from.isInteger(1))
    return arith::ExtUIOp::create(b, target, value);
  return fromStorage(value, storage);
}

Access Emitter::allocate(RankedTensorType type, Form form) {
  Access access;
  access.form = form;
  access.strides.resize(type.getRank());
  int64_t stride = 1;
  auto place = [&](int64_t dim, int64_t points) {
    access.strides[dim].constant = stride;
    stride *= points;
  };
  if (form.pairDim >= 0)
    stride = 2;
  int64_t lane = form.lane >= 0 ? form.lane : -1;
  if (lane >= 0 && lane != form.pairDim)
    place(lane, llvm::alignTo(type.getDimSize(lane), machine.lanes));
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim)
    if (dim == form.pairDim)
      place(dim, llvm::divideCeil(type.getDimSize(dim), 2));
    else if (dim != lane)
      place(dim, type.getDimSize(dim));
  int64_t bytes = std::max(stride, machine.lanes) *
                  (form.storage.getIntOrFloatBitWidth() / 8);
  access.pointer = advance(scratch, b.getI8Type(), Index(scratchUsed));
  scratchUsed += llvm::alignTo(bytes, 64);
  scratchPeak = std::max(scratchPeak, scratchUsed);
  return access;
}

void Emitter::setBuffer(Value tile, Access access) {
  for (Access &known : buffers[tile])
    if (known.form == access.form) {
      known = access;
      return;
    }
  buffers[tile].push_back(access);
}

const Access *Emitter::findBuffer(Value tile, int64_t lane) const {
  auto it = buffers.find(tile);
  if (it == buffers.end())
    return nullptr;
  Type storage =
      getStorageType(cast<RankedTensorType>(tile.getType()).getElementType());
  const Access *found = nullptr;
  for (const Access &access : it->second)
    if (access.form.storage == storage && access.form.pairDim < 0 &&
        (!found || access.form.lane == lane))
      found = &access;
  return found;
}

Access Emitter::getBuffer(Value tile, Form form) {
  for (const Access &access : buffers[tile])
    if (access.form == form)
      return access;
  if (form == layout.getNaturalForm(tile)) {
    Access natural = allocate(cast<RankedTensorType>(tile.getType()), form);
    if (failed(materialise(tile, natural)))
      failedEvaluation = true;
    setBuffer(tile, natural);
    return natural;
  }
  return repack(tile, form);
}

/// Pairs are addressed as rows of twice the points.
void Emitter::selectElement(Access &access, Point &point) {
  int64_t pairDim = access.form.pairDim;
  if (pairDim < 0)
    return;
  Value at = toValue(point[pairDim]);
  Value within = arith::AndIOp::create(b, at, constant(1));
  point[pairDim] = Index(arith::SubIOp::create(b, at, within));
  access.pointer = advance(access.pointer, access.form.storage, Index(within));
}

Access Emitter::repack(Value tile, Form form) {
  auto type = cast<RankedTensorType>(tile.getType());
  const Access *known = findBuffer(tile, form.lane);
  Access source = known ? *known : getBuffer(tile, layout.getNaturalForm(tile));
  Access target = allocate(type, form);
  if (form.pairDim >= 0)
    fill(type, target, b.getZeroAttr(form.storage));
  std::function<void(int64_t, Point)> copy = [&](int64_t dim, Point point) {
    if (dim == type.getRank()) {
      Value value = toStorage(loadScalar(source, point), form.storage);
      Access element = target;
      selectElement(element, point);
      storeScalar(element, point, value);
      return;
    }
    loop(constant(0), getBound(tile, dim), 1, [&](Value iv) {
      Point next = point;
      next.push_back(Index(iv));
      copy(dim + 1, next);
    });
  };
  copy(0, {});
  return target;
}

void Emitter::loop(Value lower, Value upper, int64_t step, Body body) {
  scf::ForOp::create(b, lower, upper, constant(step), ValueRange(),
                     [&](OpBuilder &nested, Location, Value iv, ValueRange) {
                       OpBuilder::InsertionGuard guard(b);
                       b.setInsertionPointToEnd(nested.getInsertionBlock());
                       body(iv);
                       scf::YieldOp::create(b);
                     });
}

scf::ForOp Emitter::reductionLoop(
    Value lower, Value upper, int64_t step, ValueRange inits,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  return scf::ForOp::create(
      b, lower, upper, constant(step), inits,
      [&](OpBuilder &nested, Location, Value iv, ValueRange arguments) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToEnd(nested.getInsertionBlock());
        SmallVector<Value> results = body(iv, arguments);
        scf::YieldOp::create(b, results);
      });
}

bool Emitter::hasDynamicBound(Value tile, int64_t dim) const {
  return count && sweep && layout.isSwept(sweep, tile, dim);
}

Value Emitter::getBound(Value tile, int64_t dim) {
  if (hasDynamicBound(tile, dim))
    return count;
  return constant(cast<RankedTensorType>(tile.getType()).getDimSize(dim));
}

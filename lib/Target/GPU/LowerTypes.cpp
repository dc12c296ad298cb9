//===- LowerTypes.cpp - what types of pipe become -------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// The registers that digits of `dim` count; with `dim` of none, all.
static int64_t countRegisters(FragmentAttr fragment,
                              std::optional<unsigned> dim) {
  int64_t count = 1;
  for (DigitAttr digit : fragment.getRegisters())
    if (!dim || digit.getDim() == *dim)
      count *= digit.getSize();
  return count;
}

int64_t attn::gpu::getNumRegisters(RankedTensorType type) {
  int64_t count;
  if (auto slice = dyn_cast<SliceAttr>(type.getEncoding()))
    count = countRegisters(slice.getParent(), 1 - slice.getDim());
  else
    count = countRegisters(cast<FragmentAttr>(type.getEncoding()), {});
  // Two elements of 16 bits share a register.
  return type.getElementTypeBitWidth() == 16 ? count / 2 : count;
}

Value attn::gpu::createI32(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIntOp::create(b, loc, b.getI32Type(), value);
}

Value attn::gpu::createByteOffset(OpBuilder &b, Location loc, Value pointer,
                                  Value offset) {
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer,
                             LLVM::GEPArg(offset));
}

Value attn::gpu::createByteOffset(OpBuilder &b, Location loc, Value pointer,
                                  int64_t offset) {
  if (offset == 0)
    return pointer;
  return LLVM::GEPOp::create(b, loc, pointer.getType(), b.getI8Type(), pointer,
                             LLVM::GEPArg(static_cast<int32_t>(offset)));
}

static bool isRegisterType(Type element) {
  return element.isF32() || element.isInteger(32) || element.isInteger(1) ||
         element.isBF16() || element.isF16();
}

PipeTypeConverter::PipeTypeConverter(MLIRContext *context) {
  Type i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64);
  Type shared = LLVM::LLVMPointerType::get(context, kSharedSpace);
  Type global = LLVM::LLVMPointerType::get(context, kGlobalSpace);

  addConversion([](Type type) -> std::optional<Type> {
    if (isa<PipeDialect>(type.getDialect()))
      return std::nullopt;
    return type;
  });
  // LLVM has no floats of 8 bits.
  addConversion([context](FloatType type) -> std::optional<Type> {
    if (type.getWidth() != 8)
      return std::nullopt;
    return IntegerType::get(context, 8);
  });
  // Registers; 16-bit elements in pairs.
  auto convertTile = [i32](RankedTensorType type,
                           SmallVectorImpl<Type> &results) {
    Type element = type.getElementType();
    if (!getFragment(type) || !isRegisterType(element))
      return failure();
    if (type.getElementTypeBitWidth() == 16)
      element = i32;
    results.append(getNumRegisters(type), element);
    return success();
  };
  addConversion(
      [=](RankedTensorType type,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        return convertTile(type, results);
      });
  addConversion(
      [=](TokenType type,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        return convertTile(type.getAccumulator(), results);
      });
  // The address, and its bits 4 to 17 as a descriptor has them.
  addConversion(
      [=](SharedType,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        results.append({shared, i64});
        return success();
      });
  // The control block, then as a tile, the first slot.
  addConversion(
      [=](RingType,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        results.append({shared, shared, i64});
        return success();
      });
  // The slot's number, and the parity of the phase in which it is filled.
  addConversion(
      [=](CursorType,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        results.append({i32, i32});
        return success();
      });
  // The address.
  addConversion([=](ArrayType type) -> Type {
    return type.getGlobal() ? global : shared;
  });
  // The address, extents, and strides in elements; that of the last dimension
  // only of strided ones.
  addConversion(
      [=](GlobalType type,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        results.push_back(global);
        results.append(type.getRank(), i32);
        results.append(type.getNumStrides(), i64);
        return success();
      });
  // That of the lane.
  addConversion([=](PagesType) -> Type { return i32; });
  // The number of the first named barrier.
  addConversion([=](TurnType) -> Type { return i32; });
  // The number of items, and for dynamic work, the counter; of a stream what
  // Stream.h lists.
  addConversion(
      [=](WorkType type,
          SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
        if (type.getKind() == WorkKind::Stream)
          results.append({shared, global, global});
        else
          results.push_back(i32);
        if (type.getKind() == WorkKind::Dynamic)
          results.push_back(global);
        return success();
      });
  addTargetMaterialization([](OpBuilder &b, TypeRange types, ValueRange inputs,
                              Location loc) -> SmallVector<Value> {
    return UnrealizedConversionCastOp::create(b, loc, types, inputs)
        .getResults();
  });
  addSourceMaterialization(
      [](OpBuilder &b, Type type, ValueRange inputs, Location loc) -> Value {
        return UnrealizedConversionCastOp::create(b, loc, type, inputs)
            .getResult(0);
      });
}

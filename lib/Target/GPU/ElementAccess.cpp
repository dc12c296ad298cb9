//===- ElementAccess.cpp - loads and stores of one element ----------------===//

#include "ElementAccess.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// LLVM has no floats of 8 bits.
static Type getScalarType(Type element) {
  bool isByte = element.getIntOrFloatBitWidth() == 8;
  return isByte ? IntegerType::get(element.getContext(), 8) : element;
}

Type attn::gpu::getMemoryType(Type element) {
  bool isBit = element.isInteger(1);
  return isBit ? IntegerType::get(element.getContext(), 8)
               : getScalarType(element);
}

ElementAccess::ElementAccess(OpBuilder &b, Location loc, Type source,
                             ValueRange lowered, ArrayRef<ValueRange> indices)
    : b(b), loc(loc), type(getScalarType(getElementType(source))),
      memoryType(getMemoryType(type)) {
  if (auto array = dyn_cast<ArrayType>(source))
    locate(array, lowered, indices);
  else
    locate(cast<GlobalType>(source), lowered, indices);
}

void ElementAccess::restrict(Value condition) {
  exists =
      exists ? arith::AndIOp::create(b, loc, exists, condition) : condition;
}

Value ElementAccess::load(TypedAttr beyond) {
  if (!exists)
    return loadAlways();
  auto ifOp = scf::IfOp::create(b, loc, type, exists, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(ifOp.thenBlock());
  scf::YieldOp::create(b, loc, loadAlways());
  b.setInsertionPointToStart(ifOp.elseBlock());
  Value other =
      arith::ConstantOp::create(b, loc, beyond ? beyond : b.getZeroAttr(type));
  scf::YieldOp::create(b, loc, other);
  return ifOp.getResult(0);
}

void ElementAccess::store(Value value) {
  OpBuilder::InsertionGuard guard(b);
  if (exists) {
    auto ifOp = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
    b.setInsertionPointToStart(ifOp.thenBlock());
  }
  if (memoryType != type)
    value = arith::ExtUIOp::create(b, loc, memoryType, value);
  LLVM::StoreOp::create(b, loc, value, address);
}

void ElementAccess::prefetch(const Primitives &primitives) {
  OpBuilder::InsertionGuard guard(b);
  if (exists) {
    auto ifOp = scf::IfOp::create(b, loc, exists, /*withElseRegion=*/false);
    b.setInsertionPointToStart(ifOp.thenBlock());
  }
  primitives.prefetch(b, loc, address);
}

Value ElementAccess::loadAlways() {
  Value value = LLVM::LoadOp::create(b, loc, memoryType, address);
  if (memoryType != type)
    value = arith::TruncIOp::create(b, loc, type, value);
  return value;
}

Value ElementAccess::createAddress(Value base, Value offset) {
  return LLVM::GEPOp::create(b, loc, base.getType(), memoryType, base,
                             LLVM::GEPArg(offset));
}

void ElementAccess::locate(ArrayType array, ValueRange lowered,
                           ArrayRef<ValueRange> indices) {
  Value offset = indices[0][0];
  for (auto [index, size] :
       llvm::zip_equal(indices.drop_front(), array.getShape().drop_front())) {
    offset = arith::MulIOp::create(b, loc, offset, createI32(b, loc, size));
    offset = arith::AddIOp::create(b, loc, offset, index[0]);
  }
  address = createAddress(lowered[0], offset);
}

void ElementAccess::locate(GlobalType global, ValueRange lowered,
                           ArrayRef<ValueRange> indices) {
  unsigned rank = global.getRank();
  ValueRange extents = lowered.slice(1, rank);
  ValueRange strides = lowered.drop_front(1 + rank);
  Value offset;
  for (unsigned dim = 0; dim < rank; ++dim) {
    Value index = indices[dim][0];
    // Unsigned: a negative index is beyond any extent.
    Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         index, extents[dim]);
    restrict(inside);
    Value term = arith::ExtSIOp::create(b, loc, b.getI64Type(), index);
    if (dim < strides.size())
      term = arith::MulIOp::create(b, loc, term, strides[dim]);
    offset = offset ? arith::AddIOp::create(b, loc, offset, term) : term;
  }
  address = createAddress(lowered[0], offset);
}

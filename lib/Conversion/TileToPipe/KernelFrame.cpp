//===- KernelFrame.cpp - the kernel around a tile program -----------------===//

#include "KernelFrame.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

using namespace mlir;
using namespace attn;

Value KernelFrame::i32(int64_t value) {
  return arith::ConstantIntOp::create(b, b.getI32Type(), value);
}

FailureOr<Type> KernelFrame::getArgumentType(unsigned index) {
  Type type = program.getArgumentTypes()[index];
  if (type.isIndex())
    return getIndexType();
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref)
    return type;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(memref.getStridesAndOffset(strides, offset)) ||
      memref.getRank() == 0)
    return program.emitOpError("expects tensors with dimensions and strides in "
                               "a program for a GPU, but got ")
           << memref;
  return Type(pipe::GlobalType::get(
      b.getContext(), memref.getShape(), memref.getElementType(),
      /*strided=*/strides.back() != 1 && !rows.contains(index)));
}

ArrayAttr KernelFrame::getShape(unsigned index) {
  SmallVector<Attribute> shape(
      program.getArgAttrOfType<ArrayAttr>(index, tile::kShapeAttr).getValue());
  for (Attribute &entry : shape)
    if (auto rank = dyn_cast<StringAttr>(entry))
      if (std::optional<int64_t> extent = program.getStaticExtent(rank))
        entry = b.getI64IntegerAttr(*extent);
  return b.getArrayAttr(shape);
}

LogicalResult KernelFrame::createKernel(int64_t cluster) {
  SmallVector<Type> types;
  SmallVector<Attribute> attrs;
  SmallVector<std::optional<unsigned>> numbers;
  for (auto [index, type] : llvm::enumerate(program.getArgumentTypes())) {
    if (getString(index, tile::kExtentAttr)) {
      numbers.push_back(std::nullopt);
      continue;
    }
    FailureOr<Type> lowered = getArgumentType(index);
    if (failed(lowered))
      return failure();
    numbers.push_back(types.size());
    types.push_back(*lowered);
    NamedAttrList list;
    list.append(pipe::kNameAttr, getString(index, tile::kNameAttr));
    if (isa<MemRefType>(type)) {
      list.append(pipe::kAccessAttr, getString(index, tile::kAccessAttr));
      list.append(pipe::kShapeAttr, getShape(index));
      if (Attribute most = program.getArgAttr(index, tile::kMostAttr))
        list.append(pipe::kMostAttr, most);
    }
    attrs.push_back(list.getDictionary(b.getContext()));
  }
  kernel = pipe::KernelOp::create(
      b, program.getSymNameAttr(), TypeAttr::get(b.getFunctionType(types, {})),
      b.getI64IntegerAttr(cluster), /*blocks=*/b.getI64IntegerAttr(1),
      b.getArrayAttr(attrs),
      /*res_attrs=*/ArrayAttr());
  Block *body = b.createBlock(&kernel.getBody());
  for (Type type : types)
    body->addArgument(type, b.getLoc());
  for (std::optional<unsigned> number : numbers)
    arguments.push_back(number ? body->getArgument(*number) : Value());
  return success();
}

FailureOr<Value> KernelFrame::evaluate(Attribute expression) {
  if (auto number = dyn_cast<IntegerAttr>(expression))
    return i32(number.getInt());
  if (auto rank = dyn_cast<StringAttr>(expression))
    return getExtent(rank);
  auto parts = dyn_cast<ArrayAttr>(expression);
  auto kind = parts && parts.size() == 3 ? dyn_cast<StringAttr>(parts[0])
                                         : StringAttr();
  if (!kind || (kind != "mul" && kind != "ceildiv"))
    return program.emitOpError("expects extents that are products or quotients "
                               "of others in a program for a GPU, but got ")
           << expression;
  FailureOr<Value> lhs = evaluate(parts[1]), rhs = evaluate(parts[2]);
  if (failed(lhs) || failed(rhs))
    return failure();
  if (kind == "mul")
    return Value(arith::MulIOp::create(b, *lhs, *rhs));
  return Value(arith::CeilDivUIOp::create(b, *lhs, *rhs));
}

FailureOr<Value> KernelFrame::getExtent(StringRef rank) {
  if (std::optional<int64_t> extent = program.getStaticExtent(rank))
    return i32(*extent);
  if (std::optional<unsigned> number = program.getExtentArgument(rank))
    if (Attribute value = program.getArgAttr(*number, tile::kValueAttr))
      return evaluate(value);
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    auto shape = program.getArgAttrOfType<ArrayAttr>(index, tile::kShapeAttr);
    if (!shape)
      continue;
    for (auto [dim, entry] : llvm::enumerate(shape))
      if (auto name = dyn_cast<StringAttr>(entry); name && name == rank)
        return pipe::DimOp::create(b, b.getI32Type(), argument, dim)
            .getResult();
  }
  return program.emitOpError("expects a tensor with rank '")
         << rank << "', whose extent a program for a GPU needs";
}

FailureOr<SmallVector<Value>> KernelFrame::getCounts() {
  SmallVector<Value> counts;
  for (auto [rank, size] :
       llvm::zip_equal(program.getSpaceRanks().getAsValueRange<StringAttr>(),
                       program.getSpaceTiles())) {
    FailureOr<Value> extent = getExtent(rank);
    if (failed(extent))
      return failure();
    if (program.getLayout(rank))
      extent = i32(*program.getStaticCoordinates(rank));
    counts.push_back(*extent);
    if (size != 1)
      counts.back() = arith::CeilDivUIOp::create(b, *extent, i32(size));
  }
  return counts;
}

FailureOr<Value> KernelFrame::getGuard() {
  if (!program.getGuardRank())
    return Value();
  FailureOr<Value> extent = getExtent(*program.getGuardRank());
  if (failed(extent))
    return failure();
  Value reached = arith::MinUIOp::create(
      b,
      arith::DivUIOp::create(b, *extent,
                             i32(program.getGuardBound().value_or(1))),
      i32(1));
  if (program.getGuardBelow())
    reached = arith::SubIOp::create(b, i32(1), reached);
  return reached;
}

LogicalResult KernelFrame::bindArguments(ScalarEmitter &emitter) {
  for (auto [index, type] : llvm::enumerate(program.getArgumentTypes())) {
    Value original = program.getBody().getArgument(index);
    if (isa<MemRefType>(type)) {
      emitter.setTensor(original, arguments[index]);
      bool isTable = llvm::any_of(original.getUsers(), [](Operation *user) {
        return ScalarEmitter::isTableOp(user) || isa<tile::GatherOp>(user);
      });
      isTable |= llvm::any_of(original.getUsers(), [&](Operation *user) {
        auto load = dyn_cast<tile::LoadOp>(user);
        return load && load.getTable() == original;
      });
      if (!isTable)
        continue;
      SmallVector<Value> extents;
      auto shape = program.getArgAttrOfType<ArrayAttr>(index, tile::kShapeAttr);
      for (Attribute entry : shape) {
        if (auto known = dyn_cast<IntegerAttr>(entry)) {
          extents.push_back(i32(known.getInt()));
          continue;
        }
        FailureOr<Value> extent = getExtent(cast<StringAttr>(entry));
        if (failed(extent))
          return failure();
        extents.push_back(*extent);
      }
      emitter.setTable(original, extents);
    } else if (StringAttr rank = getString(index, tile::kExtentAttr)) {
      FailureOr<Value> extent = getExtent(rank);
      if (failed(extent))
        return failure();
      emitter.setScalar(original, *extent);
    } else if (type.isIndex()) {
      // What no 32 bits hold is further than any coordinate.
      Type wide = getIndexType();
      auto limit = [&](int64_t value) {
        return arith::ConstantIntOp::create(b, wide, value);
      };
      Value value = arith::MinSIOp::create(
          b,
          arith::MaxSIOp::create(b, arguments[index],
                                 limit(std::numeric_limits<int32_t>::min())),
          limit(std::numeric_limits<int32_t>::max()));
      emitter.setScalar(original,
                        arith::TruncIOp::create(b, b.getI32Type(), value));
    } else {
      emitter.setScalar(original, arguments[index]);
    }
  }
  return success();
}

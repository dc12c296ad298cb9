//===- EmitPredicate.cpp - predicates of masks in a program ---------------===//
//
// A `where` region at the coordinates of a point, or of a tile's base. What it
// reads of tables stays in them, and no divisor is 0.
//
//===----------------------------------------------------------------------===//

#include "ProgramEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// That divisors are positive is a fact that a caller keeps; a kernel does not
/// fault on one who does not.
void attn::guardDivisor(OpBuilder &builder, Operation *op,
                        MutableArrayRef<Value> operands) {
  if (!isa<arith::FloorDivSIOp, arith::CeilDivSIOp, arith::DivSIOp,
           arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op) ||
      matchPattern(operands[1], m_Constant()))
    return;
  Location loc = op->getLoc();
  Type type = operands[1].getType();
  TypedAttr one = builder.getIntegerAttr(getElementTypeOrSelf(type), 1);
  auto tile = dyn_cast<RankedTensorType>(type);
  Value least = tile ? buildSplat(builder, loc, tile, one)
                     : arith::ConstantOp::create(builder, loc, one).getResult();
  operands[1] = arith::MaxSIOp::create(builder, loc, operands[1], least);
}

bool ProgramEmitter::isInOneBlock(StringRef rank, int64_t block) const {
  auto it = places.find(rank);
  if (it == places.end())
    return false;
  const RankPlace &place = it->second;
  return place.tile > 0 && place.base && block > 0 && block % place.tile == 0;
}

Value ProgramEmitter::getBlockOfRows(EinsumOp op, Operation *inner) {
  APInt size;
  if (!isa<arith::FloorDivSIOp, arith::DivUIOp, arith::DivSIOp>(inner) ||
      !matchPattern(inner->getOperand(1), m_ConstantInt(&size)))
    return {};
  auto index = inner->getOperand(0).getDefiningOp<IndexOp>();
  if (!index)
    return {};
  StringAttr rank =
      op.getVariableRank(*op.getVariablePosition(index.getVariable()));
  int64_t block = size.getSExtValue();
  if (!isInOneBlock(rank, block))
    return {};
  return arith::FloorDivSIOp::create(
      builder, inner->getLoc(), places[rank].base, getIndexConstant(block));
}

Value ProgramEmitter::getPartOfStep(Operation *inner, const IRMapping &known) {
  APInt width;
  if (!runStep ||
      !isa<arith::FloorDivSIOp, arith::DivUIOp, arith::RemUIOp>(inner) ||
      !matchPattern(inner->getOperand(1), m_ConstantInt(&width)) ||
      width != runStep->packing.getWidth())
    return {};
  auto sum = inner->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!sum || !llvm::is_contained(sum->getOperands(), runStep->base))
    return {};
  bool isFirst = sum.getLhs() == runStep->base;
  auto index = (isFirst ? sum.getRhs() : sum.getLhs()).getDefiningOp<IndexOp>();
  if (!index)
    return {};
  if (!isa<arith::RemUIOp>(inner))
    return runStep->run;
  return arith::AddIOp::create(builder, inner->getLoc(), runStep->place,
                               known.lookup<Value>(index.getResult()));
}

/// Whether each coordinate is a variable of the tensor's own rank, which is
/// never outside.
static bool isReadAtOwnRanks(ReadOp read, ArrayRef<StringAttr> ranks) {
  auto einsum = read->getParentOfType<EinsumOp>();
  for (auto [coordinate, rank] : llvm::zip(read.getCoordinates(), ranks)) {
    auto index = coordinate.getDefiningOp<IndexOp>();
    if (!index || einsum.getVariableRank(
                      *einsum.getVariablePosition(index.getVariable())) != rank)
      return false;
  }
  return true;
}

FailureOr<Value> ProgramEmitter::emitRead(ReadOp read,
                                          const MemoryTensor &table,
                                          ValueRange at) {
  Location loc = read.getLoc();
  ArrayRef<StringAttr> ranks = table.type.getRanks();
  if (!isReadAtOwnRanks(read, ranks)) {
    TypedAttr empty = getNumericAttr(
        cast<MemRefType>(table.memref.getType()).getElementType(),
        *getNumericValue(table.type.getEmpty()));
    return tile::ElementOp::create(builder, loc, table.memref, at, empty)
        .getResult();
  }
  // Beside the last rows there is nothing, and what is read for them not used.
  SmallVector<Value> coordinates(at);
  for (auto [coordinate, rank] : llvm::zip(coordinates, ranks)) {
    auto place = places.find(rank);
    if (place != places.end() && place->second.tile == 0)
      continue;
    FailureOr<Value> extent = getExtent(rank, loc);
    if (failed(extent))
      return failure();
    Value last =
        arith::SubIOp::create(builder, loc, *extent, getIndexConstant(1));
    coordinate = arith::MinSIOp::create(builder, loc, coordinate, last);
  }
  return memref::LoadOp::create(builder, loc, table.memref, coordinates)
      .getResult();
}

FailureOr<Value> ProgramEmitter::emitTableAccess(Operation *op,
                                                 ValueRange operands) {
  auto read = dyn_cast<ReadOp>(op);
  auto member = dyn_cast<MemberOp>(op);
  Value source = read ? read.getSource() : member.getSource();
  auto it = memory.find(source);
  if (it == memory.end() || it->second.slicedRank)
    return op->emitOpError("expects to read an argument");
  if (read)
    return emitRead(read, it->second, operands.drop_front());
  Location loc = op->getLoc();
  // The number, the list, its coordinates and, if there is one, a range.
  size_t numCoordinates = member.getCoordinates().size();
  ValueRange coordinates = operands.slice(2, numCoordinates);
  ValueRange range = operands.drop_front(2 + numCoordinates);
  Value first = range.empty() ? getIndexConstant(0) : range[0];
  FailureOr<Value> last =
      range.empty() ? getExtent(it->second.type.getRanks().back(), loc)
                    : FailureOr<Value>(range[1]);
  if (failed(last))
    return failure();
  return tile::MemberOp::create(builder, loc, operands[0], it->second.memref,
                                coordinates, first, *last)
      .getResult();
}

FailureOr<Value> ProgramEmitter::emitPredicate(EinsumOp op,
                                               ValueRange coordinates,
                                               ArrayRef<StringAttr> ranks,
                                               OpBuilder &b) {
  OpBuilder::InsertionGuard guard(builder);
  OpBuilder saved = builder;
  builder = b;
  IRMapping mapping;
  auto localize = [&](Value value) -> FailureOr<Value> {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    return getScalar(value);
  };
  for (Operation &inner : op.getWhere().front()) {
    if (auto index = dyn_cast<IndexOp>(inner)) {
      StringAttr rank =
          op.getVariableRank(*op.getVariablePosition(index.getVariable()));
      const auto *it = llvm::find(ranks, rank);
      Value coordinate;
      if (it != ranks.end()) {
        coordinate = coordinates[it - ranks.begin()];
      } else {
        const RankPlace *place = getPlace(rank, op.getLoc());
        if (!place)
          return failure();
        if (place->tile != 0)
          return index.emitOpError("expects a predicate of the coordinates of "
                                   "the result, but '")
                 << index.getVariable() << "' is reduced";
        coordinate = place->base;
      }
      mapping.map(index.getResult(), coordinate);
      continue;
    }
    if (auto extent = dyn_cast<ExtentOp>(inner)) {
      FailureOr<Value> value = getExtent(extent.getRank(), op.getLoc());
      if (failed(value))
        return failure();
      mapping.map(extent.getResult(), *value);
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : inner.getOperands()) {
      if (isa<NamedTensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> value = localize(operand);
      if (failed(value))
        return failure();
      operands.push_back(*value);
    }
    if (auto yield = dyn_cast<YieldOp>(inner)) {
      builder = saved;
      return operands[0];
    }
    if (isa<ReadOp, MemberOp>(inner)) {
      FailureOr<Value> read = emitTableAccess(&inner, operands);
      if (failed(read))
        return failure();
      mapping.map(inner.getResult(0), *read);
      continue;
    }
    if (inner.getNumRegions() != 0)
      return inner.emitOpError("expects a predicate without regions");
    if (Value block = getBlockOfRows(op, &inner)) {
      mapping.map(inner.getResult(0), block);
      continue;
    }
    if (Value part = getPartOfStep(&inner, mapping)) {
      mapping.map(inner.getResult(0), part);
      continue;
    }
    guardDivisor(builder, &inner, operands);
    Operation *clone = builder.clone(inner);
    clone->setOperands(operands);
    mapping.map(inner.getResults(), clone->getResults());
  }
  return failure();
}

//===- Tables.cpp - what masks read of integer tensors --------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

bool Emitter::isTableOp(Operation *op) {
  return isa<tile::ElementOp, tile::ExtremaOp, tile::EntryOp, tile::MemberOp>(
      op);
}

std::optional<TableAccess> Emitter::getTable(Value memref) {
  auto argument = dyn_cast<BlockArgument>(memref);
  if (!memories.contains(memref) || !argument)
    return std::nullopt;
  TableAccess table;
  auto shape = program.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                   tile::kShapeAttr);
  for (Attribute entry : shape) {
    auto rank = dyn_cast<StringAttr>(entry);
    std::optional<int64_t> known =
        rank ? program.getStaticExtent(rank)
             : std::optional(cast<IntegerAttr>(entry).getInt());
    // Read before all loops, out of which no load moves past the stores.
    auto given = [&] {
      return scalars.lookup(
          program.getBody().getArgument(*program.getExtentArgument(rank)));
    };
    table.extents.push_back(known ? constant(*known) : toI64(given()));
  }
  table.load = [this, memref](ValueRange point) -> Value {
    SmallVector<Value> indices;
    for (Value at : point)
      indices.push_back(toIndex(at));
    Value element = loadElement(memref, indices);
    return element.getType() == i64
               ? element
               : Value(arith::ExtSIOp::create(b, i64, element));
  };
  return table;
}

Emitter::Memory Emitter::getReadable(Value memref, const TableAccess &table) {
  Memory memory = memories.lookup(memref);
  Value hasEntries =
      arith::ConstantOp::create(b, b.getBoolAttr(true)).getResult();
  for (Value extent : table.extents)
    hasEntries = b.createOrFold<arith::AndIOp>(
        hasEntries, b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sgt,
                                                  extent, constant(0)));
  // A parameter word is as large as the largest element.
  memory.pointer =
      b.createOrFold<arith::SelectOp>(hasEntries, memory.pointer, params);
  return memory;
}

Value Emitter::loadRun(const Memory &memory, Type element, ValueRange indices) {
  bool isRow =
      !indices.empty() && isa<VectorType>(indices.back().getType()) &&
      llvm::none_of(indices.drop_back().getTypes(), llvm::IsaPred<VectorType>);
  if (!isRow)
    return loadElement(memory, element, indices);
  Value first = vector::ExtractOp::create(b, indices.back(), 0);
  Value isNext = arith::CmpIOp::create(
      b, arith::CmpIPredicate::eq, indices.back(),
      arith::AddIOp::create(b, splat(first), laneNumbers()));
  Value isRun = arith::AndIOp::create(
      b, vector::ReductionOp::create(b, vector::CombiningKind::AND, isNext),
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, memory.strides.back(),
                            constant(1)));
  unsigned bits = memory.element.getIntOrFloatBitWidth();
  VectorType lanes = vectorOf(b.getIntegerType(bits));
  auto choice = scf::IfOp::create(b, lanes, isRun, /*withElse=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    SmallVector<Value> start(indices.drop_back());
    start.push_back(first);
    Value run = LLVM::LoadOp::create(b, lanes, getElementAddress(memory, start),
                                     bits / 8);
    scf::YieldOp::create(b, run);
    b.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(b, loadLanes(memory, indices));
  }
  return fromBits(memory, element, choice.getResult(0));
}

/// Lanes that are outside read the first entry, whatever there is of it.
Value Emitter::loadTableElement(Operation *op, Value memref,
                                ValueRange coordinates, TypedAttr empty) {
  auto table = getTable(memref);
  if (!table) {
    op->emitOpError("expects to read an argument of the program");
    return {};
  }
  auto like = [&](Value scalar, Value other) {
    return isa<VectorType>(other.getType()) ? splat(scalar) : scalar;
  };
  SmallVector<Value> safe;
  Value inside;
  for (auto [at, extent] : llvm::zip(coordinates, table->extents)) {
    // A negative number is a large one.
    Value isInside = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at,
                                           like(toIndex(extent), at));
    safe.push_back(arith::SelectOp::create(b, isInside, at,
                                           like(toIndex(constant(0)), at)));
    if (inside)
      isInside = arith::AndIOp::create(b, like(inside, isInside),
                                       like(isInside, inside));
    inside = isInside;
  }
  Value value = loadRun(getReadable(memref, *table), empty.getType(), safe);
  if (!inside)
    return value;
  Value outside = arith::ConstantOp::create(b, empty);
  return arith::SelectOp::create(b, inside, value, like(outside, value));
}

LogicalResult Emitter::emitTableOp(Operation *op, IRMapping &values) {
  if (auto element = dyn_cast<tile::ElementOp>(op)) {
    SmallVector<Value> at;
    for (Value coordinate : element.getCoordinates())
      at.push_back(values.lookup(coordinate));
    Value value =
        loadTableElement(op, element.getTable(), at, element.getEmptyAttr());
    values.map(element.getResult(), value);
    return success(value != nullptr);
  }
  auto numbers = [&](ValueRange range) {
    SmallVector<Value> result;
    for (Value value : range)
      result.push_back(toI64(values.lookup(value)));
    return result;
  };
  auto number = [&](Value value) { return toI64(values.lookup(value)); };
  auto refuse = [&] {
    return op->emitOpError("expects to read an argument of the program");
  };
  if (auto extrema = dyn_cast<tile::ExtremaOp>(op)) {
    auto table = getTable(extrema.getTable());
    if (!table)
      return refuse();
    auto [least, greatest] =
        expandExtrema(b, *table, numbers(extrema.getFirsts()),
                      numbers(extrema.getLasts()), extrema.getEmpty());
    values.map(extrema.getLeast(), toIndex(least));
    values.map(extrema.getGreatest(), toIndex(greatest));
    return success();
  }
  if (auto entry = dyn_cast<tile::EntryOp>(op)) {
    auto table = getTable(entry.getTable());
    if (!table)
      return refuse();
    values.map(
        entry.getNumber(),
        toIndex(expandEntry(b, *table, numbers(entry.getCoordinates()),
                            number(entry.getFirst()), number(entry.getAt()))));
    return success();
  }
  auto member = cast<tile::MemberOp>(op);
  auto table = getTable(member.getTable());
  if (!table)
    return refuse();
  bool isVector = llvm::any_of(op->getOperands(), [&](Value operand) {
    Value known = values.lookupOrNull(operand);
    return known && isa<VectorType>(known.getType());
  });
  if (!isVector) {
    values.map(member.getResult(),
               expandMember(b, *table, number(member.getNumber()),
                            numbers(member.getCoordinates()),
                            number(member.getFirst()),
                            number(member.getLast())));
    return success();
  }
  // Lane by lane, in a loop: lists are long and lanes many.
  Type bits = vectorOf(b.getI1Type());
  auto loop = reductionLoop(
      constant(0), constant(machine.lanes), 1,
      ValueRange(arith::ConstantOp::create(b, b.getZeroAttr(bits))),
      [&](Value lane, ValueRange known) -> SmallVector<Value> {
        Value at = toIndex(lane);
        auto pick = [&](Value value) -> Value {
          Value whole = values.lookup(value);
          if (isa<VectorType>(whole.getType()))
            whole = vector::ExtractOp::create(b, whole, at);
          return toI64(whole);
        };
        SmallVector<Value> coordinates;
        for (Value coordinate : member.getCoordinates())
          coordinates.push_back(pick(coordinate));
        Value isListed =
            expandMember(b, *table, pick(member.getNumber()), coordinates,
                         pick(member.getFirst()), pick(member.getLast()));
        return {vector::InsertOp::create(b, isListed, known[0], at)};
      });
  values.map(member.getResult(), loop.getResult(0));
  return success();
}

//===- UpdateEmitter.cpp - Einsums that update a tensor in place ----------===//
//
// The points of a program have one entry of each index tensor of the output, so
// that a tile goes to one place, in a branch that asks whether this is inside.
// An entry is compared in 64 bits before it is an index, which on a GPU has 32:
// no entry comes to stand for another one. Updates that ask for the same share
// a branch, and what they compute.
//
//===----------------------------------------------------------------------===//

#include "EinsumEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace attn {
class UpdateEmitter {
public:
  UpdateEmitter(ProgramEmitter &emitter, ArrayRef<StoredUpdate> updates)
      : emitter(emitter), updates(updates), op(updates.front().op),
        b(emitter.builder) {}

  LogicalResult run();

private:
  LogicalResult checkSupported(EinsumOp op);
  /// Reads entry number `index` of the output and asks whether it is inside.
  LogicalResult readEntry(unsigned index);
  /// One more than the greatest entry for which coordinate `expr` is inside of
  /// `rank`, an i64; null where each is.
  FailureOr<Value> getLimit(AffineExpr expr, StringAttr rank);
  void addCondition(Value condition);
  LogicalResult storeTile(const StoredUpdate &update);
  LogicalResult storeTiles();

  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(b, op.getLoc(), value, 64);
  }

  ProgramEmitter &emitter;
  ArrayRef<StoredUpdate> updates;
  /// The first of them, whose entries are those of all.
  EinsumOp op;
  OpBuilder &b;
  /// The index of each entry, inside wherever `inside` holds.
  SmallVector<Value> entries;
  Value inside;
};
} // namespace attn

LogicalResult UpdateEmitter::checkSupported(EinsumOp op) {
  if (op.getMonoidAttr())
    return op.emitOpError("has no lowering to tile: it reduces into what it "
                          "updates");
  if (op.hasWhere())
    return op.emitOpError("has no lowering to tile: a predicate tells which "
                          "points it updates; give those that it leaves out an "
                          "entry of -1");
  for (auto [i, index] : llvm::enumerate(op.getIndices())) {
    if (!emitter.isMemory(index))
      return op.emitOpError("has no lowering to tile: index tensor #")
             << i << " is computed; make it an argument";
    for (AffineExpr expr : op.getIndexMap(i).getResults())
      if (!isa<AffineDimExpr>(expr))
        return op.emitOpError("has no lowering to tile: index tensor #")
               << i << " is not read at plain variables";
  }
  auto type = cast<NamedTensorType>(op.getType());
  for (auto [expr, rank] :
       llvm::zip(op.getOutputMap().getResults(), type.getRanks())) {
    // As the remainder by 1 is.
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    int64_t extent = emitter.func.getStaticExtent(rank).value_or(0);
    if (constant && (constant.getValue() < 0 || constant.getValue() >= extent))
      return op.emitOpError("has no lowering to tile: coordinate ")
             << constant.getValue() << " of rank '" << rank.getValue()
             << "' has to be inside of its static extent";
  }
  return success();
}

void UpdateEmitter::addCondition(Value condition) {
  inside = inside ? arith::AndIOp::create(b, op.getLoc(), inside, condition)
                  : condition;
}

FailureOr<Value> UpdateEmitter::getLimit(AffineExpr expr, StringAttr rank) {
  Location loc = op.getLoc();
  int64_t factor = 1;
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(expr)) {
    factor = cast<AffineConstantExpr>(binary.getRHS()).getValue();
    if (binary.getKind() == AffineExprKind::Mod) {
      // The quotient's coordinate limits the entry.
      if (emitter.func.getStaticExtent(rank).value_or(0) >= factor)
        return Value();
      return op.emitOpError("has no lowering to tile: rank '")
             << rank.getValue() << "' has to have a static extent of at least "
             << factor << ", as its coordinate is a remainder by that";
    }
  }
  FailureOr<Value> extent = emitter.getExtent(rank, loc);
  if (failed(extent))
    return failure();
  Value limit =
      arith::IndexCastOp::create(b, loc, b.getI64Type(), *extent).getResult();
  return factor == 1 ? limit
                     : arith::MulIOp::create(b, loc, limit, constant(factor))
                           .getResult();
}

LogicalResult UpdateEmitter::readEntry(unsigned index) {
  Location loc = op.getLoc();
  const MemoryTensor &table =
      emitter.memory.find(op.getIndices()[index])->second;
  SmallVector<Value> at;
  for (AffineExpr expr : op.getIndexMap(index).getResults())
    at.push_back(
        emitter
            .places[op.getVariableRank(cast<AffineDimExpr>(expr).getPosition())]
            .base);
  Value entry = memref::LoadOp::create(b, loc, table.memref, at);
  Type i64 = b.getI64Type();
  if (entry.getType().isIndex())
    entry = arith::IndexCastOp::create(b, loc, i64, entry);
  else if (entry.getType() != i64)
    entry = arith::ExtSIOp::create(b, loc, i64, entry);
  auto type = cast<NamedTensorType>(op.getType());
  Value isInside;
  for (auto [expr, rank] :
       llvm::zip(op.getOutputMap().getResults(), type.getRanks())) {
    if (!expr.isFunctionOfSymbol(index))
      continue;
    FailureOr<Value> limit = getLimit(expr, rank);
    if (failed(limit))
      return failure();
    if (!*limit)
      continue;
    // A negative number is a large one.
    Value isBelow =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, entry, *limit);
    isInside =
        isInside ? arith::AndIOp::create(b, loc, isInside, isBelow).getResult()
                 : isBelow;
  }
  addCondition(isInside);
  Value safe = arith::SelectOp::create(b, loc, isInside, entry, constant(0));
  entries[index] = arith::IndexCastOp::create(b, loc, b.getIndexType(), safe);
  return success();
}

LogicalResult UpdateEmitter::storeTile(const StoredUpdate &update) {
  EinsumOp op = update.op;
  FailureOr<TileValue> value = EinsumEmitter(emitter, op).run();
  if (failed(value))
    return failure();
  AddressMap address;
  SmallVector<AffineExpr> symbols;
  for (Value entry : entries)
    symbols.push_back(entry ? address.addIndex(entry)
                            : getAffineConstantExpr(0, op.getContext()));
  for (AffineExpr expr : op.getOutputMap().getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    FailureOr<AffineExpr> coordinate =
        dim ? emitter.getCoordinate(address, *value,
                                    op.getVariableRank(dim.getPosition()),
                                    op.getLoc())
            : expr.replaceSymbols(symbols);
    if (failed(coordinate))
      return failure();
    address.coordinates.push_back(*coordinate);
  }
  emitter.storeAt(*value, *update.target, address, op.getLoc());
  return success();
}

LogicalResult UpdateEmitter::storeTiles() {
  for (const StoredUpdate &update : updates)
    if (failed(storeTile(update)))
      return failure();
  return success();
}

LogicalResult UpdateEmitter::run() {
  for (const StoredUpdate &update : updates)
    if (failed(checkSupported(update.op)))
      return failure();
  entries.resize(op.getIndices().size());
  for (unsigned i = 0, e = op.getIndices().size(); i < e; ++i)
    if (op.getOutputMap().isFunctionOfSymbol(i) && failed(readEntry(i)))
      return failure();
  if (!inside)
    return storeTiles();
  auto choice = scf::IfOp::create(b, op.getLoc(), inside, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  // What is emitted in the branch is not there behind it.
  auto known = emitter.tiles;
  LogicalResult result = storeTiles();
  emitter.tiles = std::move(known);
  return result;
}

/// Whether two updates read the same entries, and ask the same of them.
static bool haveSameEntries(EinsumOp a, EinsumOp b) {
  auto listEntries = [](EinsumOp op) {
    SmallVector<std::pair<AffineExpr, Attribute>> list;
    auto type = cast<NamedTensorType>(op.getType());
    for (auto [expr, rank] :
         llvm::zip(op.getOutputMap().getResults(), type.getRanks()))
      if (!isa<AffineDimExpr>(expr))
        list.push_back({expr, rank});
    for (unsigned i = 0, e = op.getIndices().size(); i < e; ++i)
      for (AffineExpr expr : op.getIndexMap(i).getResults()) {
        auto dim = dyn_cast<AffineDimExpr>(expr);
        list.push_back(
            {AffineExpr(),
             dim ? op.getVariableRank(dim.getPosition()) : Attribute()});
      }
    return list;
  };
  return a.getIndices() == b.getIndices() && listEntries(a) == listEntries(b);
}

LogicalResult ProgramEmitter::storeUpdates(ArrayRef<StoredUpdate> updates) {
  while (!updates.empty()) {
    ArrayRef<StoredUpdate> alike =
        updates.take_while([&](const StoredUpdate &update) {
          return haveSameEntries(update.op, updates.front().op);
        });
    if (failed(UpdateEmitter(*this, alike).run()))
      return failure();
    updates = updates.drop_front(alike.size());
  }
  return success();
}

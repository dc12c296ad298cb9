//===- Pages.cpp - tiles whose rows lie in pages --------------------------===//
//
// Rows of one page are a run in memory. A tile that lies in one page is read
// there; of any other the runs are copied to scratch, one behind the other, and
// what is made of a tile of memory is made of that.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

SmallVector<Value> Emitter::getPageSymbols(tile::LoadOp load, Value page,
                                           Value place) {
  SmallVector<Value> symbols(load.getIndices());
  for (Value symbol : {page, place}) {
    Value index = toIndex(symbol);
    // Symbols are values of the program; these stand for themselves.
    scalars.map(index, index);
    symbols.push_back(index);
  }
  return symbols;
}

void Emitter::gatherRuns(tile::LoadOp load, const Access &target,
                         llvm::function_ref<Value(Value)> getPage) {
  auto type = cast<RankedTensorType>(load.getResult().getType());
  const Memory &memory = memories.at(load.getSource());
  int64_t along = load.getPages()->getAlong();
  Value size = constant(load.getPages()->getSize());
  Value from = toI64(scalars.lookup(load.getFrom()));
  Value first = arith::DivUIOp::create(b, from, size);
  Value offset = arith::RemUIOp::create(b, from, size);
  SmallVector<Value> bounds = getBounds(type, load.getValid());
  Value end = add(offset, bounds[along]);
  Value runs = b.createOrFold<arith::CeilDivUIOp>(end, size);
  loop(constant(0), runs, 1, [&](Value run) {
    // Rows of the tile, counted from where the first page begins.
    Value begin = b.createOrFold<arith::MaxSIOp>(mul(run, size), offset);
    Value rest = minimum(mul(add(run, constant(1)), size), end);
    SmallVector<Value> own(bounds);
    own[along] = arith::SubIOp::create(b, rest, begin);
    Point start(type.getRank());
    start[along] = Index(arith::SubIOp::create(b, begin, offset));
    Access rows = target;
    rows.pointer = getAddress(target, start);
    Value page = getPage(add(first, run));
    Value exists =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, page, constant(0));
    auto choice = scf::IfOp::create(b, TypeRange(), exists, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    SmallVector<Value> symbols =
        getPageSymbols(load, page, arith::RemUIOp::create(b, begin, size));
    copy({memory, load.getRunMap(), symbols, rows, type, own, /*isLoad=*/true});
    b.setInsertionPointToStart(choice.elseBlock());
    SmallVector<Value> zeros(own.size(), constant(0));
    SmallVector<int64_t> order =
        llvm::to_vector(llvm::seq<int64_t>(0, own.size()));
    loopPoints(zeros, own, SmallVector<int64_t>(own.size(), 1), order,
               Point(own.size()), [&](const Point &point) {
                 Value pad = arith::ConstantOp::create(b, getPad(load));
                 storeScalar(rows, point, toStorage(pad, rows.form.storage));
               });
  });
}

FailureOr<Emitter::Source> Emitter::gatherPages(tile::LoadOp load) {
  auto type = cast<RankedTensorType>(load.getResult().getType());
  const Memory &memory = memories.at(load.getSource());
  auto pool = getTable(load.getSource());
  if (!pool || !getTable(load.getTable()))
    return load.emitOpError(
        "expects tables and pages that are arguments of the "
        "program");
  std::optional<int64_t> unit = getUnitDim(load.getMap());
  if (!hasSteps(load.getMap()))
    return load.emitOpError(
        "expects a map whose coordinates rise by one a point");
  // -1 stands for a page that is not there.
  auto getPage = [&](Value number) -> Value {
    SmallVector<Value> coordinates;
    for (Value index : load.getTableIndices())
      coordinates.push_back(scalars.lookup(index));
    coordinates.push_back(toIndex(number));
    Type entry = cast<MemRefType>(load.getTable().getType()).getElementType();
    Value page = loadTableElement(load, load.getTable(), coordinates,
                                  b.getIntegerAttr(entry, -1));
    if (entry.isIndex())
      page = toI64(page);
    else if (page.getType() != i64)
      page = arith::ExtSIOp::create(b, i64, page);
    Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, page,
                                         pool->extents[load.getPageDim()]);
    return arith::SelectOp::create(b, exists, page, constant(-1));
  };
  Access scratchTile = allocate(
      type, {unit ? *unit : -1, -1, getStorageType(type.getElementType())});

  Value size = constant(load.getPages()->getSize());
  int64_t along = load.getPages()->getAlong();
  Value from = toI64(scalars.lookup(load.getFrom()));
  Value place = arith::RemUIOp::create(b, from, size);
  Value page = getPage(arith::DivUIOp::create(b, from, size));
  Value end = add(place, getBounds(type, load.getValid())[along]);
  Value isOne = arith::AndIOp::create(
      b, arith::CmpIOp::create(b, arith::CmpIPredicate::sle, end, size),
      arith::CmpIOp::create(b, arith::CmpIPredicate::sge, page, constant(0)));
  SmallVector<Type> types(type.getRank() + 1, i64);
  types[0] = pointerType;
  auto choice = scf::IfOp::create(b, types, isOne, /*withElse=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(&choice.getThenRegion().front());
    SmallVector<Value> symbols = getPageSymbols(load, page, place);
    Value offset =
        getOffset(memory, load.getMap(), symbols, Point(type.getRank()));
    SmallVector<Value> results = {
        advance(memory.pointer, memory.element, Index(offset))};
    llvm::append_range(results,
                       *getTileStrides(memory, load.getRunMap(), symbols));
    scf::YieldOp::create(b, results);
    b.setInsertionPointToEnd(&choice.getElseRegion().front());
    gatherRuns(load, scratchTile, getPage);
    results = {scratchTile.pointer};
    for (const Stride &stride : scratchTile.strides)
      results.push_back(constant(stride.constant));
    scf::YieldOp::create(b, results);
  }
  // The dimension that is contiguous comes last, as in memory.
  SmallVector<AffineExpr> order;
  Source source;
  source.memory.pointer = choice.getResult(0);
  source.memory.element = getStorageType(type.getElementType());
  auto push = [&](int64_t dim) {
    order.push_back(getAffineDimExpr(dim, load.getContext()));
    source.memory.strides.push_back(choice.getResult(dim + 1));
  };
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (dim != unit)
      push(dim);
  if (unit)
    push(*unit);
  source.map = AffineMap::get(type.getRank(), 0, order, load.getContext());
  return source;
}

//===- SplitSweep.cpp - cuts one sweep into several items -----------------===//
//
// A program with few items leaves threads idle. This gives it one more
// coordinate, a chunk of the swept range: each item folds its chunk and stores
// its carries to workspace, and a second program folds the chunks' carries in
// order by the sweep's `merge` and does what followed the sweep. The number of
// chunks depends on extents only, so results do not depend on the number of
// threads; where there are items enough it is one, nothing goes through
// workspace and the second program has no items.
//
//===----------------------------------------------------------------------===//

#include "attn/Target/CPU/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace attn;

namespace attn::cpu {
#define GEN_PASS_DEF_SPLITSWEEPPASS
#include "attn/Target/CPU/Passes.h.inc"
} // namespace attn::cpu

namespace {

/// Builds the two programs that replace one.
class Splitter {
public:
  Splitter(tile::ProgramOp program, tile::SweepOp sweep, Attribute extent,
           int64_t fewItems, int64_t chunkPoints)
      : program(program), sweep(sweep), extent(extent), fewItems(fewItems),
        chunkPoints(chunkPoints), b(program.getLoc(), program),
        prefix("attn." + program.getSymName().str() + "."),
        chunksRank(prefix + "chunks"), chunkItemsRank(prefix + "chunk_items"),
        mergesRank(prefix + "merges") {}

  void split();

private:
  tile::ProgramOp createProgram(const Twine &name, StringRef extraRank);
  void mapArguments(tile::ProgramOp target, IRMapping &mapping);
  Value getArgument(tile::ProgramOp target, StringRef extent);
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value getItem(tile::ProgramOp target);
  AffineMap getCarryMap(RankedTensorType type);
  void writeChunks(tile::ProgramOp target);
  void writeMerge(tile::ProgramOp target);
  /// Starts `target` with what stands before the sweep.
  IRMapping cloneBeforeSweep(tile::ProgramOp target);
  void cloneAfterSweep(IRMapping &mapping);
  Attribute getItemsExpr();
  Attribute call(ArrayRef<Attribute> parts) { return b.getArrayAttr(parts); }
  Attribute name(StringRef text) { return b.getStringAttr(text); }
  Attribute number(int64_t value) { return b.getI64IntegerAttr(value); }

  tile::ProgramOp program;
  tile::SweepOp sweep;
  /// Of the swept coordinate, as an expression.
  Attribute extent;
  int64_t fewItems, chunkPoints;
  ImplicitLocOpBuilder b;
  /// Names of the added arguments: programs of one module share a name space.
  std::string prefix, chunksRank, chunkItemsRank, mergesRank;
};

} // namespace

Attribute Splitter::getItemsExpr() {
  Attribute items = number(1);
  for (auto [coordinate, tile] :
       llvm::zip(program.getSpaceRanks(), program.getSpaceTiles()))
    items = call({name("mul"), items,
                  call({name("ceildiv"), coordinate, number(tile)})});
  if (StringAttr guard = program.getGuardRankAttr()) {
    Attribute below =
        call({name("lt"), guard, number(*program.getGuardBound())});
    items = program.getGuardBelow()
                ? call({name("select"), below, items, number(0)})
                : call({name("select"), below, number(0), items});
  }
  return items;
}

tile::ProgramOp Splitter::createProgram(const Twine &symbol,
                                        StringRef extraRank) {
  SmallVector<Type> types(program.getArgumentTypes());
  SmallVector<DictionaryAttr> attrs;
  for (unsigned i = 0; i < types.size(); ++i) {
    DictionaryAttr known = program.getArgAttrDict(i);
    attrs.push_back(known ? known : b.getDictionaryAttr({}));
  }
  for (auto [number, init] : llvm::enumerate(sweep.getInits())) {
    auto type = cast<RankedTensorType>(init.getType());
    SmallVector<int64_t> sizes(type.getRank() + 2, ShapedType::kDynamic);
    SmallVector<Attribute> shape = {name(chunkItemsRank), name(chunksRank)};
    for (int64_t size : type.getShape())
      shape.push_back(this->number(size));
    auto layout =
        StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, sizes);
    types.push_back(MemRefType::get(sizes, type.getElementType(), layout));
    attrs.push_back(b.getDictionaryAttr(
        {b.getNamedAttr(tile::kNameAttr,
                        b.getStringAttr(prefix + "carry" + Twine(number))),
         b.getNamedAttr(tile::kAccessAttr, b.getStringAttr("workspace")),
         b.getNamedAttr(tile::kShapeAttr, b.getArrayAttr(shape))}));
  }
  auto addExtent = [&](StringRef extent, Attribute value) {
    types.push_back(b.getIndexType());
    attrs.push_back(b.getDictionaryAttr(
        {b.getNamedAttr(tile::kExtentAttr, b.getStringAttr(extent)),
         b.getNamedAttr(tile::kValueAttr, value)}));
  };
  Attribute few = call({name("lt"), getItemsExpr(), number(fewItems)});
  Attribute several = call({name("ceildiv"), extent, number(chunkPoints)});
  addExtent(chunksRank,
            call({name("select"), few, call({name("max"), several, number(1)}),
                  number(1)}));
  Attribute isSplit = call({name("lt"), number(1), name(chunksRank)});
  addExtent(chunkItemsRank,
            call({name("select"), isSplit, getItemsExpr(), number(0)}));
  addExtent(mergesRank, isSplit);
  SmallVector<StringRef> ranks;
  for (auto coordinate : program.getSpaceRanks().getAsRange<StringAttr>())
    ranks.push_back(coordinate.getValue());
  ranks.push_back(extraRank);
  SmallVector<int64_t> tiles(program.getSpaceTiles());
  tiles.push_back(1);
  b.setInsertionPoint(program);
  SmallString<64> storage;
  auto result = tile::ProgramOp::create(b, symbol.toStringRef(storage),
                                        TypeRange(types), attrs, ranks, tiles,
                                        program.getStaticExtentsAttr());
  result->setDiscardableAttrs(program->getDiscardableAttrDictionary());
  result.setGuardRankAttr(program.getGuardRankAttr());
  result.setGuardBoundAttr(program.getGuardBoundAttr());
  result.setGuardBelow(program.getGuardBelow());
  return result;
}

void Splitter::mapArguments(tile::ProgramOp target, IRMapping &mapping) {
  size_t numArguments = program.getArgumentTypes().size();
  for (size_t i = 0; i < numArguments; ++i)
    mapping.map(program.getBody().getArgument(i),
                target.getBody().getArgument(i));
  for (auto [from, to] :
       llvm::zip(program.getCoordinates(), target.getCoordinates()))
    mapping.map(from, to);
}

Value Splitter::getArgument(tile::ProgramOp target, StringRef extent) {
  return target.getBody().getArgument(*target.getExtentArgument(extent));
}

/// The number of the item without the added coordinate.
Value Splitter::getItem(tile::ProgramOp target) {
  Value item = index(0);
  for (auto [coordinate, extent, tile] :
       llvm::zip(target.getCoordinates().drop_back(),
                 target.getSpaceRanks().getAsRange<StringAttr>(),
                 target.getSpaceTiles())) {
    std::optional<int64_t> known = target.getStaticExtent(extent);
    Value points = known ? index(*known) : getArgument(target, extent);
    Value size = index(tile);
    Value tiles = arith::CeilDivSIOp::create(b, points, size);
    Value at = arith::DivSIOp::create(b, coordinate, size);
    item = arith::AddIOp::create(b, arith::MulIOp::create(b, item, tiles), at);
  }
  return item;
}

/// (d0, ...)[item, chunk] -> (item, chunk, d0, ...)
AffineMap Splitter::getCarryMap(RankedTensorType type) {
  SmallVector<AffineExpr> results = {b.getAffineSymbolExpr(0),
                                     b.getAffineSymbolExpr(1)};
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    results.push_back(b.getAffineDimExpr(dim));
  return AffineMap::get(type.getRank(), 2, results, b.getContext());
}

IRMapping Splitter::cloneBeforeSweep(tile::ProgramOp target) {
  b.setInsertionPointToStart(&target.getBody().front());
  IRMapping mapping;
  mapArguments(target, mapping);
  for (Operation &op : program.getBody().front()) {
    if (&op == sweep)
      break;
    b.clone(op, mapping);
  }
  return mapping;
}

void Splitter::cloneAfterSweep(IRMapping &mapping) {
  for (Operation *op = sweep->getNextNode(); op && !isa<tile::YieldOp>(op);
       op = op->getNextNode())
    b.clone(*op, mapping);
}

void Splitter::writeChunks(tile::ProgramOp target) {
  IRMapping mapping = cloneBeforeSweep(target);
  Value chunk = target.getCoordinates().back();
  Value isWhole = arith::CmpIOp::create(
      b, arith::CmpIPredicate::eq, getArgument(target, chunksRank), index(1));
  Value points = index(chunkPoints);
  Value first = arith::MulIOp::create(b, chunk, points);
  Value last = arith::SelectOp::create(
      b, isWhole, index(std::numeric_limits<int64_t>::max()),
      arith::AddIOp::create(b, first, points));
  auto copy = cast<tile::SweepOp>(b.clone(*sweep, mapping));
  b.setInsertionPoint(copy);
  for (OpOperand &bound : copy->getOpOperands()) {
    if (!bound.get().getType().isIndex())
      continue;
    Value within = arith::MaxSIOp::create(b, bound.get(), first);
    bound.set(arith::MinSIOp::create(b, within, last));
  }
  b.setInsertionPointAfter(copy);
  auto choice = scf::IfOp::create(b, isWhole, /*withElseRegion=*/true);
  b.setInsertionPointToStart(choice.thenBlock());
  cloneAfterSweep(mapping);
  b.setInsertionPointToStart(choice.elseBlock());
  Value item = getItem(target);
  size_t firstCarry = program.getArgumentTypes().size();
  for (auto [number, carry] : llvm::enumerate(copy.getOuts())) {
    auto type = cast<RankedTensorType>(carry.getType());
    tile::StoreOp::create(
        b, carry, target.getBody().getArgument(firstCarry + number),
        getCarryMap(type), ValueRange{item, chunk}, ValueRange());
  }
}

void Splitter::writeMerge(tile::ProgramOp target) {
  IRMapping mapping = cloneBeforeSweep(target);
  SmallVector<Value> inits;
  for (Value init : sweep.getInits())
    inits.push_back(mapping.lookup(init));
  Value item = getItem(target);
  auto fold = tile::SweepOp::create(b, ValueRange(index(0)),
                                    ValueRange(getArgument(target, chunksRank)),
                                    ArrayRef<bool>{true}, 1, inits);
  {
    OpBuilder::InsertionGuard guard(b);
    Block &step = fold.getStep().emplaceBlock();
    Value chunk = step.addArgument(b.getIndexType(), sweep.getLoc());
    step.addArgument(b.getIndexType(), sweep.getLoc());
    b.setInsertionPointToStart(&step);
    Block &merge = sweep.getMerge().front();
    size_t numCarries = inits.size();
    size_t firstCarry = program.getArgumentTypes().size();
    for (auto [number, init] : llvm::enumerate(inits)) {
      mapping.map(merge.getArgument(number),
                  step.addArgument(init.getType(), sweep.getLoc()));
      auto type = cast<RankedTensorType>(init.getType());
      Value stored = tile::LoadOp::create(
          b, type, target.getBody().getArgument(firstCarry + number),
          AffineMapAttr::get(getCarryMap(type)), ValueRange{item, chunk},
          ValueRange());
      mapping.map(merge.getArgument(numCarries + number), stored);
    }
    for (Operation &op : merge)
      b.clone(op, mapping);
  }
  for (auto [from, to] : llvm::zip(sweep.getOuts(), fold.getOuts()))
    mapping.map(from, to);
  cloneAfterSweep(mapping);
}

void Splitter::split() {
  std::string symbol = program.getSymName().str();
  tile::ProgramOp chunks = createProgram(symbol, chunksRank);
  writeChunks(chunks);
  tile::ProgramOp merge = createProgram(symbol + "_merge", mergesRank);
  writeMerge(merge);
  program.erase();
}

/// The extents of a tensor, if it is an argument of the program.
static ArrayAttr getShape(tile::ProgramOp program, Value memref) {
  auto argument = dyn_cast<BlockArgument>(memref);
  if (!argument || argument.getOwner() != &program.getBody().front())
    return {};
  return program.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                             tile::kShapeAttr);
}

/// What the swept coordinate reaches at the most, if a load of the step shows
/// that it indexes a rank that is known by name, or the positions of a table of
/// pages.
static Attribute getSweptExtent(tile::ProgramOp program, tile::SweepOp sweep) {
  Builder b(program.getContext());
  Value base = sweep.getStep().getArgument(0);
  for (auto load : sweep.getStep().getOps<tile::LoadOp>()) {
    ArrayAttr shape = getShape(program, load.getSource());
    if (!shape)
      continue;
    if (load.isPaged()) {
      ArrayAttr table = getShape(program, load.getTable());
      if (table && load.getFrom() == base)
        return b.getArrayAttr(
            {b.getStringAttr("mul"), table.getValue().back(),
             b.getI64IntegerAttr(load.getPages()->getSize())});
      continue;
    }
    for (auto [symbol, index] : llvm::enumerate(load.getIndices())) {
      if (index != base)
        continue;
      for (auto [dim, expr] : llvm::enumerate(load.getMap().getResults()))
        if (auto rank = dyn_cast<StringAttr>(shape[dim]);
            rank && expr.isFunctionOfSymbol(symbol))
          return rank;
    }
  }
  return {};
}

namespace {
struct SplitSweep : attn::cpu::impl::SplitSweepPassBase<SplitSweep> {
  using SplitSweepPassBase::SplitSweepPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto programs = llvm::to_vector(module.getOps<tile::ProgramOp>());
    for (tile::ProgramOp program : programs) {
      auto declined = [&](StringRef reason) {
        remark::missed(
            program.getLoc(),
            remark::RemarkOpts::name("NotSplit").category("tile-split-sweep"))
            << reason.str();
      };
      auto sweeps = llvm::to_vector(program.getOps<tile::SweepOp>());
      if (program.getInvariant()) {
        declined("expects a program whose bits may depend on how many items "
                 "there are");
        continue;
      }
      if (program.getGuardRankAttr() && !program.getGuardBelow()) {
        declined("expects a program that serves few rows too");
        continue;
      }
      if (sweeps.size() != 1) {
        declined("expects a program with one sweep");
        continue;
      }
      tile::SweepOp sweep = sweeps.front();
      bool stores = !sweep.getStep().getOps<tile::StoreOp>().empty();
      if (sweep.getMerge().empty() || stores) {
        declined("expects a sweep with a merge, whose step stores nothing");
        continue;
      }
      if (sweep.hasLocated()) {
        declined("expects segments that are ranges, but one is located");
        continue;
      }
      Attribute extent = getSweptExtent(program, sweep);
      if (!extent) {
        declined("expects a load that shows the swept rank");
        continue;
      }
      int64_t tile = sweep.getTile();
      int64_t points = llvm::divideCeil(int64_t(chunkPoints), tile) * tile;
      Splitter(program, sweep, extent, fewItems, points).split();
    }
  }
};
} // namespace

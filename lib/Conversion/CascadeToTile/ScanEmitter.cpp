//===- ScanEmitter.cpp - a scan becomes a sweep ---------------------------===//
//
// The sweep's segments come from the one predicate that governs the step: if
// everything that the step reduces is empty where it is false, tiles outside
// its bounds are left out. Without such a predicate the whole range is swept.
//
//===----------------------------------------------------------------------===//

#include "MaskSegments.h"
#include "ProgramEmitter.h"
#include "RunSegments.h"
#include "SeenKeys.h"

#include "attn/Analysis/LiveKeys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// True if the steps of `scan` may have another extent: a merge says that its
/// results do not depend on it, and nothing else knows the rank of the steps.
static bool canRecut(ScanOp scan) {
  StringAttr rank = scan.getByAttr();
  if (!rank || !scan.hasMerge())
    return false;
  auto hasRank = [&](Type type) {
    auto tensor = dyn_cast<NamedTensorType>(type);
    return tensor && tensor.getRankPosition(rank).has_value();
  };
  auto func = scan->getParentOfType<FuncOp>();
  bool isOwn = llvm::none_of(func.getArgumentTypes(), hasRank);
  func.walk([&](Operation *op) {
    bool inStep = scan.getStep().isAncestor(op->getParentRegion());
    if (auto extent = dyn_cast<ExtentOp>(op))
      isOwn &= extent.getRank() != rank.getValue();
    if (!inStep && llvm::any_of(op->getResultTypes(), hasRank))
      isOwn = false;
  });
  return isOwn;
}

LogicalResult ProgramEmitter::emitScan(ScanOp scan) {
  Location loc = scan.getLoc();
  if (scan.getOrder() == ScanOrder::Descending)
    return scan.emitOpError("has no lowering to tile in descending order");
  StringAttr tileRank = scan.getByAttr();
  int64_t tile = tileRank ? *func.getStaticExtent(tileRank) : 1;
  if (sweepTile > 0 && canRecut(scan))
    tile = sweepTile;
  SmallVector<Value> inits;
  SmallVector<TileValue> initTiles;
  for (Value init : scan.getInits()) {
    FailureOr<TileValue> value = getTile(init);
    if (failed(value))
      return failure();
    initTiles.push_back(*value);
    inits.push_back(value->tile);
  }

  bool hasWhere = false;
  if (tileRank)
    for (auto op : scan.getStep().getOps<EinsumOp>())
      hasWhere |= op.hasWhere();
  EinsumOp governing =
      tileRank ? findGoverningWhere(scan.getStep().front(),
                                    [&](EinsumOp op, unsigned variable) {
                                      return op.getVariableRank(variable) ==
                                             tileRank;
                                    })
               : EinsumOp();
  tile::SweepOp sweep;
  auto createSweep = [&](const auto &segments) {
    if (segments.hasGaps)
      gaps = {governing, tileRank,
              SeenKeys::create(*this, governing, scan.getRankAttr()), Value(),
              Value()};
    sweep = tile::SweepOp::create(builder, loc, segments.lowers,
                                  segments.uppers, segments.full, tile, inits);
  };
  PackingAttr packing = func.getPacking(scan.getRank());
  if (packing) {
    if (!governing || !scan.hasMerge())
      return scan.emitOpError("has no lowering to tile: it sweeps '")
             << scan.getRank() << "', which stands for ranks '"
             << packing.getOuter().getValue() << "' and '"
             << packing.getInner().getValue()
             << "', and has no one mask or no merge; give what it sums a "
                "'where'";
    RunSegments segments(*this, governing, packing, tile);
    if (failed(segments.analyze()))
      return failure();
    createSweep(segments);
    if (failed(segments.writeLocators(sweep)))
      return failure();
  } else if (FailureOr<Value> extent = getExtent(scan.getRank(), loc);
             failed(extent)) {
    return failure();
  } else if (governing && scan.hasMerge()) {
    // A merge says that the order of tiles is free.
    MaskSegments segments(*this, governing, scan.getRankAttr(), *extent, tile);
    if (failed(segments.analyze()))
      return failure();
    createSweep(segments);
    segments.writeLocators(sweep);
  } else {
    sweep = tile::SweepOp::create(builder, loc, getIndexConstant(0), *extent,
                                  ArrayRef<bool>{!hasWhere}, tile, inits);
  }
  auto savedTiles = tiles;
  OpBuilder outer = builder;

  this->sweep = sweep;
  // Step.
  Block *step = builder.createBlock(&sweep.getStep());
  Value base = step->addArgument(builder.getIndexType(), loc);
  Value count = step->addArgument(builder.getIndexType(), loc);
  scalars.map(scan.getBase(), base);
  gaps.base = base;
  if (tileRank)
    places[tileRank] = {tile, Value(), count};
  if (packing) {
    Value width = getIndexConstant(packing.getWidth());
    Value run = arith::DivUIOp::create(builder, loc, base, width);
    Value place = arith::RemUIOp::create(builder, loc, base, width);
    runStep = RunStep{packing, scan.getBase(), run, place};
    if (failed(enterRun(packing, run)))
      return failure();
  }
  for (auto [i, input] : llvm::enumerate(scan.getInputs())) {
    auto source = memory.find(input);
    if (source == memory.end())
      return scan.emitOpError("expects input #")
             << i << " to be an argument or the result of another program";
    MemoryTensor slice = source->second;
    slice.slicedRank = scan.getRankAttr();
    slice.sliceRank = tileRank;
    slice.sliceBase = base;
    if (packing && slice.packing &&
        slice.packing.getRank() == packing.getRank()) {
      slice.sliceBase = runStep->place;
      slice.run = runStep->run;
    }
    memory[scan.getSlice(i)] = slice;
  }
  for (auto [i, init] : llvm::enumerate(initTiles)) {
    TileValue carry;
    carry.tile = step->addArgument(init.tile.getType(), loc);
    carry.ranks = init.ranks;
    tiles[scan.getCarry(i)] = carry;
  }
  auto yield = cast<YieldOp>(scan.getStep().front().getTerminator());
  SmallVector<Value> yields;
  auto emitYields = [&](YieldOp from, unsigned number) -> LogicalResult {
    yields.clear();
    for (unsigned i = 0; i < number; ++i) {
      FailureOr<TileValue> value = getTile(from.getOperand(i));
      if (failed(value))
        return failure();
      yields.push_back(value->tile);
    }
    return success();
  };
  if (failed(emitYields(yield, scan.getNumCarries())))
    return failure();
  for (unsigned i = scan.getNumCarries(); i < scan.getNumResults(); ++i) {
    auto target = emitTargets.find(scan.getResult(i));
    if (target == emitTargets.end())
      continue;
    FailureOr<TileValue> value = getTile(yield.getOperand(i));
    if (failed(value))
      return failure();
    MemoryTensor whole = target->second;
    whole.slicedRank = scan.getRankAttr();
    whole.sliceRank = tileRank;
    whole.sliceBase = base;
    if (failed(storeTile(*value, whole, loc)))
      return failure();
  }
  tile::YieldOp::create(builder, loc, yields);

  this->sweep = nullptr;
  gaps = {};
  if (packing)
    leaveRun(packing);
  runStep.reset();
  // Merge.
  tiles = savedTiles;
  if (scan.hasMerge()) {
    Block *merge = builder.createBlock(&sweep.getMerge());
    for (auto [i, argument] : llvm::enumerate(scan.getMerge().getArguments())) {
      const TileValue &init = initTiles[i % initTiles.size()];
      TileValue carry;
      carry.tile = merge->addArgument(init.tile.getType(), loc);
      carry.ranks = init.ranks;
      tiles[argument] = carry;
    }
    if (failed(
            emitYields(cast<YieldOp>(scan.getMerge().front().getTerminator()),
                       scan.getNumCarries())))
      return failure();
    tile::YieldOp::create(builder, loc, yields);
    tiles = savedTiles;
  }
  builder = outer;
  builder.setInsertionPointAfter(sweep);
  for (unsigned i = 0; i < scan.getNumCarries(); ++i) {
    TileValue result;
    result.tile = sweep.getResult(i);
    result.ranks = initTiles[i].ranks;
    tiles[scan.getResult(i)] = result;
  }
  return success();
}

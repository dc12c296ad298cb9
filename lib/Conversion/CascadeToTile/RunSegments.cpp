//===- RunSegments.cpp - the segments of a sweep over a packed rank -------===//
//
// In a run the outer part is a point, and the mask one over the inner part: its
// ranges are a few numbers of the run. A step of the sweep is a number among
// the steps of all runs; which run it is in is searched for by their sums, so
// that nothing is listed anywhere, and lengths that change need no new plan.
//
//===----------------------------------------------------------------------===//

#include "RunSegments.h"

#include "MaskSegments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

FailureOr<SmallVector<RunSegments::Range>> RunSegments::getRanges(Value run) {
  if (failed(emitter.enterRun(packing, run)))
    return failure();
  llvm::scope_exit leave([&] { emitter.leaveRun(packing); });
  FailureOr<Value> extent = emitter.getExtent(packing.getInner(), op.getLoc());
  if (failed(extent))
    return failure();
  MaskSegments segments(emitter, op, packing.getInner(), *extent, tile,
                        packing);
  if (failed(segments.analyze()))
    return failure();
  if (!segments.arePlain())
    return op.emitOpError("has no lowering to tile: in a coordinate of rank '")
           << packing.getOuter().getValue() << "' what is seen of rank '"
           << packing.getInner().getValue()
           << "' are no ranges; give the ranges coordinates of their own";
  full = segments.full;
  hasGaps = segments.hasGaps;
  SmallVector<Range> ranges;
  for (auto [lower, upper] : llvm::zip_equal(segments.lowers, segments.uppers))
    ranges.push_back({lower, upper});
  return ranges;
}

Value RunSegments::countSteps(Range range) {
  OpBuilder &b = emitter.builder;
  Location loc = op.getLoc();
  Value length = arith::SubIOp::create(b, loc, range.upper, range.lower);
  length = arith::MaxSIOp::create(b, loc, length, emitter.getIndexConstant(0));
  Value rounded =
      arith::AddIOp::create(b, loc, length, emitter.getIndexConstant(tile - 1));
  return arith::DivUIOp::create(b, loc, rounded,
                                emitter.getIndexConstant(tile));
}

FailureOr<unsigned> RunSegments::writeSteps(Region &region,
                                            std::optional<unsigned> number) {
  OpBuilder &b = emitter.builder;
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&region);
  auto ranges = getRanges(block->addArgument(b.getIndexType(), op.getLoc()));
  if (failed(ranges))
    return failure();
  SmallVector<Value> steps;
  for (auto [i, range] : llvm::enumerate(*ranges))
    if (i == number.value_or(i))
      steps.push_back(countSteps(range));
  tile::YieldOp::create(b, op.getLoc(), steps);
  return steps.size();
}

LogicalResult RunSegments::analyze() {
  OpBuilder &b = emitter.builder;
  Location loc = op.getLoc();
  FailureOr<Value> numRuns = emitter.getExtent(packing.getOuter(), loc);
  if (failed(numRuns))
    return failure();
  // How many classes there are is known when the region is written.
  Region body;
  FailureOr<unsigned> numClasses = writeSteps(body, std::nullopt);
  if (failed(numClasses))
    return failure();
  SmallVector<Type> types(*numClasses, b.getIndexType());
  auto sum = tile::SumOp::create(b, loc, types, *numRuns);
  sum.getBody().takeBody(body);
  llvm::append_range(uppers, sum.getTotals());
  lowers.assign(*numClasses, emitter.getIndexConstant(0));
  return success();
}

LogicalResult RunSegments::writeLocator(Region &region, unsigned number) {
  OpBuilder &b = emitter.builder;
  Location loc = op.getLoc();
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&region);
  Value step = block->addArgument(b.getIndexType(), loc);
  FailureOr<Value> numRuns = emitter.getExtent(packing.getOuter(), loc);
  if (failed(numRuns))
    return failure();
  auto place = tile::LocateOp::create(b, loc, b.getIndexType(),
                                      b.getIndexType(), step, *numRuns);
  if (failed(writeSteps(place.getBody(), number)))
    return failure();
  auto ranges = getRanges(place.getRun());
  if (failed(ranges))
    return failure();
  Range range = (*ranges)[number];
  auto constant = [&](int64_t value) {
    return emitter.getIndexConstant(value);
  };
  Value begin = arith::AddIOp::create(
      b, loc, range.lower,
      arith::MulIOp::create(b, loc, place.getRest(), constant(tile)));
  Value count = arith::MinSIOp::create(
      b, loc, arith::SubIOp::create(b, loc, range.upper, begin),
      constant(tile));
  count = arith::MaxSIOp::create(b, loc, count, constant(0));
  Value first = arith::MulIOp::create(b, loc, place.getRun(),
                                      constant(packing.getWidth()));
  Value base = arith::AddIOp::create(b, loc, first, begin);
  Value end = arith::AddIOp::create(b, loc, first, range.upper);
  tile::YieldOp::create(b, loc, ValueRange{base, count, end});
  return success();
}

LogicalResult RunSegments::writeLocators(tile::SweepOp sweep) {
  for (auto [number, region] : llvm::enumerate(sweep.getLocators()))
    if (failed(writeLocator(region, number)))
      return failure();
  return success();
}

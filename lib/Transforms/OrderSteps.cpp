//===- OrderSteps.cpp - steps of invariant programs are where all have them //
//
// Segments are cut where the masks of a tile's rows change, so that what a step
// has and which steps come first depend on all rows of the tile. Of a row alone
// it is the same only where steps begin at multiples of their size, in
// ascending order, with masks in all of them: steps that a row does not see
// then leave its carries as they are, and there may be as many as the tile's
// other rows need.
//
//===----------------------------------------------------------------------===//

#include "attn/Analysis/Remainder.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {
#define GEN_PASS_DEF_ORDERSTEPSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
/// Points from `lower` on, up to `upper`.
struct Points {
  Value lower, upper;
};

/// Writes the bounds of steps before a sweep.
class StepOrder {
public:
  StepOrder(tile::SweepOp sweep, RewriterBase &rewriter)
      : sweep(sweep), rewriter(rewriter), loc(sweep.getLoc()) {
    rewriter.setInsertionPoint(sweep);
    size = arith::ConstantIndexOp::create(rewriter, loc, sweep.getTile());
  }

  /// Whole steps, in ascending order, that have all points of the segments.
  SmallVector<Points> run();

private:
  /// Segments of which each begins where the one before ends, as one.
  SmallVector<Points> joinSegments();
  void sort(SmallVectorImpl<Points> &ranges);

  Value max(Value x, Value y) {
    return arith::MaxSIOp::create(rewriter, loc, x, y);
  }
  Value getBegin(Value step) {
    return arith::MulIOp::create(rewriter, loc, step, size);
  }

  tile::SweepOp sweep;
  RewriterBase &rewriter;
  Location loc;
  Value size;
};
} // namespace

SmallVector<Points> StepOrder::joinSegments() {
  auto isContinued = [&](Value lower) {
    return !matchPattern(lower, m_Zero()) &&
           llvm::is_contained(sweep.getUppers(), lower);
  };
  SmallVector<bool> used(sweep.getLowers().size(), false);
  SmallVector<Points> ranges;
  for (auto [i, first] : llvm::enumerate(sweep.getLowers())) {
    if (used[i] || isContinued(first))
      continue;
    Points range{first, sweep.getUppers()[i]};
    used[i] = true;
    Value end = range.upper;
    for (size_t next = 0; next < used.size();) {
      if (used[next] || sweep.getLowers()[next] != end) {
        ++next;
        continue;
      }
      used[next] = true;
      end = sweep.getUppers()[next];
      range.upper = max(range.upper, end);
      next = 0;
    }
    ranges.push_back(range);
  }
  // Those of a circle, which no mask has.
  for (auto [i, isUsed] : llvm::enumerate(used))
    if (!isUsed)
      ranges.push_back({sweep.getLowers()[i], sweep.getUppers()[i]});
  return ranges;
}

void StepOrder::sort(SmallVectorImpl<Points> &ranges) {
  for (size_t end = ranges.size(); end > 1; --end)
    for (size_t i = 0; i + 1 < end; ++i) {
      Points a = ranges[i], c = ranges[i + 1];
      Value swaps = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::sgt, a.lower, c.lower);
      auto choose = [&](Value x, Value y) -> Value {
        return arith::SelectOp::create(rewriter, loc, swaps, x, y);
      };
      ranges[i] = {choose(c.lower, a.lower), choose(c.upper, a.upper)};
      ranges[i + 1] = {choose(a.lower, c.lower), choose(a.upper, c.upper)};
    }
}

SmallVector<Points> StepOrder::run() {
  SmallVector<Points> ranges = joinSegments();
  if (ranges.size() == 1 && matchPattern(ranges[0].lower, m_Zero()))
    return ranges;
  Value last = ranges[0].upper;
  for (const Points &range : ArrayRef(ranges).drop_front())
    last = max(last, range.upper);
  sort(ranges);
  // A step that two ranges have is the first one's.
  Value taken;
  for (Points &range : ranges) {
    Value first = arith::FloorDivSIOp::create(rewriter, loc, range.lower, size);
    Value end = arith::CeilDivSIOp::create(rewriter, loc, range.upper, size);
    if (taken)
      first = max(first, taken);
    taken = taken ? max(taken, end) : end;
    range.lower = getBegin(first);
    range.upper = max(range.lower, arith::MinSIOp::create(rewriter, loc,
                                                          getBegin(end), last));
  }
  return ranges;
}

/// The ops of which `value` is computed.
static SetVector<Operation *> getSlice(Value value) {
  BackwardSliceOptions options;
  options.inclusive = true;
  SetVector<Operation *> slice;
  // Of values at the top of a program there is one.
  [[maybe_unused]] LogicalResult known =
      getBackwardSlice(value, &slice, options);
  return slice;
}

/// Whether `value` is computed from what a table has of a tile's rows: those
/// along the coordinate that has several, or the last one.
static bool isReadByRows(Value value, tile::ProgramOp program) {
  ArrayRef<int64_t> tiles = program.getSpaceTiles();
  if (tiles.empty())
    return false;
  const auto *several =
      llvm::find_if(tiles, [](int64_t rows) { return rows != 1; });
  size_t number = several == tiles.end() ? tiles.size() - 1
                                         : size_t(several - tiles.begin());
  Value rows = program.getCoordinates()[number];
  auto dependsOnRows = [&](Value index) {
    return index == rows || llvm::any_of(getSlice(index), [&](Operation *op) {
             return llvm::is_contained(op->getOperands(), rows);
           });
  };
  return llvm::any_of(getSlice(value), [&](Operation *op) {
    return isa<tile::ElementOp, tile::ExtremaOp, tile::EntryOp, memref::LoadOp>(
               op) &&
           llvm::any_of(op->getOperands(), dependsOnRows);
  });
}

static LogicalResult orderSteps(tile::SweepOp sweep, RewriterBase &rewriter) {
  if (sweep.hasLocated() && hasOrderedSteps(sweep))
    return success();
  if (sweep.hasLocated())
    return sweep.emitOpError(
        "expects steps of an invariant program to lie between bounds, in the "
        "call or in each run of it, but got located segments, which are those "
        "of all rows of a tile; leave 'invariant' out");
  auto program = sweep->getParentOfType<tile::ProgramOp>();
  for (Value lower : sweep.getLowers())
    if (!llvm::is_contained(sweep.getUppers(), lower) &&
        isReadByRows(lower, program))
      return sweep.emitOpError(
          "expects steps of an invariant program to begin where coordinates "
          "and scalars say, but got segments that begin where a table says of "
          "the rows of a tile, which is elsewhere in another call; leave "
          "'invariant' or that bound out");
  SmallVector<Value> lowers, uppers;
  for (const Points &range : StepOrder(sweep, rewriter).run()) {
    lowers.push_back(range.lower);
    uppers.push_back(range.upper);
  }
  auto ordered = tile::SweepOp::create(rewriter, sweep.getLoc(), lowers, uppers,
                                       SmallVector<bool>(lowers.size(), false),
                                       sweep.getTile(), sweep.getInits());
  rewriter.inlineRegionBefore(sweep.getStep(), ordered.getStep(),
                              ordered.getStep().end());
  rewriter.inlineRegionBefore(sweep.getMerge(), ordered.getMerge(),
                              ordered.getMerge().end());
  rewriter.replaceOp(sweep, ordered);
  return success();
}

namespace {
struct OrderSteps final : attn::impl::OrderStepsPassBase<OrderSteps> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto program : getOperation().getOps<tile::ProgramOp>()) {
      if (!program.getInvariant())
        continue;
      SmallVector<tile::SweepOp> sweeps;
      program.walk([&](tile::SweepOp sweep) { sweeps.push_back(sweep); });
      for (tile::SweepOp sweep : sweeps)
        if (failed(orderSteps(sweep, rewriter)))
          return signalPassFailure();
    }
  }
};
} // namespace

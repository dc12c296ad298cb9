//===- OrderSteps.cpp - sweeps of invariant programs begin at 0 -----------===//
//
// Segments are cut where the masks of a tile's rows change, so that what a step
// has and which steps come first depend on all rows of the tile. Of a row alone
// it is the same only where steps begin at multiples of their size from 0 on,
// in ascending order, with masks in all of them: steps that a row does not see
// then leave its carries as they are.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {
#define GEN_PASS_DEF_ORDERSTEPSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// Whether each segment begins where another one ends, and one at 0.
static bool followEachOther(tile::SweepOp sweep) {
  llvm::SmallVector<bool> used(sweep.getLowers().size(), false);
  Value end;
  for (size_t n = 0; n < used.size(); ++n) {
    bool found = false;
    for (size_t i = 0; i < used.size() && !found; ++i) {
      Value lower = sweep.getLowers()[i];
      if (used[i] || (end ? lower != end : !matchPattern(lower, m_Zero())))
        continue;
      found = used[i] = true;
      end = sweep.getUppers()[i];
    }
    if (!found)
      return false;
  }
  return true;
}

static LogicalResult orderSteps(tile::SweepOp sweep, RewriterBase &rewriter) {
  if (sweep.hasLocated())
    return sweep.emitOpError("expects steps of an invariant program to follow "
                             "each other from 0 on, but got located segments, "
                             "which are those of all rows of a tile; leave "
                             "'invariant' out");
  if (!followEachOther(sweep))
    return sweep.emitOpError("expects steps of an invariant program to follow "
                             "each other from 0 on, but got segments that "
                             "begin where the rows of a tile begin to see "
                             "points; leave 'invariant' or that bound out");
  rewriter.setInsertionPoint(sweep);
  Value end = sweep.getUppers().front(), begin;
  for (Value lower : sweep.getLowers())
    if (matchPattern(lower, m_Zero()))
      begin = lower;
  for (Value upper : sweep.getUppers().drop_front())
    end = arith::MaxSIOp::create(rewriter, sweep.getLoc(), end, upper);
  auto ordered =
      tile::SweepOp::create(rewriter, sweep.getLoc(), begin, end, {false},
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

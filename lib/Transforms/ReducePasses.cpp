//===- ReducePasses.cpp - fewer passes over a rank, by algebra ------------===//
//
// For each rank: every barrier, last first, is deferred where its factor leaves
// the sum without risk, or marked for rescaling; what has neither keeps its
// pass, with a remark that names the failing law. Then the reductions become
// scans. Deferral goes last first because a late barrier's sum may itself hang
// on an earlier one, and is simpler without the later.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/ReducePasses.h"
#include "attn/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "cascade-reduce-passes"

namespace attn {
#define GEN_PASS_DEF_REDUCEPASSESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static remark::RemarkOpts remarkOpts(StringRef name) {
  return remark::RemarkOpts::name(name).category(DEBUG_TYPE);
}

static void remarkKept(StringRef rank, BarrierPlan &plan) {
  Location loc = plan.why.op ? plan.why.op->getLoc() : plan.failedAt.getLoc();
  std::string text =
      llvm::formatv("rank {0} keeps a pass: {1}", rank, plan.why.law).str();
  if (!plan.evidence.empty())
    text += "; " + plan.evidence;
  remark::missed(loc, remarkOpts("PassKept")) << text;
}

/// Ranks that an Einsum reduces and that are not whole in tiles, save those
/// that are reduced only on the way to tensors over another such rank: the head
/// dimension of a score stays whole while the keys are swept.
static SmallVector<std::string> findReducedRanks(FuncOp func) {
  llvm::MapVector<StringAttr, SmallVector<EinsumOp>> reductions;
  for (auto einsum : func.getBody().getOps<EinsumOp>())
    for (unsigned i = 0, e = einsum.getNumVariables(); i < e; ++i)
      if (einsum.isReduced(i) && !func.isWhole(einsum.getVariableRank(i)))
        reductions[einsum.getVariableRank(i)].push_back(einsum);
  SmallVector<std::string> outermost, all;
  for (auto &[rank, einsums] : reductions) {
    all.push_back(rank.str());
    StringAttr own = rank;
    if (!llvm::all_of(einsums, [&](EinsumOp einsum) {
          auto type = cast<NamedTensorType>(einsum.getType());
          return llvm::any_of(type.getRanks(), [&](StringAttr other) {
            return other != own && reductions.contains(other);
          });
        }))
      outermost.push_back(rank.str());
  }
  return outermost.empty() ? all : outermost;
}

static void reduceRank(FuncOp func, StringRef rank,
                       const ReducePassesOptions &options) {
  // Deferral rewrites the body, so plans are made afresh after each.
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<Value> barriers = findBarriers(func, rank);
    for (Value barrier : llvm::reverse(barriers)) {
      BarrierPlan plan = planBarrier(func, rank, barrier);
      if (plan.strategy != BarrierStrategy::Defer)
        continue;
      remark::passed(barrier.getLoc(), remarkOpts("BarrierDeferred"))
          << llvm::formatv("rank {0}: applied after the sum, in '{1}'", rank,
                           plan.reductions.front().second.monoid->name)
                 .str();
      deferBarrier(func, rank, plan);
      for (Operation &op :
           llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
        if (isa<EinsumOp>(op) && op.use_empty())
          op.erase();
      changed = true;
      break;
    }
  }
  SmallVector<BarrierPlan> rescaled;
  for (Value barrier : findBarriers(func, rank)) {
    BarrierPlan plan = planBarrier(func, rank, barrier);
    if (plan.strategy == BarrierStrategy::Keep) {
      remarkKept(rank, plan);
      continue;
    }
    if (options.deferOnly)
      continue;
    remark::passed(barrier.getLoc(), remarkOpts("BarrierRescaled"))
        << llvm::formatv("rank {0}: followed as it grows, in '{1}'", rank,
                         plan.reductions.front().second.monoid->name)
               .str();
    rescaled.push_back(std::move(plan));
  }
  if (!options.deferOnly)
    formScans(func, rank, options.tile, rescaled);
}

void attn::reducePasses(FuncOp func, const ReducePassesOptions &options) {
  if (!func.getReassoc()) {
    remark::missed(func.getLoc(), remarkOpts("NotReassociable"))
        << llvm::formatv("needs the attribute 'reassoc' on @{0}, since sums "
                         "are taken in another order",
                         func.getSymName())
               .str();
    return;
  }
  ReducePassesOptions scheduled = options;
  if (ScheduleAttr schedule = func.getScheduleAttr();
      schedule && schedule.getKeys() && !options.deferOnly) {
    scheduled.tile = schedule.getKeys();
    if (schedule.getRows() || schedule.getFew() || schedule.getRoles())
      func.setScheduleAttr(
          ScheduleAttr::get(func.getContext(), schedule.getRows(), 0,
                            schedule.getFew(), schedule.getRoles()));
    else
      func.removeScheduleAttr();
  }
  SmallVector<std::string> ranks =
      options.ranks.empty() ? findReducedRanks(func) : options.ranks;
  for (StringRef rank : ranks)
    reduceRank(func, rank, scheduled);
}

namespace {
struct ReducePasses : attn::impl::ReducePassesPassBase<ReducePasses> {
  using ReducePassesPassBase::ReducePassesPassBase;

  void runOnOperation() override {
    if (tile < 1 || tile > cascade::kMaxTile) {
      getOperation().emitError("expects a tile of 1 to ")
          << cascade::kMaxTile << " coordinates, but got " << tile.getValue();
      return signalPassFailure();
    }
    ReducePassesOptions options;
    options.ranks.assign(ranks.begin(), ranks.end());
    options.tile = tile;
    options.deferOnly = deferOnly;
    reducePasses(getOperation(), options);
  }
};
} // namespace

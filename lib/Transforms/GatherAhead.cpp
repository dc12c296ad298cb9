//===- GatherAhead.cpp - elements that groups ask for a step ahead --------===//
//
// What a group reads of a step from memory itself, as a line of scales, comes
// through no ring: the products' results would wait for memory at each step.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/Passes.h"

#include "dialects/Pipe/Pipe.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace attn {
#define GEN_PASS_DEF_GATHERAHEADPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

static int64_t countRegisters(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return pipe::getFragment(type).getNumRegisters();
}

/// What computes `gather` in the body of `loop`, in its order; nothing if that
/// depends on more than the loop's number and values before the loop.
static std::optional<llvm::SetVector<Operation *>>
findSlice(scf::ForOp loop, pipe::GatherOp gather) {
  BackwardSliceOptions options;
  options.inclusive = options.omitBlockArguments = true;
  options.filter = [&](Operation *op) {
    return op->getBlock() == loop.getBody();
  };
  llvm::SetVector<Operation *> slice;
  if (failed(getBackwardSlice(gather.getOperation(), &slice, options)))
    return std::nullopt;
  auto isRepeatable = [&](Operation *op) {
    return op->getNumRegions() == 0 &&
           (isa<pipe::GatherOp>(op) || isMemoryEffectFree(op)) &&
           llvm::none_of(loop.getRegionIterArgs(), [&](Value carried) {
             return llvm::is_contained(op->getOperands(), carried);
           });
  };
  if (!llvm::all_of(slice, isRepeatable))
    return std::nullopt;
  return slice;
}

namespace {
/// Gathers that say where others are, as pages do, are places; all others are
/// elements.
enum class Wanted { Elements, Places };
} // namespace

/// Gathers of the loop's body; what computes them is added to `slice`.
static SmallVector<pipe::GatherOp>
findGathers(scf::ForOp loop, Wanted wanted, int64_t mostRegisters,
            llvm::SetVector<Operation *> &slice) {
  SmallVector<pipe::GatherOp> all(loop.getBody()->getOps<pipe::GatherOp>());
  SmallVector<pipe::GatherOp> gathers;
  llvm::SmallDenseSet<Operation *> ofOthers;
  int64_t registers = 0;
  for (pipe::GatherOp gather : llvm::reverse(all)) {
    auto own = findSlice(loop, gather);
    if (!own)
      continue;
    bool isPlace = ofOthers.contains(gather);
    ofOthers.insert(own->begin(), own->end());
    int64_t more = countRegisters(gather.getResult());
    if (isPlace != (wanted == Wanted::Places) ||
        registers + more > mostRegisters)
      continue;
    slice.insert(own->begin(), own->end());
    registers += more;
    gathers.push_back(gather);
  }
  return gathers;
}

/// The gathers' results where the loop's number is `number`.
static SmallVector<Value> cloneGathers(OpBuilder &b, scf::ForOp loop,
                                       Value number,
                                       ArrayRef<Operation *> slice,
                                       ArrayRef<pipe::GatherOp> gathers) {
  IRMapping mapping;
  mapping.map(loop.getInductionVar(), number);
  for (Operation *op : slice)
    b.clone(*op, mapping);
  return llvm::map_to_vector(gathers, [&](pipe::GatherOp gather) {
    return mapping.lookup(gather.getResult());
  });
}

/// The loop with them. Beyond the last step gathers give zeros or what nobody
/// uses.
static scf::ForOp gatherAhead(IRRewriter &rewriter, scf::ForOp loop,
                              Wanted wanted, int64_t mostRegisters) {
  llvm::SetVector<Operation *> found;
  SmallVector<pipe::GatherOp> gathers =
      findGathers(loop, wanted, mostRegisters, found);
  if (gathers.empty())
    return loop;
  SmallVector<Operation *> slice = found.takeVector();
  rewriter.setInsertionPoint(loop);
  SmallVector<Value> first =
      cloneGathers(rewriter, loop, loop.getLowerBound(), slice, gathers);
  rewriter.setInsertionPointToStart(loop.getBody());
  Value next = arith::AddIOp::create(rewriter, loop.getLoc(),
                                     loop.getInductionVar(), loop.getStep());
  SmallVector<Value> ahead = cloneGathers(rewriter, loop, next, slice, gathers);
  NewYieldValuesFn yields = [&](OpBuilder &, Location,
                                ArrayRef<BlockArgument> own) {
    for (auto [gather, value] : llvm::zip_equal(gathers, own))
      rewriter.replaceAllUsesWith(gather.getResult(), value);
    for (Operation *op : llvm::reverse(slice))
      if (op->use_empty())
        rewriter.eraseOp(op);
    return ahead;
  };
  FailureOr<LoopLikeOpInterface> replaced = loop.replaceWithAdditionalYields(
      rewriter, first, /*replaceInitOperandUsesInLoop=*/false, yields);
  return succeeded(replaced) ? cast<scf::ForOp>(replaced->getOperation())
                             : loop;
}

namespace {
struct GatherAhead final : attn::impl::GatherAheadPassBase<GatherAhead> {
  using GatherAheadPassBase::GatherAheadPassBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](pipe::RoleOp role) {
      if (static_cast<int64_t>(role.getRegisters()) < leastRegisters)
        return;
      SmallVector<scf::ForOp> loops;
      role.walk([&](scf::ForOp loop) { loops.push_back(loop); });
      for (scf::ForOp loop : loops) {
        // What says where these are, one more step ahead.
        loop = gatherAhead(rewriter, loop, Wanted::Elements, mostRegisters);
        gatherAhead(rewriter, loop, Wanted::Places, mostRegisters);
      }
    });
  }
};
} // namespace

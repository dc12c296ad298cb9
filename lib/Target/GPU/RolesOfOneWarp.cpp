//===- RolesOfOneWarp.cpp - who does what in roles of one warp ------------===//

#include "Lowering.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// Whether several warps of the group that has `role` may do what one would:
/// others see nothing of it but fillings, each of which is some warp's, and
/// items that are taken.
static bool hasFillingsAlone(RoleOp role) {
  if (role.getWarps() != 1)
    return false;
  return !role.walk([](Operation *op) {
                bool isSeen = isa<ReleaseOp, PutOp, StoreOp, MeetOp, ClearOp,
                                  TakeTurnOp, PassTurnOp>(op);
                return isSeen ? WalkResult::interrupt() : WalkResult::advance();
              })
              .wasInterrupted();
}

bool attn::gpu::canShareFillings(RoleOp role,
                                 const Architecture &architecture) {
  return architecture.sharesFillings && hasFillingsAlone(role);
}

static llvm::SmallSetVector<Value, 4> getFilledRings(RoleOp role) {
  llvm::SmallSetVector<Value, 4> rings;
  role.walk([&](FillOp fill) { rings.insert(fill.getRing()); });
  return rings;
}

static void setTurn(FillOp fill, int64_t turn, int64_t turns) {
  Builder b(fill.getContext());
  fill->setAttr(kTurnAttr, b.getI64IntegerAttr(turn));
  fill->setAttr(kTurnsAttr, b.getI64IntegerAttr(turns));
}

static bool isFilledFromPages(FillOp fill) {
  return llvm::any_of(fill.getBody().getOps<LoadOp>(), [](LoadOp load) {
    return llvm::any_of(load.getIndices(), [](Value index) {
      return index.getDefiningOp<PageOp>() != nullptr;
    });
  });
}

int64_t attn::gpu::splitFillings(RoleOp role,
                                 const Architecture &architecture) {
  bool asksPages = false, takesItems = false;
  role.walk([&](Operation *op) {
    asksPages |= isa<PagesOp>(op);
    if (auto next = dyn_cast<NextItemOp>(op))
      takesItems |= next.getWork().getType().getKind() == WorkKind::Dynamic;
  });
  if (!architecture.bulk || !asksPages || takesItems || !hasFillingsAlone(role))
    return 1;
  // What stays for an item, if anything, is one more warp's.
  llvm::SmallSetVector<Value, 4> rings;
  bool hasOthers = false;
  role.walk([&](FillOp fill) {
    if (isFilledFromPages(fill))
      rings.insert(fill.getRing());
  });
  role.walk([&](FillOp fill) {
    bool isPaged = rings.contains(fill.getRing());
    hasOthers |= !isPaged;
    setTurn(fill,
            isPaged ? llvm::find(rings, fill.getRing()) - rings.begin()
                    : rings.size(),
            /*turns=*/0);
  });
  return std::min<int64_t>(rings.size() + (hasOthers ? 1 : 0), kGroupWarps);
}

bool attn::gpu::shareFillings(RoleOp role, const KernelValues &values,
                              int64_t barrier, IRRewriter &rewriter) {
  const Primitives &primitives = values.getPrimitives();
  llvm::SmallSetVector<Value, 4> rings = getFilledRings(role);
  role.walk([&](FillOp fill) {
    // Odd, so that the fillings of each ring are of all warps.
    setTurn(fill, llvm::find(rings, fill.getRing()) - rings.begin(),
            rings.size() | 1);
  });
  // One thread takes an item for all, who have read its number before the next.
  SmallVector<NextItemOp> ops;
  role.walk([&](NextItemOp op) {
    if (op.getWork().getType().getKind() == WorkKind::Dynamic)
      ops.push_back(op);
  });
  for (NextItemOp op : ops) {
    OpBuilder::InsertionGuard guard(rewriter);
    Location opLoc = op.getLoc();
    rewriter.setInsertionPoint(op);
    Value number = createI32(rewriter, opLoc, barrier);
    Value word = createByteOffset(rewriter, opLoc, values.barriers,
                                  barrier * kBarrierBytes + kBarrierBytes / 2);
    auto taken = scf::IfOp::create(rewriter, opLoc, values.isFirstInGroup,
                                   /*withElseRegion=*/false);
    auto meet = [&] {
      primitives.meet(rewriter, opLoc, values, number,
                      values.getGroupThreads());
    };
    meet();
    Value item = LLVM::LoadOp::create(rewriter, opLoc, rewriter.getI32Type(),
                                      word, /*alignment=*/4);
    item = primitives.takeFirst(rewriter, opLoc, item);
    meet();
    op.getResult().replaceAllUsesWith(item);
    op->moveBefore(taken.thenYield());
    rewriter.setInsertionPointAfter(op);
    LLVM::StoreOp::create(rewriter, opLoc, op.getResult(), word,
                          /*alignment=*/4);
  }
  return !ops.empty();
}

void attn::gpu::leaveToOneLane(RoleOp role, const KernelValues &values,
                               IRRewriter &rewriter) {
  const BulkCopies *bulk = values.architecture->bulk;
  SmallVector<Operation *> ops;
  role.walk([&](Operation *op) {
    if (isa<NextItemOp>(op) || (isa<FillOp>(op) && bulk))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    OpBuilder::InsertionGuard guard(rewriter);
    Location opLoc = op->getLoc();
    rewriter.setInsertionPoint(op);
    if (op->getNumResults() == 0) {
      // Known to be of one lane, whose registers are uniform.
      Value elected = bulk->electLane(rewriter, opLoc);
      auto laneIf = scf::IfOp::create(rewriter, opLoc, elected, false);
      op->moveBefore(laneIf.thenYield());
      continue;
    }
    auto laneIf =
        scf::IfOp::create(rewriter, opLoc, op->getResultTypes(),
                          values.isFirstInWarp, /*withElseRegion=*/true);
    rewriter.setInsertionPointAfter(laneIf);
    Value shared =
        values.getPrimitives().takeFirst(rewriter, opLoc, laneIf.getResult(0));
    op->getResult(0).replaceAllUsesWith(shared);
    rewriter.setInsertionPointToStart(laneIf.elseBlock());
    scf::YieldOp::create(rewriter, opLoc, createI32(rewriter, opLoc, 0));
    rewriter.setInsertionPointToStart(laneIf.thenBlock());
    auto yield = scf::YieldOp::create(rewriter, opLoc, op->getResult(0));
    op->moveBefore(yield);
  }
}

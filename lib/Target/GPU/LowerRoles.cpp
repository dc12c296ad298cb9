//===- LowerRoles.cpp - the branch of a kernel into roles -----------------===//
//
// Each role takes whole groups of four warps, as a budget of registers is set
// for four warps at once, and without budgets the quarter of a multiprocessor
// that has the most warps says how many registers a thread has.
//
//===----------------------------------------------------------------------===//

#include "KernelLowering.h"
#include "Stream.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;
using namespace attn::pipe;

/// A multiple of 8 (PTX ISA, setmaxnreg).
static constexpr int64_t kMinRegisters = 24, kMaxRegisters = 256;

static int64_t getNumGroups(RoleOp role) {
  return role.getGroups() * llvm::divideCeil(role.getWarps(), kGroupWarps);
}

/// Whether the group's threads meet after `op`.
static bool isThreadMeeting(Operation *op) {
  if (isa<EachOp, ClearOp, MeetOp, SplitOp>(op))
    return true;
  if (auto fill = dyn_cast<FillOp>(op))
    return isFilledByThreads(fill);
  auto get = dyn_cast<GetOp>(op);
  return get && isa<pipe::ArrayType>(get.getSource().getType()) &&
         !get->getParentOfType<EachOp>();
}

/// Whether the role's lanes do what one could not.
static bool asksLanes(RoleOp role) {
  return asksRuns(role.getBody()) ||
         role.walk([](PagesOp) { return WalkResult::interrupt(); })
             .wasInterrupted();
}

LogicalResult KernelLowering::lowerRole(RoleOp role, int64_t firstGroup) {
  Location roleLoc = role.getLoc();
  int64_t registers = role.getRegisters();
  if (registers < kMinRegisters || registers > kMaxRegisters || registers % 8)
    return role.emitOpError("expects registers in multiples of 8 from ")
           << kMinRegisters << " to " << kMaxRegisters << ", but got "
           << registers;
  if (role.getWarps() != 1 && role.getWarps() != kGroupWarps)
    return role.emitOpError("expects groups of 1 or 4 warps, but got ")
           << role.getWarps();
  // What every thread may have at entry.
  int64_t atEntry = getRegistersOfBlock() / numThreads / 8 * 8;
  if (registers != atEntry && hasSeveralRoles && architecture.setRegisters)
    architecture.setRegisters(rewriter, roleLoc, registers,
                              /*isMore=*/registers > atEntry);
  Value group = arith::ShRUIOp::create(rewriter, roleLoc, values.thread,
                                       i32(llvm::Log2_64(groupThreads)));
  group = createShuffled(group);
  group = arith::SubIOp::create(rewriter, roleLoc, group, i32(firstGroup));

  bool usesBulkStores = false, readsRings = false, meets = false;
  bool groupsMeet = false, copiesByLanes = false;
  llvm::SmallSetVector<Value, 2> turns;
  role.walk([&](Operation *op) {
    usesBulkStores |= isa<BulkStoreOp>(op);
    readsRings |= isa<ReleaseOp>(op);
    if (isa<MeetOp>(op))
      op->setAttr(kThreadsAttr,
                  rewriter.getI64IntegerAttr(role.getGroups() * groupThreads));
    if (auto fill = dyn_cast<FillOp>(op);
        fill && !architecture.bulk && !isFilledByThreads(fill)) {
      copiesByLanes = true;
      op->setAttr(kCopyWarpsAttr, rewriter.getI64IntegerAttr(role.getWarps()));
    }
    if (isThreadMeeting(op)) {
      meets = true;
      op->setAttr(kBarrierAttr, rewriter.getI64IntegerAttr(nextNamedBarrier));
      // A barrier a group, by the number of the group in the block.
      op->setAttr(kFirstGroupAttr, rewriter.getI64IntegerAttr(firstGroup));
    }
    if (auto take = dyn_cast<TakeTurnOp>(op))
      turns.insert(take.getTurn());
    if (isa<ClearUnsetOp>(op)) {
      groupsMeet = true;
      op->setAttr(kFirstGroupAttr, rewriter.getI64IntegerAttr(firstGroup));
      op->setAttr(kThreadsAttr,
                  rewriter.getI64IntegerAttr(role.getGroups() * groupThreads));
    }
  });
  if (meets)
    nextNamedBarrier += role.getGroups();
  if (groupsMeet) {
    role.walk([&](ClearUnsetOp op) {
      op->setAttr(kBarrierAttr, rewriter.getI64IntegerAttr(nextNamedBarrier));
    });
    ++nextNamedBarrier;
  }
  bool isShared = canShareFillings(role, architecture);
  if (isShared && shareFillings(role, values, nextNamedBarrier, rewriter))
    ++nextNamedBarrier;
  if (nextNamedBarrier > kNumNamedBarriers)
    return role.emitOpError("expects at most ")
           << kNumNamedBarriers - 1
           << " groups in all turns and roles with pipe.each or pipe.clear, "
              "one named barrier each, but got more";
  OpBuilder::InsertionGuard guard(rewriter);
  if (role.getWarps() == 1 && !isShared) {
    // One lane of those of the four warps that fill.
    int64_t numWarps = splitFillings(role, architecture);
    Value isWarp =
        arith::CmpIOp::create(rewriter, roleLoc, arith::CmpIPredicate::ult,
                              values.warpInGroup, i32(numWarps));
    auto warpIf = scf::IfOp::create(rewriter, roleLoc, isWarp, false);
    rewriter.setInsertionPointToStart(warpIf.thenBlock());
    // Its lanes compute sums together, ask for pages, or copy.
    if (asksLanes(role) || !architecture.bulk) {
      leaveToOneLane(role, values, rewriter);
    } else {
      Value elected = architecture.bulk->electLane(rewriter, roleLoc);
      auto laneIf = scf::IfOp::create(rewriter, roleLoc, elected, false);
      rewriter.setInsertionPointToStart(laneIf.thenBlock());
    }
  }
  // Group 0 gets the turn from itself.
  for (Value turn : turns) {
    Value isZero = arith::CmpIOp::create(
        rewriter, roleLoc, arith::CmpIPredicate::eq, group, i32(0));
    auto zeroIf = scf::IfOp::create(rewriter, roleLoc, isZero, false);
    OpBuilder::InsertionGuard zeroGuard(rewriter);
    rewriter.setInsertionPointToStart(zeroIf.thenBlock());
    Value last = i32(cast<TurnType>(turn.getType()).getGroups() - 1);
    PassTurnOp::create(rewriter, roleLoc, turn, last);
  }
  Block *body = &role.getBody().front();
  rewriter.eraseOp(body->getTerminator());
  rewriter.inlineBlockBefore(body, rewriter.getInsertionBlock(),
                             rewriter.getInsertionPoint(), group);
  // Nobody may arrive at a block that has left the cluster.
  if (values.cluster > 1 && readsRings)
    architecture.bulk->meetCluster(rewriter, roleLoc);
  if (usesBulkStores)
    architecture.bulk->finishStores(rewriter, roleLoc, values.isFirstInWarp);
  // Nobody leaves before what it has started is done.
  if (copiesByLanes)
    architecture.primitives->finishCopies(rewriter, roleLoc);
  return success();
}

LogicalResult KernelLowering::countThreads() {
  auto roles = values.function.getBody().front().getOps<RoleOp>();
  auto count = [&](RoleOp role) { return getNumGroups(role) * groupThreads; };
  constexpr int64_t kMaxThreads = 1024;
  int64_t budget = 0;
  for (RoleOp role : roles) {
    numThreads += count(role);
    budget += role.getRegisters() * count(role);
  }
  if (numThreads > kMaxThreads)
    return kernel.emitOpError("expects at most 1024 threads, but its roles "
                              "have ")
           << numThreads;
  int64_t ofBlock = getRegistersOfBlock();
  if (!architecture.setRegisters) {
    int64_t most =
        std::min(ofBlock / numThreads / 8 * 8, architecture.mostRegisters);
    for (RoleOp role : roles)
      if (static_cast<int64_t>(role.getRegisters()) > most)
        return role.emitOpError("expects at most ")
               << most << " registers of a thread, which all " << numThreads
               << " threads have on this target, but got "
               << role.getRegisters() << "; use smaller tiles or fewer groups";
    return success();
  }
  if (budget <= ofBlock)
    return success();
  InFlightDiagnostic diag = kernel.emitOpError("expects roles of at most ")
                            << ofBlock << " registers in all, but got "
                            << budget;
  for (RoleOp role : roles)
    diag.attachNote(role.getLoc()) << role.getName() << " takes " << count(role)
                                   << " threads of " << role.getRegisters();
  return diag;
}

LogicalResult KernelLowering::lowerRoles() {
  SmallVector<RoleOp> roles =
      llvm::to_vector(values.function.getBody().front().getOps<RoleOp>());
  hasSeveralRoles = roles.size() > 1;
  rewriter.setInsertionPoint(roles.front());
  if (failed(initialise()))
    return failure();
  Value group = arith::ShRUIOp::create(rewriter, loc, values.thread,
                                       i32(llvm::Log2_64(groupThreads)));
  group = createShuffled(group);
  int64_t firstGroup = 0;
  OpBuilder::InsertionGuard guard(rewriter);
  for (RoleOp role : roles) {
    int64_t next = firstGroup + getNumGroups(role);
    if (role == roles.back()) {
      if (failed(lowerRole(role, firstGroup)))
        return failure();
    } else {
      Value isRole = arith::CmpIOp::create(
          rewriter, loc, arith::CmpIPredicate::ult, group, i32(next));
      auto ifOp = scf::IfOp::create(rewriter, loc, isRole, /*withElse=*/true);
      rewriter.setInsertionPointToStart(ifOp.thenBlock());
      if (failed(lowerRole(role, firstGroup)))
        return failure();
      rewriter.setInsertionPointToStart(ifOp.elseBlock());
    }
    rewriter.eraseOp(role);
    firstGroup = next;
  }
  return success();
}

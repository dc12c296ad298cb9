//===- SpreadProducts.cpp - products among what they run beside -----------===//
//
// A product of warps occupies the warp that starts it only while it is issued.
// The program says beside what it may run: what stands between its start and
// the wait for it. There its instructions are spread out evenly, so that those
// of the wait's other side keep the remaining units busy; ptxas keeps about the
// order that it finds. They stay in their own order and in their block, before
// the mark of the wait, barriers and branches.
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

namespace {
/// An instruction and what takes its results apart.
using Unit = SmallVector<Operation *>;
} // namespace

/// The instructions of the product of which `first` is the first.
static SmallVector<Unit> collect(Operation *first) {
  Attribute product = first->getAttr(kInFlightAttr);
  SmallVector<Unit> units;
  for (Operation *op = first; op; op = op->getNextNode()) {
    if (op->getAttr(kInFlightAttr) == product && isa<LLVM::InlineAsmOp>(op))
      units.push_back({op});
    else if (op->getAttr(kInFlightAttr) == product &&
             isa<LLVM::ExtractValueOp>(op))
      units.back().push_back(op);
    else if (!op->hasAttr(kInFlightAttr))
      break;
  }
  return units;
}

/// What follows `last` and may run beside `units`.
static SmallVector<Operation *> findOthers(Operation *last,
                                           ArrayRef<Unit> units) {
  llvm::SmallDenseSet<Operation *> own;
  for (const Unit &unit : units)
    own.insert(unit.begin(), unit.end());
  SmallVector<Operation *> others;
  for (Operation *op = last->getNextNode(); op; op = op->getNextNode()) {
    bool uses = llvm::any_of(op->getOperands(), [&](Value value) {
      return own.contains(value.getDefiningOp());
    });
    if (uses || op->getNumRegions() != 0 ||
        op->hasTrait<OpTrait::IsTerminator>() || op->hasAttr(kInFlightAttr) ||
        isa<NVVM::BarrierOp, NVVM::Barrier0Op>(op))
      break;
    others.push_back(op);
  }
  return others;
}

static void spread(ArrayRef<Unit> units, ArrayRef<Operation *> others) {
  size_t next = 0;
  for (auto [number, other] : llvm::enumerate(others)) {
    Operation *after = other;
    for (; next < units.size() * (number + 1) / others.size(); ++next)
      for (Operation *op : units[next]) {
        op->moveAfter(after);
        after = op;
      }
  }
}

void attn::nvidia::spreadProducts(LLVM::LLVMFuncOp function) {
  llvm::MapVector<Attribute, Operation *> products;
  function.walk([&](Operation *op) {
    if (Attribute product = op->getAttr(kInFlightAttr))
      products.insert({product, op});
  });
  for (auto [product, first] : products) {
    SmallVector<Unit> units = collect(first);
    if (units.empty())
      continue;
    SmallVector<Operation *> others = findOthers(units.back().back(), units);
    if (!others.empty())
      spread(units, others);
  }
  function.walk([](Operation *op) {
    op->removeAttr(kInFlightAttr);
    if (op->hasAttr(kWaitAttr))
      op->erase();
  });
}

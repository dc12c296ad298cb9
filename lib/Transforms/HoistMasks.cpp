//===- HoistMasks.cpp - parts of masks that need not be at every point ----===//
//
// In the predicate of a tile.mask, what depends on no coordinate moves before
// the sweep, and what depends on one only becomes a tile.generate: along a
// dimension of rows once a sweep, along one of keys once a step. What is left
// at every point is what has two coordinates: comparisons. Values that cost
// less than reading an element of a tile stay.
//
// A value is taken out where it meets the other coordinates; what it is
// computed from goes with it.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

namespace attn {
#define GEN_PASS_DEF_HOISTMASKSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
class Hoister {
public:
  Hoister(tile::MaskOp mask, RewriterBase &rewriter)
      : mask(mask), rewriter(rewriter), block(mask.getPredicate().front()) {}

  void run();

private:
  /// The dimensions on which a value depends, as bits.
  uint64_t getDims(Value value);
  bool isInside(Value value) const {
    Operation *op = value.getDefiningOp();
    return op && op->getBlock() == &block;
  }
  /// `value` and what it is computed from in the predicate, in its order.
  SmallVector<Operation *> getSlice(Value value) const;
  bool holdsAlways();
  void dropPredicate();
  void eraseDeadOps();
  void hoistUniform();
  void hoistAlong(unsigned dim);
  Value generate(Value value, unsigned dim);
  Operation *getPlace(ValueRange used);

  tile::MaskOp mask;
  RewriterBase &rewriter;
  Block &block;
  DenseMap<Value, uint64_t> dims;
};
} // namespace

uint64_t Hoister::getDims(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &block)
    return dims.lookup(value);
  unsigned number = argument.getArgNumber();
  unsigned rank = mask.getTile().getType().getRank();
  return uint64_t(1) << (number < rank ? number
                                       : mask.getAlong()[number - rank]);
}

SmallVector<Operation *> Hoister::getSlice(Value value) const {
  llvm::SetVector<Operation *> seen;
  SmallVector<Value> work = {value};
  while (!work.empty()) {
    Value next = work.pop_back_val();
    if (!isInside(next) || !seen.insert(next.getDefiningOp()))
      continue;
    llvm::append_range(work, next.getDefiningOp()->getOperands());
  }
  SmallVector<Operation *> slice = seen.takeVector();
  llvm::sort(slice,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return slice;
}

/// Where to write what uses `used`: before the sweep if these come from there.
Operation *Hoister::getPlace(ValueRange used) {
  auto sweep = dyn_cast<tile::SweepOp>(mask->getParentOp());
  bool isOutside =
      sweep && llvm::all_of(used, [&](Value value) {
        return !sweep->isAncestor(value.getParentRegion()->getParentOp());
      });
  return isOutside ? sweep.getOperation() : mask.getOperation();
}

void Hoister::hoistUniform() {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
    bool isUniform = op.getNumRegions() == 0 &&
                     !op.hasTrait<OpTrait::ConstantLike>() &&
                     llvm::all_of(op.getOperands(),
                                  [&](Value v) { return getDims(v) == 0; });
    if (!isUniform)
      continue;
    // Constants among the operands are written again where they are needed.
    rewriter.setInsertionPoint(getPlace(llvm::to_vector(llvm::make_filter_range(
        op.getOperands(), [&](Value v) { return !isInside(v); }))));
    IRMapping mapping;
    bool isMovable = true;
    for (Value operand : op.getOperands())
      if (isInside(operand)) {
        Operation *define = operand.getDefiningOp();
        isMovable &= define->hasTrait<OpTrait::ConstantLike>();
        if (isMovable)
          mapping.map(operand, rewriter.clone(*define)->getResult(0));
      }
    if (!isMovable)
      continue;
    Operation *moved = rewriter.clone(op, mapping);
    rewriter.replaceOp(&op, moved->getResults());
  }
}

/// Reading an element of a tile costs less.
static bool isHeavy(ArrayRef<Operation *> slice) {
  return llvm::any_of(slice, [](Operation *op) {
    return !op->hasTrait<OpTrait::ConstantLike>() &&
           !isa<arith::AddIOp, arith::SubIOp, arith::CmpIOp, arith::AndIOp,
                arith::OrIOp, arith::IndexCastOp>(op);
  });
}

/// The tile of `value` along `dim`, on which alone it depends; null if it is
/// computed from elements of other tiles.
Value Hoister::generate(Value value, unsigned dim) {
  SmallVector<Operation *> slice = getSlice(value);
  Value base = mask.getBases()[dim];
  Value valid = mask.getValid().empty() ? Value() : mask.getValid()[dim];
  SmallVector<Value> used = {base};
  if (valid)
    used.push_back(valid);
  for (Operation *op : slice)
    for (Value operand : op->getOperands()) {
      auto argument = dyn_cast<BlockArgument>(operand);
      if (argument && argument.getOwner() == &block) {
        if (argument.getArgNumber() != dim)
          return {};
      } else if (!isInside(operand)) {
        used.push_back(operand);
      }
    }
  Location loc = value.getLoc();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(getPlace(used));
  auto type = RankedTensorType::get(mask.getTile().getType().getDimSize(dim),
                                    value.getType());
  auto generate = tile::GenerateOp::create(rewriter, loc, type, base, valid);
  Block *body = rewriter.createBlock(&generate.getBody());
  IRMapping mapping;
  mapping.map(block.getArgument(dim),
              body->addArgument(rewriter.getIndexType(), loc));
  for (Operation *op : slice)
    rewriter.clone(*op, mapping);
  tile::YieldOp::create(rewriter, loc, mapping.lookup(value));
  return generate.getResult();
}

void Hoister::hoistAlong(unsigned dim) {
  uint64_t only = uint64_t(1) << dim;
  SmallVector<Value> frontier;
  for (Operation &op : block.without_terminator())
    for (Value result : op.getResults()) {
      bool meetsOthers = llvm::any_of(result.getUsers(), [&](Operation *user) {
        return user == block.getTerminator() ||
               llvm::any_of(user->getResults(), [&](Value other) {
                 return getDims(other) != only;
               });
      });
      if (getDims(result) == only && meetsOthers && isHeavy(getSlice(result)))
        frontier.push_back(result);
    }
  // All are written before one is replaced: they may share what they are
  // computed from.
  SmallVector<std::pair<Value, Value>> generated;
  for (Value value : frontier)
    if (Value tile = generate(value, dim))
      generated.push_back({value, tile});
  for (auto [value, tile] : generated) {
    SmallVector<int64_t> along(mask.getAlong());
    along.push_back(dim);
    BlockArgument element = block.addArgument(value.getType(), value.getLoc());
    rewriter.modifyOpInPlace(mask, [&, tile = tile] {
      mask.getWithMutable().append(tile);
      mask.setAlong(along);
    });
    rewriter.replaceAllUsesWith(value, element);
  }
  eraseDeadOps();
}

void Hoister::eraseDeadOps() {
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator())
    ops.push_back(&op);
  // Users come after what they use.
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      rewriter.eraseOp(op);
}

/// No segment of the sweep is partial.
bool Hoister::holdsAlways() {
  auto sweep = dyn_cast<tile::SweepOp>(mask->getParentOp());
  return sweep && llvm::is_contained(sweep.getFull(), true) &&
         !llvm::is_contained(sweep.getFull(), false);
}

void Hoister::dropPredicate() {
  Operation *yield = block.getTerminator();
  rewriter.setInsertionPoint(yield);
  Value holds = arith::ConstantIntOp::create(rewriter, yield->getLoc(), 1, 1);
  rewriter.modifyOpInPlace(yield, [&] { yield->setOperand(0, holds); });
  eraseDeadOps();
}

void Hoister::run() {
  if (holdsAlways())
    return dropPredicate();
  for (Operation &op : block.without_terminator()) {
    uint64_t all = 0;
    for (Value operand : op.getOperands())
      all |= getDims(operand);
    for (Value result : op.getResults())
      dims[result] = all;
  }
  hoistUniform();
  unsigned rank = mask.getTile().getType().getRank();
  for (unsigned dim = 0; rank > 1 && dim < rank; ++dim)
    hoistAlong(dim);
}

namespace {
struct HoistMasks final : attn::impl::HoistMasksPassBase<HoistMasks> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<tile::MaskOp> masks;
    getOperation().walk([&](tile::MaskOp mask) { masks.push_back(mask); });
    for (tile::MaskOp mask : masks)
      Hoister(mask, rewriter).run();
  }
};
} // namespace

//===- Nest.cpp - which tile ops share a loop nest ------------------------===//

#include "Nest.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

bool attn::cpu::isInline(Operation *op, const Layout &layout) {
  if (isa<tile::BroadcastOp, tile::TransposeOp, tile::CoordOp>(op) ||
      op->hasTrait<OpTrait::ConstantLike>())
    return true;
  if (layout.isLeftToDots(op))
    return true;
  if (!isPointwise(op) || !op->hasOneUse())
    return false;
  Operation *user = *op->user_begin();
  auto dot = dyn_cast<tile::DotOp>(user);
  if (dot && dot->getBlock() == op->getBlock())
    return dot.getAccumulator() == op->getResult(0) &&
           layout.getPlan(dot).kind != DotPlan::Kind::Contraction;
  return isPointwise(user) && user->getBlock() == op->getBlock() &&
         isInline(user, layout);
}

bool attn::cpu::isTileBranch(Operation *op) {
  if (!isa<scf::IfOp>(op) || op->getNumResults() != 0)
    return false;
  return op
      ->walk([](Operation *inner) {
        return isa<tile::TileDialect>(inner->getDialect())
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

void attn::cpu::collectLeaves(Value tile, const Layout &layout, bool samePoint,
                              SmallVectorImpl<Leaf> &leaves) {
  if (!isa<RankedTensorType>(tile.getType()))
    return;
  Operation *op = tile.getDefiningOp();
  if (!op || !isInline(op, layout)) {
    leaves.push_back({tile, samePoint});
    return;
  }
  for (Value operand : op->getOperands())
    collectLeaves(operand, layout, samePoint && isPointwise(op), leaves);
}

namespace {

class Planner {
public:
  Planner(Block &block, const Layout &layout) : block(block), layout(layout) {}

  std::vector<Nest> plan();

private:
  void placeSingle(Operation *op);
  void placeDot(tile::DotOp dot);
  void placePointwise(Operation *op);
  bool accepts(const Nest &nest, Operation *op, Value shaped) const;
  size_t getFirstNest(Operation *op, ValueRange operands) const;
  void collectOutputs();
  bool isReadElsewhere(const Nest &nest, Value tile) const;

  Block &block;
  const Layout &layout;
  std::vector<Nest> nests;
  /// Nests before this one are behind a store or a sweep.
  size_t barrier = 0;
  DenseMap<Operation *, size_t> nestOf;
};

} // namespace

size_t Planner::getFirstNest(Operation *op, ValueRange operands) const {
  size_t first = barrier;
  SmallVector<Leaf> leaves;
  for (Value operand : operands)
    collectLeaves(operand, layout, true, leaves);
  for (const Leaf &leaf : leaves) {
    Operation *producer = leaf.tile.getDefiningOp();
    auto it = producer ? nestOf.find(producer) : nestOf.end();
    if (it == nestOf.end())
      continue;
    bool atPoint = leaf.samePoint && !nests[it->second].single &&
                   !isa<tile::ReduceOp>(producer);
    first = std::max(first, it->second + (atPoint ? 0 : 1));
  }
  return first;
}

bool Planner::accepts(const Nest &nest, Operation *op, Value shaped) const {
  auto type = cast<RankedTensorType>(shaped.getType());
  if (nest.single || type.getShape() != ArrayRef<int64_t>(nest.shape) ||
      layout.getLane(shaped) != nest.lane)
    return false;
  auto reduce = dyn_cast<tile::ReduceOp>(op);
  if (!reduce)
    return true;
  if (!nest.reduced.empty())
    return ArrayRef<int64_t>(nest.reduced) == reduce.getDims();
  // The rows of a contraction's nest are not reordered, so only its last can
  // be reduced.
  if (nest.dot)
    return reduce.getDims().size() == 1 && type.getRank() > 1 &&
           reduce.getDims()[0] == (nest.lane == type.getRank() - 1
                                       ? type.getRank() - 2
                                       : type.getRank() - 1);
  return true;
}

void Planner::placeSingle(Operation *op) {
  Nest &nest = nests.emplace_back();
  nest.single = op;
  nestOf[op] = nests.size() - 1;
  if (isa<tile::SweepOp, tile::StoreOp, scf::IfOp>(op))
    barrier = nests.size();
}

void Planner::placeDot(tile::DotOp dot) {
  if (layout.getPlan(dot).kind == DotPlan::Kind::Contraction) {
    placeSingle(dot);
    return;
  }
  Nest &nest = nests.emplace_back();
  nest.dot = dot;
  nest.shape.assign(dot.getResult().getType().getShape().begin(),
                    dot.getResult().getType().getShape().end());
  nest.lane = layout.getLane(dot.getResult());
  nest.representative = dot.getResult();
  nestOf[dot] = nests.size() - 1;
}

void Planner::placePointwise(Operation *op) {
  auto reduce = dyn_cast<tile::ReduceOp>(op);
  Value shaped = reduce ? Value(reduce.getTile()) : op->getResult(0);
  size_t at = getFirstNest(op, op->getOperands());
  while (at < nests.size() && !accepts(nests[at], op, shaped))
    ++at;
  if (at == nests.size()) {
    Nest &nest = nests.emplace_back();
    llvm::append_range(nest.shape,
                       cast<RankedTensorType>(shaped.getType()).getShape());
    nest.lane = layout.getLane(shaped);
    nest.representative = shaped;
  }
  nests[at].ops.push_back(op);
  if (reduce)
    nests[at].reduced.assign(reduce.getDims().begin(), reduce.getDims().end());
  nestOf[op] = at;
}

bool Planner::isReadElsewhere(const Nest &nest, Value tile) const {
  SmallVector<std::pair<Value, bool>> work = {{tile, true}};
  while (!work.empty()) {
    auto [value, samePoint] = work.pop_back_val();
    for (Operation *user : value.getUsers()) {
      if (user->getBlock() == &block && isInline(user, layout)) {
        work.push_back({user->getResult(0), samePoint && isPointwise(user)});
        continue;
      }
      bool isDotInput = false;
      if (auto dot = dyn_cast<tile::DotOp>(user))
        isDotInput = dot.getLhs() == value || dot.getRhs() == value;
      // The form that a contraction wants is asked of the layout.
      if (isDotInput && samePoint) {
        const DotPlan &plan = layout.getPlan(cast<tile::DotOp>(user));
        Form natural = layout.getNaturalForm(value);
        for (unsigned i = 0; i < 2; ++i)
          if (plan.sources[i] == value && plan.forms[i] == natural)
            return true;
        continue;
      }
      if (!samePoint || !nest.contains(user))
        return true;
    }
  }
  return false;
}

void Planner::collectOutputs() {
  for (Nest &nest : nests) {
    if (nest.single)
      continue;
    SmallVector<Operation *> ops(nest.ops);
    if (nest.dot)
      ops.insert(ops.begin(), nest.dot);
    for (Operation *op : ops)
      if (!isa<tile::ReduceOp>(op) && isReadElsewhere(nest, op->getResult(0)))
        nest.outputs.push_back(op->getResult(0));
  }
}

std::vector<Nest> Planner::plan() {
  // Loads come first, unless something was stored before, or where there is
  // something to load is yet to be computed.
  bool stored = false;
  for (Operation &op : block) {
    stored = stored || isa<tile::StoreOp, tile::SweepOp, scf::IfOp>(op);
    auto load = dyn_cast<tile::LoadOp>(op);
    if (load && !load.getWhere() && !stored)
      placeSingle(&op);
  }
  for (Operation &op : block) {
    if (nestOf.contains(&op))
      continue;
    if (isa<tile::LoadOp, tile::StoreOp, tile::SweepOp>(op) ||
        isTileBranch(&op)) {
      placeSingle(&op);
    } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
      placeDot(dot);
    } else if (isa<tile::ReduceOp, tile::MaskOp, tile::GenerateOp,
                   tile::GatherOp>(op) ||
               isPointwise(&op)) {
      if (!isInline(&op, layout))
        placePointwise(&op);
    }
  }
  collectOutputs();
  return std::move(nests);
}

std::vector<Nest> attn::cpu::planNests(Block &block, const Layout &layout) {
  return Planner(block, layout).plan();
}

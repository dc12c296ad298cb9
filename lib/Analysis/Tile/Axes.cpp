//===- Axes.cpp - which dimensions of a tile program are one --------------===//

#include "attn/Analysis/TileAxes.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace attn;

static RankedTensorType getType(Value tile) {
  return cast<RankedTensorType>(tile.getType());
}

bool attn::isPointwise(Operation *op) {
  return op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType()) &&
         op->hasTrait<OpTrait::Elementwise>();
}

unsigned TileAxes::get(Value tile, int64_t dim) const {
  unsigned axis = firstAxis.at(tile) + dim;
  while (parents[axis] != axis)
    axis = parents[axis] = parents[parents[axis]];
  return axis;
}

void TileAxes::join(Value a, int64_t dimA, Value b, int64_t dimB) {
  // A constant, or what a broadcast repeats, has a size but no axis: one such
  // value may stand in places of several axes.
  for (auto [value, dim] : {std::tie(a, dimA), std::tie(b, dimB)}) {
    while (auto broadcast = value.getDefiningOp<tile::BroadcastOp>()) {
      if (llvm::is_contained(broadcast.getDims(), dim))
        return;
      dim -= llvm::count_if(broadcast.getDims(),
                            [d = dim](int64_t other) { return other < d; });
      value = broadcast.getSource();
    }
    if (matchPattern(value, m_Constant()))
      return;
  }
  parents[get(a, dimA)] = get(b, dimB);
}

void TileAxes::joinAll(Value a, Value b) {
  for (int64_t dim = 0; dim < getType(a).getRank(); ++dim)
    join(a, dim, b, dim);
}

TileAxes::TileAxes(tile::ProgramOp program) {
  auto number = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      return;
    firstAxis[value] = parents.size();
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      parents.push_back(parents.size());
  };
  program.walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Value result : op->getResults())
      number(result);
    for (Region &region : op->getRegions())
      for (Value argument : region.getArguments())
        number(argument);
  });
  program.walk([&](Operation *op) {
    if (auto mask = dyn_cast<tile::MaskOp>(op)) {
      joinAll(mask.getTile(), mask.getResult());
      for (auto [tile, dim] : llvm::zip(mask.getWith(), mask.getAlong()))
        join(tile, 0, mask.getResult(), dim);
    } else if (auto load = dyn_cast<tile::LoadOp>(op)) {
      if (load.getWhere())
        join(load.getWhere(), 0, load.getResult(), *load.getAlong());
    } else if (isPointwise(op) || isa<tile::GatherOp>(op)) {
      for (Value operand : op->getOperands())
        if (isa<RankedTensorType>(operand.getType()))
          joinAll(operand, op->getResult(0));
    } else if (auto transpose = dyn_cast<tile::TransposeOp>(op)) {
      for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
        join(transpose.getTile(), from, transpose.getResult(), to);
    } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      int64_t to = 0;
      for (int64_t from = 0; from < reduce.getTile().getType().getRank();
           ++from)
        if (!llvm::is_contained(reduce.getDims(), from))
          join(reduce.getTile(), from, reduce.getResult(), to++);
    } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
      joinAll(dot.getAccumulator(), dot.getResult());
      SmallVector<SmallVector<std::pair<Value, int64_t>>> known(
          dot.getMap(0).getNumDims());
      // The result itself: an accumulator may be a constant, without axes.
      Value tiles[] = {dot.getLhs(), dot.getRhs(), dot.getResult()};
      for (auto [i, operand] : llvm::enumerate(tiles))
        for (auto [dim, expr] : llvm::enumerate(dot.getMap(i).getResults())) {
          auto &others = known[cast<AffineDimExpr>(expr).getPosition()];
          for (auto [other, otherDim] : others)
            join(operand, dim, other, otherDim);
          others.push_back({operand, dim});
        }
    } else if (auto branch = dyn_cast<tile::IfAnyOp>(op)) {
      auto *yield = branch.getBody().front().getTerminator();
      for (auto [result, other, own] : llvm::zip_equal(
               branch.getResults(), branch.getOthers(), yield->getOperands())) {
        join(branch.getCondition(), 0, result, 0);
        joinAll(other, result);
        joinAll(own, result);
      }
    } else if (auto sweep = dyn_cast<tile::SweepOp>(op)) {
      auto *yield = sweep.getStep().front().getTerminator();
      for (auto [i, init] : llvm::enumerate(sweep.getInits())) {
        Value carry = sweep.getStep().getArgument(i + 2);
        joinAll(carry, init);
        joinAll(carry, sweep.getResult(i));
        joinAll(carry, yield->getOperand(i));
        if (sweep.getMerge().empty())
          continue;
        Block &merge = sweep.getMerge().front();
        joinAll(carry, merge.getArgument(i));
        joinAll(carry, merge.getArgument(sweep.getInits().size() + i));
        joinAll(carry, merge.getTerminator()->getOperand(i));
      }
    }
  });
}

//===- SeenKeys.cpp - the keys of a step that some row sees ---------------===//

#include "SeenKeys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

std::unique_ptr<SeenKeys> SeenKeys::create(ProgramEmitter &emitter, EinsumOp op,
                                           StringAttr rank) {
  std::unique_ptr<SeenKeys> seen(new SeenKeys(emitter, op));
  if (!seen->mask->gaps.empty() || !seen->find(op, rank))
    return nullptr;
  seen->emitBounds();
  return seen;
}

bool SeenKeys::find(EinsumOp op, StringAttr rank) {
  swept = mask->getVariable(rank);
  mask::ExprPool &pool = mask->pool;
  std::optional<mask::Expr> rows;
  for (auto &entry : mask->variables) {
    const auto place = emitter.places.find(entry.first());
    bool isRow = place != emitter.places.end() && place->second.tile != 0 &&
                 entry.second != swept;
    if (!isRow)
      continue;
    LayoutAttr layout = emitter.func.getLayout(entry.first());
    if (rows || !layout ||
        llvm::product_of(layout.getTiles()) != place->second.tile)
      return false;
    rows = entry.second;
    RankLayout canvas;
    for (auto [extent, tile] :
         llvm::zip(layout.getExtents(), layout.getTiles()))
      canvas.axes.push_back({extent, tile});
    for (auto [axis, extent] : llvm::enumerate(layout.getExtents())) {
      mask::Expr variable =
          pool.variable(entry.first().str() + "." + std::to_string(axis));
      coordinates.push_back({mask::getCoordinate(pool, canvas, axis, *rows),
                             variable, extent - 1});
      sizes.push_back(layout.getTiles()[axis]);
    }
  }
  if (!rows)
    return false;
  auto found = mask::findHull(pool, mask->predicate, swept, *rows, coordinates);
  if (!found || !found->isExact)
    return false;
  hull = std::move(*found);
  return true;
}

void SeenKeys::emitBounds() {
  evaluator.emplace(ops, mask->pool);
  for (auto &entry : mask->variables) {
    const auto place = emitter.places.find(entry.first());
    if (place == emitter.places.end() || entry.second == swept)
      continue;
    // Of rows the first.
    Value base = place->second.base ? place->second.base : ops.constant(0);
    evaluator->set(entry.second, {base, base, true});
  }
  for (auto [coordinate, size] : llvm::zip(coordinates, sizes)) {
    Value first = evaluator->evaluate(coordinate.value).lo;
    Value last = ops.min(ops.add(first, ops.constant(size - 1)),
                         ops.constant(coordinate.last));
    evaluator->set(coordinate.variable, {first, last, false});
  }
  for (const mask::Hull::Interval &interval : hull.intervals) {
    Value least, greatest;
    for (mask::Expr lower : interval.lowers) {
      Value bound = evaluator->evaluate(lower).lo;
      least = least ? ops.max(least, bound) : bound;
    }
    for (mask::Expr upper : interval.uppers) {
      Value bound = evaluator->evaluate(upper).hi;
      greatest = greatest ? ops.min(greatest, bound) : bound;
    }
    bounds.push_back({least, greatest});
  }
}

Value SeenKeys::emit(Value base, Value count, int64_t tile) {
  OpBuilder &builder = emitter.builder;
  auto line = tile::GenerateOp::create(
      builder, loc, RankedTensorType::get({tile}, builder.getI1Type()),
      ops.constant(0), count);
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&line.getBody());
  Value key = ops.add(base, body->addArgument(builder.getIndexType(), loc));
  evaluator->set(swept, {key, key, true});
  Value isSeen = ops.truth(true);
  for (auto [interval, bound] : llvm::zip(hull.intervals, bounds)) {
    Value own = evaluator->evaluate(interval.key).lo;
    if (bound.first)
      isSeen = ops.both(isSeen, ops.atMost(bound.first, own));
    if (bound.second)
      isSeen = ops.both(isSeen, ops.atMost(own, bound.second));
  }
  for (mask::Expr guardOfKey : hull.guards)
    isSeen = ops.both(isSeen, evaluator->test(guardOfKey).all);
  tile::YieldOp::create(builder, loc, isSeen);
  return line.getResult();
}

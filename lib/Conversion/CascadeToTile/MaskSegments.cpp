//===- MaskSegments.cpp - the segments of a sweep from its mask -----------===//
//
// A plain segment is a range of keys. Any other is located: the number of a
// step is taken apart into the run and the tile in the run, and the run into
// the counters of its loops.
//
//===----------------------------------------------------------------------===//

#include "MaskSegments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

#include <numeric>

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

MaskSegments::MaskSegments(ProgramEmitter &emitter, EinsumOp op,
                           StringAttr rank, Value extent, int64_t tile,
                           PackingAttr packing)
    : emitter(emitter), op(op), rank(rank), extent(extent), tile(tile),
      isOfRun(packing), mask(mask::importMask(op, packing)),
      ops(emitter, *mask, op.getLoc()) {}

LogicalResult MaskSegments::checkGaps(const mask::NormalForm &form) {
  bool allowed = emitter.func->hasAttr(kResidualAttr);
  auto report = [&](Location loc, StringRef reason, bool isError) {
    if (!allowed || isError) {
      InFlightDiagnostic diagnostic =
          emitError(loc) << "expects a mask that can be analysed, but "
                         << reason;
      if (!isError)
        diagnostic.attachNote(emitter.func.getLoc())
            << "with '" << kResidualAttr << "' on the function such a part is "
            << "computed at every point, all tiles being partial";
      return false;
    }
    remark::missed(loc, remark::RemarkOpts::name("ResidualMask")
                            .category("convert-cascade-to-tile"))
        << "all tiles are partial: " << reason.str();
    return true;
  };
  for (const mask::Gap &gap : mask->gaps)
    if (!report(gap.location, gap.reason, gap.isError))
      return failure();
  if (!mask->gaps.empty())
    return success();
  for (const std::string &reason : form.reasons)
    if (!report(op.getLoc(), reason, false))
      return failure();
  return success();
}

LogicalResult
MaskSegments::setBox(mask::IntervalEvaluator<IndexOps> &evaluator) {
  for (auto &entry : mask->variables) {
    StringAttr name = StringAttr::get(op.getContext(), entry.first());
    if (name == rank) {
      Value last = ops.sub(extent, ops.constant(1));
      evaluator.set(entry.second, {ops.constant(0), last, false});
      continue;
    }
    const RankPlace *place = emitter.getPlace(name, op.getLoc());
    if (!place)
      return failure();
    Value base = place->base ? place->base : ops.constant(0);
    if (place->tile == 0) {
      evaluator.set(entry.second, {base, base, true});
      continue;
    }
    Value count = emitter.getValidCount(*place);
    Value last = ops.add(base, ops.sub(count, ops.constant(1)));
    evaluator.set(entry.second, {base, last, false});
  }
  return success();
}

/// `node` has one value for all rows of a tile: the number of their block.
bool MaskSegments::isBlockOfRows(const mask::ExprNode &node) {
  if (node.kind != mask::ExprKind::FloorDiv)
    return false;
  std::optional<int64_t> block = mask->pool.getConstant(node.operands[1]);
  return block && llvm::any_of(mask->variables, [&](auto &entry) {
           return node.operands[0] == entry.second &&
                  emitter.isInOneBlock(entry.first(), *block);
         });
}

LogicalResult MaskSegments::analyze() {
  mask::ExprPool &pool = mask->pool;
  mask::Expr swept = mask->getVariable(rank);
  mask->variables[rank] = swept;
  mask::NormalForm form = normalize(pool, mask->predicate, swept);
  if (failed(checkGaps(form)))
    return failure();
  mask::IntervalEvaluator<IndexOps> evaluator(ops, pool);
  if (failed(setBox(evaluator)))
    return failure();
  std::function<bool(mask::Expr)> isPoint = [&](mask::Expr expr) {
    bool hasPoints = true;
    for (auto &entry : mask->variables)
      hasPoints &= !pool.dependsOn(expr, entry.second) ||
                   evaluator.get(entry.second).isPoint;
    const mask::ExprNode &node = pool[expr];
    return hasPoints || isBlockOfRows(node) ||
           (!node.operands.empty() && llvm::all_of(node.operands, isPoint));
  };
  // Steps that begin where pages do have whole rows of them.
  int64_t alignment = 0;
  for (const Sequences &sequences : emitter.sequences)
    if (sequences.pages.getRank() == rank)
      alignment = std::gcd(alignment, sequences.pages.getSize());
  alignment = alignment == 0 ? 1 : std::gcd(alignment, emitter.fullMultiple);
  // The steps of a run come in one order, whichever of them all rows of a tile
  // see, if rows are to depend on themselves alone.
  bool tellsFull = !isOfRun || !emitter.func.getInvariant();
  mask::Sequencer<IndexOps> sequencer(
      ops, pool, form, isPoint, emitter.fullMultiple, alignment, tellsFull);
  for (mask::Segment<IndexOps> &segment : sequencer.run(evaluator)) {
    SmallVector<Value> coordinates;
    if (segment.list)
      for (mask::Expr coordinate : segment.list->coordinates)
        coordinates.push_back(evaluator.evaluate(coordinate).lo);
    listCoordinates.push_back(std::move(coordinates));
    addSegment(std::move(segment));
  }
  hasGaps = sequencer.hasGaps(emitter.func->hasAttr(cascade::kReflexiveAttr));
  if (segments.empty())
    addSegment({false, ops.constant(0), ops.constant(0), {}, {}, {}, {}});
  listCoordinates.resize(segments.size());
  return failure(ops.hasFailed());
}

/// Steps of one run.
Value MaskSegments::getRunSteps(const mask::Segment<IndexOps> &segment) {
  Value rounded = ops.add(segment.chunk, ops.constant(tile - 1));
  return ops.floorDiv(rounded, ops.constant(tile));
}

void MaskSegments::addSegment(mask::Segment<IndexOps> segment) {
  full.push_back(segment.isFull);
  if (segment.isPlain()) {
    lowers.push_back(segment.lo);
    uppers.push_back(segment.hi);
  } else {
    Value steps = getRunSteps(segment);
    for (const mask::Loop<IndexOps> &loop : segment.loops)
      steps = ops.mul(steps, loop.count);
    lowers.push_back(ops.constant(0));
    uppers.push_back(steps);
  }
  segments.push_back(std::move(segment));
}

void MaskSegments::writeLocator(const mask::Segment<IndexOps> &segment,
                                Region &region) {
  OpBuilder &b = emitter.builder;
  Location loc = op.getLoc();
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&region);
  Value rest = block->addArgument(b.getIndexType(), loc);
  // Counters are not negative and what divides them is not 0 in a step.
  auto split = [&](Value count) -> Value {
    APInt known;
    if (matchPattern(count, m_ConstantInt(&known)) && known.isOne())
      return ops.constant(0);
    Value counter = arith::RemUIOp::create(b, loc, rest, count);
    rest = arith::DivUIOp::create(b, loc, rest, count);
    return counter;
  };
  Value within = ops.mul(split(getRunSteps(segment)), ops.constant(tile));
  Value start = segment.start, exists;
  for (size_t i = segment.loops.size(); i-- > 0;) {
    const mask::Loop<IndexOps> &loop = segment.loops[i];
    Value counter = i == 0 ? rest : split(loop.count);
    Value number = ops.add(loop.first, counter);
    if (segment.list) {
      number = tile::EntryOp::create(
          b, loc, ops.getTable(segment.list->table),
          listCoordinates[&segment - segments.data()], loop.first, number);
      exists = ops.atMost(ops.constant(0), number);
    }
    start = ops.add(start, ops.mul(number, loop.stride));
  }
  Value at = ops.add(start, within);
  Value end =
      ops.min(ops.add(start, segment.chunk), ops.add(at, ops.constant(tile)));
  Value base = ops.max(at, segment.lo);
  end = ops.min(end, segment.hi);
  Value count = ops.max(ops.sub(end, base), ops.constant(0));
  if (exists)
    count = ops.select(exists, count, ops.constant(0));
  tile::YieldOp::create(b, loc, ValueRange{base, count});
}

void MaskSegments::writeLocators(tile::SweepOp sweep) {
  for (auto [segment, region] : llvm::zip(segments, sweep.getLocators()))
    if (!segment.isPlain())
      writeLocator(segment, region);
}

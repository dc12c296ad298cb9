//===- EmitNest.cpp - loops over the points of tiles ----------------------===//
//
// The loops of a nest run over vectors of the lane, then the rows that are
// kept, then the rows that are reduced, whose running values are loop-carried
// vectors. A nest that reduces its lane runs over it innermost instead. The two
// innermost loops are unrolled into a block of rows by vectors.
//
//===----------------------------------------------------------------------===//

#include "EmitNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// Rows and vectors that are unrolled where there is no contraction: enough
/// independent chains to hide the latency of an exponential.
static constexpr int64_t kPointwiseBlock = 4;
/// Blocks whose float sums are one chain; sums of chains are summed, or long
/// ones would lose bits.
static constexpr int64_t kChunkTerms = 16;
/// Rows of a block whose terms are summed before they join a chain: of fewer
/// rows the same sum is a chain from zero.
static constexpr int64_t kSummedRows = 4;
/// Vectors of a block with one row.
static constexpr int64_t kMaxVectors = 8;

static SmallVector<tile::ReduceOp> getReductions(const Nest &nest) {
  SmallVector<tile::ReduceOp> reductions;
  for (Operation *op : nest.ops)
    if (auto reduce = dyn_cast<tile::ReduceOp>(op))
      reductions.push_back(reduce);
  return reductions;
}

LogicalResult Emitter::emitNest(Nest &nest) {
  auto savedMemo = std::move(memo);
  auto savedTargets = std::move(targets);
  memo.clear();
  targets.clear();
  assignTargets(nest);
  emitLoops(nest);
  for (auto &[tile, access] : targets)
    setBuffer(tile, access);
  memo = std::move(savedMemo);
  targets = std::move(savedTargets);
  return failure(failedEvaluation);
}

LogicalResult Emitter::materialise(Value tile, const Access &target) {
  auto type = cast<RankedTensorType>(tile.getType());
  Nest nest;
  nest.shape.assign(type.getShape().begin(), type.getShape().end());
  nest.lane = target.form.lane;
  nest.representative = tile;
  auto savedMemo = std::move(memo);
  auto savedTargets = std::move(targets);
  memo.clear();
  targets = {{tile, target}};
  emitLoops(nest);
  memo = std::move(savedMemo);
  targets = std::move(savedTargets);
  return failure(failedEvaluation);
}

/// The dimension of rows that the innermost loop of a nest runs over.
static int64_t getLastRow(const Nest &nest) {
  int64_t last = -1;
  for (int64_t dim = 0, rank = nest.shape.size(); dim < rank; ++dim)
    if (dim != nest.lane &&
        (last < 0 || !llvm::is_contained(nest.reduced, last) ||
         llvm::is_contained(nest.reduced, dim)))
      last = dim;
  return last;
}

void Emitter::assignTargets(Nest &nest) {
  bool reducesLane = llvm::is_contained(nest.reduced, nest.lane);
  int64_t lastRow = reducesLane ? -1 : getLastRow(nest);
  SmallVector<Operation *> ops(nest.ops);
  if (nest.dot)
    ops.insert(ops.begin(), nest.dot);
  for (Operation *op : ops) {
    Value tile = op->getResult(0);
    auto type = cast<RankedTensorType>(tile.getType());
    Form natural = layout.getNaturalForm(tile);
    auto destination = destinations.find(tile);
    auto assign = [&](Form form) {
      bool given =
          destination != destinations.end() && form == destination->second.form;
      targets.push_back(
          {tile, given ? destination->second : allocate(type, form)});
    };
    if (isa<tile::ReduceOp>(op)) {
      // Vectors of the result run along what the nest's lane becomes.
      if (!reducesLane && nest.lane >= 0)
        natural.lane = nest.lane - llvm::count_if(nest.reduced, [&](int64_t d) {
                         return d < nest.lane;
                       });
      assign(natural);
      continue;
    }
    bool wantsNatural = llvm::is_contained(nest.outputs, tile);
    for (Form form : layout.getForms(tile)) {
      if (form == natural)
        continue;
      if (form.lane == nest.lane && nest.lane >= 0 &&
          (form.pairDim < 0 || form.pairDim == lastRow))
        assign(form);
      else
        wantsNatural = true;
    }
    if (wantsNatural)
      assign(natural);
  }
}

void Emitter::emitLoops(Nest &nest) {
  bool reducesLane =
      nest.lane >= 0 && llvm::is_contained(nest.reduced, nest.lane);
  Block block;
  block.point.resize(nest.shape.size());
  block.lane = nest.lane;
  block.rowDim = reducesLane ? -1 : getLastRow(nest);
  int64_t rows = block.rowDim < 0 ? 1 : nest.shape[block.rowDim];
  int64_t vectors =
      nest.lane < 0 ? 1
                    : llvm::divideCeil(nest.shape[nest.lane], machine.lanes);
  int64_t total = nest.dot ? machine.accumulators : kPointwiseBlock;
  int64_t blockRows = nest.dot ? machine.blockRows : 2;
  blockRows = std::min(blockRows, rows);
  int64_t blockVectors =
      std::min({vectors, std::max<int64_t>(total / blockRows, 1), kMaxVectors});
  if (!nest.dot && blockVectors == 1)
    blockRows = std::min(kPointwiseBlock, rows);

  SmallVector<Level> levels;
  auto addRows = [&](bool reduced) {
    for (int64_t dim = 0, rank = nest.shape.size(); dim < rank; ++dim)
      if (dim != nest.lane && dim != block.rowDim &&
          llvm::is_contained(nest.reduced, dim) == reduced)
        levels.push_back({dim, false, 1, reduced});
    if (block.rowDim >= 0 &&
        llvm::is_contained(nest.reduced, block.rowDim) == reduced)
      levels.push_back({block.rowDim, false, blockRows, reduced});
  };
  if (nest.lane >= 0 && !reducesLane)
    levels.push_back({nest.lane, true, blockVectors, false});
  addRows(false);
  addRows(true);
  if (reducesLane)
    levels.push_back({nest.lane, true, blockVectors, true});
  emitLevels(nest, levels, block, {}, false);
}

Emitter::Values Emitter::emitLevels(Nest &nest, ArrayRef<Level> levels,
                                    Block block, Values sums, bool inSums) {
  bool allReduced =
      llvm::all_of(levels, [](const Level &level) { return level.isReduced; });
  if (!inSums && !nest.reduced.empty() && allReduced) {
    bool reducesLane = llvm::is_contained(nest.reduced, nest.lane);
    for (tile::ReduceOp reduce : getReductions(nest))
      for (int64_t i = 0; i < (reducesLane ? 1 : block.vectors); ++i)
        sums.push_back(identityVector(
            reduce.getKind(), reduce.getTile().getType().getElementType()));
    Values results = emitLevels(nest, levels, block, sums, true);
    finishSums(nest, block, results);
    return {};
  }
  if (levels.empty())
    return emitBlock(nest, block, std::move(sums));
  return emitLevel(nest, levels, block, std::move(sums), inSums);
}

Emitter::Values Emitter::emitLevel(Nest &nest, ArrayRef<Level> levels,
                                   Block block, Values sums, bool inSums) {
  Level level = levels.front();
  int64_t unit = level.isLane ? machine.lanes : 1;
  auto run = [&](Index base, int64_t size, ValueRange inner) {
    Block next = block;
    next.point[level.dim] = base;
    if (level.isLane)
      next.vectors = size;
    else if (level.dim == block.rowDim)
      next.rows = size;
    return emitLevels(nest, levels.drop_front(), next, Values(inner), inSums);
  };
  auto loopOver = [&](Value lower, Value upper, int64_t size,
                      ValueRange start) {
    return reductionLoop(lower, upper, size * unit, start,
                         [&](Value iv, ValueRange inner) {
                           return run(Index(iv), size, inner);
                         });
  };
  SmallVector<tile::ReduceOp> reductions = getReductions(nest);
  bool inChunks =
      inSums && levels.size() == 1 &&
      llvm::any_of(reductions, [](tile::ReduceOp reduce) {
        return reduce.getKind() == tile::ReduceKind::Add &&
               isa<FloatType>(reduce.getTile().getType().getElementType());
      });
  size_t perReduction =
      reductions.empty() ? 1 : sums.size() / reductions.size();
  auto getZeros = [&] {
    Values zeros;
    for (size_t i = 0; i < sums.size(); ++i) {
      tile::ReduceOp reduce = reductions[i / perReduction];
      zeros.push_back(identityVector(
          reduce.getKind(), reduce.getTile().getType().getElementType()));
    }
    return zeros;
  };
  auto addUp = [&](ValueRange totals, ValueRange others) {
    Values all;
    for (auto [i, total] : llvm::enumerate(totals))
      all.push_back(
          combine(reductions[i / perReduction].getKind(), total, others[i]));
    return all;
  };
  // Chains of terms from `lower` on, up to `upper`, by `emit`.
  using EmitChain = llvm::function_ref<Values(Value, Value, ValueRange)>;
  auto emitChains = [&](Value lower, Value upper, int64_t size,
                        EmitChain emit) {
    int64_t chunk = kChunkTerms * size * unit;
    if (!inChunks || nest.shape[level.dim] <= chunk) {
      sums = emit(lower, upper, sums);
      return;
    }
    auto loop = reductionLoop(
        lower, upper, chunk, sums, [&](Value first, ValueRange totals) {
          Value last = minimum(add(first, constant(chunk)), upper);
          return addUp(totals, emit(first, last, getZeros()));
        });
    sums.assign(loop.getResults().begin(), loop.getResults().end());
  };
  auto runLoop = [&](Value lower, Value upper, int64_t size) {
    emitChains(lower, upper, size,
               [&](Value first, Value last, ValueRange start) {
                 auto loop = loopOver(first, last, size, start);
                 return Values(loop.getResults());
               });
  };
  if (hasDynamicBound(nest.representative, level.dim)) {
    Value bound = getBound(nest.representative, level.dim);
    int64_t step = level.block * unit;
    if (level.isLane)
      bound = mul(arith::CeilDivUIOp::create(b, bound, constant(unit)),
                  constant(unit));
    auto getWhole = [&](Value points, int64_t size) {
      return mul(arith::DivUIOp::create(b, points, constant(size)),
                 constant(size));
    };
    if (!inChunks) {
      Value whole = getWhole(bound, step);
      runLoop(constant(0), whole, level.block);
      if (level.block > 1)
        runLoop(whole, bound, 1);
      return sums;
    }
    // Sums are those that zeros beyond the bound would give, in whole blocks:
    // where masks end is no matter of bits.
    SmallVector<int64_t> sizes = {level.block};
    if (!level.isLane && level.block > kSummedRows)
      sizes.push_back(kSummedRows);
    emitChains(
        constant(0), bound, level.block,
        [&](Value first, Value last, ValueRange start) {
          Values chain(start);
          for (int64_t size : sizes) {
            Value end =
                add(first, getWhole(arith::SubIOp::create(b, last, first),
                                    size * unit));
            auto loop = loopOver(first, end, size, chain);
            chain.assign(loop.getResults().begin(), loop.getResults().end());
            first = end;
          }
          if (level.block == 1)
            return chain;
          if (level.isLane)
            return Values(loopOver(first, last, 1, chain).getResults());
          return addUp(chain,
                       loopOver(first, last, 1, getZeros()).getResults());
        });
    return sums;
  }
  // Vectors that reach beyond the extent come last, at a constant index.
  int64_t extent = nest.shape[level.dim];
  int64_t points = level.isLane ? llvm::divideCeil(extent, unit) : extent;
  int64_t whole = extent / unit / level.block * level.block;
  if (whole == level.block)
    sums = run(Index(0), level.block, sums);
  else if (whole > 0)
    runLoop(constant(0), constant(whole * unit), level.block);
  if (points > whole)
    sums = run(Index(whole * unit), points - whole, sums);
  return sums;
}

Emitter::Values Emitter::emitBlock(Nest &nest, const Block &block,
                                   Values sums) {
  Values accumulators;
  if (nest.dot)
    accumulators = emitDotBlock(nest, block);
  SmallVector<Values> stored(targets.size());
  SmallVector<tile::ReduceOp> reductions = getReductions(nest);
  SmallVector<SmallVector<Values>> terms(reductions.size(),
                                         SmallVector<Values>(block.vectors));
  bool reducesLane =
      nest.lane >= 0 && llvm::is_contained(nest.reduced, nest.lane);
  for (int64_t row = 0; row < block.rows; ++row) {
    for (int64_t vector = 0; vector < block.vectors; ++vector) {
      Point point = block.at(row, vector, machine.lanes);
      memo.clear();
      if (nest.dot)
        memo[nest.dot.getResult()] = accumulators[row * block.vectors + vector];
      size_t reduction = 0;
      for (Operation *op : nest.ops) {
        if (failedEvaluation)
          return sums;
        if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
          Value term = evaluate(reduce.getTile(), point, nest.lane);
          if (!term)
            return sums;
          int64_t extent = nest.shape.empty() ? 1 : nest.shape[nest.lane];
          bool clipped = hasDynamicBound(nest.representative, nest.lane) ||
                         extent % machine.lanes != 0;
          if (reducesLane && clipped) {
            Value at = splat(toIndex(toValue(point[nest.lane])));
            Value bound =
                splat(toIndex(getBound(nest.representative, nest.lane)));
            Value below = arith::CmpIOp::create(
                b, arith::CmpIPredicate::slt,
                arith::AddIOp::create(b, at, laneNumbers()), bound);
            term = arith::SelectOp::create(
                b, below, term,
                identityVector(reduce.getKind(),
                               getElementTypeOrSelf(term.getType())));
          }
          terms[reduction++][vector].push_back(term);
          continue;
        }
        Value value = evaluateOp(op, point, nest.lane);
        if (!value) {
          failedEvaluation = true;
          return sums;
        }
        memo[op->getResult(0)] = value;
      }
      for (auto [target, values] : llvm::zip(targets, stored))
        if (!target.first.getDefiningOp<tile::ReduceOp>() ||
            !nest.contains(target.first.getDefiningOp()))
          values.push_back(evaluate(target.first, point, nest.lane));
    }
  }
  memo.clear();
  if (failedEvaluation)
    return sums;
  for (auto [target, values] : llvm::zip(targets, stored))
    if (!values.empty())
      storeBlock(block, target.second, values);
  size_t at = 0;
  for (auto [i, reduce] : llvm::enumerate(reductions)) {
    for (ArrayRef<Value> column : terms[i]) {
      for (; !column.empty(); column = column.drop_front(std::min<size_t>(
                                  column.size(), kSummedRows))) {
        Values some(column.take_front(kSummedRows));
        some.push_back(sums[at]);
        sums[at] = combineAll(reduce.getKind(), some);
      }
      at += reducesLane ? 0 : 1;
    }
    at += reducesLane ? 1 : 0;
  }
  return sums;
}

Value Emitter::combineAll(tile::ReduceKind kind, ArrayRef<Value> terms) {
  bool isExtremum =
      kind == tile::ReduceKind::Max || kind == tile::ReduceKind::Min;
  bool keepsNaN = isExtremum && terms.size() > 1 &&
                  isa<FloatType>(getElementTypeOrSelf(terms[0].getType()));
  auto greater = kind == tile::ReduceKind::Max ? arith::CmpFPredicate::OGT
                                               : arith::CmpFPredicate::OLT;
  // A NaN-propagating maximum costs four instructions. One that drops NaN is
  // one, and one comparison finds a NaN in two terms.
  auto pick = [&](Value x, Value y) -> Value {
    if (!keepsNaN)
      return combine(kind, x, y);
    Value isFirst = arith::CmpFOp::create(b, greater, x, y);
    return arith::SelectOp::create(b, isFirst, x, y);
  };
  Values column(terms), unordered;
  if (keepsNaN)
    for (size_t i = 0; i < terms.size(); i += 2)
      unordered.push_back(
          arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, terms[i],
                                terms[std::min(i + 1, terms.size() - 1)]));
  while (column.size() > 1) {
    Values next;
    for (size_t i = 0; i + 1 < column.size(); i += 2)
      next.push_back(pick(column[i], column[i + 1]));
    if (column.size() % 2)
      next.push_back(column.back());
    column = std::move(next);
  }
  if (!keepsNaN)
    return column[0];
  Value hasNaN = unordered[0];
  for (Value other : ArrayRef<Value>(unordered).drop_front())
    hasNaN = arith::OrIOp::create(b, hasNaN, other);
  auto type = cast<VectorType>(column[0].getType());
  Value nan = arith::ConstantOp::create(
      b, DenseElementsAttr::get(
             type,
             llvm::APFloat::getNaN(
                 cast<FloatType>(type.getElementType()).getFloatSemantics())));
  return arith::SelectOp::create(b, hasNaN, nan, column[0]);
}

Value Emitter::interleave(Value even, Value odd) {
  auto low = even.getDefiningOp<arith::TruncFOp>();
  auto high = odd.getDefiningOp<arith::TruncFOp>();
  if (machine.pairDot && low && high &&
      getElementTypeOrSelf(low.getIn().getType()).isF32()) {
    // One conversion of two vectors and one permutation.
    VectorType type = vectorOf(b.getBF16Type(), 2);
    Value both =
        LLVM::CallIntrinsicOp::create(
            b, type, b.getStringAttr("llvm.x86.avx512bf16.cvtne2ps2bf16.512"),
            ValueRange{high.getIn(), low.getIn()})
            .getResult(0);
    SmallVector<int64_t> order;
    for (int64_t i = 0; i < machine.lanes; ++i) {
      order.push_back(i);
      order.push_back(i + machine.lanes);
    }
    return vector::ShuffleOp::create(b, both, both, order);
  }
  return vector::InterleaveOp::create(b, even, odd);
}

void Emitter::storeBlock(const Block &block, const Access &access,
                         ArrayRef<Value> values) {
  if (access.form.pairDim < 0) {
    for (int64_t row = 0; row < block.rows; ++row)
      for (int64_t vector = 0; vector < block.vectors; ++vector)
        storeVector(access, block.at(row, vector, machine.lanes), block.lane,
                    values[row * block.vectors + vector]);
    return;
  }
  if (block.rows == 1 && block.point[block.rowDim].dynamic)
    return storeOddRow(block, access, values);
  for (int64_t row = 0; row < block.rows; row += 2)
    for (int64_t vector = 0; vector < block.vectors; ++vector) {
      Value even = values[row * block.vectors + vector];
      Value odd =
          row + 1 < block.rows
              ? values[(row + 1) * block.vectors + vector]
              : arith::ConstantOp::create(b, b.getZeroAttr(even.getType()))
                    .getResult();
      LLVM::StoreOp::create(
          b, interleave(even, odd),
          getAddress(access, block.at(row, vector, machine.lanes)),
          access.form.storage.getIntOrFloatBitWidth() / 8);
    }
}

/// Writes one row, of either parity. An even row clears the odd one beside it.
void Emitter::storeOddRow(const Block &block, const Access &access,
                          ArrayRef<Value> values) {
  unsigned width = access.form.storage.getIntOrFloatBitWidth();
  Type half = b.getIntegerType(width), whole = b.getIntegerType(2 * width);
  Value row = toValue(block.point[block.rowDim]);
  Value parity = arith::AndIOp::create(b, row, constant(1));
  Value shift = mul(parity, constant(width));
  Value keep = arith::SubIOp::create(b, constant(0), parity);
  Value shifts = splat(arith::TruncIOp::create(b, whole, shift));
  Value keeps = splat(arith::TruncIOp::create(b, whole, keep));
  for (int64_t vector = 0; vector < block.vectors; ++vector) {
    Point point = block.at(0, vector, machine.lanes);
    point[block.rowDim] = Index(arith::SubIOp::create(b, row, parity));
    Value address = getAddress(access, point);
    Value bits = arith::BitcastOp::create(b, vectorOf(half), values[vector]);
    bits = arith::ExtUIOp::create(b, vectorOf(whole), bits);
    bits = arith::ShLIOp::create(b, bits, shifts);
    Value old = LLVM::LoadOp::create(b, vectorOf(whole), address, width / 8);
    old = arith::AndIOp::create(b, old, keeps);
    LLVM::StoreOp::create(b, arith::OrIOp::create(b, bits, old), address,
                          width / 8);
  }
}

void Emitter::finishSums(Nest &nest, const Block &block, ValueRange sums) {
  if (failedEvaluation)
    return;
  bool reducesLane =
      nest.lane >= 0 && llvm::is_contained(nest.reduced, nest.lane);
  size_t at = 0;
  for (tile::ReduceOp reduce : getReductions(nest)) {
    Access access;
    for (auto &[tile, target] : targets)
      if (tile == reduce.getResult())
        access = target;
    int64_t lane = reducesLane ? -1 : access.form.lane;
    for (int64_t vector = 0; vector < (reducesLane ? 1 : block.vectors);
         ++vector) {
      Point point = block.at(0, vector, machine.lanes), kept;
      for (auto [dim, index] : llvm::enumerate(point))
        if (!llvm::is_contained(nest.reduced, int64_t(dim)))
          kept.push_back(index);
      Value sum = sums[at++];
      if (reducesLane)
        storeScalar(access, kept,
                    toStorage(reduceVector(reduce.getKind(), sum),
                              access.form.storage));
      else
        storeVector(access, kept, lane, sum);
    }
  }
}

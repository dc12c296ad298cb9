//===- EmitDot.cpp - contractions -----------------------------------------===//
//
// Along the result's lane, a block of rows by vectors of sums stays in
// registers while the loop over the contracted dimension loads each vector of
// one operand and each scalar of the other once. Along a contracted dimension,
// each result is a sum over the lanes of one register.
//
//===----------------------------------------------------------------------===//

#include "EmitNest.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// Results that a contraction along lanes computes at a time, and vectors of a
/// row that it unrolls.
static constexpr int64_t kContractionRows = 4;
static constexpr int64_t kUnrolledVectors = 16;
/// Terms that are summed in one chain.
static constexpr int64_t kChunkTerms = 64;

/// The position of iteration dimension `dim` in an operand, or -1.
static int64_t getPosition(AffineMap map, unsigned dim) {
  if (dim >= map.getNumDims())
    return -1;
  auto at = map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  return at ? int64_t(*at) : -1;
}

static Point project(AffineMap map, ArrayRef<Index> iteration) {
  Point point;
  for (AffineExpr expr : map.getResults())
    point.push_back(iteration[cast<AffineDimExpr>(expr).getPosition()]);
  return point;
}

Value Emitter::multiplyAdd(bool pairs, Value a, Value c, Value sum) {
  if (!pairs)
    return vector::FMAOp::create(b, a, c, sum);
  return LLVM::CallIntrinsicOp::create(
             b, sum.getType(),
             b.getStringAttr("llvm.x86.avx512bf16.dpbf16ps.512"),
             ValueRange{sum, a, c})
      .getResult(0);
}

Value Emitter::loadOperand(const DotPlan &plan, unsigned number,
                           const Access &access, const Point &point,
                           int64_t lane) {
  if (plan.kind != DotPlan::Kind::Pairs) {
    Value tile = plan.sources[number];
    if (lane >= 0)
      return toFloat(loadVector(access, point, lane), tile);
    return splat(toFloat(loadScalar(access, point), tile));
  }
  Type pairs = vectorOf(access.form.storage, 2);
  unsigned alignment = access.form.storage.getIntOrFloatBitWidth() / 8;
  Value address = getAddress(access, point);
  if (lane >= 0)
    return LLVM::LoadOp::create(b, pairs, address, alignment);
  Value pair = LLVM::LoadOp::create(b, b.getI32Type(), address, alignment);
  return vector::BitCastOp::create(b, cast<VectorType>(pairs), splat(pair));
}

Emitter::Values Emitter::emitDotBlock(Nest &nest, const Block &block) {
  tile::DotOp dot = nest.dot;
  const DotPlan &plan = layout.getPlan(dot);
  bool pairs = plan.kind == DotPlan::Kind::Pairs;
  AffineMap maps[] = {dot.getMap(0), dot.getMap(1)};
  AffineMap result = dot.getMap(2);
  Access operands[2];
  for (unsigned i = 0; i < 2; ++i)
    operands[i] = getBuffer(plan.sources[i], plan.forms[i]);
  Value zero =
      arith::ConstantOp::create(b, b.getZeroAttr(vectorOf(b.getF32Type())));
  Values sums(block.rows * block.vectors, zero);
  unsigned rowDim =
      block.rowDim < 0 ? ~0u : result.getDimPosition(block.rowDim);

  SmallVector<Index> iteration(result.getNumDims());
  auto step = [&](ValueRange inner) {
    Values next(inner);
    // Operand values by row and vector, for what the operand depends on.
    DenseMap<std::pair<int64_t, int64_t>, Value> loaded[2];
    for (int64_t row = 0; row < block.rows; ++row)
      for (int64_t vector = 0; vector < block.vectors; ++vector) {
        Point at = block.at(row, vector, machine.lanes);
        for (auto [dim, expr] : llvm::enumerate(result.getResults()))
          iteration[cast<AffineDimExpr>(expr).getPosition()] = at[dim];
        Value values[2];
        for (unsigned i = 0; i < 2; ++i) {
          int64_t lane = getPosition(maps[i], plan.laneDim);
          std::pair<int64_t, int64_t> key = {
              getPosition(maps[i], rowDim) >= 0 ? row : 0,
              lane >= 0 ? vector : 0};
          Value &value = loaded[i][key];
          if (!value)
            value = loadOperand(plan, i, operands[i],
                                project(maps[i], iteration), lane);
          values[i] = value;
        }
        Value &sum = next[row * block.vectors + vector];
        sum = multiplyAdd(pairs, values[0], values[1], sum);
      }
    return next;
  };
  std::function<Values(size_t, ValueRange)> contract =
      [&](size_t depth, ValueRange inner) -> Values {
    if (depth == plan.contracted.size())
      return step(inner);
    unsigned dim = plan.contracted[depth];
    unsigned holder = getPosition(maps[0], dim) >= 0 ? 0 : 1;
    Value bound =
        getBound(dot.getOperand(holder), getPosition(maps[holder], dim));
    bool inPairs = pairs && depth + 1 == plan.contracted.size();
    if (inPairs)
      bound = b.createOrFold<arith::CeilDivUIOp>(bound, constant(2));
    auto runLoop = [&](Value lower, Value upper, ValueRange start) {
      return reductionLoop(
          lower, upper, 1, start, [&](Value iv, ValueRange running) {
            Value at = iv;
            if (inPairs)
              at = arith::MulIOp::create(b, iv, constant(2),
                                         arith::IntegerOverflowFlags::nsw |
                                             arith::IntegerOverflowFlags::nuw);
            iteration[dim] = Index(at);
            return contract(depth + 1, running);
          });
    };
    // f32 terms are summed in chunks, whose sums are summed: a long chain would
    // lose bits. Narrower inputs lose more by their own rounding.
    auto type = cast<RankedTensorType>(dot.getOperand(holder).getType());
    int64_t extent = type.getDimSize(getPosition(maps[holder], dim));
    if (!type.getElementType().isF32() || extent <= kChunkTerms ||
        depth + 1 != plan.contracted.size())
      return Values(runLoop(constant(0), bound, inner).getResults());
    auto loop = reductionLoop(
        constant(0), bound, kChunkTerms, inner,
        [&](Value first, ValueRange totals) {
          Value last = minimum(add(first, constant(kChunkTerms)), bound);
          auto chunk = runLoop(first, last, Values(totals.size(), zero));
          Values next;
          for (auto [total, sum] : llvm::zip(totals, chunk.getResults()))
            next.push_back(arith::AddFOp::create(b, total, sum));
          return next;
        });
    return Values(loop.getResults());
  };
  sums = contract(0, sums);
  // The accumulator is added last: over many steps this loses fewer bits than
  // one long chain of sums.
  if (matchPattern(dot.getAccumulator(), m_AnyZeroFloat()))
    return sums;
  for (int64_t row = 0; row < block.rows; ++row)
    for (int64_t vector = 0; vector < block.vectors; ++vector) {
      memo.clear();
      Value init = evaluate(dot.getAccumulator(),
                            block.at(row, vector, machine.lanes), block.lane);
      if (!init) {
        failedEvaluation = true;
        return {};
      }
      Value &sum = sums[row * block.vectors + vector];
      auto addition = arith::AddFOp::create(b, init, sum);
      addition.setFastmath(arith::FastMathFlags::contract);
      sum = addition;
    }
  return sums;
}

Value Emitter::belowMask(Value points, int64_t width) {
  SmallVector<APInt> numbers;
  for (int64_t i = 0; i < width; ++i)
    numbers.emplace_back(64, i);
  auto type = VectorType::get({width}, i64);
  Value lanes =
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, numbers));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, lanes,
                               vector::BroadcastOp::create(b, type, points));
}

Value Emitter::emitRowSum(tile::DotOp dot, ArrayRef<Index> at,
                          const Access *operands) {
  const DotPlan &plan = layout.getPlan(dot);
  AffineMap maps[] = {dot.getMap(0), dot.getMap(1)};
  bool pairs = machine.pairDot && operands[0].form.storage.isBF16() &&
               operands[1].form.storage.isBF16();
  int64_t width = machine.lanes * (pairs ? 2 : 1);
  Type f32 = b.getF32Type();
  SmallVector<Index> iteration(at);
  unsigned along = plan.laneDim;
  auto multiply = [&](ValueRange sums, Value mask) -> Values {
    Value values[2];
    for (unsigned i = 0; i < 2; ++i) {
      Point point = project(maps[i], iteration);
      int64_t lane = getPosition(maps[i], along);
      Type storage = operands[i].form.storage;
      VectorType type = vectorOf(storage, pairs ? 2 : 1);
      unsigned alignment = storage.getIntOrFloatBitWidth() / 8;
      if (lane != operands[i].form.lane) {
        // A computed operand may have its lane elsewhere.
        Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
        for (int64_t j = 0; j < width; ++j) {
          Point element = point;
          element[lane] = element[lane] + j;
          zero = vector::InsertOp::create(b, loadScalar(operands[i], element),
                                          zero, j);
        }
        values[i] = zero;
      } else if (Value address = getAddress(operands[i], point); mask) {
        Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
        values[i] = LLVM::MaskedLoadOp::create(b, type, address, mask, zero,
                                               b.getI32IntegerAttr(alignment),
                                               UnitAttr());
      } else {
        values[i] = LLVM::LoadOp::create(b, type, address, alignment);
      }
      if (!pairs)
        values[i] = toFloat(values[i], plan.sources[i]);
    }
    return {multiplyAdd(pairs, values[0], values[1], sums[0])};
  };
  std::function<Values(size_t, ValueRange)> contract =
      [&](size_t depth, ValueRange sums) -> Values {
    unsigned dim = plan.contracted[depth];
    Value bound = getBound(dot.getLhs(), getPosition(maps[0], dim));
    if (dim != along) {
      auto loop = reductionLoop(constant(0), bound, 1, sums,
                                [&](Value iv, ValueRange inner) {
                                  iteration[dim] = Index(iv);
                                  return contract(depth + 1, inner);
                                });
      return Values(loop.getResults());
    }
    APInt extent;
    bool isStatic = matchPattern(bound, m_ConstantInt(&extent));
    if (isStatic && extent.getSExtValue() <= width * kUnrolledVectors) {
      Values results(sums);
      for (int64_t i = 0; i + width <= extent.getSExtValue(); i += width) {
        iteration[along] = Index(i);
        results = multiply(results, {});
      }
      if (extent.getSExtValue() % width == 0)
        return results;
      iteration[along] = Index(extent.getSExtValue() / width * width);
      return multiply(
          results, belowMask(constant(extent.getSExtValue() % width), width));
    }
    Value whole = mul(b.createOrFold<arith::DivUIOp>(bound, constant(width)),
                      constant(width));
    auto loop = reductionLoop(constant(0), whole, width, sums,
                              [&](Value iv, ValueRange inner) {
                                iteration[along] = Index(iv);
                                return multiply(inner, {});
                              });
    iteration[along] = Index(whole);
    Value rest = arith::SubIOp::create(b, bound, whole);
    return multiply(loop.getResults(), belowMask(rest, width));
  };
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(vectorOf(f32)));
  return reduceVector(tile::ReduceKind::Add, contract(0, zero)[0]);
}

LogicalResult Emitter::emitContraction(tile::DotOp dot) {
  const DotPlan &plan = layout.getPlan(dot);
  Value result = dot.getResult();
  auto type = cast<RankedTensorType>(result.getType());
  Access operands[2];
  for (unsigned i = 0; i < 2; ++i)
    operands[i] = getBuffer(plan.sources[i], plan.forms[i]);
  Form natural = layout.getNaturalForm(result);
  auto destination = destinations.find(result);
  Access target = destination != destinations.end() ? destination->second
                                                    : allocate(type, natural);
  // The longest dimension outermost, some of its points at a time, so that the
  // operand with it is read from memory once.
  int64_t longest = -1;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (longest < 0 || type.getDimSize(dim) > type.getDimSize(longest))
      longest = dim;
  auto emitPoint = [&](const Point &point) {
    SmallVector<Index> iteration(dot.getMap(2).getNumDims());
    for (auto [dim, row] : llvm::enumerate(plan.rows))
      iteration[row] = point[dim];
    Value sum = emitRowSum(dot, iteration, operands);
    Value init = evaluate(dot.getAccumulator(), point, -1);
    if (!init) {
      failedEvaluation = true;
      return;
    }
    sum = arith::AddFOp::create(b, sum, vector::ExtractOp::create(b, init, 0));
    storeScalar(target, point, sum);
  };
  std::function<void(int64_t, Point, int64_t)> others =
      [&](int64_t dim, Point point, int64_t points) {
        if (dim == longest)
          return others(dim + 1, point, points);
        if (dim < type.getRank()) {
          loop(constant(0), getBound(result, dim), 1, [&](Value iv) {
            Point next = point;
            next[dim] = Index(iv);
            others(dim + 1, next, points);
          });
          return;
        }
        for (int64_t i = 0; i < points; ++i) {
          Point next = point;
          if (longest >= 0)
            next[longest] = next[longest] + i;
          emitPoint(next);
        }
      };
  if (longest < 0) {
    others(0, {}, 1);
  } else {
    int64_t block =
        std::min<int64_t>(kContractionRows, type.getDimSize(longest));
    Value bound = getBound(result, longest);
    Value whole = mul(b.createOrFold<arith::DivUIOp>(bound, constant(block)),
                      constant(block));
    auto rows = [&](Value lower, Value upper, int64_t points) {
      loop(lower, upper, points, [&](Value iv) {
        Point point(type.getRank());
        point[longest] = Index(iv);
        others(0, point, points);
      });
    };
    rows(constant(0), whole, block);
    rows(whole, bound, 1);
  }
  setBuffer(result, target);
  return failure(failedEvaluation);
}

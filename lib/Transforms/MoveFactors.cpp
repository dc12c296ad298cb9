//===- MoveFactors.cpp - factors of a product's operand -------------------===//
//
// A tensor that is scaled before a matrix product would be computed anew in
// each step of a sweep. The distributive law takes a scale out of the sum, and
// the associative one to the other operand, which is there once for all steps
// or computed already.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/MoveFactors.h"
#include "PowerOfTwo.h"
#include "ProductChain.h"
#include "UnitBound.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/CascadeBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

#include <cmath>

namespace attn {
#define GEN_PASS_DEF_MOVEFACTORSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

static NamedTensorType getType(Value value) {
  return cast<NamedTensorType>(value.getType());
}

/// Whether the ranks of `inner` are some of those of `outer`.
static bool hasRanksOf(Value outer, Value inner) {
  return llvm::all_of(getType(inner).getRanks(), [&](StringAttr rank) {
    return getType(outer).getRankPosition(rank).has_value();
  });
}

/// Integers count as floats, which the map says; else it is left out.
static bool needsMap(ValueRange inputs) {
  return llvm::any_of(inputs, [](Value input) {
    return getType(input).getElementType().isInteger();
  });
}

/// The product of one element of each operand.
static Value multiply(OpBuilder &b, Location loc, ValueRange elements) {
  Value result;
  for (Value element : elements) {
    if (element.getType().isInteger())
      element = arith::SIToFPOp::create(b, loc, b.getF32Type(), element);
    result = result ? Value(arith::MulFOp::create(b, loc, result, element))
                    : element;
  }
  return result;
}

static Value buildProduct(OpBuilder &builder, Location loc,
                          NamedTensorType type, ValueRange inputs,
                          ArrayRef<Merge> said = {}) {
  MapBuilder map = multiply;
  return buildEinsum(builder, loc, type, inputs, {},
                     needsMap(inputs) ? map : nullptr, said)
      .getResult();
}

namespace {
/// A sum of products of which an operand is a product.
struct Candidate {
  EinsumOp sum;
  unsigned operand;
  EinsumOp inner;
  /// The factor that stays, and where the others go: to an operand of the sum,
  /// or behind it (nothing).
  Value base;
  SmallVector<std::pair<Value, std::optional<unsigned>>> moves;
};
} // namespace

/// The factor of `inner` that has all of its ranks and is in memory.
static Value findBase(EinsumOp inner) {
  for (Value input : inner.getInputs())
    if (hasRanksOf(input, inner.getResult()) && !input.getDefiningOp())
      return input;
  return {};
}

static bool hasReducedRank(EinsumOp sum, Value factor) {
  return llvm::any_of(getType(factor).getRanks(), [&](StringAttr rank) {
    return !getType(sum.getResult()).getRankPosition(rank);
  });
}

/// Elements of 8 bits are worth an operand that is computed, and one that is
/// computed anyway costs nothing.
static bool mayScale(const Candidate &candidate, Value other) {
  return getType(other).getComputeType().isF32() &&
         (getType(candidate.base).hasByteElements() || other.getDefiningOp());
}

/// Finds where `factor` goes; false if it has to stay.
static bool place(Candidate &candidate, Value factor) {
  EinsumOp sum = candidate.sum;
  if (!hasReducedRank(sum, factor)) {
    candidate.moves.push_back({factor, std::nullopt});
    return true;
  }
  for (auto [i, other] : llvm::enumerate(sum.getInputs()))
    if (i != candidate.operand && hasRanksOf(other, factor) &&
        mayScale(candidate, other)) {
      candidate.moves.push_back({factor, i});
      return true;
    }
  return false;
}

static std::optional<Candidate> findCandidate(EinsumOp sum) {
  if (!sum.getMonoidAttr() || sum.getMonoidAttr().getName() != "add" ||
      sum.getInto() || sum.getInputs().size() < 2 || !isElementProduct(sum))
    return std::nullopt;
  for (auto [i, input] : llvm::enumerate(sum.getInputs())) {
    auto inner = input.getDefiningOp<EinsumOp>();
    if (!inner || inner->getBlock() != sum->getBlock() ||
        inner.getMonoidAttr() || inner.hasWhere() ||
        inner.getInputs().size() < 2 || !isElementProduct(inner))
      continue;
    Candidate candidate = {
        sum, static_cast<unsigned>(i), inner, findBase(inner), {}};
    auto canMove = [&](Value factor) {
      return factor == candidate.base || place(candidate, factor);
    };
    if (candidate.base && llvm::all_of(inner.getInputs(), canMove))
      return candidate;
  }
  return std::nullopt;
}

/// `sum` of the products of `inputs`, whose ranks are those of its own operands
/// in any order. Takes its predicate.
static EinsumOp rebuildSum(RewriterBase &rewriter, EinsumOp sum,
                           NamedTensorType type, ValueRange inputs) {
  SmallVector<Attribute> maps;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    NamedTensorType before = getType(sum.getInputs()[i]);
    AffineMap map = sum.getInputMap(i);
    SmallVector<AffineExpr> exprs;
    for (StringAttr rank : getType(input).getRanks())
      exprs.push_back(map.getResult(*before.getRankPosition(rank)));
    maps.push_back(AffineMapAttr::get(AffineMap::get(
        map.getNumDims(), map.getNumSymbols(), exprs, sum.getContext())));
  }
  maps.push_back(AffineMapAttr::get(sum.getOutputMap()));
  auto result =
      EinsumOp::create(rewriter, sum.getLoc(), type, inputs, ValueRange(),
                       Value(), sum.getVariables(), rewriter.getArrayAttr(maps),
                       sum.getMergesAttr(), sum.getMonoidAttr());
  result.getWhere().takeBody(sum.getWhere());
  if (!needsMap(inputs))
    return result;
  OpBuilder::InsertionGuard guard(rewriter);
  Block *map = rewriter.createBlock(&result.getMap());
  for (Value input : inputs)
    map->addArgument(getType(input).getComputeType(), sum.getLoc());
  YieldOp::create(rewriter, sum.getLoc(),
                  multiply(rewriter, sum.getLoc(), map->getArguments()));
  return result;
}

/// The exponent of the largest number of a type of 8 bits.
static int getLargestExponent(Type element) {
  if (auto type = dyn_cast<FloatType>(element))
    return ilogb(APFloat::getLargest(type.getFloatSemantics()));
  return element.getIntOrFloatBitWidth() - 2;
}

/// The power of two by which a factor of `other` is multiplied, and the sum
/// divided. Weights are rounded to the function's precision, and f16 is coarse
/// below 2^-14. The scale of elements of 8 bits makes them smaller, by about
/// the largest of these, than they are beside values of f16: multiplied by that
/// number, weights of at most 1 have the same digits as there, and are beyond
/// f16 only where such values are.
static int chooseExponent(const Candidate &candidate, Value other) {
  auto func = candidate.sum->getParentOfType<FuncOp>();
  auto precision = func->getAttrOfType<TypeAttr>(FuncOp::kPrecisionAttr);
  bool isCoarse = precision && precision.getValue().isF16();
  return isCoarse && getType(candidate.base).hasByteElements() &&
                 isUnitBounded(other)
             ? getLargestExponent(getType(candidate.base).getElementType())
             : 0;
}

static void move(Candidate &candidate) {
  EinsumOp sum = candidate.sum;
  IRRewriter rewriter(sum);
  Location loc = candidate.inner.getLoc();
  Type f32 = rewriter.getF32Type();
  SmallVector<Value> inputs(sum.getInputs());
  int exponent = 0;
  inputs[candidate.operand] = candidate.base;
  SmallVector<Value> behind;
  for (auto [factor, operand] : candidate.moves) {
    if (!operand) {
      behind.push_back(factor);
      continue;
    }
    Value &other = inputs[*operand];
    if (int own = chooseExponent(candidate, other)) {
      exponent += own;
      factor = scaleByPowerOfTwo(rewriter, loc, getType(factor), factor, own);
    }
    other = buildProduct(rewriter, loc, getType(other).withElementType(f32),
                         {other, factor});
  }
  NamedTensorType type = getType(sum.getResult());
  bool isLast = behind.empty() && exponent == 0;
  Value result = rebuildSum(rewriter, sum,
                            isLast ? type : type.withElementType(f32), inputs)
                     .getResult();
  if (exponent != 0)
    result = scaleByPowerOfTwo(
        rewriter, sum.getLoc(),
        behind.empty() ? type : type.withElementType(f32), result, -exponent);
  // What the predicate leaves out stays so, and no scale is empty.
  for (Value factor : behind)
    result =
        buildProduct(rewriter, sum.getLoc(),
                     factor == behind.back() ? type : type.withElementType(f32),
                     {result, factor}, {Merge::Absorb, Merge::Through});
  rewriter.replaceOp(sum, result);
  if (candidate.inner.getResult().use_empty())
    rewriter.eraseOp(candidate.inner);
}

void attn::moveFactors(FuncOp func) {
  if (!func.getReassoc())
    return;
  SmallVector<EinsumOp> einsums;
  func.getBody().walk([&](EinsumOp einsum) { einsums.push_back(einsum); });
  for (EinsumOp einsum : einsums)
    if (std::optional<Candidate> candidate = findCandidate(einsum))
      move(*candidate);
}

namespace {
struct MoveFactors final : attn::impl::MoveFactorsPassBase<MoveFactors> {
  using MoveFactorsPassBase::MoveFactorsPassBase;

  void runOnOperation() override { moveFactors(getOperation()); }
};
} // namespace

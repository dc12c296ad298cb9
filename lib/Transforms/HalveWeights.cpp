//===- HalveWeights.cpp - weights beside elements of 8 bits, as f16 -------===//
//
// f16 holds all numbers of 8 bits, and a GPU makes it of them by one
// instruction for two; of bf16, with which it multiplies as fast, it has to go
// through f32. Weights that are at most 1 need no more range than f16 has, from
// the power of two next below its largest number on: below 2^-29 it has fewer
// of their digits than bf16, above it has more.
//
//===----------------------------------------------------------------------===//

#include "PowerOfTwo.h"
#include "ProductChain.h"
#include "UnitBound.h"
#include "attn/Transforms/Passes.h"
#include "dialects/Cascade/Cascade.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"

namespace attn {
#define GEN_PASS_DEF_HALVEWEIGHTSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

/// The exponent of the power of two next below the largest number of f16.
static constexpr int kExponent = 15;

static NamedTensorType getType(Value value) {
  return cast<NamedTensorType>(value.getType());
}

/// Whether `tensor` has elements of 8 bits, or is made of such point by point.
static bool hasBytes(Value tensor) {
  auto einsum = tensor.getDefiningOp<EinsumOp>();
  return getType(tensor).hasByteElements() ||
         (einsum && !einsum.getMonoidAttr() &&
          llvm::any_of(einsum.getInputs(), hasBytes));
}

static bool isComputed(Value tensor) {
  return tensor.getDefiningOp() && !hasBytes(tensor);
}

/// Whether what is computed beside elements of 8 bits is summed over a
/// sequence: then it is rounded. Over the coordinates of a head it keeps its
/// digits.
static bool isRounded(FuncOp func, EinsumOp sum) {
  auto isOfSequence = [&](Value input) {
    return llvm::any_of(getType(input).getRanks(), [&](StringAttr rank) {
      return !getType(sum.getResult()).getRankPosition(rank) &&
             !func.isWhole(rank);
    });
  };
  return sum.getMonoidAttr() && llvm::any_of(sum.getInputs(), hasBytes) &&
         llvm::any_of(sum.getInputs(), isComputed) &&
         llvm::any_of(sum.getInputs(), isOfSequence);
}

/// The number of the operand that is computed, of a sum of products of it and
/// elements of 8 bits in memory, if it is at most 1.
static std::optional<unsigned> findWeights(EinsumOp sum) {
  if (sum.getMonoidAttr().getName() != "add" || sum.getInto() ||
      sum.getInputs().size() != 2 || !isElementProduct(sum))
    return std::nullopt;
  unsigned weights = isComputed(sum.getInputs()[0]) ? 0 : 1;
  Value bytes = sum.getInputs()[1 - weights];
  if (bytes.getDefiningOp() || !getType(bytes).hasByteElements() ||
      !isUnitBounded(sum.getInputs()[weights]))
    return std::nullopt;
  return weights;
}

namespace {
struct HalveWeights final : attn::impl::HalveWeightsPassBase<HalveWeights> {
  using HalveWeightsPassBase::HalveWeightsPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    auto precision = func->getAttrOfType<TypeAttr>(FuncOp::kPrecisionAttr);
    if (!func.getReassoc() || !precision || !precision.getValue().isBF16())
      return;
    SmallVector<std::pair<EinsumOp, unsigned>> sums;
    WalkResult all = func.getBody().walk([&](EinsumOp sum) {
      if (!isRounded(func, sum))
        return WalkResult::advance();
      std::optional<unsigned> weights = findWeights(sum);
      if (!weights)
        return WalkResult::interrupt();
      sums.push_back({sum, *weights});
      return WalkResult::advance();
    });
    if (all.wasInterrupted() || sums.empty())
      return;
    func->setAttr(FuncOp::kPrecisionAttr,
                  TypeAttr::get(Float16Type::get(&getContext())));
    for (auto [sum, weights] : sums)
      raise(sum, weights);
  }

  void raise(EinsumOp sum, unsigned number) {
    IRRewriter rewriter(sum);
    Type f32 = rewriter.getF32Type();
    OpOperand &weights = sum->getOpOperand(number);
    weights.set(scaleByPowerOfTwo(rewriter, sum.getLoc(),
                                  getType(weights.get()).withElementType(f32),
                                  weights.get(), kExponent));
    NamedTensorType type = getType(sum.getResult());
    sum.getResult().setType(type.withElementType(f32));
    rewriter.setInsertionPointAfter(sum);
    Value lowered = scaleByPowerOfTwo(rewriter, sum.getLoc(), type,
                                      sum.getResult(), -kExponent);
    rewriter.replaceAllUsesExcept(sum.getResult(), lowered,
                                  lowered.getDefiningOp());
  }
};
} // namespace

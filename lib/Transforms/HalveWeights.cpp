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

/// The number of the operand that is computed, of a sum of products of it and
/// elements of 8 bits, if there are two operands.
static std::optional<unsigned> findComputed(EinsumOp sum) {
  if (!sum.getMonoidAttr() || sum.getMonoidAttr().getName() != "add" ||
      sum.getInputs().size() != 2)
    return std::nullopt;
  for (unsigned i : {0, 1})
    if (getType(sum.getInputs()[1 - i]).hasByteElements() &&
        !sum.getInputs()[1 - i].getDefiningOp() &&
        sum.getInputs()[i].getDefiningOp())
      return i;
  return std::nullopt;
}

/// Whether it is over the coordinates of a head, which tiles have whole: what
/// is computed keeps its digits there.
static bool isOverHead(FuncOp func, EinsumOp sum) {
  for (Value input : sum.getInputs())
    for (StringAttr rank : getType(input).getRanks())
      if (!getType(sum.getResult()).getRankPosition(rank) &&
          !func.getStaticExtent(rank))
        return false;
  return true;
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
      std::optional<unsigned> computed = findComputed(sum);
      if (!computed || isOverHead(func, sum))
        return WalkResult::advance();
      sums.push_back({sum, *computed});
      return isUnitBounded(sum.getInputs()[*computed])
                 ? WalkResult::advance()
                 : WalkResult::interrupt();
    });
    if (all.wasInterrupted() || sums.empty())
      return;
    func->setAttr(FuncOp::kPrecisionAttr,
                  TypeAttr::get(Float16Type::get(&getContext())));
    for (auto [sum, computed] : sums)
      raise(sum, computed);
  }

  void raise(EinsumOp sum, unsigned computed) {
    IRRewriter rewriter(sum);
    Type f32 = rewriter.getF32Type();
    OpOperand &weights = sum->getOpOperand(computed);
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

//===- SumPatterns.cpp - sums that products go on from --------------------===//

#include "SumPatterns.h"

#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;

/// Whether `tile` is a sum so far, or made of one point by point: a carry, or
/// what a product gives.
static bool isSumSoFar(Value tile) {
  llvm::SetVector<Value> made;
  made.insert(tile);
  for (size_t i = 0; i < made.size(); ++i) {
    Operation *op = made[i].getDefiningOp();
    if (!op || isa<tile::DotOp, tile::SweepOp>(op))
      return true;
    if (op->hasTrait<OpTrait::Elementwise>())
      for (Value operand : op->getOperands())
        if (isa<RankedTensorType>(operand.getType()))
          made.insert(operand);
  }
  return false;
}

namespace {
/// x + dot(a, b, 0) is dot(a, b, x) where x is a sum so far. What is added to
/// scores is none: products start before it is there.
struct FoldDotSum : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      auto dot = op->getOperand(i).getDefiningOp<tile::DotOp>();
      if (!dot || !dot->hasOneUse() ||
          !matchPattern(dot.getAccumulator(), m_AnyZeroFloat()) ||
          !isSumSoFar(op->getOperand(1 - i)))
        continue;
      rewriter.setInsertionPoint(op);
      rewriter.replaceOpWithNewOp<tile::DotOp>(
          op, op.getType(), dot.getLhs(), dot.getRhs(), op->getOperand(1 - i),
          dot.getMaps());
      return success();
    }
    return rewriter.notifyMatchFailure(
        op, "no sum so far and dot that starts at 0");
  }
};
} // namespace

void attn::populateSumPatterns(RewritePatternSet &patterns) {
  patterns.add<FoldDotSum>(patterns.getContext());
}

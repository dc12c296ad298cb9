//===- CascadeFolds.cpp - what is always true -----------------------------===//

#include "dialects/Cascade/Cascade.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace attn::cascade;

/// A map region that is the product of its two arguments, or its one argument.
static bool isDefaultMap(EinsumOp op) {
  if (!op.hasMap())
    return false;
  Block &body = op.getMap().front();
  Value yielded = body.getTerminator()->getOperand(0);
  if (body.getNumArguments() == 1)
    return yielded == body.getArgument(0);
  if (body.getNumArguments() != 2)
    return false;
  Operation *product = yielded.getDefiningOp();
  auto *dialect = cast<CascadeDialect>(op->getDialect());
  if (!product || product->getNumOperands() != 2)
    return false;
  std::optional<ScalarFacts> facts = dialect->getAlgebra().lookupFacts(product);
  return facts && facts->monoid == "mul" &&
         product->getOperand(0) == body.getArgument(0) &&
         product->getOperand(1) == body.getArgument(1);
}

OpFoldResult EinsumOp::fold(FoldAdaptor) {
  // A copy: one operand, nothing done to it.
  if (getInputs().size() != 1 || !getIndices().empty() || getInto() ||
      hasMap() || hasWhere() || getMonoidAttr() ||
      getInputs()[0].getType() != getType())
    return {};
  if (getInputMap(0) != getOutputMap() || !getOutputMap().isIdentity())
    return {};
  return getInputs()[0];
}

namespace {
/// An Einsum's default map is said by leaving the region out.
struct DropDefaultMap : OpRewritePattern<EinsumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(EinsumOp op,
                                PatternRewriter &rewriter) const override {
    if (!isDefaultMap(op))
      return rewriter.notifyMatchFailure(op, "map region is not the default");
    rewriter.modifyOpInPlace(op, [&] {
      while (!op.getMap().empty())
        rewriter.eraseBlock(&op.getMap().front());
    });
    return success();
  }
};

/// A predicate that always holds is left out.
struct DropTrueWhere : OpRewritePattern<EinsumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(EinsumOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.hasWhere())
      return rewriter.notifyMatchFailure(op, "no where region");
    Value predicate = op.getWhere().front().getTerminator()->getOperand(0);
    APInt value;
    if (!matchPattern(predicate, m_ConstantInt(&value)) || value.isZero())
      return rewriter.notifyMatchFailure(op, "predicate is not always true");
    rewriter.modifyOpInPlace(op, [&] {
      while (!op.getWhere().empty())
        rewriter.eraseBlock(&op.getWhere().front());
    });
    return success();
  }
};
} // namespace

void EinsumOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropDefaultMap, DropTrueWhere>(context);
}

OpFoldResult SplitOp::fold(FoldAdaptor) {
  // split(merge(x)) is x if the parts have their old names.
  auto merge = getSource().getDefiningOp<MergeOp>();
  if (merge && merge.getRank() == getRank() &&
      merge.getSource().getType() == getType())
    return merge.getSource();
  return {};
}

//===- FoldWidening.cpp - loads that widen elements of 8 bits -------------===//

#include "attn/Transforms/Passes.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace attn {
#define GEN_PASS_DEF_FOLDWIDENINGPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
/// A load all of whose uses convert its elements to one float type.
struct WidenLoad : OpRewritePattern<tile::LoadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tile::LoadOp load,
                                PatternRewriter &rewriter) const override {
    RankedTensorType type = load.getResult().getType();
    if (type.getElementTypeBitWidth() != 8 || load->use_empty() ||
        load.getPad())
      return rewriter.notifyMatchFailure(load, "has no elements of 8 bits");
    Type wide;
    for (Operation *user : load->getUsers()) {
      if (!isa<arith::ExtFOp, arith::SIToFPOp>(user) ||
          (wide && user->getResult(0).getType() != wide))
        return rewriter.notifyMatchFailure(load, "is not always widened");
      wide = user->getResult(0).getType();
    }
    for (Operation *user : llvm::make_early_inc_range(load->getUsers()))
      rewriter.replaceOp(user, load.getResult());
    rewriter.modifyOpInPlace(
        load, [&] { load.getResult().setType(cast<RankedTensorType>(wide)); });
    return success();
  }
};

/// f32 that a load has widened to, and that is narrowed to 16 bits.
struct NarrowLoad : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const override {
    auto load = op.getIn().getDefiningOp<tile::LoadOp>();
    if (!load || !load.widens() || !load->hasOneUse())
      return rewriter.notifyMatchFailure(op, "narrows no widened load");
    auto type = cast<RankedTensorType>(op.getType());
    rewriter.modifyOpInPlace(load, [&] { load.getResult().setType(type); });
    rewriter.replaceOp(op, load.getResult());
    return success();
  }
};

struct FoldWidening final : attn::impl::FoldWideningPassBase<FoldWidening> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<WidenLoad, NarrowLoad>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

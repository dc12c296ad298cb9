//===- FoldOffsets.cpp - a line's term out of masks and extrema -----------===//

#include "TileLines.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace attn {
#define GEN_PASS_DEF_FOLDOFFSETSPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
/// A tile plus or minus a line that is repeated.
struct Offset {
  Value whole;
  tile::BroadcastOp line;
  bool isNegative = false;
};
} // namespace

static std::optional<Offset> matchOffset(Operation *op) {
  if (!isa_and_nonnull<arith::AddFOp, arith::SubFOp>(op) ||
      !getTile(op->getResult(0)))
    return std::nullopt;
  if (auto line = getLine(op->getOperand(1)))
    return Offset{op->getOperand(0), line, isa<arith::SubFOp>(op)};
  if (auto line = getLine(op->getOperand(0)); line && isa<arith::AddFOp>(op))
    return Offset{op->getOperand(1), line, false};
  return std::nullopt;
}

static bool isMaskByInfinity(Operation *op) {
  auto mask = dyn_cast<tile::MaskOp>(op);
  auto empty = mask ? dyn_cast<FloatAttr>(mask.getEmpty()) : FloatAttr();
  return empty && empty.getValue().isInfinity();
}

/// Whether nothing needs a term of lines that are repeated along `dims` at the
/// points of `tile`.
static bool canLeave(Value tile, ArrayRef<int64_t> dims) {
  return llvm::all_of(tile.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isMaskByInfinity(user))
      return use.getOperandNumber() == 0 && canLeave(user->getResult(0), dims);
    if (auto reduce = dyn_cast<tile::ReduceOp>(user))
      return reduce.getDims() == dims &&
             (reduce.getKind() == tile::ReduceKind::Max ||
              reduce.getKind() == tile::ReduceKind::Min);
    std::optional<Offset> offset = matchOffset(user);
    return offset && offset->whole == tile && offset->line.getDims() == dims;
  });
}

/// The offset that `tile` has, if it can leave.
static std::optional<Offset> matchLeaving(Value tile) {
  std::optional<Offset> offset = matchOffset(tile.getDefiningOp());
  if (!offset || !canLeave(tile, offset->line.getDims()))
    return std::nullopt;
  return offset;
}

static Value add(PatternRewriter &rewriter, Location loc, Value value,
                 Value term, bool isNegative) {
  if (isNegative)
    return arith::SubFOp::create(rewriter, loc, value, term);
  return arith::AddFOp::create(rewriter, loc, value, term);
}

namespace {
/// An infinity stays what it is.
struct MaskOfOffset : OpRewritePattern<tile::MaskOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tile::MaskOp op,
                                PatternRewriter &rewriter) const override {
    auto offset = isMaskByInfinity(op) ? matchLeaving(op.getTile())
                                       : std::optional<Offset>();
    if (!offset)
      return rewriter.notifyMatchFailure(op, "masks no line's term");
    rewriter.modifyOpInPlace(
        op, [&] { op.getTileMutable().assign(offset->whole); });
    rewriter.setInsertionPointAfter(op);
    Value sum = add(rewriter, op.getLoc(), op.getResult(), offset->line,
                    offset->isNegative);
    rewriter.replaceAllUsesExcept(op.getResult(), sum, sum.getDefiningOp());
    return success();
  }
};

struct ExtremumOfOffset : OpRewritePattern<tile::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tile::ReduceOp op,
                                PatternRewriter &rewriter) const override {
    auto offset = matchLeaving(op.getTile());
    if (!offset)
      return rewriter.notifyMatchFailure(op, "is of no line's term");
    Value extremum = tile::ReduceOp::create(rewriter, op.getLoc(), op.getKind(),
                                            offset->whole, op.getDims());
    rewriter.replaceOp(op, add(rewriter, op.getLoc(), extremum,
                               offset->line.getSource(), offset->isNegative));
    return success();
  }
};

/// (x + a) + b is x + (a + b), with the sum in brackets once a line.
struct OffsetOfOffset : RewritePattern {
  explicit OffsetOfOffset(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    std::optional<Offset> outer = matchOffset(op);
    auto inner = outer ? matchLeaving(outer->whole) : std::optional<Offset>();
    if (!inner || inner->line.getDims() != outer->line.getDims())
      return rewriter.notifyMatchFailure(op, "adds no second line");
    Value line =
        add(rewriter, op->getLoc(), outer->line.getSource(),
            inner->line.getSource(), outer->isNegative != inner->isNegative);
    Value repeated = tile::BroadcastOp::create(rewriter, op->getLoc(),
                                               op->getResult(0).getType(), line,
                                               outer->line.getDims());
    rewriter.replaceOp(op, add(rewriter, op->getLoc(), inner->whole, repeated,
                               outer->isNegative));
    return success();
  }
};

struct FoldOffsets final : attn::impl::FoldOffsetsPassBase<FoldOffsets> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MaskOfOffset, ExtremumOfOffset, OffsetOfOffset>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

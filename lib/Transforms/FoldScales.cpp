//===- FoldScales.cpp - exponentials to base 2 with factors in them -------===//

#include "TileLines.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/Support/MathExtras.h"

namespace attn {
#define GEN_PASS_DEF_FOLDSCALESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// The one number that `tile` has at all points, as an attribute or a scalar.
static OpFoldResult getUniform(Value tile) {
  SplatElementsAttr elements;
  if (matchPattern(tile, m_Constant(&elements)))
    return elements.getSplatValue<Attribute>();
  auto broadcast = tile.getDefiningOp<tile::BroadcastOp>();
  if (broadcast && !getTile(broadcast.getSource()))
    return broadcast.getSource();
  return {};
}

/// A product with a number: the other factor, and the number.
static std::optional<std::pair<Value, OpFoldResult>> matchScaled(Value tile) {
  auto product = tile.getDefiningOp<arith::MulFOp>();
  if (!product)
    return std::nullopt;
  for (unsigned i : {0u, 1u})
    if (OpFoldResult factor = getUniform(product->getOperand(i)))
      return std::pair(product->getOperand(1 - i), factor);
  return std::nullopt;
}

static bool isPositive(OpFoldResult factor) {
  if (auto attribute = dyn_cast<Attribute>(factor)) {
    auto number = dyn_cast<FloatAttr>(attribute);
    return number && number.getValue().isFiniteNonZero() &&
           !number.getValue().isNegative();
  }
  auto value = cast<Value>(factor);
  if (auto product = value.getDefiningOp<arith::MulFOp>())
    return isPositive(getAsOpFoldResult(product.getLhs())) &&
           isPositive(getAsOpFoldResult(product.getRhs()));
  auto argument = dyn_cast<BlockArgument>(value);
  auto program =
      argument ? dyn_cast<tile::ProgramOp>(argument.getOwner()->getParentOp())
               : tile::ProgramOp();
  return program && argument.getArgNumber() < program.getNumArguments() &&
         program.getArgAttr(argument.getArgNumber(), tile::kPositiveAttr);
}

namespace {
/// Makes tiles of numbers and of lines.
struct Maker {
  PatternRewriter &rewriter;
  Location loc;

  Value spread(OpFoldResult number, RankedTensorType type) {
    if (auto attribute = dyn_cast<Attribute>(number))
      return arith::ConstantOp::create(
          rewriter, loc,
          DenseElementsAttr::get(type, ArrayRef<Attribute>(attribute)));
    SmallVector<int64_t> dims =
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    return tile::BroadcastOp::create(rewriter, loc, type, cast<Value>(number),
                                     dims);
  }
  Value toScalar(OpFoldResult number) {
    if (auto attribute = dyn_cast<Attribute>(number))
      return arith::ConstantOp::create(rewriter, loc,
                                       cast<TypedAttr>(attribute));
    return cast<Value>(number);
  }
  OpFoldResult multiply(OpFoldResult a, OpFoldResult c) {
    return arith::MulFOp::create(rewriter, loc, toScalar(a), toScalar(c))
        .getResult();
  }
  /// `make` of a line, repeated as `broadcast` repeats its own.
  template <typename Make>
  Value repeat(tile::BroadcastOp broadcast, Make make) {
    Value line = make(broadcast.getSource());
    return tile::BroadcastOp::create(rewriter, loc,
                                     broadcast.getResult().getType(), line,
                                     broadcast.getDims());
  }
};
} // namespace

static Attribute getNumber(Value tile, double number) {
  return FloatAttr::get(getTile(tile).getElementType(), number);
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
struct ExpToExp2 : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &rewriter) const override {
    if (!getTile(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "is of a scalar");
    Maker maker{rewriter, op.getLoc()};
    Value scaled = arith::MulFOp::create(
        rewriter, op.getLoc(), op.getOperand(),
        maker.spread(getNumber(op.getOperand(), llvm::numbers::log2e),
                     getTile(op.getOperand())));
    rewriter.replaceOpWithNewOp<math::Exp2Op>(op, scaled);
    return success();
  }
};

struct LogToLog2 : OpRewritePattern<math::LogOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::LogOp op,
                                PatternRewriter &rewriter) const override {
    if (!getTile(op.getOperand()))
      return rewriter.notifyMatchFailure(op, "is of a scalar");
    Maker maker{rewriter, op.getLoc()};
    Value log = math::Log2Op::create(rewriter, op.getLoc(), op.getOperand());
    rewriter.replaceOpWithNewOp<arith::MulFOp>(
        op, log,
        maker.spread(getNumber(log, llvm::numbers::ln2), getTile(log)));
    return success();
  }
};

/// c (c' x) is (c c') x, also where x is a sum of products.
struct JoinFactors : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp op,
                                PatternRewriter &rewriter) const override {
    auto outer = getTile(op) ? matchScaled(op) : std::nullopt;
    auto inner = outer ? matchScaled(outer->first) : std::nullopt;
    if (!inner)
      return rewriter.notifyMatchFailure(op, "has no two factors");
    Maker maker{rewriter, op.getLoc()};
    OpFoldResult factor = maker.multiply(outer->second, inner->second);
    rewriter.replaceOpWithNewOp<arith::MulFOp>(
        op, inner->first, maker.spread(factor, getTile(op)));
    return success();
  }
};

/// c (a - b) is c a + (-c b) in one instruction, where b is a line's.
struct ScaledDifference : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp op,
                                PatternRewriter &rewriter) const override {
    auto scaled = getTile(op) ? matchScaled(op) : std::nullopt;
    auto difference =
        scaled ? scaled->first.getDefiningOp<arith::SubFOp>() : arith::SubFOp();
    auto line = difference ? getLine(difference.getRhs()) : tile::BroadcastOp();
    if (!line)
      return rewriter.notifyMatchFailure(op, "scales no difference with a "
                                             "line");
    Maker maker{rewriter, op.getLoc()};
    OpFoldResult factor = scaled->second;
    Value offset = maker.repeat(line, [&](Value source) {
      Value product = arith::MulFOp::create(
          rewriter, op.getLoc(), source, maker.spread(factor, getTile(source)));
      return arith::NegFOp::create(rewriter, op.getLoc(), product);
    });
    Value minuend = difference.getLhs();
    if (auto inner = matchScaled(minuend)) {
      minuend = inner->first;
      factor = maker.multiply(factor, inner->second);
    }
    rewriter.replaceOpWithNewOp<math::FmaOp>(
        op, minuend, maker.spread(factor, getTile(op)), offset);
    return success();
  }
};

/// A factor that is left inside of a sum in one instruction.
struct JoinFmaFactors : OpRewritePattern<math::FmaOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(math::FmaOp op,
                                PatternRewriter &rewriter) const override {
    OpFoldResult outer = getTile(op) ? getUniform(op.getB()) : OpFoldResult();
    auto inner = outer ? matchScaled(op.getA()) : std::nullopt;
    if (!inner)
      return rewriter.notifyMatchFailure(op, "has no two factors");
    Maker maker{rewriter, op.getLoc()};
    OpFoldResult factor = maker.multiply(outer, inner->second);
    rewriter.replaceOpWithNewOp<math::FmaOp>(
        op, inner->first, maker.spread(factor, getTile(op)), op.getC());
    return success();
  }
};

/// A positive factor leaves an infinity as it is.
struct MaskOfScaled : OpRewritePattern<tile::MaskOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tile::MaskOp op,
                                PatternRewriter &rewriter) const override {
    auto scaled = matchScaled(op.getTile());
    auto empty = dyn_cast<FloatAttr>(op.getEmpty());
    if (!scaled || !isPositive(scaled->second) || !empty ||
        !empty.getValue().isInfinity())
      return rewriter.notifyMatchFailure(op, "masks no scaled tile by an "
                                             "infinity");
    rewriter.modifyOpInPlace(
        op, [&] { op.getTileMutable().assign(scaled->first); });
    rewriter.setInsertionPointAfter(op);
    Maker maker{rewriter, op.getLoc()};
    auto product = arith::MulFOp::create(
        rewriter, op.getLoc(), op.getResult(),
        maker.spread(scaled->second, op.getResult().getType()));
    rewriter.replaceAllUsesExcept(op.getResult(), product, product);
    return success();
  }
};

struct MaximumOfScaled : OpRewritePattern<tile::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tile::ReduceOp op,
                                PatternRewriter &rewriter) const override {
    auto scaled = matchScaled(op.getTile());
    bool isExtremum = op.getKind() == tile::ReduceKind::Max ||
                      op.getKind() == tile::ReduceKind::Min;
    if (!scaled || !isExtremum || !isPositive(scaled->second))
      return rewriter.notifyMatchFailure(op, "is no extremum of a scaled tile");
    Maker maker{rewriter, op.getLoc()};
    Value extremum = tile::ReduceOp::create(rewriter, op.getLoc(), op.getKind(),
                                            scaled->first, op.getDims());
    rewriter.replaceOpWithNewOp<arith::MulFOp>(
        op, extremum, maker.spread(scaled->second, getTile(extremum)));
    return success();
  }
};

struct QuotientByLine : OpRewritePattern<arith::DivFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::DivFOp op,
                                PatternRewriter &rewriter) const override {
    auto line = getTile(op) ? getLine(op.getRhs()) : tile::BroadcastOp();
    if (!line)
      return rewriter.notifyMatchFailure(op, "divides by no line");
    Maker maker{rewriter, op.getLoc()};
    Value inverse = maker.repeat(line, [&](Value source) -> Value {
      return arith::DivFOp::create(
          rewriter, op.getLoc(),
          maker.spread(getNumber(source, 1), getTile(source)), source);
    });
    rewriter.replaceOpWithNewOp<arith::MulFOp>(op, op.getLhs(), inverse);
    return success();
  }
};

struct FoldScales final : attn::impl::FoldScalesPassBase<FoldScales> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpToExp2, LogToLog2, JoinFactors, ScaledDifference,
                 JoinFmaFactors, MaskOfScaled, MaximumOfScaled, QuotientByLine>(
        &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

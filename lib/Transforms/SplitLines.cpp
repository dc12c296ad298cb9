//===- SplitLines.cpp - what depends on a row or a column alone -----------===//

#include "TileLines.h"
#include "attn/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace attn {
#define GEN_PASS_DEF_SPLITLINESPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

/// A number for all points.
static bool isUniform(Value tile) {
  SplatElementsAttr elements;
  if (matchPattern(tile, m_Constant(&elements)))
    return true;
  auto broadcast = tile.getDefiningOp<tile::BroadcastOp>();
  if (!broadcast)
    return false;
  auto source = getTile(broadcast.getSource());
  return !source || source.getRank() == 0;
}

/// A line of the kind of which all `values` are that are tiles and no numbers;
/// null if there is none, or another tile.
static tile::BroadcastOp getCommonLine(ValueRange values) {
  tile::BroadcastOp first;
  for (Value value : values) {
    if (!getTile(value) || isUniform(value))
      continue;
    tile::BroadcastOp line = getLine(value);
    if (!line || (first && (line.getDims() != first.getDims() ||
                            getTile(line.getSource()).getShape() !=
                                getTile(first.getSource()).getShape())))
      return {};
    first = line;
  }
  return first;
}

/// The number of `tile`, which is uniform, as a tile of another shape.
static Value resize(PatternRewriter &rewriter, Value tile,
                    RankedTensorType shape) {
  Location loc = tile.getLoc();
  auto type = shape.clone(getTile(tile).getElementType());
  SplatElementsAttr elements;
  if (matchPattern(tile, m_Constant(&elements)))
    return arith::ConstantOp::create(rewriter, loc, elements.resizeSplat(type));
  SmallVector<int64_t> dims =
      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return tile::BroadcastOp::create(
      rewriter, loc, type, tile.getDefiningOp<tile::BroadcastOp>().getSource(),
      dims);
}

/// `tile`, a line or a number, as a line of `shape`.
static Value toLine(PatternRewriter &rewriter, Value tile,
                    RankedTensorType shape) {
  tile::BroadcastOp line = getLine(tile);
  return line ? line.getSource() : resize(rewriter, tile, shape);
}

/// `op` on other operands, of the shape of the first.
static Value cloneOn(PatternRewriter &rewriter, Operation *op,
                     ValueRange operands, RankedTensorType shape) {
  OperationState state(op->getLoc(), op->getName(), operands,
                       shape.clone(getTile(op->getResult(0)).getElementType()));
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return rewriter.create(state)->getResult(0);
}

namespace {
/// An elementwise op on lines of one kind and on numbers is done on the lines.
struct SinkBroadcast : RewritePattern {
  explicit SinkBroadcast(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !getTile(op->getResult(0)) ||
        !op->hasTrait<OpTrait::Elementwise>() || op->getNumOperands() == 0)
      return rewriter.notifyMatchFailure(op, "is not elementwise");
    if (!llvm::all_of(op->getOperands(), getTile))
      return rewriter.notifyMatchFailure(op, "takes a scalar");
    tile::BroadcastOp first = getCommonLine(op->getOperands());
    if (!first)
      return rewriter.notifyMatchFailure(op, "takes no lines of one kind");
    RankedTensorType shape = getTile(first.getSource());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(toLine(rewriter, operand, shape));
    Value done = cloneOn(rewriter, op, operands, shape);
    rewriter.replaceOpWithNewOp<tile::BroadcastOp>(
        op, op->getResult(0).getType(), done, first.getDims());
    return success();
  }
};

/// A table is read once a line where its coordinates are lines of one kind.
struct SinkGather : OpRewritePattern<tile::GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(tile::GatherOp op,
                                PatternRewriter &rewriter) const override {
    tile::BroadcastOp first = getCommonLine(op.getCoordinates());
    if (!first)
      return rewriter.notifyMatchFailure(op, "takes no lines of one kind");
    RankedTensorType shape = getTile(first.getSource());
    SmallVector<Value> coordinates;
    for (Value at : op.getCoordinates())
      coordinates.push_back(getTile(at) ? toLine(rewriter, at, shape) : at);
    Value done = tile::GatherOp::create(
        rewriter, op.getLoc(), shape.clone(getTile(op).getElementType()),
        op.getTable(), coordinates, op.getEmptyAttr());
    rewriter.replaceOpWithNewOp<tile::BroadcastOp>(op, op.getResult().getType(),
                                                   done, first.getDims());
    return success();
  }
};

/// A sum of coordinates as a float is a sum of floats, a line each. Of the left
/// line stays the coordinate in the tile, which is small, and all else goes to
/// the other: below 2^24 both are exact.
struct SplitConversion : OpRewritePattern<arith::SIToFPOp> {
  using OpRewritePattern::OpRewritePattern;

  /// A line that is a coordinate of its tile plus a number.
  static tile::CoordOp matchCoordinate(Value line, Value &number) {
    if (auto sum = line.getDefiningOp<arith::AddIOp>())
      for (unsigned i : {0u, 1u})
        if (auto coord = sum->getOperand(i).getDefiningOp<tile::CoordOp>();
            coord && matchPattern(coord.getBase(), m_Zero()) &&
            isUniform(sum->getOperand(1 - i))) {
          number = sum->getOperand(1 - i);
          return coord;
        }
    return {};
  }

  LogicalResult matchAndRewrite(arith::SIToFPOp op,
                                PatternRewriter &rewriter) const override {
    Value integer = op.getIn();
    if (auto cast = integer.getDefiningOp<arith::IndexCastOp>())
      integer = cast.getIn();
    if (!getTile(integer))
      return rewriter.notifyMatchFailure(op, "is of a scalar");
    auto sum = integer.getDefiningOp<arith::AddIOp>();
    auto difference = integer.getDefiningOp<arith::SubIOp>();
    if (!sum && !difference)
      return rewriter.notifyMatchFailure(op, "is of no sum");
    Operation *both = integer.getDefiningOp();
    tile::BroadcastOp lhs = getLine(both->getOperand(0));
    tile::BroadcastOp rhs = getLine(both->getOperand(1));
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "is of no two lines");
    Value left = lhs.getSource(), right = rhs.getSource();
    Location loc = op.getLoc();
    Value number;
    if (auto coord = matchCoordinate(left, number)) {
      left = coord;
      number = resize(rewriter, number, getTile(right));
      right =
          difference
              ? arith::SubIOp::create(rewriter, loc, right, number).getResult()
              : arith::AddIOp::create(rewriter, loc, right, number).getResult();
    }
    auto convert = [&](Value line, tile::BroadcastOp broadcast) -> Value {
      Type element = getTile(op).getElementType();
      Type wide = getTile(line).clone(rewriter.getI64Type());
      if (getTile(line).getElementType().isIndex())
        line = arith::IndexCastOp::create(rewriter, loc, wide, line);
      line = arith::SIToFPOp::create(rewriter, loc,
                                     getTile(line).clone(element), line);
      return tile::BroadcastOp::create(rewriter, loc, op.getType(), line,
                                       broadcast.getDims());
    };
    Value a = convert(left, lhs), c = convert(right, rhs);
    if (difference)
      rewriter.replaceOpWithNewOp<arith::SubFOp>(op, a, c);
    else
      rewriter.replaceOpWithNewOp<arith::AddFOp>(op, a, c);
    return success();
  }
};

/// A factor of a sum of two lines is one of each.
struct SplitProduct : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::MulFOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      Value factor = op->getOperand(i);
      Operation *sum = op->getOperand(1 - i).getDefiningOp();
      if (!getTile(op) || !isUniform(factor) || !sum ||
          !isa<arith::AddFOp, arith::SubFOp>(sum) ||
          !getLine(sum->getOperand(0)) || !getLine(sum->getOperand(1)))
        continue;
      SmallVector<Value> terms;
      for (Value term : sum->getOperands())
        terms.push_back(arith::MulFOp::create(rewriter, op.getLoc(), term,
                                              factor, op.getFastmath()));
      rewriter.replaceOp(op, cloneOn(rewriter, sum, terms, getTile(op)));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "is no factor of two lines");
  }
};

/// x + (a + b) is (x + a) + b for lines a and b: a product x and its first line
/// are one instruction.
struct SplitSum : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AddFOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      Value whole = op->getOperand(i);
      Operation *sum = op->getOperand(1 - i).getDefiningOp();
      if (!getTile(op) || getLine(whole) || isUniform(whole) || !sum ||
          !isa<arith::AddFOp, arith::SubFOp>(sum) ||
          !getLine(sum->getOperand(0)) || !getLine(sum->getOperand(1)))
        continue;
      Value first = arith::AddFOp::create(rewriter, op.getLoc(), whole,
                                          sum->getOperand(0), op.getFastmath());
      rewriter.replaceOp(
          op, cloneOn(rewriter, sum, {first, sum->getOperand(1)}, getTile(op)));
      return success();
    }
    return rewriter.notifyMatchFailure(op, "adds no two lines");
  }
};

struct SplitLines final : attn::impl::SplitLinesPassBase<SplitLines> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkBroadcast, SinkGather, SplitConversion, SplitProduct,
                 SplitSum>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

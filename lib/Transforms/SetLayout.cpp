//===- SetLayout.cpp - the order of a rank's points in memory -------------===//
//
// Position to point is index arithmetic by constants, written where a region
// has the coordinate; the analysis of masks takes it apart again (a quotient of
// what was put together is what it was made from), so that bounds are those of
// tiles. For this to hold the coordinates of padding are kept inside of their
// axes; the predicate excludes it.
//
//===----------------------------------------------------------------------===//

#include "attn/Transforms/SetLayout.h"
#include "attn/Transforms/Passes.h"

#include "FoldQuotients.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace attn {
#define GEN_PASS_DEF_SETLAYOUTPASS
#include "attn/Transforms/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::cascade;

namespace {
/// Writes the point at a position.
class PointWriter {
public:
  PointWriter(const RankLayout &layout, OpBuilder &builder, Location loc)
      : layout(layout), b(builder), loc(loc) {}

  /// The point, and whether there is one (null: always).
  std::pair<Value, Value> write(Value position);

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value scale(Value x, int64_t factor) {
    return factor == 1
               ? x
               : Value(arith::MulIOp::create(b, loc, x, constant(factor)));
  }

  const RankLayout &layout;
  OpBuilder &b;
  Location loc;
};
} // namespace

std::pair<Value, Value> PointWriter::write(Value position) {
  SmallVector<Value> coordinates(layout.axes.size());
  SmallVector<RankLayout::Digit, 9> digits = layout.getDigits();
  llvm::erase_if(digits,
                 [](const RankLayout::Digit &d) { return d.radix == 1; });
  for (auto [i, digit] : llvm::enumerate(digits)) {
    Value value = position;
    // The slowest digit is what is left; of a residue it is said that it is
    // less than the dilation, for quotients by that to fold.
    bool isLast = i + 1 == digits.size();
    Value radix = constant(digit.radix);
    if (!isLast || digit.weight == 1)
      value = arith::RemUIOp::create(b, loc, position, radix);
    if (!isLast)
      position = arith::DivUIOp::create(b, loc, position, radix);
    value = scale(value, digit.weight);
    Value &coordinate = coordinates[digit.axis];
    coordinate = coordinate ? add(coordinate, value) : value;
  }
  Value point, exists;
  for (auto [axis, coordinate] : llvm::zip(layout.axes, coordinates)) {
    if (!coordinate)
      coordinate = constant(0);
    if (axis.countTiles() * axis.tile * axis.dilation != axis.extent) {
      Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                           coordinate, constant(axis.extent));
      exists = exists ? Value(arith::AndIOp::create(b, loc, exists, inside))
                      : inside;
      // Quotients by the extents of all axes but the first have to fold.
      if (point)
        coordinate = arith::MinSIOp::create(b, loc, coordinate,
                                            constant(axis.extent - 1));
    }
    point = point ? add(scale(point, axis.extent), coordinate) : coordinate;
  }
  return {point, exists};
}

/// The positions of `rank` in a region, each once.
static SmallVector<IndexOp> getPositions(EinsumOp op, Region &region,
                                         StringRef rank) {
  SmallVector<IndexOp> positions;
  region.walk([&](IndexOp index) {
    unsigned variable = *op.getVariablePosition(index.getVariable());
    if (op.getVariableRank(variable) == rank)
      positions.push_back(index);
  });
  return positions;
}

/// Gives users of a position the point there; whether there is one (null:
/// always).
static Value movePoint(IndexOp index, const RankLayout &layout,
                       OpBuilder &builder) {
  // Users are those of before: what is written here uses the position.
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : index->getUses())
    uses.push_back(&use);
  builder.setInsertionPointAfter(index);
  auto [point, exists] =
      PointWriter(layout, builder, index.getLoc()).write(index);
  for (OpOperand *use : uses)
    use->set(point);
  return exists;
}

/// Says where positions lie in tensors that keep the canvas's order.
static LogicalResult addView(FuncOp func, StringRef rank,
                             const RankLayout &layout) {
  if (func.getStaticExtent(rank) != layout.countPoints())
    return func.emitError("expects rank '")
           << rank << "' to have the canvas's " << layout.countPoints()
           << " points as its extent; bind it (cascade-bind)";
  SmallVector<int64_t> extents, tiles;
  for (const RankLayout::Axis &axis : layout.axes) {
    if (axis.dilation != 1)
      return func.emitError("expects no dilations of rank '")
             << rank << "', whose tensors keep their order, but got "
             << axis.dilation;
    extents.push_back(axis.extent);
    tiles.push_back(axis.tile);
  }
  NamedAttrList layouts(func->getAttrOfType<DictionaryAttr>(kLayoutsAttr));
  layouts.set(rank, LayoutAttr::get(func.getContext(), extents, tiles));
  func->setAttr(kLayoutsAttr, layouts.getDictionary(func.getContext()));
  return success();
}

LogicalResult attn::setLayout(FuncOp func, StringRef rank,
                              const RankLayout &layout, bool asView) {
  if (layout.axes.empty())
    return func.emitError("expects a layout of at least one axis for rank '")
           << rank << "'";
  for (const RankLayout::Axis &axis : layout.axes)
    if (axis.extent < 1 || axis.tile < 1 || axis.dilation < 1)
      return func.emitError("expects extents, tiles and dilations of at least "
                            "1, but got ")
             << axis.extent << ", " << axis.tile << " and " << axis.dilation;
  bool isKnown = false, hasPredicate = false;
  SmallVector<EinsumOp> einsums;
  func.walk([&](EinsumOp op) {
    for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
      if (op.getVariableRank(v) == rank) {
        isKnown = true;
        hasPredicate |= op.hasWhere();
        einsums.push_back(op);
        break;
      }
  });
  if (!isKnown)
    return func.emitError("expects a rank of the function, but got '")
           << rank << "'";
  if (layout.isPadded() && !hasPredicate)
    return func.emitError("expects a predicate over rank '")
           << rank << "', to which " << layout.countPositions()
           << " positions for " << layout.countPoints()
           << " points add padding";
  if (asView && failed(addView(func, rank, layout)))
    return failure();
  OpBuilder builder(func.getContext());
  // Extents first: constants of the body need none.
  SmallVector<ExtentOp> extents;
  func.walk([&](ExtentOp extent) {
    if (extent.getRank() == rank)
      extents.push_back(extent);
  });
  for (ExtentOp extent : extents) {
    builder.setInsertionPoint(extent);
    extent.replaceAllUsesWith(
        arith::ConstantIndexOp::create(builder, extent.getLoc(),
                                       layout.countPoints())
            .getResult());
    extent.erase();
  }
  for (EinsumOp op : einsums) {
    for (IndexOp index : getPositions(op, op.getMap(), rank))
      movePoint(index, layout, builder);
    if (!op.hasWhere())
      continue;
    SmallVector<IndexOp> positions = getPositions(op, op.getWhere(), rank);
    // A predicate that does not ask for the coordinate excludes padding too.
    if (positions.empty() && layout.isPadded()) {
      builder.setInsertionPointToStart(&op.getWhere().front());
      for (unsigned v = 0, e = op.getNumVariables(); v < e; ++v)
        if (op.getVariableRank(v) == rank)
          positions.push_back(IndexOp::create(
              builder, op.getLoc(), builder.getIndexType(), op.getVariable(v)));
    }
    for (IndexOp index : positions) {
      Value exists = movePoint(index, layout, builder);
      if (!exists)
        continue;
      Operation *yield = op.getWhere().front().getTerminator();
      builder.setInsertionPoint(yield);
      yield->setOperand(0, arith::AndIOp::create(builder, index.getLoc(),
                                                 exists, yield->getOperand(0)));
    }
  }
  // The coordinates on the axes are there; what computed them from the point
  // has nothing to do.
  RewritePatternSet patterns(func.getContext());
  populateFoldQuotientsPatterns(patterns);
  return applyPatternsGreedily(func, std::move(patterns));
}

namespace {
struct SetLayout final : attn::impl::SetLayoutPassBase<SetLayout> {
  using SetLayoutPassBase::SetLayoutPassBase;

  void runOnOperation() override {
    FuncOp func = getOperation();
    RankLayout layout;
    for (auto [i, extent] : llvm::enumerate(extents))
      layout.axes.push_back({extent});
    auto fill = [&](StringRef what, ArrayRef<int64_t> values,
                    int64_t RankLayout::Axis::*member) {
      if (values.empty())
        return success();
      if (values.size() != layout.axes.size())
        return LogicalResult(func.emitError("expects one of '")
                             << what << "' an axis, but got " << values.size()
                             << " for " << layout.axes.size());
      for (auto [axis, value] : llvm::zip(layout.axes, values))
        axis.*member = value;
      return success();
    };
    if (failed(fill("tiles", tiles, &RankLayout::Axis::tile)) ||
        failed(fill("dilations", dilations, &RankLayout::Axis::dilation)) ||
        failed(setLayout(func, rank, layout, view)))
      signalPassFailure();
  }
};
} // namespace

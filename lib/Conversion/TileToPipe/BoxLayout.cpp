//===- BoxLayout.cpp - boxes of a canvas in a tensor ----------------------===//

#include "BoxLayout.h"

#include "dialects/Pipe/Pipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;

BoxLayout::BoxLayout(tile::LayoutAttr attr) {
  for (auto [extent, tile] : llvm::zip(attr.getExtents(), attr.getTiles()))
    layout.axes.push_back({extent, tile});
}

int64_t BoxLayout::countBoxPoints() const {
  int64_t count = 1;
  for (const RankLayout::Axis &axis : layout.axes)
    count *= axis.tile;
  return count;
}

int64_t BoxLayout::getStride(unsigned axis) const {
  int64_t stride = 1;
  for (const RankLayout::Axis &inner :
       ArrayRef(layout.axes).drop_front(axis + 1))
    stride *= inner.extent;
  return stride;
}

int64_t BoxLayout::getDistance(int64_t position) const {
  int64_t distance = 0;
  for (unsigned axis = layout.axes.size(); axis-- > 0;) {
    distance += position % layout.axes[axis].tile * getStride(axis);
    position /= layout.axes[axis].tile;
  }
  return distance;
}

static Value number(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIntOp::create(b, b.getI32Type(), value);
}

SmallVector<Value> BoxLayout::getCorner(ImplicitLocOpBuilder &b,
                                        Value start) const {
  Value box = arith::DivUIOp::create(b, start, number(b, countBoxPoints()));
  SmallVector<Value> corner(layout.axes.size());
  for (unsigned axis = layout.axes.size(); axis-- > 0;) {
    Value count = number(b, layout.axes[axis].countTiles());
    Value own = axis == 0 ? box : arith::RemUIOp::create(b, box, count);
    if (axis != 0)
      box = arith::DivUIOp::create(b, box, count);
    corner[axis] =
        arith::MulIOp::create(b, own, number(b, layout.axes[axis].tile));
  }
  return corner;
}

Value BoxLayout::getFirstPoint(ImplicitLocOpBuilder &b, Value start) const {
  Value point;
  for (auto [axis, begin] : llvm::enumerate(getCorner(b, start))) {
    Value part = arith::MulIOp::create(b, begin, number(b, getStride(axis)));
    point = point ? Value(arith::AddIOp::create(b, point, part)) : part;
  }
  return point;
}

Value BoxLayout::getPoints(ImplicitLocOpBuilder &b, Value start,
                           Value positions) const {
  auto type = cast<RankedTensorType>(positions.getType());
  auto splat = [&](Value scalar) -> Value {
    return pipe::SplatOp::create(b, type, scalar);
  };
  auto splatNumber = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, b.getI32IntegerAttr(value)));
  };
  SmallVector<Value> corner = getCorner(b, start);
  Value points, exists;
  for (unsigned i = layout.axes.size(); i-- > 0;) {
    const RankLayout::Axis &axis = layout.axes[i];
    Value own = positions;
    if (i != 0) {
      own = arith::RemUIOp::create(b, positions, splatNumber(axis.tile));
      positions = arith::DivUIOp::create(b, positions, splatNumber(axis.tile));
    }
    own = arith::AddIOp::create(b, own, splat(corner[i]));
    if (axis.extent % axis.tile != 0) {
      Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, own,
                                           splatNumber(axis.extent));
      exists =
          exists ? Value(arith::AndIOp::create(b, exists, inside)) : inside;
    }
    Value part = arith::MulIOp::create(b, own, splatNumber(getStride(i)));
    points = points ? Value(arith::AddIOp::create(b, points, part)) : part;
  }
  if (!exists)
    return points;
  return arith::SelectOp::create(b, exists, points, splatNumber(-1));
}

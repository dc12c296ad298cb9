//===- EinsumAccess.cpp - where an Einsum reads and writes
//------------------===//

#include "EinsumAccess.h"

#include "mlir/IR/AffineExpr.h"

using namespace mlir;
using namespace attn::reference;

/// The factor of variable `dim` in `expr`, 0 if it is absent; nothing if
/// `expr` is not linear in it. Index tensors that read at the variable are not
/// looked into.
static std::optional<int64_t> getFactor(AffineExpr expr, unsigned dim) {
  if (auto variable = dyn_cast<AffineDimExpr>(expr))
    return variable.getPosition() == dim;
  if (!expr.isFunctionOfDim(dim))
    return 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return std::nullopt;
  auto lhs = getFactor(binary.getLHS(), dim);
  auto rhs = getFactor(binary.getRHS(), dim);
  if (!lhs || !rhs)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add)
    return *lhs + *rhs;
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && constant)
    return *lhs * constant.getValue();
  return std::nullopt;
}

Access::Access(TensorView view, AffineMap map, cascade::NamedTensorType type)
    : view(std::move(view)), map(map),
      integer(!isa<FloatType>(type.getElementType())),
      empty(*cascade::getNumericValue(type.getEmpty())) {
  for (AffineExpr expr : map.getResults()) {
    auto &row = factors.emplace_back();
    for (unsigned i = 0; i < map.getNumDims(); ++i)
      row.push_back(getFactor(expr, i));
  }
}

bool Access::dependsOn(unsigned variable) const {
  return llvm::any_of(map.getResults(), [&](AffineExpr expr) {
    bool depends = expr.isFunctionOfDim(variable);
    for (unsigned i = 0; i < map.getNumSymbols() && !depends; ++i)
      depends = expr.isFunctionOfSymbol(i) && indices[i].dependsOn(variable);
    return depends;
  });
}

std::optional<int64_t> Access::getStride(unsigned variable) const {
  int64_t stride = 0;
  for (auto [expr, row, step] :
       llvm::zip(map.getResults(), factors, view.strides)) {
    for (unsigned i = 0; i < map.getNumSymbols(); ++i)
      if (expr.isFunctionOfSymbol(i) && indices[i].dependsOn(variable))
        return std::nullopt;
    if (!row[variable])
      return std::nullopt;
    stride += *row[variable] * step;
  }
  return stride;
}

void Access::simplify(ArrayRef<int64_t> extents) {
  base = 0;
  strides.assign(map.getNumDims(), 0);
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    for (unsigned s = 0; s < map.getNumSymbols(); ++s)
      if (expr.isFunctionOfSymbol(s))
        return;
    int64_t constant = 0;
    if (!llvm::all_of(factors[i], [](auto factor) { return factor; }))
      return;
    Point origin;
    origin.coordinates.assign(map.getNumDims(), 0);
    constant = *evaluate(expr, origin, 0);
    int64_t least = constant, most = constant;
    for (auto [variable, factor] : llvm::enumerate(factors[i])) {
      int64_t reach = *factor * (extents[variable] - 1);
      (reach < 0 ? least : most) += reach;
      strides[variable] += *factor * view.strides[i];
    }
    if (least < 0 || most >= view.shape[i])
      return;
    base += constant * view.strides[i];
  }
  linear = true;
}

std::optional<int64_t> Access::evaluate(AffineExpr expr, const Point &point,
                                        int64_t lane) const {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    unsigned variable = dim.getPosition();
    bool batched = static_cast<int>(variable) == point.batchVariable;
    return point.coordinates[variable] + (batched ? lane : 0);
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    const Access &index = indices[symbol.getPosition()];
    std::optional<int64_t> offset = index.locateLane(point, lane);
    int64_t entry =
        toInteger(offset ? index.view.data()[*offset] : index.empty);
    return entry < 0 ? std::nullopt : std::optional(entry);
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto lhs = evaluate(binary.getLHS(), point, lane);
  auto rhs = evaluate(binary.getRHS(), point, lane);
  if (!lhs || !rhs)
    return std::nullopt;
  int64_t remainder;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return *lhs + *rhs;
  case AffineExprKind::Mul:
    return *lhs * *rhs;
  default: // Verified: floordiv and mod, by positive integers.
    remainder = *lhs % *rhs;
    remainder += remainder < 0 ? *rhs : 0;
    return binary.getKind() == AffineExprKind::Mod ? remainder
                                                   : (*lhs - remainder) / *rhs;
  }
}

std::optional<int64_t> Access::locateLane(const Point &point,
                                          int64_t lane) const {
  int64_t offset = 0;
  for (auto [expr, extent, stride] :
       llvm::zip(map.getResults(), view.shape, view.strides)) {
    std::optional<int64_t> coordinate = evaluate(expr, point, lane);
    if (!coordinate || *coordinate < 0 || *coordinate >= extent)
      return std::nullopt;
    offset += *coordinate * stride;
  }
  return offset;
}

void Access::locate(const Point &point, LaneOffsets &location) const {
  int batch = point.batchVariable;
  if (linear) {
    location.even = true;
    location.start = base;
    for (auto [coordinate, stride] : llvm::zip(point.coordinates, strides))
      location.start += coordinate * stride;
    location.stride = batch < 0 ? 0 : strides[batch];
    return;
  }
  // Linear in the batch variable and in range at both ends: in range between.
  if (batch >= 0) {
    auto first = locateLane(point, 0);
    auto last = locateLane(point, point.lanes - 1);
    if (std::optional<int64_t> stride = getStride(batch);
        stride && first && last) {
      location.even = true;
      location.start = *first;
      location.stride = *stride;
      return;
    }
  }
  location.even = false;
  for (int64_t lane = 0; lane < point.lanes; ++lane)
    location.offsets[lane] = locateLane(point, lane).value_or(-1);
}

void Access::load(const LaneOffsets &location, int64_t lanes,
                  Slot *values) const {
  const double *data = view.data();
  if (!location.even) {
    for (int64_t i = 0; i < lanes; ++i)
      values[i].f = location.offsets[i] < 0 ? empty : data[location.offsets[i]];
  } else if (location.stride == 0) {
    double value = data[location.start];
    for (int64_t i = 0; i < lanes; ++i)
      values[i].f = value;
  } else if (location.stride == 1) {
    for (int64_t i = 0; i < lanes; ++i)
      values[i].f = data[location.start + i];
  } else {
    for (int64_t i = 0; i < lanes; ++i)
      values[i].f = data[location.start + i * location.stride];
  }
  if (integer)
    for (int64_t i = 0; i < lanes; ++i)
      values[i].i = toInteger(values[i].f);
}

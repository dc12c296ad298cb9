//===- BoxMap.cpp - boxes of tensors as maps address them -----------------===//

#include "BoxMap.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;

/// What is divided by a constant in `expr`, of kind `kind`, and by what.
static std::pair<AffineExpr, int64_t> matchDivision(AffineExpr expr,
                                                    AffineExprKind kind) {
  auto division = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!division || division.getKind() != kind)
    return {};
  auto divisor = dyn_cast<AffineConstantExpr>(division.getRHS());
  return divisor ? std::pair(division.getLHS(), divisor.getValue())
                 : std::pair(AffineExpr(), int64_t(0));
}

AffineExpr attn::getPackedRow(AffineExpr expr) {
  for (AffineExprKind kind : {AffineExprKind::Mod, AffineExprKind::FloorDiv})
    if (AffineExpr row = matchDivision(expr, kind).first)
      return row;
  return {};
}

/// A box whose rows are packed: `row mod width` in one dimension, `row floordiv
/// width` in another.
static std::optional<BoxMap> matchPackedBox(AffineMap map) {
  unsigned numDims = map.getNumDims(), numResults = map.getNumResults();
  BoxMap box;
  AffineExpr row;
  PackedRows packed{0, 0, 0};
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    auto [dividend, width] = matchDivision(expr, AffineExprKind::Mod);
    if (!dividend)
      continue;
    if (row)
      return std::nullopt;
    row = dividend;
    packed.width = width;
    packed.inner = i;
  }
  if (!row || !llvm::isPowerOf2_64(packed.width))
    return std::nullopt;
  bool isFound = false;
  for (auto [i, expr] : llvm::enumerate(map.getResults()))
    if (matchDivision(expr, AffineExprKind::FloorDiv) ==
        std::pair(row, packed.width)) {
      packed.outer = i;
      isFound = true;
    }
  // Columns run along the last dimension.
  bool isLast =
      packed.inner + 1 == numResults || packed.outer + 1 == numResults;
  if (!isFound || (numDims == 2 && isLast))
    return std::nullopt;
  auto getStart = [&](AffineExpr expr, unsigned dim) {
    AffineExpr start =
        simplifyAffineExpr(expr - getAffineDimExpr(dim, map.getContext()),
                           numDims, map.getNumSymbols());
    for (unsigned other = 0; other < numDims; ++other)
      if (start.isFunctionOfDim(other))
        return AffineExpr();
    return start;
  };
  for (unsigned dim = 0; dim < numDims; ++dim)
    if (row.isFunctionOfDim(dim))
      box.rowDim = dim;
  box.columnDim = 1 - box.rowDim;
  box.firstRow = getStart(row, box.rowDim);
  box.packed = packed;
  if (!box.firstRow)
    return std::nullopt;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    AffineExpr start = expr;
    if (i == packed.inner)
      start = getAffineConstantExpr(0, map.getContext());
    else if (i == packed.outer)
      start = box.firstRow.floorDiv(packed.width);
    else if (numDims == 2 && i + 1 == numResults)
      start = getStart(expr, box.columnDim);
    for (unsigned dim = 0; start && dim < numDims; ++dim)
      if (start.isFunctionOfDim(dim))
        start = {};
    if (!start)
      return std::nullopt;
    box.starts.push_back(start);
  }
  return box;
}

std::optional<BoxMap> attn::matchBox(AffineMap map) {
  unsigned numDims = map.getNumDims(), numResults = map.getNumResults();
  if (numDims < 1 || numDims > 2 || numResults < numDims)
    return std::nullopt;
  if (std::optional<BoxMap> packed = matchPackedBox(map))
    return packed;
  BoxMap box;
  SmallVector<bool> isSeen(numDims);
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    unsigned fromEnd = numResults - i;
    if (fromEnd > numDims) {
      for (unsigned dim = 0; dim < numDims; ++dim)
        if (expr.isFunctionOfDim(dim))
          return std::nullopt;
      box.starts.push_back(expr);
      continue;
    }
    std::optional<unsigned> found;
    for (unsigned dim = 0; dim < numDims; ++dim)
      if (expr.isFunctionOfDim(dim) && !isSeen[dim])
        found = dim;
    if (!found)
      return std::nullopt;
    AffineExpr start =
        simplifyAffineExpr(expr - getAffineDimExpr(*found, map.getContext()),
                           numDims, map.getNumSymbols());
    for (unsigned dim = 0; dim < numDims; ++dim)
      if (start.isFunctionOfDim(dim))
        return std::nullopt;
    isSeen[*found] = true;
    (fromEnd == 2 ? box.rowDim : box.columnDim) = *found;
    box.starts.push_back(start);
  }
  return box;
}

pipe::PackingAttr attn::getPacking(MLIRContext *context, const BoxMap &box) {
  if (!box.packed)
    return {};
  return pipe::PackingAttr::get(context, box.packed->width, box.packed->inner,
                                box.packed->outer);
}

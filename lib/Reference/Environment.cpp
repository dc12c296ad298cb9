//===- Environment.cpp - extents of ranks, dense and dependent
//--------------===//

#include "EinsumInterpreter.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

Result<int64_t> Environment::getExtent(StringRef rank) const {
  auto it = extents.find(rank);
  if (it == extents.end())
    return Status::error(
        StatusCode::invalidArgument, "interpreter",
        "rank '" + rank.str() + "' has no extent",
        "give a tensor that has it, or declare 'cascade.rank " + rank.str() +
            " = ...'");
  return it->second;
}

Result<std::vector<int64_t>>
Environment::getShape(cascade::NamedTensorType type) const {
  std::vector<int64_t> shape;
  for (StringAttr rank : type.getRanks()) {
    Result<int64_t> extent = getExtent(rank);
    if (!extent.isOk())
      return extent.takeStatus();
    shape.push_back(*extent);
  }
  return shape;
}

void attn::reference::clearBeyond(const TensorView &view,
                                  cascade::NamedTensorType type, StringRef rank,
                                  const DependentRank &dependent) {
  unsigned dim = *type.getRankPosition(rank);
  SmallVector<unsigned> outer;
  for (StringAttr name : dependent.outer) {
    std::optional<unsigned> position = type.getRankPosition(name);
    if (!position)
      return;
    outer.push_back(*position);
  }
  double empty = *cascade::getNumericValue(type.getEmpty());
  forEachPoint(view.shape, [&](ArrayRef<int64_t> point) {
    SmallVector<int64_t> source;
    for (unsigned position : outer)
      source.push_back(point[position]);
    bool exists;
    if (dependent.kind == cascade::RankKind::Ragged) {
      int64_t first = toInteger(at(dependent.source, source));
      ++source.back();
      exists = point[dim] < toInteger(at(dependent.source, source)) - first;
    } else {
      exists = false;
      source.push_back(0);
      for (; source.back() < dependent.source.shape.back(); ++source.back())
        exists |= toInteger(at(dependent.source, source)) == point[dim];
    }
    if (!exists)
      at(view, point) = empty;
  });
}

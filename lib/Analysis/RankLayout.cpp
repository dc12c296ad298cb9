//===- RankLayout.cpp - where the points of a canvas lie in a rank --------===//

#include "attn/Analysis/RankLayout.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;

llvm::SmallVector<RankLayout::Digit, 9> RankLayout::getDigits() const {
  llvm::SmallVector<Digit, 9> digits;
  for (unsigned i = axes.size(); i-- > 0;)
    digits.push_back({i, axes[i].tile, axes[i].dilation});
  for (unsigned i = axes.size(); i-- > 0;)
    digits.push_back(
        {i, axes[i].countTiles(), axes[i].tile * axes[i].dilation});
  for (unsigned i = axes.size(); i-- > 0;)
    digits.push_back({i, axes[i].dilation, 1});
  return digits;
}

int64_t RankLayout::countPositions() const {
  int64_t count = 1;
  for (const Axis &axis : axes)
    count *= axis.countTiles() * axis.tile * axis.dilation;
  return count;
}

int64_t RankLayout::countPoints() const {
  int64_t count = 1;
  for (const Axis &axis : axes)
    count *= axis.extent;
  return count;
}

std::optional<int64_t> RankLayout::getPoint(int64_t position) const {
  llvm::SmallVector<int64_t, 3> coordinates(axes.size(), 0);
  for (const Digit &digit : getDigits()) {
    coordinates[digit.axis] += position % digit.radix * digit.weight;
    position /= digit.radix;
  }
  int64_t point = 0;
  for (auto [axis, coordinate] : llvm::zip(axes, coordinates)) {
    if (coordinate >= axis.extent)
      return std::nullopt;
    point = point * axis.extent + coordinate;
  }
  return point;
}

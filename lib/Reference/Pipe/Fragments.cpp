//===- Fragments.cpp - #pipe.fragment as tables -----------------------===//

#include "Fragments.h"

using namespace attn;
using namespace attn::pipe;
using namespace attn::reference;

FragmentTable::FragmentTable(FragmentAttr fragment)
    : numWarps(fragment.getNumWarps()), numLanes(fragment.getNumLanes()),
      numRegisters(fragment.getNumRegisters()) {
  for (unsigned dim : {0u, 1u}) {
    std::vector<int64_t> &list = coordinate[dim];
    list.reserve(getNumThreads() * numRegisters);
    for (int64_t warp = 0; warp < numWarps; ++warp)
      for (int64_t lane = 0; lane < numLanes; ++lane) {
        int64_t base = FragmentAttr::getOffset(fragment.getWarps(), warp, dim) +
                       FragmentAttr::getOffset(fragment.getLanes(), lane, dim);
        for (int64_t i = 0; i < numRegisters; ++i)
          list.push_back(
              base + FragmentAttr::getOffset(fragment.getRegisters(), i, dim));
      }
    buildLine(fragment, dim);
  }
}

void FragmentTable::buildLine(FragmentAttr fragment, unsigned kept) {
  Line &line = lines[kept];
  for (DigitAttr digit : fragment.getRegisters())
    if (digit.getDim() == kept)
      line.numRegisters *= digit.getSize();
  // The number of a value is that of its register, less the other digits.
  std::vector<int64_t> offsets(line.numRegisters);
  for (int64_t i = 0; i < numRegisters; ++i) {
    int64_t rest = i, value = 0, scale = 1;
    for (DigitAttr digit : fragment.getRegisters()) {
      if (digit.getDim() == kept) {
        value += rest % digit.getSize() * scale;
        scale *= digit.getSize();
      }
      rest /= digit.getSize();
    }
    line.valueOf.push_back(value);
    offsets[value] = FragmentAttr::getOffset(fragment.getRegisters(), i, kept);
  }
  auto laneOffset = [&](int64_t lane) {
    return FragmentAttr::getOffset(fragment.getLanes(), lane, kept);
  };
  for (int64_t warp = 0; warp < numWarps; ++warp) {
    int64_t base = FragmentAttr::getOffset(fragment.getWarps(), warp, kept);
    for (int64_t lane = 0; lane < numLanes; ++lane)
      for (int64_t offset : offsets)
        line.coordinate.push_back(base + laneOffset(lane) + offset);
  }
  line.sharers.resize(numLanes);
  for (int64_t lane = 0; lane < numLanes; ++lane)
    for (int64_t other = 0; other < numLanes; ++other)
      if (laneOffset(lane) == laneOffset(other))
        line.sharers[lane].push_back(other);
  for (DigitAttr digit : fragment.getWarps())
    line.acrossWarps |= digit.getDim() != kept && digit.getSize() > 1;
}

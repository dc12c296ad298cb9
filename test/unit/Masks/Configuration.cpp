//===- Configuration.cpp - a case, a head of it and its tiles -------------===//

#include "Configuration.h"

using namespace attn;
using namespace attn::test;

std::string Configuration::toString() const {
  return given.toString() + " at b=" + std::to_string(head.b) +
         " h=" + std::to_string(head.h) + " g=" + std::to_string(head.g) +
         (box == Box::group ? " all of the group" : "") + ", tiles " +
         std::to_string(rows) + "x" + std::to_string(columns) +
         (box == Box::row ? ", row by row" : "") +
         (bindsStatic ? ", static" : "");
}

Configuration attn::test::makeConfiguration(const std::string &variant,
                                            Random &random) {
  Shape shape;
  shape.b = random.pick(1, 3);
  shape.h = random.pick(1, 3);
  shape.g = random.pick(1, 3);
  shape.p = pickExtent(random);
  shape.m = random.oneIn(3) ? shape.p : pickExtent(random);
  Configuration result;
  result.given = makeCase(variant, shape, random);
  shape = result.given.shape;
  result.head = {random.pick(0, shape.b - 1), random.pick(0, shape.h - 1),
                 random.pick(0, shape.g - 1), 0, 0};
  if (random.oneIn(3))
    result.box = random.oneIn(2) ? Box::group : Box::row;
  const std::vector<int64_t> tiles = {1, 2, 3, 5, 8, 16, 16, 64, 64, 100};
  result.rows = random.pickOf(tiles);
  result.columns = random.pickOf(tiles);
  result.bindsStatic = random.oneIn(4);
  return result;
}

Truth attn::test::makeTruth(const Configuration &configuration, bool byKeys) {
  const MaskCase &given = configuration.given;
  int64_t rows = given.shape.p, columns = given.shape.m;
  if (!byKeys)
    std::swap(rows, columns);
  auto fill = [&](Grid &grid, const Sees &sees) {
    grid.fill([&](int64_t row, int64_t column) {
      Point at = configuration.head;
      at.p = byKeys ? row : column;
      at.m = byKeys ? column : row;
      if (configuration.box != Box::group)
        return int64_t(sees(at));
      int64_t count = 0;
      for (at.g = 0; at.g < given.shape.g; ++at.g)
        count += sees(at);
      return count;
    });
  };
  Truth truth{Grid(rows, columns), 1, {}, false, false};
  fill(truth.live, given.sees);
  if (configuration.box == Box::group) {
    truth.weight = given.shape.g;
    return truth;
  }
  if (given.blockRows && (given.blockRows % configuration.rows != 0 ||
                          given.blockColumns % configuration.columns != 0))
    return truth;
  const Expectation &expected = byKeys ? given.byKeys : given.byQueries;
  if (expected.needsStatic && !configuration.bindsStatic)
    return truth;
  for (const Sees &piece : expected.pieces) {
    truth.pieces.emplace_back(rows, columns);
    fill(truth.pieces.back(), piece);
  }
  truth.knowsEmpty = expected.knowsEmpty;
  truth.isTight = expected.isTight && !truth.pieces.empty();
  return truth;
}

llvm::SmallVector<mask::Expr> attn::test::getPoints(mask::ImportedMask &mask,
                                                    Box box, bool byKeys) {
  llvm::SmallVector<mask::Expr> points;
  for (auto &[rank, variable] : mask.variables)
    if (rank == "B" || rank == "H" || (rank == "G" && box != Box::group) ||
        (box == Box::row && rank == (byKeys ? "P" : "M")))
      points.push_back(variable);
  return points;
}

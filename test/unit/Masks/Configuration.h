//===- Configuration.h - a case, a head of it and its tiles ---------------===//

#ifndef ATTN_TEST_UNIT_MASKS_CONFIGURATION_H
#define ATTN_TEST_UNIT_MASKS_CONFIGURATION_H

#include "CheckMask.h"
#include "VariantMask.h"

namespace attn::test {

/// What one box of a sweep holds.
enum class Box {
  rows,  ///< a tile of rows of one head
  group, ///< the same of all heads of a group
  row,   ///< one row, known to be one when steps are planned
};

struct Configuration {
  MaskCase given;
  Point head;
  Box box = Box::rows;
  /// A tile of queries, and one of keys.
  int64_t rows = 1, columns = 1;
  /// Static scalars are numbers in the predicate, else symbols.
  bool bindsStatic = false;

  std::string toString() const;
};

Configuration makeConfiguration(const std::string &variant, Random &random);

/// What is true of a sweep over keys, or over queries.
Truth makeTruth(const Configuration &configuration, bool byKeys);

/// The variables of `mask` that have one value in each box.
llvm::SmallVector<mask::Expr> getPoints(mask::ImportedMask &mask, Box box,
                                        bool byKeys);

/// What is wrong with `mask`, of the predicate in `imported`; else nothing.
template <typename Mask>
std::string check(Mask &mask, mask::ImportedMask &imported,
                  const Configuration &configuration, bool byKeys) {
  if (!setNumbers(mask, configuration.given))
    return "a table is unknown";
  const Shape &shape = configuration.given.shape;
  const Point &head = configuration.head;
  for (auto &[rank, variable] : imported.variables) {
    if (rank == "B")
      mask.setBox(variable, {head.b, head.b});
    else if (rank == "H")
      mask.setBox(variable, {head.h, head.h});
    else if (rank == "G")
      mask.setBox(variable, configuration.box == Box::group
                                ? mask::Span{0, shape.g - 1}
                                : mask::Span{head.g, head.g});
  }
  Truth truth = makeTruth(configuration, byKeys);
  mask::Expr rank = imported.getVariable(byKeys ? "P" : "M");
  int64_t rows = configuration.rows, columns = configuration.columns;
  if (!byKeys)
    std::swap(rows, columns);
  if (configuration.box == Box::row)
    rows = 1;
  std::string wrong = checkTiles(mask, truth, rank, rows, columns);
  if (wrong.empty() && configuration.box != Box::group)
    wrong = checkCounts(mask, truth, rank);
  return wrong;
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_MASKS_CONFIGURATION_H

//===- LinearSystem.h - linear constraints over integers --------*- C++ -*-===//
//
// Rows of constraints and whether integers satisfy all of them, by MLIR's
// Presburger library, for proofs: "empty" is always true, and what would take
// long is left open.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_MASK_LINEARSYSTEM_H
#define ATTN_ANALYSIS_MASK_LINEARSYSTEM_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <vector>

namespace attn::mask {

/// The sum of coefficients[i] * x[i], plus `number`, is zero or not negative.
struct Row {
  /// Columns beyond the end have the coefficient 0.
  llvm::SmallVector<int64_t, 12> coefficients;
  int64_t number;
  bool isEquality;
};

enum class Emptiness : uint8_t {
  Empty,
  /// Some integers satisfy all rows.
  Inhabited,
  /// Some rational numbers do: integers have not been looked for.
  Open
};

class LinearSystem {
public:
  /// A row with a number too large to compute with is left out, which makes no
  /// system empty.
  void add(Row row);
  size_t getNumRows() const { return rows.size(); }
  /// Empty over the rational numbers, or by one row that no integers satisfy.
  Emptiness classify() const;
  /// True only if no integers satisfy all rows. False if more than a few
  /// columns are left when those that an equality gives by the others are gone.
  bool isEmptyOverIntegers() const;

private:
  void eliminateColumns();
  size_t packColumns();

  std::vector<Row> rows;
  bool isContradiction = false;
};

} // namespace attn::mask

#endif // ATTN_ANALYSIS_MASK_LINEARSYSTEM_H

//===- ErrorRule.h - how wrong may a kernel be? ---------------------------===//
//
// The rule of docs/numerics.md: the largest error of a row is at most `factor`
// times that of the same computation done unfused in the input type, plus two
// ulp of the output's type at the row's largest magnitude. A naive computation
// may take its sums in any order, and a row of it may be right by chance: the
// largest error of several orders counts, and at least the relative error that
// 99 in 100 of its rows keep to.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DRIVER_ERRORRULE_H
#define ATTN_DRIVER_ERRORRULE_H

#include "attn/Runtime/DType.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace attn {

struct ErrorReport {
  /// The largest ratio of a row's error to what the rule allows: at most 1 is
  /// right. Infinite where a NaN or an infinity is wrong.
  double maxRatio = 0;
  /// The row of that ratio, and the element of its largest error.
  int64_t row = 0, element = 0;
  /// The largest error of a row over the row's largest magnitude.
  double relative = 0;
  /// Rows that are NaN where they need not be, if `mayspread` allowed it.
  int64_t spreadRows = 0;

  bool isRight() const { return maxRatio <= 1; }
};

struct ErrorRule {
  /// Elements of a row; 0 counts as 1.
  int64_t rowLength = 1;
  /// The type of the output, a float.
  DType type = DType::f32;
  double factor = 2;
  /// Rows [0, spreadableRows) may be NaN as a whole although they see none: a
  /// non-finite value that another row of their tile sees may reach them.
  int64_t spreadableRows = 0;
};

/// Compares the rows of `actual` with `exact`, which was computed in f64, and
/// those of `unfused`, each computed in another order. A NaN of `exact` has to
/// be a NaN, an infinity the same one. Pre-condition: all have one size, a
/// multiple of the row's length.
ErrorReport compareRows(llvm::ArrayRef<double> actual,
                        llvm::ArrayRef<double> exact,
                        llvm::ArrayRef<std::vector<double>> unfused,
                        const ErrorRule &rule);

} // namespace attn

#endif // ATTN_DRIVER_ERRORRULE_H

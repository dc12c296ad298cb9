//===- ErrorRule.cpp - how wrong may a kernel be? -------------------------===//

#include "attn/Driver/ErrorRule.h"

#include "attn/Driver/HostTensor.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace attn;

static constexpr double kInf = std::numeric_limits<double>::infinity();

/// |actual - exact|; infinite where one is NaN or infinite and the other is
/// not the same. A value beyond the type's range is its infinity.
static double getError(double actual, double exact, DType type) {
  if (std::isnan(exact) || std::isnan(actual))
    return std::isnan(exact) && std::isnan(actual) ? 0 : kInf;
  if (std::isinf(exact) || std::isinf(actual))
    return actual == exact || actual == roundToType(exact, type) ? 0 : kInf;
  return std::fabs(actual - exact);
}

namespace {
/// The unfused computation's error of one row.
struct UnfusedRow {
  double error = 0, magnitude = 0;
};
} // namespace

/// The error of row `row`: the largest of all orders. Where the unfused
/// computation overflows it allows no finite error.
static UnfusedRow getUnfusedRow(int64_t row, int64_t length,
                                llvm::ArrayRef<double> exact,
                                llvm::ArrayRef<std::vector<double>> unfused) {
  UnfusedRow result;
  for (int64_t at = row * length; at < (row + 1) * length; ++at) {
    if (!std::isfinite(exact[at]))
      continue;
    result.magnitude = std::max(result.magnitude, std::fabs(exact[at]));
    for (const std::vector<double> &naive : unfused)
      if (std::isfinite(naive[at]))
        result.error = std::max(result.error, std::fabs(naive[at] - exact[at]));
  }
  return result;
}

/// What a subnormal number taken as zero is wrong by: targets do so, x86's
/// conversion from f32 to bf16 among them. None does it to f16.
static double getLargestFlushed(DType type) {
  return type == DType::f16 ? 0 : 0x1p-126;
}

/// Rows of fewer elements cancel as a whole now and then: their magnitude does
/// not tell how large the sums were.
static constexpr int64_t kShortRow = 16;

/// The unfused error that all but one in a hundred rows keep to: over the row's
/// magnitude, or of short rows as it is.
static double getTypicalError(llvm::ArrayRef<UnfusedRow> rows, int64_t length) {
  std::vector<double> errors;
  for (const UnfusedRow &row : rows)
    if (row.magnitude > 0)
      errors.push_back(length < kShortRow ? row.error
                                          : row.error / row.magnitude);
  if (errors.empty())
    return 0;
  auto last = errors.begin() + (errors.size() - 1) * 99 / 100;
  std::nth_element(errors.begin(), last, errors.end());
  return *last;
}

/// Whether element `at` of all orders is `actual`, an infinity of f32: what the
/// definition cannot compute in f32, in which kernels compute too.
static bool overflowsAlike(double actual, int64_t at,
                           llvm::ArrayRef<std::vector<double>> unfused,
                           DType type) {
  return type == DType::f32 && std::isinf(actual) &&
         llvm::all_of(unfused, [&](const std::vector<double> &naive) {
           return naive[at] == actual;
         });
}

ErrorReport attn::compareRows(llvm::ArrayRef<double> actual,
                              llvm::ArrayRef<double> exact,
                              llvm::ArrayRef<std::vector<double>> unfused,
                              const ErrorRule &rule) {
  ErrorReport report;
  int64_t length = std::max<int64_t>(rule.rowLength, 1);
  int64_t numRows = static_cast<int64_t>(exact.size()) / length;
  std::vector<UnfusedRow> unfusedRows;
  for (int64_t row = 0; row < numRows; ++row)
    unfusedRows.push_back(getUnfusedRow(row, length, exact, unfused));
  double typical = getTypicalError(unfusedRows, length);
  for (int64_t row = 0; row < numRows; ++row) {
    double error = 0, magnitude = unfusedRows[row].magnitude;
    int64_t worst = 0;
    bool spread = false;
    for (int64_t i = 0; i < length; ++i) {
      int64_t at = row * length + i;
      if (row < rule.spreadableRows && std::isnan(actual[at]) &&
          !std::isnan(exact[at])) {
        spread = true;
        continue;
      }
      double here = overflowsAlike(actual[at], at, unfused, rule.type)
                        ? 0
                        : getError(actual[at], exact[at], rule.type);
      if (here > error || (i == 0 && here == error)) {
        error = here;
        worst = i;
      }
    }
    report.spreadRows += spread;
    if (error > 0 && magnitude > 0 && std::isfinite(error))
      report.relative = std::max(report.relative, error / magnitude);
    // A single unfused row may be right by chance.
    double unfusedError =
        std::max(unfusedRows[row].error,
                 length < kShortRow ? typical : typical * magnitude);
    double allowed = rule.factor * unfusedError +
                     2 * getUlp(magnitude, rule.type) +
                     getLargestFlushed(rule.type);
    double ratio = error / allowed;
    if (ratio > report.maxRatio) {
      report.maxRatio = ratio;
      report.row = row;
      report.element = worst;
    }
  }
  return report;
}

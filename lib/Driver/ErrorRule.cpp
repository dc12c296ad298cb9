//===- ErrorRule.cpp - how wrong may a kernel be? -------------------------===//

#include "attn/Driver/ErrorRule.h"

#include "attn/Driver/HostTensor.h"

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

ErrorReport attn::compareRows(llvm::ArrayRef<double> actual,
                              llvm::ArrayRef<double> exact,
                              llvm::ArrayRef<std::vector<double>> unfused,
                              const ErrorRule &rule) {
  ErrorReport report;
  int64_t length = std::max<int64_t>(rule.rowLength, 1);
  int64_t numRows = static_cast<int64_t>(exact.size()) / length;
  for (int64_t row = 0; row < numRows; ++row) {
    double error = 0, unfusedError = 0, magnitude = 0;
    int64_t worst = 0;
    bool spread = false;
    for (int64_t i = 0; i < length; ++i) {
      int64_t at = row * length + i;
      if (row < rule.spreadableRows && std::isnan(actual[at]) &&
          !std::isnan(exact[at])) {
        spread = true;
        continue;
      }
      double here = getError(actual[at], exact[at], rule.type);
      if (here > error || (i == 0 && here == error)) {
        error = here;
        worst = i;
      }
      if (!std::isfinite(exact[at]))
        continue;
      magnitude = std::max(magnitude, std::fabs(exact[at]));
      // Where the unfused computation overflows it allows nothing.
      for (const std::vector<double> &naive : unfused)
        if (std::isfinite(naive[at]))
          unfusedError =
              std::max(unfusedError, std::fabs(naive[at] - exact[at]));
    }
    report.spreadRows += spread;
    if (error > 0 && magnitude > 0 && std::isfinite(error))
      report.relative = std::max(report.relative, error / magnitude);
    double allowed =
        rule.factor * unfusedError + 2 * getUlp(magnitude, rule.type);
    double ratio = error / allowed;
    if (ratio > report.maxRatio) {
      report.maxRatio = ratio;
      report.row = row;
      report.element = worst;
    }
  }
  return report;
}

//===- Scheduled.h - runs tile programs that are scheduled ----------------===//
//
// Tile programs that are no attention, written for roles that load and multiply
// and run by the interpreter of pipe: under fixed and random orders of their
// agents, on few and many multiprocessors, and with each choice of a schedule,
// with sizes that no tile divides. Memory outside of what a sweep covers is
// NaN.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_REFERENCE_PIPE_SCHEDULED_H
#define ATTN_TEST_UNIT_REFERENCE_PIPE_SCHEDULED_H

#include "RunPipe.h"

#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace attn::test {

using Substitutions = std::vector<std::pair<std::string, std::string>>;

/// Inputs/<name>.mlir with each $NAME replaced, in the order given.
std::string readProgram(const std::string &name,
                        const Substitutions &substitutions);

/// Schedules the tile program by `schedule-tiles` with `options`, runs it under
/// all kinds of launches, of which none may change a bit, and gives its
/// results; none after a failure.
std::map<std::string, ReferenceTensor>
runScheduled(const std::string &text, const std::string &options,
             const PipeArguments &arguments, bool isInvariant = false);

/// The rows of matrices outside of [begin, end) become NaN.
void spoilRows(ReferenceTensor &tensor, int64_t begin, int64_t end);

/// What rounding to bf16 changes of a value, and sums in f32 of the sum of the
/// magnitudes of their terms.
inline constexpr double kRounding = 0x1p-8, kLoss = 0x1p-18;

/// `got` may be off by `rounding` of its value, and by `loss` of `size`.
void expectNear(double got, double expected, double size, double rounding,
                double loss);

/// A row of relu(q k^T) v, its terms' magnitudes, and the row's sum.
struct Row {
  std::vector<double> values, sizes;
  double sum = 0, scoreSize = 0;
  double top = -std::numeric_limits<double>::infinity();

  explicit Row(int64_t width) : values(width), sizes(width) {}
};

/// Adds the keys of [begin, end), counted from `firstKey`.
void addKeys(Row &row, const PipeArguments &arguments, int64_t query,
             int64_t firstKey, int64_t begin, int64_t end, int64_t e);

/// Compares row `number` of `o` and of `z`. Weights are rounded to bf16;
/// whether up or down may depend on the last bit of a sum in f32, which moves a
/// few of the terms by 2^-8.
void expectRow(const Row &row, const std::vector<double> &o, int64_t number);
void expectSum(const Row &row, const std::vector<double> &z, int64_t number);

} // namespace attn::test

#endif // ATTN_TEST_UNIT_REFERENCE_PIPE_SCHEDULED_H

//===- Generate.h - values to run a cascade on ----------------------------===//

#ifndef ATTN_DRIVER_GENERATE_H
#define ATTN_DRIVER_GENERATE_H

#include "attn/Driver/Problem.h"
#include "attn/Reference/CascadeInterpreter.h"

#include <optional>
#include <string_view>

namespace attn {

/// What values an input holds. All are made from a seed by integer arithmetic:
/// the same on every machine.
enum class InputKind {
  /// Normally distributed.
  normal,
  /// As normal, but one in 64 is 30 times as large.
  outliers,
  /// Scores that grow along the keys, so that each new tile holds a new
  /// maximum.
  rising,
  zeros,
};

/// Which slots hold NaN.
enum class NaNKind {
  none,
  /// Keys that no query sees, in all tensors over the keys.
  hidden,
  /// One key that queries see, in the first batch and head of the tensor that
  /// is contracted with the queries.
  key,
  /// Likewise, in the tensor of values.
  value,
};

std::optional<InputKind> parseInputKind(std::string_view name);
std::optional<NaNKind> parseNaNKind(std::string_view name);

/// Values for one argument of the shape that `problem` gives, before rounding
/// to its type. `cascade.spread` in `attributes` is their standard deviation, 1
/// if absent, and `cascade.mean` their mean; integers without a spread are what
/// `cascade.fill` says, or count from 0.
ReferenceTensor generateTensor(cascade::NamedTensorType type,
                               mlir::DictionaryAttr attributes,
                               std::string_view name, const Problem &problem,
                               InputKind kind, uint64_t seed);

/// Arguments by name.
using Tables = std::map<std::string, ReferenceTensor>;

/// The keys [0, first) and [last, |M|) that no query of `func` sees: a NaN in
/// all of them reaches no output of the interpreter. Arguments that are not in
/// `tables` are generated.
struct VisibleKeys {
  int64_t first, last;
};
Result<VisibleKeys> findVisibleKeys(cascade::FuncOp func,
                                    const Problem &problem,
                                    const Tables &tables = {});

} // namespace attn

#endif // ATTN_DRIVER_GENERATE_H

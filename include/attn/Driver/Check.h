//===- Check.h - a kernel's outputs against the interpreter ---------------===//

#ifndef ATTN_DRIVER_CHECK_H
#define ATTN_DRIVER_CHECK_H

#include "attn/Driver/ErrorRule.h"
#include "attn/Driver/HostTensor.h"
#include "attn/Driver/Problem.h"
#include "attn/Reference/CascadeInterpreter.h"

#include <map>
#include <string>
#include <vector>

namespace attn {

/// One output's error.
struct OutputError {
  std::string name;
  ErrorReport report;
};

/// What the outputs should be: in f64, and unfused in the input type, each
/// result in several orders of its sums.
struct ExpectedOutputs {
  std::map<std::string, ReferenceTensor> exact;
  std::vector<std::map<std::string, ReferenceTensor>> unfused;
};

/// Refuses what the interpreter refuses.
Result<ExpectedOutputs> computeExpected(cascade::FuncOp func,
                                        const Problem &problem,
                                        const CascadeArguments &arguments);

/// Compares as checkOutputs does.
std::vector<OutputError>
compareOutputs(cascade::FuncOp func, const ExpectedOutputs &expected,
               const std::map<std::string, HostTensor> &outputs,
               bool mayspread);

/// Runs `func` in f64 and unfused in the input type, and compares. The factor
/// of the rule is the function's `cascade.error_factor`, 2 if absent. With
/// `mayspread`, rows of the first batch and head may be NaN although they see
/// none. Refuses what the interpreter refuses.
Result<std::vector<OutputError>>
checkOutputs(cascade::FuncOp func, const Problem &problem,
             const CascadeArguments &arguments,
             const std::map<std::string, HostTensor> &outputs, bool mayspread);

/// The multiplications that the contractions of `func` need: those of points
/// that are masked out or absorbed are not needed. Counted on one head of width
/// 1, since what is masked depends on few ranks.
Result<double> countMultiplications(cascade::FuncOp func,
                                    const Problem &problem);

} // namespace attn

#endif // ATTN_DRIVER_CHECK_H

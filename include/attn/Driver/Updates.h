//===- Updates.h - results that update arguments, for the tools -*- C++ -*-===//

#ifndef ATTN_DRIVER_UPDATES_H
#define ATTN_DRIVER_UPDATES_H

#include "attn/Driver/HostTensor.h"
#include "attn/Driver/Problem.h"

#include <map>
#include <string>

namespace attn {

/// Values for argument `argument` of `func`, a tensor with `cascade.distinct`
/// by which an output is indexed: different entries that the output has, in an
/// order drawn by the seed, one in eight being -1, as are those that are too
/// many. An argument that indexes no output counts from 0.
ReferenceTensor drawEntries(cascade::FuncOp func, unsigned argument,
                            const Problem &problem, uint64_t seed);

/// Whether no number that is at least 0 stands in `table` twice.
bool isDistinct(const ReferenceTensor &table);

/// Gives outputs that update an argument what that holds in `inputs`.
void fillUpdates(cascade::FuncOp func,
                 const std::map<std::string, HostTensor> &inputs,
                 std::map<std::string, HostTensor> &outputs);

/// The results that update an argument and have changed an element that no
/// point names: `outputs` has other bits there than `inputs`. The interpreter
/// tells which these are: those that stay NaN where the argument is full of it.
Result<std::vector<std::string>>
findChanged(cascade::FuncOp func, const Problem &problem,
            const std::map<std::string, HostTensor> &inputs,
            const std::map<std::string, HostTensor> &outputs);

} // namespace attn

#endif // ATTN_DRIVER_UPDATES_H

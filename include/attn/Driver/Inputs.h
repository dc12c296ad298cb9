//===- Inputs.h - the tensors that a kernel runs on -----------------------===//

#ifndef ATTN_DRIVER_INPUTS_H
#define ATTN_DRIVER_INPUTS_H

#include "attn/Driver/Generate.h"
#include "attn/Driver/HostTensor.h"
#include "attn/Driver/Problem.h"

#include <map>
#include <string>

namespace attn {

struct InputOptions {
  InputKind kind = InputKind::normal;
  NaNKind nan = NaNKind::none;
  Layout layout = Layout::contiguous;
  uint64_t seed = 0;
};

/// Arrays by the names of tensor arguments.
using Arrays = std::map<std::string, NpyArray>;

/// Reads the files by the names of arguments. Refuses names that `func` has
/// not, and what readNpy refuses.
Result<Arrays> readArrays(cascade::FuncOp func,
                          const std::map<std::string, std::string> &files);

/// Gives each array the ranks of its argument and binds `problem`'s extents to
/// its shape: an array may lack the leading rank B, and have the heads of the
/// ranks H and G as one dimension, the keys' heads being known. Refuses other
/// numbers of dimensions and extents that disagree.
Status bindArrays(cascade::FuncOp func, Arrays &arrays, Problem &problem);

/// The tensor arguments: arrays, converted to the bound types, or generated
/// values. Needs extents and scalars.
Result<std::map<std::string, HostTensor>>
createInputs(cascade::FuncOp func, const Problem &problem, const Arrays &arrays,
             const InputOptions &options);

/// The same for the interpreter.
CascadeArguments
getReferenceArguments(const std::map<std::string, HostTensor> &inputs,
                      const Problem &problem);

} // namespace attn

#endif // ATTN_DRIVER_INPUTS_H

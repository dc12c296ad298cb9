//===- Execution.h - compiles a cascade and runs the kernel ---------------===//

#ifndef ATTN_DRIVER_EXECUTION_H
#define ATTN_DRIVER_EXECUTION_H

#include "attn/Driver/HostTensor.h"
#include "attn/Driver/Problem.h"
#include "attn/Driver/Source.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Runtime/Kernel.h"
#include "attn/Runtime/Plan.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace attn {

/// The head dimensions among `func`'s ranks (E and F), with the extents that
/// `problem` gives: what a kernel is specialised for.
std::vector<std::pair<std::string, int64_t>>
getStaticExtents(cascade::FuncOp func, const Problem &problem);

/// The numerics contract of `func` as a JSON object.
std::string describeNumerics(cascade::FuncOp func, const Problem &problem);

/// A module that holds a copy of `func` alone.
mlir::OwningOpRef<mlir::ModuleOp> isolate(cascade::FuncOp func);

/// A kernel in this process, and the cascade after the stages "bind" and
/// "reduce" and before.
struct CompiledKernel {
  std::shared_ptr<const Kernel> kernel;
  mlir::OwningOpRef<mlir::ModuleOp> bound, reduced, tiled;
  double compileMs = 0;
};

/// Compiles a copy of `func` for `target`. Refuses what no lowering takes,
/// after a diagnostic that names the operation.
Result<CompiledKernel> compileKernel(cascade::FuncOp func,
                                     const Problem &problem,
                                     const PipelineOptions &options,
                                     const std::string &target);

/// A plan over inputs and outputs by name.
Result<std::unique_ptr<Plan>>
preparePlan(const std::shared_ptr<const Kernel> &kernel, const Problem &problem,
            std::map<std::string, HostTensor> &inputs,
            std::map<std::string, HostTensor> &outputs,
            std::shared_ptr<ThreadPool> pool);

/// The results of `func` as tensors full of NaN.
Result<std::map<std::string, HostTensor>>
createOutputs(cascade::FuncOp func, const Problem &problem, Layout layout);

/// The median time of a run, in ms, over 5 runs or more and 0.3 s.
Result<double> measure(Plan &plan);

} // namespace attn

#endif // ATTN_DRIVER_EXECUTION_H

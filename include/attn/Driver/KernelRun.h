//===- KernelRun.h - runs an artifact as an application does --------------===//
//
// What the tools and their tests run goes through the C interface, from the
// bytes of an artifact: load, prepare, run, release.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DRIVER_KERNELRUN_H
#define ATTN_DRIVER_KERNELRUN_H

#include "attn-cpp/Attn.h"
#include "attn/Driver/DeviceTensors.h"
#include "attn/Driver/HostTensor.h"
#include "attn/Driver/Problem.h"
#include "attn/Runtime/Artifact.h"

#include <functional>
#include <map>
#include <string>

namespace attn {

/// Loads the artifact's bytes. Refuses what attn_kernel_load_memory refuses.
Result<api::Kernel> openKernel(const Artifact &artifact);

/// A plan of `kernel`, whose manifest is `manifest`, over inputs and outputs by
/// name, for runs on `threads` threads, or over their copies on a GPU, which
/// have been uploaded. The tensors have to outlive it. Refuses what
/// attn_pool_create and attn_plan_prepare refuse.
Result<api::Plan> preparePlan(attn_kernel kernel, const Manifest &manifest,
                              const Problem &problem,
                              std::map<std::string, HostTensor> &inputs,
                              std::map<std::string, HostTensor> &outputs,
                              int threads,
                              const DeviceTensors *device = nullptr);

Status runPlan(attn_plan plan);

/// How to time.
struct MeasureOptions {
  /// Runs go on for so long, or as many as these.
  double milliseconds = 300;
  size_t least = 5, most = 10000;
  /// Done before each run, beside the clock; may be empty.
  std::function<Status()> before;
};

/// The median time of a run, in ms.
Result<double> measure(attn_plan plan, const MeasureOptions &options = {});

} // namespace attn

#endif // ATTN_DRIVER_KERNELRUN_H

//===- KernelRun.cpp - runs an artifact as an application does ------------===//

#include "attn/Driver/KernelRun.h"

#include <algorithm>
#include <chrono>
#include <vector>

using namespace attn;

/// What the calling thread's last call refused.
static Status getLastError() {
  api::Error error = api::getLastError();
  return Status::error(static_cast<StatusCode>(error.code), error.feature,
                       error.reason, error.alternative);
}

Result<api::Kernel> attn::openKernel(const Artifact &artifact) {
  Result<std::string> bytes = artifact.serialize();
  if (!bytes.isOk())
    return bytes.takeStatus();
  api::Kernel kernel;
  if (attn_kernel_load_memory(bytes->data(), bytes->size(), kernel.receive()) !=
      ATTN_OK)
    return getLastError();
  return std::move(kernel);
}

Result<api::Plan> attn::preparePlan(attn_kernel kernel,
                                    const Manifest &manifest,
                                    const Problem &problem,
                                    std::map<std::string, HostTensor> &inputs,
                                    std::map<std::string, HostTensor> &outputs,
                                    int threads, const DeviceTensors *device) {
  api::Pool pool;
  if (attn_pool_create(threads, pool.receive()) != ATTN_OK)
    return getLastError();
  std::vector<DLTensor> views;
  std::vector<attn_argument> arguments;
  views.reserve(manifest.arguments.size()); // Arguments point into it.
  for (const Manifest::Argument &argument : manifest.arguments) {
    attn_argument value = {};
    value.name = argument.name.c_str();
    if (argument.kind == Manifest::Argument::Kind::scalar) {
      auto it = problem.scalars.find(argument.name);
      double number = it == problem.scalars.end() ? 0 : it->second;
      value.kind = isInteger(argument.dtype) ? ATTN_INTEGER : ATTN_REAL;
      value.integer =
          isInteger(argument.dtype) ? static_cast<int64_t>(number) : 0;
      value.real = number;
    } else {
      auto &tensors = outputs.count(argument.name) ? outputs : inputs;
      HostTensor &tensor = tensors.at(argument.name);
      views.push_back(device ? device->getView(argument.name, tensor)
                             : tensor.getView());
      value.kind = ATTN_TENSOR;
      value.tensor = &views.back();
    }
    arguments.push_back(value);
  }
  attn_plan_options options = {sizeof(options), pool.get(), 0};
  api::Plan plan;
  if (attn_plan_prepare(kernel, arguments.data(), arguments.size(), &options,
                        plan.receive()) != ATTN_OK)
    return getLastError();
  return std::move(plan);
}

Status attn::runPlan(attn_plan plan) {
  return attn_plan_run(plan) == ATTN_OK ? Status() : getLastError();
}

Result<double> attn::measure(attn_plan plan, const MeasureOptions &options) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  double total = 0;
  // The first run warms the caches.
  if (Status status = runPlan(plan); !status.isOk())
    return status;
  while (times.size() < options.least ||
         (total < options.milliseconds && times.size() < options.most)) {
    if (options.before)
      if (Status status = options.before(); !status.isOk())
        return status;
    Clock::time_point start = Clock::now();
    if (Status status = runPlan(plan); !status.isOk())
      return status;
    std::chrono::duration<double, std::milli> time = Clock::now() - start;
    times.push_back(time.count());
    total += times.back();
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2,
                   times.end());
  return times[times.size() / 2];
}

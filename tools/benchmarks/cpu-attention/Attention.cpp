//===- Attention.cpp - a shipped variant, to time -------------------------===//

#include "Bench.h"

#include "attn/Driver/Check.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Inputs.h"

#include "mlir/IR/MLIRContext.h"

#include <cstdio>
#include <cstdlib>
#include <linux/mman.h> // glibc 2.36 lacks MADV_COLLAPSE.
#include <sys/mman.h>

using namespace attn;
using namespace attn::bench;

static void require(const Status &status) {
  if (status.isOk())
    return;
  std::fprintf(stderr, "attn-bench-cpu: %s\n", status.message().c_str());
  std::exit(1);
}

template <typename T> static T require(Result<T> result) {
  if (!result.isOk())
    require(result.takeStatus());
  return std::move(*result);
}

struct AttentionRun::Tensors {
  std::map<std::string, HostTensor> inputs, outputs;
};

/// Moves `tensor` to huge pages where the system can: the peaks are to be those
/// of the cores and the memory, not of the address translation.
static void collapsePages(HostTensor &tensor) {
#ifdef MADV_COLLAPSE
  constexpr uintptr_t page = uintptr_t(2) << 20;
  auto first = reinterpret_cast<uintptr_t>(tensor.getView().data);
  uintptr_t last =
      first + tensor.getNumElements() * getSizeInBytes(tensor.getType());
  first = (first + page - 1) / page * page;
  last = last / page * page;
  if (first < last)
    madvise(reinterpret_cast<void *>(first), last - first, MADV_COLLAPSE);
#endif
}

AttentionRun::AttentionRun(const Case &c, int threads)
    : tensors(std::make_unique<Tensors>()) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  Source source = require(loadSource(*context, c.variant, ""));
  Problem problem;
  problem.dtype = c.bf16 ? DType::bf16 : DType::f32;
  AttentionShape shape;
  shape.heads = c.heads;
  shape.queryLength = c.queries;
  shape.keyLength = c.keys;
  shape.headDim = c.headDim;
  require(resolveExtents(source.func, shape, problem));
  require(resolveScalars(source.func, {}, problem));
  tensors->inputs = require(createInputs(source.func, problem, {}, {}));
  tensors->outputs =
      require(createOutputs(source.func, problem, Layout::contiguous));
  for (auto *all : {&tensors->inputs, &tensors->outputs})
    for (auto &[name, tensor] : *all)
      collapsePages(tensor);
  flops = 2 * require(countMultiplications(source.func, problem));

  PipelineOptions options;
  bindStatics(source.func, problem, options);
  options.dtype = std::string(getName(problem.dtype));
  CompiledKernel compiled =
      require(compileKernel(source.func, problem, options, "host"));
  compileSeconds = compiled.compileMs * 1e-3;
  kernel = std::move(compiled.kernel);
  plan = require(preparePlan(kernel.get(), compiled.manifest, problem,
                             tensors->inputs, tensors->outputs, threads));
}

AttentionRun::~AttentionRun() = default;

void AttentionRun::run() { require(runPlan(plan.get())); }

double AttentionRun::getCacheBytes() const {
  const HostTensor &k = tensors->inputs.at("k"), &v = tensors->inputs.at("v");
  return double(k.getNumElements() + v.getNumElements()) *
         getSizeInBytes(k.getType());
}

const uint8_t *AttentionRun::getKeys() const {
  return static_cast<uint8_t *>(tensors->inputs.at("k").getView().data);
}

const uint8_t *AttentionRun::getValues() const {
  return static_cast<uint8_t *>(tensors->inputs.at("v").getView().data);
}

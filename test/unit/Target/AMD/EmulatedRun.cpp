//===- EmulatedRun.cpp - a variant's code for AMD GPUs, lane by lane ------===//

#include "EmulatedRun.h"

#include "Lanes/LaneModel.h"
#include "test/unit/Runtime/FakeHip/FakeHip.h"

#include "attn/Driver/PagedInputs.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/LaunchLayout.h"
#include "attn/Runtime/Target.h"
#include "attn/Target/GpuTarget.h"

using namespace attn;
using namespace attn::test;

/// A code object that the stand-in takes.
static Artifact makeArtifact(const Manifest &manifest) {
  std::string image = "FAKEHSACO\n";
  for (const Launch &launch : manifest.launches) {
    image += launch.symbol;
    for (LaunchLayout::Place place : layOutParameters(manifest, launch).places)
      image += " " + std::to_string(place.bytes);
    image += "\n";
  }
  return {manifest, {{Artifact::PayloadKind::codeObject, image}}};
}

namespace {
/// What launches run.
struct Emulator {
  lanes::LaneModel &model;
  const Manifest &manifest;
  unsigned waveLanes;
  uint64_t seed, mostInstructions;
  std::string finding;

  static void launch(void *context, const char *function, const unsigned *grid,
                     unsigned threads) {
    auto &self = *static_cast<Emulator *>(context);
    lanes::LaneLaunch launch;
    launch.kernel = function;
    std::copy_n(grid, 3, launch.grid);
    launch.threads = threads;
    launch.waveLanes = self.waveLanes;
    launch.seed = self.seed;
    launch.mostInstructions = self.mostInstructions;
    for (const Launch &own : self.manifest.launches)
      if (own.symbol == launch.kernel)
        launch.sharedBytes = static_cast<uint64_t>(own.sharedBytes);
    size_t bytes = 0;
    for (int i = 0; const void *parameter = fakeHipParameter(i, &bytes); ++i)
      launch.parameters.push_back(
          std::string(static_cast<const char *>(parameter), bytes));
    fakeHipForEachMemory(
        [](void *model, const void *address, size_t size) {
          static_cast<lanes::LaneModel *>(model)->addMemory(address, size);
        },
        &self.model);
    if (self.finding.empty())
      self.finding = self.model.run(launch);
  }
};
} // namespace

static Status makeStatus(const std::string &variant, std::string reason) {
  return Status::error(StatusCode::invalidArgument, variant, std::move(reason),
                       "");
}

Status EmulatedRun::interpret(const PipeLaunch &launch) {
  if (blocks > 1)
    for (auto kernel : module->getOps<pipe::KernelOp>())
      kernel.setBlocks(blocks);
  auto code = compileKernels(*module, CodeKind::LLVMIR, c.target);
  if (failed(code))
    return makeStatus(variant, "has no lowering; see the message above");
  std::string error;
  auto model = lanes::LaneModel::parse(code->bytes, error);
  if (!model)
    return makeStatus(variant, error);
  if (editIR)
    editIR(model->getModule());
  setenv("ATTN_HIP_DRIVER", ATTN_FAKE_HIP, 1);
  fakeHipReset();
  fakeHipSetArch(c.target.c_str());
  const Manifest &manifest = code->manifest;
  auto kernel = LoadedKernel::load(makeArtifact(manifest));
  if (!kernel.isOk())
    return kernel.takeStatus();
  auto pages = createPages(source.func, problem, inputs, inputOptions);
  if (!pages.isOk())
    return pages.takeStatus();
  std::vector<DLTensor> views;
  std::vector<ArgumentValue> values;
  views.reserve(manifest.arguments.size()); // Arguments point into it.
  for (const Manifest::Argument &argument : manifest.arguments) {
    const std::string &name = argument.name;
    if (argument.kind == Manifest::Argument::Kind::scalar) {
      double number = problem.scalars.at(name);
      values.push_back(
          isInteger(argument.dtype)
              ? ArgumentValue::ofInteger(name, static_cast<int64_t>(number))
              : ArgumentValue::ofReal(name, number));
      continue;
    }
    auto &tensors = outputs.count(name)  ? outputs
                    : pages->count(name) ? *pages
                                         : inputs;
    HostTensor &tensor = tensors.at(name);
    model->addMemory(tensor.getMemory().data(), tensor.getMemory().size());
    views.push_back(tensor.getView());
    views.back().device = {kDLROCM, 0};
    values.push_back(ArgumentValue::ofTensor(name, &views.back()));
  }
  auto plan = (*kernel)->prepare(values.data(), values.size(), nullptr,
                                 304 - int(launch.multiprocessors));
  // Where each item has a block of its own there is no margin.
  if (!plan.isOk())
    plan = (*kernel)->prepare(values.data(), values.size(), nullptr);
  if (!plan.isOk())
    return plan.takeStatus();
  unsigned waveLanes = getMachineModel(c.target).warpSize;
  Emulator emulator{*model,      manifest,         waveLanes,
                    launch.seed, mostInstructions, {}};
  fakeHipSetLauncher(Emulator::launch, &emulator);
  Status status = (*plan)->run();
  fakeHipSetLauncher(nullptr, nullptr);
  if (!status.isOk())
    return status;
  if (!emulator.finding.empty())
    return makeStatus(variant, emulator.finding);
  return {};
}

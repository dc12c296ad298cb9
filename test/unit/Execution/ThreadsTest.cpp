//===- ThreadsTest.cpp - every variant, by ordinary threads ---------------===//
//
// Each variant is written for the threads of a GPU and run by the interpreter
// of pipe, which looks for races on the way, under an order of the points in
// which neighbours run one after another, the reverse, and others. The outputs
// are compared with the f64 interpreter of cascades.
//
//===----------------------------------------------------------------------===//

#include "attn/Conversion/Passes.h"
#include "attn/Driver/Check.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Inputs.h"
#include "attn/Driver/Source.h"
#include "attn/Pipelines/Pipelines.h"
#include "attn/Reference/PipeInterpreter.h"
#include "attn/Variants/Variants.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <random>

using namespace mlir;
using namespace attn;

namespace {
struct ThreadsCase {
  AttentionShape shape;
  DType dtype;
  int64_t tileRows, tileKeys;
};

/// One variant on one problem.
class ThreadsRun {
public:
  ThreadsRun(const std::string &variant, const ThreadsCase &c)
      : context(createContext()), variant(variant), c(c) {}

  /// What went wrong, or nothing.
  std::string run(uint64_t seed, const PipeLaunch &launch);

private:
  Status prepare();
  Status lower();
  Status interpret(const PipeLaunch &launch);

  std::unique_ptr<MLIRContext> context;
  std::string variant;
  ThreadsCase c;
  Source source;
  Problem problem;
  InputOptions inputOptions;
  OwningOpRef<ModuleOp> module;
  std::map<std::string, HostTensor> inputs, outputs;
};
} // namespace

/// As the tests of the CPU have it: what a variant cannot have is not asked.
static bool hasRank(cascade::FuncOp func, StringRef rank) {
  for (Type type : func.getArgumentTypes())
    if (auto tensor = dyn_cast<cascade::NamedTensorType>(type))
      for (auto name : tensor.getRanks())
        if (name == rank)
          return true;
  return false;
}

Status ThreadsRun::prepare() {
  auto loaded = loadSource(*context, variant, "");
  if (!loaded.isOk())
    return loaded.takeStatus();
  source = std::move(*loaded);
  if (!hasRank(source.func, "G"))
    c.shape.heads = c.shape.kvHeads;
  if (!hasRank(source.func, "P") || !hasRank(source.func, "M"))
    c.shape.keyLength = c.shape.queryLength;
  problem.dtype = c.dtype;
  if (Status status = resolveExtents(source.func, c.shape, problem);
      !status.isOk())
    return status;
  if (Status status = resolveScalars(source.func, {}, problem); !status.isOk())
    return status;
  auto created = createInputs(source.func, problem, {}, inputOptions);
  if (!created.isOk())
    return created.takeStatus();
  inputs = std::move(*created);
  auto empty = createOutputs(source.func, problem, Layout::contiguous);
  if (!empty.isOk())
    return empty.takeStatus();
  outputs = std::move(*empty);
  return {};
}

Status ThreadsRun::lower() {
  PipelineOptions options;
  bindStatics(source.func, problem, options);
  options.dtype = std::string(getName(problem.dtype));
  options.tileRows = c.tileRows;
  options.tileKeys = c.tileKeys;
  options.fewRows = 0;
  module = isolate(source.func);
  PassManager passes(context.get());
  passes.addPass(createConvertTileToPipePass());
  if (failed(runCascadeStages(*module, options)) || failed(passes.run(*module)))
    return Status::error(StatusCode::unsupported, variant, "has no lowering",
                         "see the message above");
  return {};
}

/// Whether the kernel puts elements of its argument `index`.
static bool isPut(pipe::KernelOp kernel, unsigned index) {
  return llvm::any_of(kernel.getBody().getArgument(index).getUsers(),
                      [](Operation *user) { return isa<pipe::PutOp>(user); });
}

Status ThreadsRun::interpret(const PipeLaunch &launch) {
  std::map<std::string, ReferenceTensor> known;
  for (auto &[name, tensor] : inputs)
    known[name] = tensor.toReference();
  for (pipe::KernelOp kernel : module->getOps<pipe::KernelOp>()) {
    PipeArguments arguments;
    arguments.extents = problem.extents;
    for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes())) {
      std::string name = kernel.getArgumentName(index).str();
      if (!isa<pipe::GlobalType>(type)) {
        arguments.scalars[name] = problem.scalars.at(name);
        continue;
      }
      // To one kernel, workspace is what it reads or what it writes.
      bool writes = isPut(kernel, index);
      kernel.setArgAttr(
          index, pipe::kAccessAttr,
          StringAttr::get(context.get(), writes ? "write" : "read"));
      if (!writes)
        arguments.tensors[name] = known.at(name);
    }
    auto outcome = interpretPipe(kernel, arguments, launch);
    if (!outcome.isOk())
      return outcome.takeStatus();
    if (!outcome->findings.empty())
      return Status::error(StatusCode::invalidArgument, variant,
                           outcome->findings.front().message, "");
    for (auto &[name, tensor] : outcome->results) {
      if (outcome->unwritten[name] != 0)
        return Status::error(StatusCode::invalidArgument, variant,
                             "leaves elements of '" + name + "' unwritten", "");
      known[name] = std::move(tensor);
    }
  }
  for (auto &[name, tensor] : outputs)
    tensor.setValues(known.at(name).values);
  return {};
}

std::string ThreadsRun::run(uint64_t seed, const PipeLaunch &launch) {
  inputOptions.seed = seed;
  Status status = prepare();
  if (status.isOk())
    status = lower();
  if (status.isOk())
    status = interpret(launch);
  if (!status.isOk())
    return status.message();
  auto errors = checkOutputs(source.func, problem,
                             getReferenceArguments(inputs, problem), outputs,
                             /*mayspread=*/false);
  if (!errors.isOk())
    return errors.getStatus().message();
  // A draw of rounding errors misses the rule by a little now and then.
  constexpr double kByMuch = 2;
  for (const OutputError &error : *errors)
    if (!(error.report.maxRatio <= kByMuch))
      return error.name + " misses the error rule by " +
             std::to_string(error.report.maxRatio);
  return "";
}

class ThreadsTest : public testing::TestWithParam<std::string> {};

TEST_P(ThreadsTest, IsRight) {
  uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::vector<ThreadsCase> cases = {
      {{1, 2, 2, 5, 9, 8, 8, {}}, DType::f32, 4, 4},
      {{2, 3, 1, 1, 17, 8, 16, {}}, DType::bf16, 16, 8},
      {{1, 1, 1, 19, 3, 16, 8, {}}, DType::f32, 8, 16},
      {{1, 1, 1, 3, 0, 8, 8, {}}, DType::f16, 4, 4},
  };
  std::vector<PipeLaunch> launches(3);
  launches[1].schedule = PipeSchedule::latest;
  launches[2].schedule = PipeSchedule::random;
  launches[2].seed = seed;
  size_t number = 0;
  for (const ThreadsCase &c : cases) {
    const PipeLaunch &launch = launches[number++ % launches.size()];
    EXPECT_EQ(ThreadsRun(GetParam(), c).run(seed, launch), "")
        << "case " << number;
  }
}

TEST(ThreadsOnTablesTest, ReadNothingOutside) {
  for (int64_t entries : {0, 1, 3}) {
    ThreadsCase c = {{1, 2, 2, 19, 21, 8, 8, {}}, DType::f32, 4, 8};
    c.shape.ranks = {{"N", entries}, {"T", entries}, {"L", entries}};
    EXPECT_EQ(ThreadsRun(ATTN_INPUTS_DIR "/computed-reads.mlir", c).run(1, {}),
              "")
        << entries << " entries";
  }
}

static std::vector<std::string> getNames() {
  std::vector<std::string> names;
  for (const Variant &variant : getVariants())
    names.push_back(variant.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Variants, ThreadsTest, testing::ValuesIn(getNames()),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

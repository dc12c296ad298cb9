//===- GpuLowering.cpp - one schedule of a cascade at a time --------------===//

#include "GpuLowering.h"

#include "attn/Analysis/Signature.h"
#include "attn/Conversion/Passes.h"
#include "attn/Driver/Execution.h"
#include "attn/Driver/Source.h"
#include "attn/Support/ElementType.h"
#include "attn/Target/GPU/Pipelines.h"
#include "dialects/Tile/Tile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace attn;

/// Runs `stages` and keeps what they say first of a failure.
template <typename Stages>
static std::optional<std::string> catchRefusal(MLIRContext *context,
                                               Stages stages) {
  std::string reason;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && reason.empty())
      reason = diagnostic.str();
    return success();
  });
  if (succeeded(stages()))
    return std::nullopt;
  return reason;
}

static void show(const PipelineOptions &options, StringRef stage,
                 ModuleOp module) {
  if (options.onStage)
    options.onStage(stage, module);
}

/// Compiles kernels at the pipe level, and shows them and what they become.
static FailureOr<CompiledCode> compilePipe(ModuleOp module,
                                           const PipelineOptions &options,
                                           CodeKind kind,
                                           const MachineModel &machine) {
  show(options, "pipe", module);
  auto code = compileKernels(module, kind, machine.name);
  if (succeeded(code))
    show(options, "llvm", module);
  return code;
}

GpuLowering::GpuLowering(cascade::FuncOp func, const PipelineOptions &options,
                         const MachineModel &machine)
    : func(func), options(options), onStage(options.onStage), machine(machine) {
  this->options.fewRows = 0;
  this->options.halvesWeights = true;
}

std::unique_ptr<GpuLowering> GpuLowering::clone() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OwningOpRef<ModuleOp> module = isolate(func);
  module->print(stream, OpPrintingFlags().enableDebugInfo());
  std::unique_ptr<MLIRContext> context = createContext();
  ScopedDiagnosticHandler handler(context.get(),
                                  [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> copy = parseSourceString<ModuleOp>(text, context.get());
  if (!copy)
    return nullptr;
  auto result = std::make_unique<GpuLowering>(
      *copy->getOps<cascade::FuncOp>().begin(), options, machine);
  result->ownContext = std::move(context);
  result->ownModule = std::move(copy);
  result->usesBoxes = usesBoxes;
  result->mute(true);
  return result;
}

void GpuLowering::mute(bool isMuted) {
  options.onStage = isMuted ? nullptr : onStage;
  // Stages before the tiles are shown when these are made.
  if (!isMuted)
    tiles = {};
}

/// Without boxes a kernel for given lengths is one for any. Ranks of fixed
/// extents would lie in tiles whole.
static void dropLengths(PipelineOptions &options) {
  llvm::erase_if(options.extents, [](const auto &entry) {
    return entry.first == kQueryRank || entry.first == kKeyRank;
  });
}

std::optional<ScheduleKey> GpuLowering::getKey() {
  // A structure is the same at any width and type.
  PipelineOptions plain = options;
  plain.extents.clear();
  plain.dtype = "f32";
  plain.onStage = nullptr;
  OwningOpRef<ModuleOp> module = isolate(func);
  auto refusal = catchRefusal(func.getContext(), [&] {
    return runCascadeStages(*module, plain, "bind");
  });
  if (refusal)
    return std::nullopt;
  ScheduleKey key;
  key.cascade = computeSignature(*module->getOps<cascade::FuncOp>().begin());
  PipelineOptions own = options;
  if (!hasBoxes())
    dropLengths(own);
  for (const auto &[rank, extent] : own.extents)
    key.widths.push_back(extent);
  key.bits = options.dtype == "bf16" || options.dtype == "f16" ? 16 : 32;
  return key;
}

OwningOpRef<ModuleOp> GpuLowering::bind() {
  bool isForCanvas = llvm::any_of(options.extents, [](const auto &entry) {
    return entry.first == kQueryRank;
  });
  if (!isForCanvas)
    return {};
  PipelineOptions quiet = options;
  quiet.onStage = nullptr;
  OwningOpRef<ModuleOp> module = isolate(func);
  auto refusal = catchRefusal(func.getContext(), [&] {
    PassManager passes(func.getContext());
    addCascadeStage(passes, "bind", quiet);
    passes.addPass(createCanonicalizerPass());
    return passes.run(*module);
  });
  cascade::FuncOp own = *module->getOps<cascade::FuncOp>().begin();
  if (refusal || findCanvas(own, kQueryRank).empty())
    return {};
  return module;
}

bool GpuLowering::hasBoxes() {
  if (!isBound)
    bound = bind();
  isBound = true;
  return bound && usesBoxes;
}

void GpuLowering::useBoxes(bool use) {
  usesBoxes = use;
  tiles = {};
}

const BoxChoice *GpuLowering::getBoxes(int64_t rows, int64_t keys) {
  if (!hasBoxes())
    return nullptr;
  auto [known, isNew] = boxes.try_emplace({rows, keys});
  // Rows of a panel in shared memory come by eights.
  constexpr int64_t kGranule = 8;
  if (isNew)
    known->second = rankBoxes(*bound->getOps<cascade::FuncOp>().begin(),
                              kQueryRank, kKeyRank, rows, keys, kGranule);
  return known->second.empty() ? nullptr : &known->second.front();
}

double GpuLowering::getBoxCost(int64_t rows, int64_t keys) {
  const BoxChoice *choice = getBoxes(rows, keys);
  return choice ? choice->cost / static_cast<double>(rows)
                : std::numeric_limits<double>::infinity();
}

OwningOpRef<ModuleOp> GpuLowering::lowerTiles(int64_t rows, int64_t keys,
                                              const PipelineOptions &options) {
  PipelineOptions stages = options;
  if (const BoxChoice *choice = getBoxes(rows, keys))
    stages.layouts = {{kQueryRank.str(), choice->rows},
                      {kKeyRank.str(), choice->keys}};
  else
    dropLengths(stages);
  stages.tileRows = rows;
  stages.tileKeys = keys;
  stages.fullMultiple = keys;
  OwningOpRef<ModuleOp> module = isolate(func);
  if (failed(runCascadeStages(*module, stages)))
    return {};
  return module;
}

std::variant<ScheduleModel, std::string> GpuLowering::getModel() {
  PipelineOptions quiet = options;
  quiet.onStage = nullptr;
  auto lower = [&](int64_t rows, int64_t keys) -> OwningOpRef<ModuleOp> {
    OwningOpRef<ModuleOp> module = lowerTiles(rows, keys, quiet);
    if (!module)
      return {};
    PassManager passes(func.getContext());
    gpu::addFoldPasses(passes);
    if (failed(passes.run(*module)))
      return {};
    return module;
  };
  // Lists of few rows are for tiles of no more: those of one group.
  std::string reason;
  for (std::optional<int64_t> mostRows :
       {std::optional<int64_t>(), std::optional(machine.productRows)}) {
    FailureOr<ScheduleModel> model = failure();
    auto refusal = catchRefusal(func.getContext(), [&] {
      model = ScheduleModel::create(machine, lower, mostRows);
      return LogicalResult(model);
    });
    if (!refusal)
      return std::move(*model);
    if (reason.empty())
      reason = *refusal;
  }
  return reason;
}

std::variant<CompiledCode, BuildFailure>
GpuLowering::build(const TileSchedule &schedule, CodeKind kind) {
  CompiledCode code;
  BuildFailure failed{BuildFailure::Kind::refused, ""};
  auto refusal = catchRefusal(func.getContext(), [&]() -> LogicalResult {
    std::pair wanted = {schedule.rows, schedule.keys};
    if (!tiles || shape != wanted) {
      tiles = lowerTiles(schedule.rows, schedule.keys, options);
      shape = wanted;
    }
    if (!tiles)
      return failure();
    OwningOpRef<ModuleOp> module = tiles->clone();
    for (auto program : module->getOps<tile::ProgramOp>())
      program.setScheduleAttr(tile::ScheduleAttr::get(
          func.getContext(), schedule.slots, schedule.takesTurns,
          schedule.split, schedule.cluster, schedule.isStream));
    show(options, "tile", *module);
    PassManager passes(func.getContext());
    gpu::addSchedulePasses(passes, /*options=*/{}, machine);
    if (mlir::failed(passes.run(*module)))
      return failure();
    auto compiled = compilePipe(*module, options, kind, machine);
    if (mlir::failed(compiled)) {
      // What has become functions was refused by ptxas.
      if (!module->getOps<LLVM::LLVMFuncOp>().empty())
        failed.kind = BuildFailure::Kind::assembler;
      return failure();
    }
    code = std::move(*compiled);
    return success();
  });
  if (!refusal)
    return code;
  failed.reason = *refusal;
  if (failed.kind == BuildFailure::Kind::refused) {
    if (StringRef(failed.reason).contains("registers"))
      failed.kind = BuildFailure::Kind::registers;
    else if (StringRef(failed.reason).contains("shared memory"))
      failed.kind = BuildFailure::Kind::sharedMemory;
  }
  return failed;
}

FailureOr<CompiledCode> GpuLowering::buildForThreads(int64_t rows, int64_t keys,
                                                     CodeKind kind) {
  PipelineOptions stages = options;
  dropLengths(stages);
  stages.tileRows = rows;
  stages.tileKeys = keys;
  OwningOpRef<ModuleOp> module = isolate(func);
  if (failed(runCascadeStages(*module, stages)))
    return failure();
  PassManager passes(func.getContext());
  gpu::addThreadPasses(passes);
  if (failed(passes.run(*module)))
    return failure();
  return compilePipe(*module, stages, kind, machine);
}

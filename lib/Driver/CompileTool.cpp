//===- CompileTool.cpp - attn-compile -------------------------------------===//
//
// The stages, in order: source, bind, schedule, reduce, tile (cascade to tile
// programs), vector, arith, llvm (tile programs to the LLVM dialect), then LLVM
// IR and machine code.
//
//===----------------------------------------------------------------------===//

#include "CompileGpu.h"
#include "CompileOptions.h"
#include "CompileTargets.h"
#include "StageDump.h"

#include "attn/Driver/Execution.h"
#include "attn/Driver/Reports.h"
#include "attn/Driver/RunReport.h"
#include "attn/Driver/Source.h"
#include "attn/Driver/Tools.h"
#include "attn/Runtime/File.h"
#include "attn/Target/CPU/CInterface.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

static Status refuse(std::string feature, std::string reason,
                     std::string alternative,
                     StatusCode code = StatusCode::invalidArgument) {
  return Status::error(code, std::move(feature), std::move(reason),
                       std::move(alternative));
}

namespace {
/// One call of the tool.
class Compilation {
public:
  explicit Compilation(CompileOptions options) : options(std::move(options)) {}

  Status execute(llvm::raw_ostream &out);

private:
  Status resolve();
  Status lower(std::string &bytes);
  Status emit(cpu::CompileOptions &code, std::string &bytes);
  Status draw(std::string &bytes);
  Status write(const std::string &bytes);
  void keepStage(StringRef stage, ModuleOp module);

  CompileOptions options;
  PipelineOptions pipeline;
  std::unique_ptr<MLIRContext> context = createContext();
  Source source;
  Problem problem;
  OwningOpRef<ModuleOp> module, bound, reduced, tiled;
  Manifest manifest;
  /// The text after `lastStage`.
  std::string stageText;
  StageDump dump{options.directory, getCompileStages()};
};
} // namespace

Status Compilation::resolve() {
  auto loaded = loadSource(*context, options.program, options.function);
  if (!loaded.isOk())
    return loaded.takeStatus();
  source = std::move(*loaded);
  if (options.invariant)
    source.func.setInvariant(true);
  if (Status status = applyKvOptions(source.func, options.kv); !status.isOk())
    return status;
  problem.dtype = options.dtype;
  if (Status status = resolveExtents(source.func, options.shape, problem);
      !status.isOk())
    return status;
  if (Status status = resolveScalars(source.func, options.parameters, problem);
      !status.isOk())
    return status;
  bindStatics(source.func, problem, pipeline);
  pipeline.dtype = std::string(getName(problem.dtype));
  pipeline.tileRows = options.tileRows;
  pipeline.tileKeys = options.tileKeys;
  setSchedule(options.reports, options.target, problem, pipeline);
  return {};
}

/// Writes the stage's file and keeps what is asked for.
void Compilation::keepStage(StringRef stage, ModuleOp now) {
  if (stage == "bind")
    bound = now.clone();
  else if (stage == "reduce")
    reduced = now.clone();
  else if (stage == "tile")
    tiled = now.clone();
  if (stage != options.lastStage && !dump.isOn())
    return;
  std::string text;
  llvm::raw_string_ostream os(text);
  now.print(os);
  os << "\n";
  dump.write(stage, text);
  if (stage == options.lastStage)
    stageText = std::move(text);
}

/// Machine code and its like from the tile programs.
Status Compilation::emit(cpu::CompileOptions &code, std::string &bytes) {
  auto refused =
      refuse("compile", source.name + " cannot be compiled for this target",
             "see the message above", StatusCode::unsupported);
  if (options.kind == "mlir") {
    auto lowered = cpu::lowerToLLVM(*module, code);
    if (failed(lowered))
      return refused;
    manifest = std::move(*lowered);
    return {};
  }
  if (options.kind == "artifact") {
    auto artifact = cpu::compileArtifact(*module, code);
    if (failed(artifact))
      return refused;
    manifest = artifact->manifest;
    auto serialized = artifact->serialize();
    if (!serialized.isOk())
      return serialized.takeStatus();
    bytes = std::move(*serialized);
    return {};
  }
  auto compiled = options.kind == "so" ? cpu::compileSharedObject(*module, code)
                  : options.kind == "obj"
                      ? cpu::compile(*module, code, cpu::CodeKind::Object)
                  : options.kind == "asm"
                      ? cpu::compile(*module, code, cpu::CodeKind::Assembly)
                      : cpu::compile(*module, code, cpu::CodeKind::LLVMIR);
  if (failed(compiled))
    return refused;
  manifest = std::move(compiled->manifest);
  bytes = std::move(compiled->bytes);
  return {};
}

Status Compilation::lower(std::string &bytes) {
  module = isolate(source.func);
  auto keep = [this](StringRef stage, ModuleOp now) { keepStage(stage, now); };
  keep("source", *module);
  if (options.lastStage == "source")
    return {};
  pipeline.onStage = keep;
  bool early =
      llvm::is_contained(getCascadeStages(), StringRef(options.lastStage));
  StringRef last = early ? StringRef(options.lastStage) : "";
  // With no code to write, as far as the reports and the picture need.
  bool writesCode = options.kind != "mlir" && options.hasFile;
  bool reportsOnly = options.kind != "mlir" && !options.reports.names.empty();
  if (options.kind == "svg" || (reportsOnly && !writesCode))
    last = options.reports.getLastStage();
  if (failed(runCascadeStages(*module, pipeline, last)))
    return refuse("compile", source.name + " has no lowering to tile programs",
                  "see the message above", StatusCode::unsupported);
  if (!last.empty())
    return {};
  cpu::CompileOptions code;
  code.target = options.target;
  code.numerics = describeNumerics(source.func, problem);
  code.onStage = keep;
  if (options.kind == "so" || options.kind == "obj")
    code.cSymbol = options.symbol;
  return emit(code, bytes);
}

/// The mask's tiles and the work that they make, as SVG.
Status Compilation::draw(std::string &bytes) {
  auto mask = getMaskReport({*bound, *reduced, tiled.get(), nullptr}, problem,
                            options.reports);
  if (!mask.isOk())
    return mask.takeStatus();
  if (!mask->hasMask)
    return refuse("--emit=svg", source.name + " has no mask to draw",
                  "see --report=tiles for its work", StatusCode::unsupported);
  llvm::raw_string_ostream os(bytes);
  printSvg(*mask, source.name, os);
  return {};
}

/// The file, and with it its header.
Status Compilation::write(const std::string &bytes) {
  std::vector<NewFile> files = {{options.file, bytes}};
  if (!options.header.empty()) {
    auto interface = cpu::CInterface::create(
        manifest, options.symbol.empty() ? manifest.name : options.symbol);
    if (!interface.isOk())
      return interface.takeStatus();
    files.push_back({options.header, interface->formatHeader()});
  }
  return replaceFiles(files);
}

Status Compilation::execute(llvm::raw_ostream &out) {
  if (Status status = resolve(); !status.isOk())
    return status;
  if (Status status = dump.open(); !status.isOk())
    return status;
  std::string bytes;
  if (Status status = lower(bytes); !status.isOk())
    return status;
  if (!dump.getStatus().isOk())
    return dump.getStatus();
  if (options.kind == "mlir")
    bytes = std::move(stageText);
  if (options.kind == "svg")
    if (Status status = draw(bytes); !status.isOk())
      return status;
  if (options.file != "-") {
    if (Status status = write(bytes); !status.isOk())
      return status;
  } else if (options.reports.names.empty()) {
    out << bytes;
  }
  if (options.reports.names.empty())
    return {};
  bool isComplete =
      reduced && (tiled || !options.reports.has("tiles")) &&
      (!manifest.name.empty() || !options.reports.has("resources"));
  if (!isComplete)
    return refuse("--report",
                  "the stages up to '" + options.lastStage +
                      "' do not tell all that is asked for",
                  "leave out --compile-to");
  RunReport report;
  addReports({*bound, *reduced, tiled.get(), &manifest}, problem,
             options.target, options.reports, report);
  out << report.details;
  if (options.reports.has("tiles") && report.tiles)
    out << "tiles: " << report.tiles->full << " full, " << report.tiles->partial
        << " partial, " << report.tiles->empty << " empty\n";
  return {};
}

/// A refusal as one line of JSON, for programs.
static void printRefusal(const Status &status, llvm::raw_ostream &out) {
  out << llvm::json::Value(llvm::json::Object{
             {"code", static_cast<int>(status.getCode())},
             {"feature", llvm::json::fixUTF8(status.getFeature())},
             {"reason", llvm::json::fixUTF8(status.getReason())},
             {"alternative", llvm::json::fixUTF8(status.getAlternative())}})
      << "\n";
}

/// For the one target that `line` names.
static Status compileForOne(const CommandLine &line, llvm::raw_ostream &out,
                            llvm::raw_ostream &errors) {
  if (isGpuTarget(line.get("target")))
    return compileForGpu(line, out, errors);
  auto options = parseCompileOptions(line);
  if (!options.isOk())
    return options.takeStatus();
  return Compilation(std::move(*options)).execute(out);
}

int attn::compileTool(llvm::ArrayRef<std::string> arguments,
                      llvm::raw_ostream &out, llvm::raw_ostream &errors) {
  auto line =
      CommandLine::parse(arguments, getCompileSpecs(), /*keepUnknown=*/false);
  bool isData = line.isOk() && line->get("refusal") == "json";
  auto refuseAll = [&](const Status &status) {
    if (isData)
      printRefusal(status, errors);
    else
      errors << "attn-compile: " << status.message() << "\n";
    return kRefused;
  };
  if (!line.isOk())
    return refuseAll(line.getStatus());
  if (!isData && line->get("refusal", "text") != "text")
    return refuseAll(refuse("--refusal",
                            "'" + line->get("refusal") + "' is not a form",
                            "give text or json"));
  if (line->has("help")) {
    out << formatHelp("attn-compile FILE|VARIANT [options]", getCompileSpecs());
    return kRight;
  }
  if (line->has("list")) {
    out << describeVariants();
    return kRight;
  }
  auto compile = [&](const CommandLine &one, llvm::raw_ostream &stream) {
    return compileForOne(one, stream, errors);
  };
  Status status = listsKernels(*line) ? compileForTargets(*line, compile, out)
                                      : compile(*line, out);
  return status.isOk() ? int(kRight) : int(refuseAll(status));
}

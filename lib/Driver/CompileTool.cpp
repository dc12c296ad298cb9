//===- CompileTool.cpp - attn-compile -------------------------------------===//
//
// The stages, in order: source, bind, schedule, reduce, tile (cascade to tile
// programs), vector, arith, llvm (tile programs to the LLVM dialect), then LLVM
// IR and machine code.
//
//===----------------------------------------------------------------------===//

#include "CompileGpu.h"
#include "RunOptions.h"

#include "attn/Driver/Execution.h"
#include "attn/Driver/Reports.h"
#include "attn/Driver/RunReport.h"
#include "attn/Driver/Source.h"
#include "attn/Driver/Tools.h"
#include "attn/Runtime/File.h"
#include "attn/Target/CPU/CPU.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

static const OptionSpec kSpecs[] = {
    {"help", "", "print this text"},
    {"list", "", "list the shipped variants"},
    {"function", "NAME", "the function to compile, if the file has several"},
    {"emit", "KIND",
     "mlir, llvm, asm, obj, so or artifact; for a GPU mlir, ptx, cubin or "
     "artifact (artifact)"},
    {"o", "FILE", "where to write it (- is standard output, the default)"},
    {"target", "NAME", "machine to compile for, a CPU or sm_90a (host)"},
    {"dtype", "TYPE", "f32, bf16 or f16 (f32)"},
    {"compile-to", "STAGE",
     "emit mlir after source, bind, schedule, reduce, tile, vector, arith or "
     "llvm"},
    {"dump-stages-to", "DIR", "write the module after each stage there"},
    {"report", "NAMES", "print passes, io, tiles or resources"},
    {"head-dim", "N", "width of queries and keys, fixed (64)"},
    {"value-dim", "N", "width of values, fixed (as head-dim)"},
    {"buffer", "NAME=BYTES",
     "count bytes at this buffer and choose tiles for it (the target's L2)"},
    {"io-model", "LIST",
     "of the buffer: row-granule=N, rows-divide, hold-points; or unfused"},
    {"tile-rows", "N", "rows of a tile (by the file's schedule, or chosen)"},
    {"tile-keys", "N", "keys of a step (by the file's schedule, or chosen)"},
    {"batch", "N", "for the reports: sequences (1)"},
    {"heads", "N", "query heads (8)"},
    {"kv-heads", "N", "key and value heads (as heads)"},
    {"q-len", "N", "queries (512)"},
    {"kv-len", "N", "keys (as queries)"},
    {"extent", "RANK=N", "extent of another rank"},
    {"set", "NAME=VALUE", "a parameter of the variant"},
};

static const StringRef kStages[] = {"source", "bind",   "schedule", "reduce",
                                    "tile",   "vector", "arith",    "llvm"};
static const StringRef kKinds[] = {"mlir", "llvm", "asm",
                                   "obj",  "so",   "artifact"};

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
  explicit Compilation(CommandLine line) : line(std::move(line)) {}

  Status execute(llvm::raw_ostream &out);

private:
  Status parse();
  Status resolve();
  Status lower(std::string &bytes);
  Status emit(cpu::CompileOptions &options, std::string &bytes);
  void keepStage(StringRef stage, ModuleOp module);

  CommandLine line;
  std::string kind, lastStage, target, directory;
  ReportRequest reports;
  AttentionShape shape;
  PipelineOptions pipeline;
  std::unique_ptr<MLIRContext> context = createContext();
  Source source;
  Problem problem;
  OwningOpRef<ModuleOp> module, bound, reduced, tiled;
  Manifest manifest;
  /// The text after `lastStage`, and the first refusal to write a stage.
  std::string stageText;
  Status dumpStatus;
};
} // namespace

Status Compilation::parse() {
  if (line.getPositionals().size() != 1)
    return refuse("command line", "there is not one program",
                  "give one variant of --list or one .mlir file");
  lastStage = line.get("compile-to");
  kind = line.get("emit", lastStage.empty() ? "artifact" : "mlir");
  if (!llvm::is_contained(kKinds, kind))
    return refuse("--emit", "'" + kind + "' is not a kind of output",
                  "give one of " + llvm::join(ArrayRef(kKinds), ", "));
  if (kind == "mlir" && lastStage.empty())
    lastStage = "llvm";
  if (kind != "mlir" && !lastStage.empty())
    return refuse("--compile-to", "--emit=" + kind + " goes through all stages",
                  "leave one of them out");
  if (!lastStage.empty() && !llvm::is_contained(kStages, lastStage))
    return refuse("--compile-to", "'" + lastStage + "' is not a stage",
                  "give one of " + llvm::join(ArrayRef(kStages), ", "));
  directory = line.get("dump-stages-to");
  auto names = parseReports(line);
  if (!names.isOk())
    return names.takeStatus();
  reports = std::move(*names);
  auto machine = parseTarget(line);
  if (!machine.isOk())
    return machine.takeStatus();
  target = std::move(*machine);
  auto parsed = parseShape(line);
  if (!parsed.isOk())
    return parsed.takeStatus();
  shape = std::move(*parsed);
  std::string type = line.get("dtype", "f32");
  auto dtype = parseDType(type);
  if (dtype != DType::f32 && dtype != DType::bf16 && dtype != DType::f16)
    return refuse("--dtype", "'" + type + "' is not an input type",
                  "give f32, bf16 or f16");
  problem.dtype = *dtype;
  for (auto [name, value] : {std::pair("tile-rows", &pipeline.tileRows),
                             std::pair("tile-keys", &pipeline.tileKeys)}) {
    auto number = line.getInteger(name, 1, cascade::kMaxTile);
    if (!number.isOk())
      return number.takeStatus();
    *value = *number;
  }
  return {};
}

Status Compilation::resolve() {
  auto loaded =
      loadSource(*context, line.getPositionals().front(), line.get("function"));
  if (!loaded.isOk())
    return loaded.takeStatus();
  source = std::move(*loaded);
  if (Status status = resolveExtents(source.func, shape, problem);
      !status.isOk())
    return status;
  auto parameters = line.getPairs("set");
  if (!parameters.isOk())
    return parameters.takeStatus();
  if (Status status = resolveScalars(source.func, *parameters, problem);
      !status.isOk())
    return status;
  bindStatics(source.func, problem, pipeline);
  pipeline.dtype = std::string(getName(problem.dtype));
  setSchedule(reports, target, problem, pipeline);
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
  if (stage != lastStage && directory.empty())
    return;
  std::string text;
  llvm::raw_string_ostream os(text);
  now.print(os);
  os << "\n";
  if (!directory.empty()) {
    auto number = llvm::find(kStages, stage) - std::begin(kStages);
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, std::to_string(number) + "-" + stage.str() +
                                      ".mlir");
    if (Status status = replaceFile(path.str().str(), text);
        !status.isOk() && dumpStatus.isOk())
      dumpStatus = std::move(status);
  }
  if (stage == lastStage)
    stageText = std::move(text);
}

/// Machine code and its like from the tile programs.
Status Compilation::emit(cpu::CompileOptions &options, std::string &bytes) {
  auto refused =
      refuse("compile", source.name + " cannot be compiled for this target",
             "see the message above", StatusCode::unsupported);
  if (kind == "mlir") {
    auto lowered = cpu::lowerToLLVM(*module, options);
    if (failed(lowered))
      return refused;
    manifest = std::move(*lowered);
    return {};
  }
  if (kind == "artifact") {
    auto artifact = cpu::compileArtifact(*module, options);
    if (failed(artifact))
      return refused;
    manifest = artifact->manifest;
    auto serialized = artifact->serialize();
    if (!serialized.isOk())
      return serialized.takeStatus();
    bytes = std::move(*serialized);
    return {};
  }
  auto code =
      kind == "so"    ? cpu::compileSharedObject(*module, options)
      : kind == "obj" ? cpu::compile(*module, options, cpu::CodeKind::Object)
      : kind == "asm" ? cpu::compile(*module, options, cpu::CodeKind::Assembly)
                      : cpu::compile(*module, options, cpu::CodeKind::LLVMIR);
  if (failed(code))
    return refused;
  manifest = std::move(code->manifest);
  bytes = std::move(code->bytes);
  return {};
}

Status Compilation::lower(std::string &bytes) {
  module = isolate(source.func);
  auto keep = [this](StringRef stage, ModuleOp now) { keepStage(stage, now); };
  keep("source", *module);
  if (lastStage == "source")
    return {};
  pipeline.onStage = keep;
  bool early = llvm::is_contained(getCascadeStages(), StringRef(lastStage));
  StringRef last = early ? StringRef(lastStage) : "";
  // With no output to write, as far as the reports need.
  if (kind != "mlir" && !reports.names.empty() && !line.has("o"))
    last = reports.getLastStage();
  if (failed(runCascadeStages(*module, pipeline, last)))
    return refuse("compile", source.name + " has no lowering to tile programs",
                  "see the message above", StatusCode::unsupported);
  if (!last.empty())
    return {};
  cpu::CompileOptions options;
  options.target = target;
  options.numerics = describeNumerics(source.func, problem);
  options.onStage = keep;
  return emit(options, bytes);
}

Status Compilation::execute(llvm::raw_ostream &out) {
  if (Status status = parse(); !status.isOk())
    return status;
  if (Status status = resolve(); !status.isOk())
    return status;
  if (!directory.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(directory))
      return refuse("--dump-stages-to",
                    "'" + directory + "' cannot be made: " + error.message(),
                    "give a folder that can be written", StatusCode::io);
  std::string bytes;
  if (Status status = lower(bytes); !status.isOk())
    return status;
  if (!dumpStatus.isOk())
    return dumpStatus;
  if (kind == "mlir")
    bytes = std::move(stageText);
  std::string file = line.get("o", "-");
  if (file != "-") {
    if (Status status = replaceFile(file, bytes); !status.isOk())
      return status;
  } else if (reports.names.empty()) {
    out << bytes;
  }
  if (reports.names.empty())
    return {};
  bool isComplete = reduced && (tiled || !reports.has("tiles")) &&
                    (!manifest.name.empty() || !reports.has("resources"));
  if (!isComplete)
    return refuse("--report",
                  "the stages up to '" + lastStage +
                      "' do not tell all that is asked for",
                  "leave out --compile-to");
  RunReport report;
  addReports({*bound, *reduced, tiled.get(), &manifest}, problem, target,
             reports, report);
  out << report.details;
  if (reports.has("tiles") && report.tiles)
    out << "tiles: " << report.tiles->full << " full, " << report.tiles->partial
        << " partial, " << report.tiles->empty << " empty\n";
  return {};
}

int attn::compileTool(llvm::ArrayRef<std::string> arguments,
                      llvm::raw_ostream &out, llvm::raw_ostream &errors) {
  auto refuseAll = [&](const Status &status) {
    errors << "attn-compile: " << status.message() << "\n";
    return kRefused;
  };
  auto line = CommandLine::parse(arguments, kSpecs, /*keepUnknown=*/false);
  if (!line.isOk())
    return refuseAll(line.getStatus());
  if (line->has("help")) {
    out << formatHelp("attn-compile FILE|VARIANT [options]", kSpecs);
    return kRight;
  }
  if (line->has("list")) {
    out << describeVariants();
    return kRight;
  }
  Status status = isGpuTarget(line->get("target"))
                      ? compileForGpu(*line, out, errors)
                      : Compilation(std::move(*line)).execute(out);
  return status.isOk() ? int(kRight) : int(refuseAll(status));
}

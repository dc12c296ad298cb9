//===- CompileGpu.cpp - attn-compile for GPU targets ----------------------===//
//
// A file of pipe kernels has its schedules in its text. Tile programs and
// cascades get one where they can; others are written for ordinary threads, and
// a note says why.
//
//===----------------------------------------------------------------------===//

#include "CompileGpu.h"

#include "GpuCascade.h"
#include "GpuLowering.h"
#include "ScheduleOptions.h"
#include "TuneTool.h"

#include "attn/Driver/Source.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/File.h"
#include "attn/Target/GpuTarget.h"
#include "dialects/Pipe/Pipe.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

bool attn::isGpuTarget(llvm::StringRef target) {
  return !target.empty() && findGpuVendor(target);
}

static Status refuse(std::string feature, std::string reason,
                     std::string alternative,
                     StatusCode code = StatusCode::invalidArgument) {
  return Status::error(code, std::move(feature), std::move(reason),
                       std::move(alternative));
}

/// Refuses options that mean nothing for the program.
static Status checkOptions(const CommandLine &line, bool isCascade) {
  static const char *const known[] = {"target", "emit", "o", "report",
                                      "refusal"};
  for (llvm::StringRef name : getTuneOptionNames())
    if (line.has(name))
      return refuse("--" + name.str(), "it means nothing without --tune",
                    "give --tune, or leave it out");
  for (const std::string &name : line.getNames())
    if (!llvm::is_contained(known, name) &&
        !(isCascade && (llvm::is_contained(getCascadeOptions(), name) ||
                        llvm::is_contained(getGpuOptionNames(), name))))
      return refuse("--" + name,
                    isCascade ? "it means nothing for a GPU"
                              : "the program has its schedule in its text",
                    "leave the option out");
  std::string report = line.get("report", "resources");
  if (report != "resources" && !(report == "schedules" && isCascade))
    return refuse("--report",
                  "for a GPU there are resources, and of a cascade schedules",
                  "give --report=resources or --report=schedules");
  return {};
}

/// Refuses options that mean nothing for a search.
static Status checkTuneOptions(const CommandLine &line) {
  for (const std::string &name : line.getNames())
    if (name == "dump-stages-to" || name == "schedule-table" ||
        (name != "target" && !llvm::is_contained(getTuneOptionNames(), name) &&
         !llvm::is_contained(getCascadeOptions(), name) &&
         !llvm::is_contained(getGpuOptionNames(), name)))
      return refuse("--" + name, "a search emits no code",
                    "leave the option out, or compile with --schedule-table "
                    "after it");
  return {};
}

/// The code of what `line` names. Adds to `report` how it was chosen.
static Result<CompiledCode> compileProgram(MLIRContext &context,
                                           const CommandLine &line,
                                           CodeKind kind, std::string &report,
                                           llvm::raw_ostream &errors) {
  const std::string &name = line.getPositionals().front();
  auto parsed = loadModule(context, name);
  if (!parsed.isOk())
    return parsed.takeStatus();
  ModuleOp module = *parsed->module;
  bool hasTiles = !module.getOps<tile::ProgramOp>().empty();
  bool isCascade = !hasTiles && module.getOps<pipe::KernelOp>().empty();
  if (Status status = checkOptions(line, isCascade); !status.isOk())
    return status;
  if (isCascade) {
    std::unique_ptr<Cache> cache;
    if (!line.has("no-cache"))
      cache = openKernelCache("attn-compile", errors);
    auto program = compileGpuCascade(context, line, kind, cache.get());
    if (!program.isOk())
      return program.takeStatus();
    if (program->schedule && line.has("report"))
      report = "schedule: " + format(*program->schedule) + " by " +
               getName(program->origin).str() + ", " +
               std::to_string(program->numBuilds) + " built\n";
    if (!program->reason.empty())
      errors << "attn-compile: note: ordinary threads run it: "
             << program->reason << "\n";
    return std::move(program->code);
  }
  if (hasTiles)
    if (Status status = lowerTilesForGpu(module, name, line.get("target"));
        !status.isOk())
      return status;
  auto code = compileKernels(module, kind, line.get("target"));
  if (failed(code))
    return refuse("compile", name + " cannot be compiled for this target",
                  "see the message above", StatusCode::unsupported);
  return std::move(*code);
}

/// "mlir, ptx, cubin or artifact".
static std::string listForms(const GpuVendor &vendor) {
  std::vector<llvm::StringRef> names;
  for (const GpuVendor::Form &form : vendor.forms)
    names.push_back(form.name);
  return llvm::join(names, ", ") + " or artifact";
}

static void printResources(const CompiledCode &code, llvm::raw_ostream &out) {
  for (const Resources &kernel : code.resources)
    for (const Launch &launch : code.manifest.launches)
      if (launch.symbol == kernel.kernel)
        out << kernel.kernel << ": " << launch.threads << " threads, "
            << kernel.registers << " registers at entry, " << kernel.spillStores
            << " bytes spilled, " << launch.sharedBytes
            << " bytes of shared memory\n";
}

/// The schedules that the model ranks, the first to be built first.
static Status printSchedules(MLIRContext &context, const CommandLine &line,
                             llvm::raw_ostream &out) {
  auto cascade = loadGpuCascade(context, line);
  if (!cascade.isOk())
    return cascade.takeStatus();
  GpuLowering lowering(
      cascade->source.func, cascade->pipeline,
      getMachineModel(cascade->options.target, cascade->options.anyStrides));
  auto model = lowering.getModel();
  if (auto *reason = std::get_if<std::string>(&model))
    return refuse("--report=schedules", cascade->source.name + ": " + *reason,
                  "ordinary threads run it", StatusCode::unsupported);
  std::optional<ScheduleKey> key = lowering.getKey();
  if (key)
    out << "cascade=" << key->cascade << "\n";
  for (const ScheduleCandidate &candidate :
       std::get<ScheduleModel>(model).rank(cascade->options.schedule,
                                           /*isSearch=*/false)) {
    const ScheduleEstimate &estimate = candidate.estimate;
    out << format(candidate.schedule) << ": ";
    if (estimate.sharedBytes != 0)
      out << llvm::format("%.4f", estimate.clocks) << " clocks a pair, "
          << estimate.registers << " + " << estimate.scalars << " registers, "
          << estimate.loadRegisters << " for loading, " << estimate.sharedBytes
          << " bytes of shared memory";
    out << (estimate.refusal.empty() ? "" : "; refused: ") << estimate.refusal
        << "\n";
  }
  return {};
}

Status attn::compileForGpu(const CommandLine &line, llvm::raw_ostream &out,
                           llvm::raw_ostream &errors) {
  if (line.getPositionals().size() != 1)
    return refuse("command line", "there is not one program",
                  "give one variant of --list or one .mlir file");
  if (line.has("tune")) {
    if (Status status = checkTuneOptions(line); !status.isOk())
      return status;
    return tuneForGpu(line, out, errors);
  }
  std::string kind = line.get("emit", "artifact");
  const GpuVendor &vendor = getGpuVendor(line.get("target"));
  const GpuVendor::Form *form = vendor.findForm(kind);
  if (!form && kind != "artifact")
    return refuse("--emit", "'" + kind + "' is not a kind of output for a GPU",
                  "give " + listForms(vendor));
  CodeKind codeKind = form                 ? form->kind
                      : line.has("report") ? CodeKind::MachineCode
                                           : CodeKind::Best;
  if (line.has("report") && codeKind != CodeKind::MachineCode)
    return refuse(
        "--report", "resources are told of machine code",
        "give --emit=" + vendor.findForm(CodeKind::MachineCode)->name.str() +
            " or artifact");

  std::unique_ptr<MLIRContext> context = createContext();
  if (line.get("report") == "schedules") {
    if (Status status = checkOptions(line, /*isCascade=*/true); !status.isOk())
      return status;
    return printSchedules(*context, line, out);
  }
  std::string report;
  auto code = compileProgram(*context, line, codeKind, report, errors);
  if (!code.isOk())
    return code.takeStatus();
  if (line.has("report")) {
    out << report;
    printResources(*code, out);
  }
  std::string bytes = code->bytes;
  if (kind == "artifact") {
    if (code->kind == CodeKind::Assembly)
      errors << "attn-compile: note: " << vendor.assemblyNote << "\n";
    auto serialized = makeArtifact(*code).serialize();
    if (!serialized.isOk())
      return serialized.takeStatus();
    bytes = std::move(*serialized);
  }
  std::string file = line.get("o", "-");
  if (file != "-")
    return replaceFile(file, bytes);
  if (!line.has("report"))
    out << bytes;
  return {};
}

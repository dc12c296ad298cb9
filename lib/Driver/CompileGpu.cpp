//===- CompileGpu.cpp - attn-compile for GPU targets ----------------------===//
//
// A file of pipe kernels has its schedules in its text. Tile programs and
// cascades get one where they can; others are written for ordinary threads, and
// a note says why.
//
//===----------------------------------------------------------------------===//

#include "CompileGpu.h"

#include "GpuProgram.h"

#include "attn/Driver/Source.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/File.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "dialects/Pipe/Pipe.h"
#include "dialects/Tile/Tile.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attn;

bool attn::isGpuTarget(llvm::StringRef target) {
  return llvm::is_contained(nvidia::getTargetNames(), target);
}

static Status refuse(std::string feature, std::string reason,
                     std::string alternative,
                     StatusCode code = StatusCode::invalidArgument) {
  return Status::error(code, std::move(feature), std::move(reason),
                       std::move(alternative));
}

/// Refuses options that mean nothing for the program.
static Status checkOptions(const CommandLine &line, bool isCascade) {
  static const char *const known[] = {"target", "emit", "o", "report"};
  for (const std::string &name : line.getNames())
    if (!llvm::is_contained(known, name) &&
        !(isCascade && llvm::is_contained(getCascadeOptions(), name)))
      return refuse("--" + name,
                    isCascade ? "it means nothing for a GPU"
                              : "the program has its schedule in its text",
                    "leave the option out");
  if (line.has("report") && line.get("report") != "resources")
    return refuse("--report", "for a GPU there are resources only",
                  "give --report=resources");
  return {};
}

/// The code of what `line` names.
static Result<nvidia::CompiledCode> compileKernels(MLIRContext &context,
                                                   const CommandLine &line,
                                                   nvidia::CodeKind kind,
                                                   llvm::raw_ostream &errors) {
  const std::string &name = line.getPositionals().front();
  auto module = loadModule(context, name);
  if (!module.isOk())
    return module.takeStatus();
  bool hasTiles = !(*module)->getOps<tile::ProgramOp>().empty();
  bool isCascade = !hasTiles && (*module)->getOps<pipe::KernelOp>().empty();
  if (Status status = checkOptions(line, isCascade); !status.isOk())
    return status;
  if (isCascade) {
    auto program = compileGpuCascade(context, line, kind);
    if (!program.isOk())
      return program.takeStatus();
    if (!program->reason.empty())
      errors << "attn-compile: note: ordinary threads run it: "
             << program->reason << "\n";
    return std::move(program->code);
  }
  if (hasTiles)
    if (Status status = lowerTilesForGpu(**module, name); !status.isOk())
      return status;
  auto code = nvidia::compile(**module, kind);
  if (failed(code))
    return refuse("compile", name + " cannot be compiled for this target",
                  "see the message above", StatusCode::unsupported);
  return std::move(*code);
}

static void printResources(const nvidia::CompiledCode &code,
                           llvm::raw_ostream &out) {
  for (const nvidia::Resources &kernel : code.resources)
    for (const Launch &launch : code.manifest.launches)
      if (launch.symbol == kernel.kernel)
        out << kernel.kernel << ": " << launch.threads << " threads, "
            << kernel.registers << " registers at entry, " << kernel.spillStores
            << " bytes spilled, " << launch.sharedBytes
            << " bytes of shared memory\n";
}

Status attn::compileForGpu(const CommandLine &line, llvm::raw_ostream &out,
                           llvm::raw_ostream &errors) {
  if (line.getPositionals().size() != 1)
    return refuse("command line", "there is not one program",
                  "give one variant of --list or one .mlir file");
  std::string kind = line.get("emit", "artifact");
  std::optional<nvidia::CodeKind> codeKind;
  if (kind == "mlir")
    codeKind = nvidia::CodeKind::LLVMDialect;
  else if (kind == "ptx")
    codeKind = nvidia::CodeKind::Ptx;
  else if (kind == "cubin")
    codeKind = nvidia::CodeKind::Cubin;
  else if (kind == "artifact")
    codeKind =
        line.has("report") ? nvidia::CodeKind::Cubin : nvidia::CodeKind::Best;
  else
    return refuse("--emit", "'" + kind + "' is not a kind of output for a GPU",
                  "give mlir, ptx, cubin or artifact");
  if (line.has("report") && kind != "cubin" && kind != "artifact")
    return refuse("--report", "ptxas tells resources, and makes cubins only",
                  "give --emit=cubin or artifact");

  std::unique_ptr<MLIRContext> context = createContext();
  auto code = compileKernels(*context, line, *codeKind, errors);
  if (!code.isOk())
    return code.takeStatus();
  if (line.has("report"))
    printResources(*code, out);
  std::string bytes = code->bytes;
  if (kind == "artifact") {
    if (code->kind != nvidia::CodeKind::Cubin)
      errors << "attn-compile: note: neither ptxas nor a library of it is "
                "found: the artifact holds PTX, which the driver compiles when "
                "it is loaded, unchecked for spills and serialised products\n";
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

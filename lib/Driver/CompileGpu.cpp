//===- CompileGpu.cpp - attn-compile for GPU targets ----------------------===//
//
// The programs are pipe kernels. A cascade has no schedule for a GPU yet, and
// is refused with that reason.
//
//===----------------------------------------------------------------------===//

#include "CompileGpu.h"

#include "attn/Driver/Source.h"
#include "attn/Runtime/Artifact.h"
#include "attn/Runtime/File.h"
#include "attn/Target/NVIDIA/NVIDIA.h"
#include "dialects/Pipe/Pipe.h"

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

/// The options that mean something for a program that is scheduled already.
static Status checkOptions(const CommandLine &line) {
  static const char *const known[] = {"target", "emit", "o", "report"};
  for (const std::string &name : line.getNames())
    if (!llvm::is_contained(known, name))
      return refuse("--" + name, "a pipe kernel has its schedule in its text",
                    "leave the option out");
  if (line.has("report") && line.get("report") != "resources")
    return refuse("--report", "of a pipe kernel there are resources only",
                  "give --report=resources");
  return {};
}

static void printResources(const nvidia::CompiledCode &code,
                           llvm::raw_ostream &out) {
  const Launch &launch = code.manifest.launches.front();
  for (const nvidia::Resources &kernel : code.resources)
    out << kernel.kernel << ": " << launch.threads << " threads, "
        << kernel.registers << " registers at entry, " << kernel.spillStores
        << " bytes spilled, " << launch.sharedBytes
        << " bytes of shared memory\n";
}

Status attn::compileForGpu(const CommandLine &line, llvm::raw_ostream &out) {
  if (Status status = checkOptions(line); !status.isOk())
    return status;
  if (line.getPositionals().size() != 1)
    return refuse("command line", "there is not one program",
                  "give one .mlir file with a pipe.kernel");
  std::string kind = line.get("emit", "artifact");
  std::optional<nvidia::CodeKind> codeKind;
  if (kind == "mlir")
    codeKind = nvidia::CodeKind::LLVMDialect;
  else if (kind == "ptx")
    codeKind = nvidia::CodeKind::Ptx;
  else if (kind == "cubin" || kind == "artifact")
    codeKind = nvidia::CodeKind::Cubin;
  else
    return refuse("--emit", "'" + kind + "' is not a kind of output for a GPU",
                  "give mlir, ptx, cubin or artifact");
  if (line.has("report") && codeKind != nvidia::CodeKind::Cubin)
    return refuse("--report", "ptxas tells resources, and makes cubins only",
                  "give --emit=cubin or artifact");

  const std::string &name = line.getPositionals().front();
  std::unique_ptr<MLIRContext> context = createContext();
  auto module = loadModule(*context, name);
  if (!module.isOk())
    return module.takeStatus();
  if ((*module)->getOps<pipe::KernelOp>().empty())
    return refuse(name,
                  "it has no pipe.kernel, and a cascade has no schedule "
                  "for a GPU yet",
                  "give a file with a pipe.kernel, or compile for a CPU",
                  StatusCode::unsupported);
  auto code = nvidia::compile(**module, *codeKind);
  if (failed(code))
    return refuse("compile", name + " cannot be compiled for this target",
                  "see the message above", StatusCode::unsupported);
  if (line.has("report"))
    printResources(*code, out);
  std::string bytes = code->bytes;
  if (kind == "artifact") {
    Artifact artifact;
    artifact.manifest = code->manifest;
    artifact.payloads.push_back({Artifact::PayloadKind::cubin, code->bytes});
    auto serialized = artifact.serialize();
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

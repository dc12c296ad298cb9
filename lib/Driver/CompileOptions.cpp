//===- CompileOptions.cpp - attn-compile's command line -------------------===//

#include "CompileOptions.h"

#include "RunOptions.h"
#include "ScheduleOptions.h"

#include "attn/Target/CPU/CInterface.h"

#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::ArrayRef;
using llvm::StringRef;

static const OptionSpec kSpecs[] = {
    {"help", "", "print this text"},
    {"list", "", "list the shipped variants"},
    {"function", "NAME", "the function to compile, if the file has several"},
    {"emit", "KIND",
     "mlir, llvm, asm, obj, so, artifact, or svg, the map of the mask's tiles "
     "and the work; for a GPU mlir, ptx, cubin, llvm, asm, "
     "hsaco or artifact (artifact)"},
    {"o", "FILE", "where to write it (- is standard output, the default)"},
    {"header", "FILE", "of obj and so: where to write the C header"},
    {"symbol", "NAME",
     "of obj and so: what their C functions begin with (the function's name)"},
    {"target", "NAMES",
     "machine to compile for, a CPU or a GPU, as sm_90a, sm_80, gfx942 or "
     "another that a wrong name has listed (host); of an artifact several, "
     "divided by commas"},
    {"dtype", "TYPE", "f32, bf16 or f16 (f32)"},
    {"compile-to", "STAGE",
     "emit mlir after source, bind, schedule, reduce, tile, vector, arith or "
     "llvm"},
    {"dump-stages-to", "DIR", "write the module after each stage there"},
    {"report", "NAMES", "print passes, io, tiles or resources"},
    {"head-dim", "N", "width of queries and keys, fixed (64)"},
    {"value-dim", "N", "width of values, fixed (as head-dim)"},
    {"workers", "N", "of the tile report: who shares the work (all threads)"},
    {"buffer", "NAME=BYTES",
     "count bytes at this buffer and choose tiles for it (the target's L2)"},
    {"io-model", "LIST",
     "of the buffer: row-granule=N, rows-divide, hold-points; or unfused"},
    {"tune", "",
     "run candidates on this machine's GPU and write the fastest schedule's "
     "entry"},
    {"tune-budget", "SECONDS", "how long to search (120)"},
    {"tune-table", "FILE", "where the entry goes (standard output)"},
    {"tune-length", "N", "the entry is for problems of at most N keys (all)"},
    {"batch", "N", "for the reports and --tune: sequences (1)"},
    {"heads", "N", "query heads (8)"},
    {"kv-heads", "N", "key and value heads (as heads)"},
    {"q-len", "N",
     "queries (512); up to 16 a GPU's kernel is to decode; of an artifact "
     "several, as 1,16,any: a call runs the kernel that takes its number"},
    {"kv-len", "N", "keys (as queries)"},
    {"extent", "RANK=N", "extent of another rank"},
    {"set", "NAME=VALUE", "a parameter of the variant"},
    {"refusal", "FORM", "how to say why not: text or json, a line (text)"},
};

static const StringRef kStages[] = {"source", "bind",   "schedule", "reduce",
                                    "tile",   "vector", "arith",    "llvm"};
static const StringRef kKinds[] = {"mlir", "llvm",     "asm", "obj",
                                   "so",   "artifact", "svg"};

ArrayRef<OptionSpec> attn::getCompileSpecs() {
  static const std::vector<OptionSpec> specs = addScheduleSpecs(kSpecs);
  return specs;
}

ArrayRef<StringRef> attn::getCompileStages() { return kStages; }

static Status refuse(std::string feature, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(feature),
                       std::move(reason), std::move(alternative));
}

/// The C functions of a library or an object, and their header.
static Status parseHeader(const CommandLine &line, CompileOptions &options) {
  options.header = line.get("header");
  options.symbol = line.get("symbol");
  for (const char *name : {"header", "symbol"})
    if (line.has(name) && options.kind != "so" && options.kind != "obj")
      return refuse("--" + std::string(name),
                    "--emit=" + options.kind + " has no functions for C",
                    "give --emit=so or obj, or leave it out");
  if (line.has("header") && (options.file == "-" || options.header == "-" ||
                             options.header == options.file))
    return refuse("--header",
                  "'" + options.header +
                      "' is no file beside the library's, "
                      "which is '" +
                      options.file + "'",
                  "give -o and --header a file each");
  if (line.has("symbol"))
    return cpu::CInterface::checkSymbol(options.symbol);
  return {};
}

/// What to emit and where.
static Status parseOutput(const CommandLine &line, CompileOptions &options) {
  std::string &kind = options.kind, &lastStage = options.lastStage;
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
  options.directory = line.get("dump-stages-to");
  options.file = line.get("o", "-");
  options.hasFile = line.has("o");
  return parseHeader(line, options);
}

static Status parseProblem(const CommandLine &line, CompileOptions &options) {
  auto parsed = parseShape(line);
  if (!parsed.isOk())
    return parsed.takeStatus();
  options.shape = std::move(*parsed);
  std::string type = line.get("dtype", "f32");
  auto dtype = parseDType(type);
  if (dtype != DType::f32 && dtype != DType::bf16 && dtype != DType::f16)
    return refuse("--dtype", "'" + type + "' is not an input type",
                  "give f32, bf16 or f16");
  options.dtype = *dtype;
  for (auto [name, value] : {std::pair("tile-rows", &options.tileRows),
                             std::pair("tile-keys", &options.tileKeys)}) {
    auto number = line.getInteger(name, 1, cascade::kMaxTile);
    if (!number.isOk())
      return number.takeStatus();
    *value = *number;
  }
  auto kv = parseKvOptions(line);
  if (!kv.isOk())
    return kv.takeStatus();
  options.kv = *kv;
  options.invariant = line.has("invariant");
  auto parameters = line.getPairs("set");
  if (!parameters.isOk())
    return parameters.takeStatus();
  options.parameters = std::move(*parameters);
  return {};
}

Result<CompileOptions> attn::parseCompileOptions(const CommandLine &line) {
  if (line.getPositionals().size() != 1)
    return refuse("command line", "there is not one program",
                  "give one variant of --list or one .mlir file");
  CompileOptions options;
  options.program = line.getPositionals().front();
  options.function = line.get("function");
  if (Status status = parseOutput(line, options); !status.isOk())
    return status;
  auto names = parseReports(line);
  if (!names.isOk())
    return names.takeStatus();
  options.reports = std::move(*names);
  auto machine = parseTarget(line);
  if (!machine.isOk())
    return machine.takeStatus();
  options.target = std::move(*machine);
  if (Status status = refuseGpuOptions(line); !status.isOk())
    return status;
  if (Status status = parseProblem(line, options); !status.isOk())
    return status;
  return options;
}

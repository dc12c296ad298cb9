//===- RunOptions.cpp - attn-run's command line ---------------------------===//

#include "RunOptions.h"

#include "CompileGpu.h"
#include "ScheduleOptions.h"
#include "attn/Target/CPU/Machine.h"
#include "attn/Target/GpuTarget.h"

#include "llvm/ADT/StringExtras.h"

#include <limits>

using namespace attn;

static const OptionSpec kSpecs[] = {
    {"help", "", "print this text"},
    {"list", "", "list the shipped variants, or one's inputs and parameters"},
    {"function", "NAME", "the function to run, if the file has several"},
    {"batch", "N", "sequences (1)"},
    {"heads", "N", "query heads (8)"},
    {"kv-heads", "N", "key and value heads (as heads)"},
    {"q-len", "N", "queries (512)"},
    {"kv-len", "N", "keys (as queries)"},
    {"head-dim", "N", "width of queries and keys (64)"},
    {"value-dim", "N", "width of values (as head-dim)"},
    {"extent", "RANK=N", "extent of another rank"},
    {"dtype", "TYPE", "f32, bf16 or f16 (as the files, or f32)"},
    {"set", "NAME=VALUE", "a parameter of the variant"},
    {"input", "KIND", "values: normal, outliers, rising or zeros"},
    {"seed", "N", "seed of the values (0)"},
    {"nan", "WHERE", "NaN in none, hidden, key or value slots"},
    {"layout", "LAYOUT",
     "inputs: contiguous, transposed, strided, misaligned or reversed"},
    {"output-layout", "LAYOUT", "the same, of the outputs"},
    {"o", "[NAME=]FILE", "write a result (the first) to an .npy file"},
    {"target", "NAME", "machine to compile for (host)"},
    {"threads", "N", "threads (1)"},
    {"check", "", "compare with the f64 interpreter"},
    {"bench", "", "measure the time of a run"},
    {"report", "NAMES", "print passes, io, tiles or resources"},
    {"workers", "N", "of the tile report: who shares the work (all threads)"},
    {"buffer", "NAME=BYTES",
     "count bytes at this buffer and choose tiles for it (the target's L2)"},
    {"io-model", "LIST",
     "of the buffer: row-granule=N, rows-divide, hold-points; or unfused"},
    {"dry-run", "", "compile as far as the reports need, and run nothing"},
    {"json", "", "print one JSON object"},
    {"serve", "",
     "run what lines of the standard input say, JSON arrays of arguments"},
};

llvm::ArrayRef<OptionSpec> attn::getRunSpecs() {
  static const std::vector<OptionSpec> specs = addScheduleSpecs(kSpecs);
  return specs;
}

static Status refuse(std::string option, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(option),
                       std::move(reason), std::move(alternative));
}

Result<AttentionShape> attn::parseShape(const CommandLine &line) {
  AttentionShape shape;
  struct Number {
    const char *name;
    std::optional<int64_t> &value;
    int64_t least;
  };
  for (auto [name, value, least] :
       {Number{"batch", shape.batch, 0}, Number{"heads", shape.heads, 1},
        Number{"kv-heads", shape.kvHeads, 1},
        Number{"q-len", shape.queryLength, 0},
        Number{"kv-len", shape.keyLength, 0},
        Number{"head-dim", shape.headDim, 1},
        Number{"value-dim", shape.valueDim, 1}}) {
    auto parsed = line.getInteger(name, least);
    if (!parsed.isOk())
      return parsed.takeStatus();
    value = *parsed;
  }
  auto ranks = line.getPairs("extent");
  if (!ranks.isOk())
    return ranks.takeStatus();
  for (const auto &[rank, text] : *ranks)
    if (llvm::StringRef(text).getAsInteger(10, shape.ranks[rank]))
      return refuse("--extent", "'" + text + "' is not an integer", "give one");
  return shape;
}

Result<std::string> attn::parseTarget(const CommandLine &line) {
  std::string name = line.get("target", "host");
  if (cpu::getMachine(name) || isGpuTarget(name))
    return name;
  return refuse("--target", "'" + name + "' is not a target",
                "give one of " + llvm::join(cpu::getMachineNames(), ", ") +
                    ", " + llvm::join(getGpuTargetNames(), ", "));
}

/// Sets `value` to what `parse` makes of the option called `name`, if given.
template <typename T>
static Status
parseChoice(const CommandLine &line, const char *name, T &value,
            std::optional<std::decay_t<T>> (*parse)(std::string_view)) {
  if (!line.has(name))
    return {};
  std::string text = line.get(name);
  auto parsed = parse(text);
  if (!parsed)
    return refuse(std::string("--") + name,
                  "'" + text + "' is not a value of this option", "see --help");
  value = *parsed;
  return {};
}

static Status parseInputs(const CommandLine &line, RunOptions &options) {
  if (Status status =
          parseChoice(line, "input", options.inputs.kind, parseInputKind);
      !status.isOk())
    return status;
  if (Status status =
          parseChoice(line, "nan", options.inputs.nan, parseNaNKind);
      !status.isOk())
    return status;
  if (Status status =
          parseChoice(line, "layout", options.inputs.layout, parseLayout);
      !status.isOk())
    return status;
  if (Status status =
          parseChoice(line, "output-layout", options.outputLayout, parseLayout);
      !status.isOk())
    return status;
  auto seed = line.getInteger("seed", 0);
  if (!seed.isOk())
    return seed.takeStatus();
  options.inputs.seed = static_cast<uint64_t>(seed->value_or(0));
  options.inputFiles = line.getUnknown();
  for (const std::string &text : line.getAll("o")) {
    auto [name, file] = llvm::StringRef(text).split('=');
    bool named = name.size() != text.size();
    options.outputFiles[named ? name.str() : ""] = named ? file.str() : text;
  }
  return {};
}

static Status parseCompilation(const CommandLine &line, RunOptions &options) {
  auto target = parseTarget(line);
  if (!target.isOk())
    return target.takeStatus();
  options.target = std::move(*target);
  options.function = line.get("function");
  if (line.has("dtype")) {
    std::string name = line.get("dtype");
    options.dtype = parseDType(name);
    if (options.dtype != DType::f32 && options.dtype != DType::bf16 &&
        options.dtype != DType::f16)
      return refuse("--dtype", "'" + name + "' is not an input type",
                    "give f32, bf16 or f16");
  }
  auto rows = line.getInteger("tile-rows", 1, cascade::kMaxTile);
  if (!rows.isOk())
    return rows.takeStatus();
  options.tileRows = *rows;
  auto keys = line.getInteger("tile-keys", 1, cascade::kMaxTile);
  if (!keys.isOk())
    return keys.takeStatus();
  options.tileKeys = *keys;
  auto kv = parseKvOptions(line);
  if (!kv.isOk())
    return kv.takeStatus();
  options.kv = *kv;
  options.invariant = line.has("invariant");
  if (isGpuTarget(options.target)) {
    auto gpu = parseGpuOptions(line);
    if (!gpu.isOk())
      return gpu.takeStatus();
    options.gpu = std::move(*gpu);
  } else if (Status status = refuseGpuOptions(line); !status.isOk()) {
    return status;
  }
  options.usesCache = !line.has("no-cache");
  auto threads = line.getInteger("threads", 1, std::numeric_limits<int>::max());
  if (!threads.isOk())
    return threads.takeStatus();
  options.threads = threads->value_or(1);
  return {};
}

Result<RunOptions>
attn::parseRunOptions(llvm::ArrayRef<std::string> arguments) {
  auto line =
      CommandLine::parse(arguments, getRunSpecs(), /*keepUnknown=*/true);
  if (!line.isOk())
    return line.takeStatus();
  RunOptions options;
  options.help = line->has("help");
  options.list = line->has("list");
  options.check = line->has("check");
  options.bench = line->has("bench");
  options.json = line->has("json");
  options.serve = line->has("serve");
  if (options.serve && arguments.size() > 1)
    return refuse("--serve", "each line of the standard input has arguments",
                  "give it alone");
  options.dryRun = line->has("dry-run");
  if (options.dryRun && (options.check || options.bench))
    return refuse("--dry-run", "nothing is run that could be checked or timed",
                  "leave out --check and --bench");
  const auto &positionals = line->getPositionals();
  if (positionals.size() > 1)
    return refuse("command line",
                  "there are several programs: " +
                      llvm::join(positionals, ", "),
                  "give one variant or file");
  if (!positionals.empty())
    options.program = positionals.front();
  else if (!options.help && !options.list && !options.serve)
    return refuse("command line", "there is no program",
                  "give a variant of --list or an .mlir file");
  auto shape = parseShape(*line);
  if (!shape.isOk())
    return shape.takeStatus();
  options.shape = std::move(*shape);
  auto parameters = line->getPairs("set");
  if (!parameters.isOk())
    return parameters.takeStatus();
  options.parameters = std::move(*parameters);
  auto reports = parseReports(*line);
  if (!reports.isOk())
    return reports.takeStatus();
  options.reports = std::move(*reports);
  if (Status status = parseInputs(*line, options); !status.isOk())
    return status;
  if (Status status = parseCompilation(*line, options); !status.isOk())
    return status;
  return options;
}

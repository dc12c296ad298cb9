//===- ScheduleOptions.cpp - --schedule and its like ----------------------===//

#include "ScheduleOptions.h"

#include "GpuProgram.h"
#include "TuneTool.h"

#include "attn/Runtime/File.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using llvm::StringRef;

/// Of these a CPU has the first six as well.
static const OptionSpec kSpecs[] = {
    {"tile-rows", "N", "rows of a tile (by the file's schedule, or chosen)"},
    {"tile-keys", "N", "keys of a step (by the file's schedule, or chosen)"},
    {"page", "N", "keys and values lie in pages of so many keys"},
    {"kv-dtype", "TYPE",
     "keys and values have 8 bits an element, e4m3, e5m2 or i8, and scales"},
    {"kv-scales", "WHAT",
     "which scales: head, token, or channel, with which tokens have some too "
     "(head)"},
    {"invariant", "",
     "the bits of a row depend on that row alone, or the program is refused"},
    {"schedule", "FIELDS",
     "of a GPU: rows=N,keys=N,slots=N,turns=0|1,split=N,cluster=N,stream=0|1 "
     "or some of them (by the table, or chosen)"},
    {"schedule-table", "FILE", "schedules that go before those that ship"},
    {"pack", "N",
     "of a GPU: the queries of up to N heads of a key head, a power of 2, are "
     "rows of one tile"},
    {"any-strides", "",
     "of a GPU: a kernel for tensors of any strides and alignment"},
    {"specialize", "",
     "of a GPU: a kernel for the given lengths and integer parameters alone; "
     "neighborhoods then come in boxes"},
    {"no-cache", "", "of a GPU: compile, whatever the cache of kernels has"},
};
static constexpr size_t kShared = 6;

std::vector<OptionSpec>
attn::addScheduleSpecs(llvm::ArrayRef<OptionSpec> specs) {
  std::vector<OptionSpec> all(specs);
  llvm::append_range(all, kSpecs);
  return all;
}

std::vector<StringRef> attn::getGpuOptionNames() {
  std::vector<StringRef> names;
  for (const OptionSpec &spec : kSpecs)
    names.push_back(spec.name);
  return names;
}

Status attn::refuseGpuOptions(const CommandLine &line) {
  std::vector<StringRef> names = getGpuOptionNames();
  names.erase(names.begin(), names.begin() + kShared);
  llvm::append_range(names, getTuneOptionNames());
  for (StringRef name : names)
    if (line.has(name))
      return Status::error(StatusCode::invalidArgument, "--" + name.str(),
                           "it means nothing for a CPU",
                           "leave it out, or give --target=" +
                               getGpuTargetNames().front().str());
  return {};
}

Result<ScheduleTable> attn::readScheduleFile(const std::string &path,
                                             bool mayBeAbsent) {
  if (mayBeAbsent && !llvm::sys::fs::exists(path))
    return ScheduleTable();
  Result<std::string> text = readFile(path);
  if (!text.isOk())
    return text.takeStatus();
  return ScheduleTable::parse(*text, path);
}

Result<GpuOptions> attn::parseGpuOptions(const CommandLine &line) {
  GpuOptions options;
  options.target = line.get("target");
  auto fields = parseScheduleFields(line.get("schedule"), ',', "--schedule");
  if (!fields.isOk())
    return fields.takeStatus();
  options.schedule = *fields;
  for (auto [name, field] : {std::pair("tile-rows", &options.schedule.rows),
                             std::pair("tile-keys", &options.schedule.keys)}) {
    auto number = line.getInteger(name, 1, cascade::kMaxTile);
    if (!number.isOk())
      return number.takeStatus();
    if (*number && *field)
      return Status::error(
          StatusCode::invalidArgument, std::string("--") + name,
          "--schedule has this field too", "leave one of them out");
    if (*number)
      *field = *number;
  }
  auto pack = line.getInteger("pack", 1, cascade::kMaxTile);
  if (!pack.isOk())
    return pack.takeStatus();
  options.pack = *pack;
  options.specialize = line.has("specialize");
  options.anyStrides = line.has("any-strides");
  if (line.has("schedule-table")) {
    auto table =
        readScheduleFile(line.get("schedule-table"), /*mayBeAbsent=*/false);
    if (!table.isOk())
      return table.takeStatus();
    options.table = std::move(*table);
  }
  return options;
}

Status attn::setPacking(cascade::FuncOp func, const GpuOptions &options,
                        std::optional<int64_t> group,
                        PipelineOptions &pipeline) {
  PackRanksOptions packing;
  if (!options.pack) {
    // Few queries leave most of a tile to those of other heads, as some of a
    // batch do.
    packing.width = llvm::PowerOf2Ceil(group.value_or(1));
    if (packing.width > 1 && prefersStream(func, pipeline, options) &&
        !checkPacking(func, packing))
      pipeline.packing = packing;
    return {};
  }
  auto refuse = [&](std::string reason, std::string alternative) {
    return Status::error(StatusCode::invalidArgument, "--pack",
                         std::move(reason), std::move(alternative));
  };
  packing.width = *options.pack;
  if (!llvm::isPowerOf2_64(packing.width) || group.value_or(0) > packing.width)
    return refuse(
        "expects a power of 2 that is no less than the query heads of "
        "a key head, but got " +
            std::to_string(packing.width) +
            (group ? " for " + std::to_string(*group) : ""),
        "give the next one");
  if (auto refusal = checkPacking(func, packing))
    return refuse(func.getSymName().str() +
                      " keeps heads and queries apart: " + refusal->reason,
                  "leave the option out");
  pipeline.packing = packing;
  return {};
}

std::unique_ptr<Cache> attn::openKernelCache(StringRef tool,
                                             llvm::raw_ostream &errors) {
  auto cache = Cache::openDefault();
  if (cache.isOk())
    return std::move(*cache);
  errors << tool
         << ": note: kernels are not kept: " << cache.getStatus().message()
         << "\n";
  return nullptr;
}

//===- ScheduleOptions.cpp - --schedule and its like ----------------------===//

#include "ScheduleOptions.h"

#include "TuneTool.h"

#include "attn/Runtime/File.h"
#include "dialects/Cascade/Cascade.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using llvm::StringRef;

static const StringRef kNames[] = {"schedule", "schedule-table", "specialize",
                                   "no-cache", "tile-rows",      "tile-keys"};

llvm::ArrayRef<StringRef> attn::getGpuOptionNames() { return kNames; }

Status attn::refuseGpuOptions(const CommandLine &line) {
  constexpr size_t kShared = 2;
  llvm::SmallVector<StringRef> names(llvm::ArrayRef(kNames).drop_back(kShared));
  llvm::append_range(names, getTuneOptionNames());
  for (StringRef name : names)
    if (line.has(name))
      return Status::error(StatusCode::invalidArgument, "--" + name.str(),
                           "it means nothing for a CPU",
                           "leave it out, or give --target=sm_90a");
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
  options.specialize = line.has("specialize");
  if (line.has("schedule-table")) {
    auto table =
        readScheduleFile(line.get("schedule-table"), /*mayBeAbsent=*/false);
    if (!table.isOk())
      return table.takeStatus();
    options.table = std::move(*table);
  }
  return options;
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

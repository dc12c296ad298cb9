//===- ReportOptions.cpp - --report, --buffer and what goes with them -----===//

#include "RunOptions.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <thread>

using namespace attn;

static Status refuse(std::string option, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(option),
                       std::move(reason), std::move(alternative));
}

/// One word of `--io-model`.
static Status addAssumption(llvm::StringRef text, ReportRequest &request) {
  auto [name, value] = text.split('=');
  if (name == "row-granule") {
    if (value.getAsInteger(10, request.rowGranule) || request.rowGranule == 0)
      return refuse("--io-model",
                    "'" + value.str() + "' is not a granule of at least 1 row",
                    "give row-granule=N");
    return {};
  }
  if (text == "rows-divide")
    request.rowsDivide = true;
  else if (text == "hold-points")
    request.holdPoints = true;
  else if (text == "unfused")
    request.unfused = true;
  else
    return refuse("--io-model", "there is no assumption '" + text.str() + "'",
                  "give some of row-granule=N, rows-divide, hold-points, "
                  "unfused");
  return {};
}

Result<ReportRequest> attn::parseReports(const CommandLine &line) {
  ReportRequest request;
  for (const std::string &text : line.getAll("report"))
    for (llvm::StringRef name : llvm::split(text, ',')) {
      if (name != "passes" && name != "io" && name != "tiles" &&
          name != "resources")
        return refuse("--report", "there is no report '" + name.str() + "'",
                      "give some of passes, io, tiles, resources");
      request.names.insert(name.str());
    }
  if (line.has("buffer")) {
    std::string text = line.get("buffer");
    auto [name, bytes] = llvm::StringRef(text).split('=');
    MemoryLevel level = {name.str(), 0};
    if (name.empty() || bytes.getAsInteger(10, level.bytes) || level.bytes == 0)
      return refuse("--buffer", "'" + text + "' is not NAME=BYTES",
                    "give one such as L3=16777216");
    request.buffer = level;
  }
  for (const std::string &list : line.getAll("io-model"))
    for (llvm::StringRef text : llvm::split(list, ','))
      if (Status status = addAssumption(text, request); !status.isOk())
        return status;
  if (line.has("io-model") && !request.buffer)
    return refuse("--io-model", "there is no buffer to assume it of",
                  "give --buffer=NAME=BYTES too");
  auto keys = line.getInteger("tile-keys", 1, cascade::kMaxTile);
  if (!keys.isOk())
    return keys.takeStatus();
  request.tileKeys = keys->value_or(request.tileKeys);
  auto workers = line.getInteger("workers", 1, WorkPlan::maxWorkers);
  if (!workers.isOk())
    return workers.takeStatus();
  request.workers = workers->value_or(std::clamp<int64_t>(
      std::thread::hardware_concurrency(), 1, WorkPlan::maxWorkers));
  return request;
}

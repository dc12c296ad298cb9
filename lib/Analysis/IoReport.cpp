//===- IoReport.cpp - bytes moved, in words -------------------------------===//

#include "attn/Analysis/IoModel.h"

#include "llvm/Support/FormatVariadic.h"

using namespace attn;

std::string attn::describeTraffic(const IoModel &model,
                                  const MemoryLevel &level,
                                  const TileChoice &choice) {
  uint64_t bound = getBoundBytes(model.problem, level.bytes);
  return llvm::formatv("level {0}: moved {1} B, compulsory {2} B, bound {3} B, "
                       "ratio {4:f2}",
                       level.name, choice.movedBytes,
                       getCompulsoryBytes(model.problem), bound,
                       static_cast<double>(choice.movedBytes) / bound)
      .str();
}

std::string attn::describeSchedule(const IoModel &model,
                                   const MemoryLevel &level,
                                   const TileChoice &choice) {
  std::string rowName = model.rowRank.empty() ? "a work item" : model.rowRank;
  switch (choice.schedule) {
  case Schedule::Unfused:
    return llvm::formatv("level {0}: unfused, one pass over {1} at a time, {2} "
                         "B spilled",
                         level.name, model.keyRank, model.problem.spillBytes)
        .str();
  case Schedule::Streamed:
    return llvm::formatv("level {0}: streamed, tiles of {1} of {2} by {3} of "
                         "{4}, {5} of {6} B held",
                         level.name, choice.rows, rowName, choice.keys,
                         model.keyRank, choice.heldBytes, level.bytes)
        .str();
  case Schedule::Tiled:
    return llvm::formatv("level {0}: contraction by contraction, tiles of {1} "
                         "by {2}, {3} of {4} B held",
                         level.name, choice.rows, choice.keys, choice.heldBytes,
                         level.bytes)
        .str();
  }
  llvm_unreachable("all schedules are above");
}

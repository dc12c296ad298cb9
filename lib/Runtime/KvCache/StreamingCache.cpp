//===- StreamingCache.cpp - heads that keep a part of the tokens ----------===//

#include "attn/Runtime/KvCache/StreamingCache.h"

#include "EditSlot.h"

#include <algorithm>

using namespace attn;

Status StreamingCache::initialize(const StreamingCacheOptions &options) {
  int64_t capacity = options.capacity;
  if (options.maxAppend < 1 || options.maxAppend > capacity)
    return refuse("expects appends of 1 to " + std::to_string(capacity) +
                      " tokens, the capacity, but got " +
                      std::to_string(options.maxAppend),
                  "give the most tokens that are appended at once");
  maxAppend = options.maxAppend;
  int64_t all = 0;
  if (__builtin_mul_overflow(capacity * options.numSlots,
                             static_cast<int64_t>(options.heads.size()), &all))
    return refuse(std::to_string(options.numSlots) + " slots of " +
                      std::to_string(capacity) + " tokens and " +
                      std::to_string(options.heads.size()) +
                      " heads have more than 2^63 rows",
                  "make the cache smaller", StatusCode::resourceExhausted);
  for (size_t at = 0; at < options.heads.size(); ++at) {
    const HeadBudget &budget = options.heads[at];
    if (budget.sinkTokens < 0 || budget.sinkTokens > capacity ||
        budget.windowTokens < 1 || budget.windowTokens > capacity)
      return refuse("head " + std::to_string(at) + " expects a sink of 0 to " +
                        std::to_string(capacity) +
                        " tokens, the capacity, and a window of 1 to as many, "
                        "but got " +
                        std::to_string(budget.sinkTokens) + " and " +
                        std::to_string(budget.windowTokens),
                    "give a head that keeps everything a window of the "
                    "capacity");
    Head head;
    head.budget = budget;
    head.firstRow = numRows;
    head.numPlaces = std::min(
        capacity, budget.sinkTokens + budget.windowTokens + maxAppend - 1);
    numRows += head.numPlaces;
    heads.push_back(head);
  }
  kept.resize(static_cast<size_t>(options.numSlots) * heads.size());
  return {};
}

Result<StreamingCache>
StreamingCache::create(const StreamingCacheOptions &options) {
  constexpr int64_t kMostTokens = int64_t(1) << 40;
  return refuseWithoutMemory([&]() -> Result<StreamingCache> {
    if (options.capacity < 1 || options.capacity > kMostTokens)
      return refuse("expects a capacity of 1 to " +
                        std::to_string(kMostTokens) + " tokens, but got " +
                        std::to_string(options.capacity),
                    "give the most tokens that a sequence may have");
    Result<SequenceSlots> slots =
        SequenceSlots::create(options.numSlots, options.capacity);
    if (!slots.isOk())
      return slots.takeStatus();
    StreamingCache cache(std::move(*slots));
    if (Status status = cache.initialize(options); !status.isOk())
      return status;
    return cache;
  });
}

//===----------------------------------------------------------------------===//
// Edits
//===----------------------------------------------------------------------===//

Result<SequenceId> StreamingCache::createSequence() {
  return refuseWithoutMemory([&]() -> Result<SequenceId> {
    Result<PageId> slot = slots.findUnused();
    if (!slot.isOk())
      return slot.takeStatus();
    for (int32_t head = 0; head < getNumHeads(); ++head)
      getKept(*slot, head) = 0;
    return slots.take(*slot, 0);
  });
}

Result<int64_t> StreamingCache::append(SequenceId id, int64_t numTokens) {
  return editSlot(slots, id, [&](PageId slot) -> Result<int64_t> {
    int64_t length = slots.getLength(slot);
    if (Status status = checkAppend(numTokens, length, slots.getCapacity());
        !status.isOk())
      return status;
    if (numTokens > maxAppend)
      return refuse("expects at most " + std::to_string(maxAppend) +
                        " tokens at once, but got " + std::to_string(numTokens),
                    "append them in parts, or create the cache with a larger "
                    "maxAppend");
    slots.setLength(slot, length + numTokens);
    for (int32_t head = 0; head < getNumHeads(); ++head)
      getKept(slot, head) = std::max(getKept(slot, head),
                                     length + numTokens - get(head).getRing());
    return length;
  });
}

Result<StreamingCache::Forked> StreamingCache::fork(SequenceId id) {
  return editSlot(slots, id, [&](PageId from) -> Result<Forked> {
    Result<PageId> to = slots.findUnused();
    if (!to.isOk())
      return to.takeStatus();
    for (int32_t head = 0; head < getNumHeads(); ++head)
      getKept(*to, head) = getKept(from, head);
    return Forked{slots.take(*to, slots.getLength(from)), {from, *to, numRows}};
  });
}

Status StreamingCache::truncate(SequenceId id, int64_t length) {
  return editSlot(slots, id, [&](PageId slot) -> Status {
    if (Status status = checkLength(length, slots.getLength(slot));
        !status.isOk())
      return status;
    // The next token is at position `length`.
    for (int32_t head = 0; head < getNumHeads(); ++head)
      if (Status status = checkKept(slot, head, length, length); !status.isOk())
        return status;
    slots.setLength(slot, length);
    for (int32_t head = 0; head < getNumHeads(); ++head)
      getKept(slot, head) = std::min(getKept(slot, head), length);
    return {};
  });
}

Status StreamingCache::free(SequenceId id) {
  return editSlot(slots, id, [&](PageId slot) -> Status {
    slots.free(slot);
    return {};
  });
}

//===----------------------------------------------------------------------===//
// What there is
//===----------------------------------------------------------------------===//

int64_t StreamingCache::getPlace(int32_t at, int64_t position) const {
  const Head &head = get(at);
  int64_t sink = head.budget.sinkTokens;
  return position < sink ? position : sink + (position - sink) % head.getRing();
}

int64_t StreamingCache::getWindowBegin(const Head &head, int64_t position) {
  return std::max(head.budget.sinkTokens,
                  position + 1 - head.budget.windowTokens);
}

Status StreamingCache::checkKept(PageId slot, int32_t at, int64_t position,
                                 int64_t end) const {
  const Head &head = get(at);
  int64_t seen = getWindowBegin(head, position);
  int64_t first =
      kept[static_cast<size_t>(slot) * heads.size() + static_cast<size_t>(at)];
  if (seen >= std::min(first, end))
    return {};
  return refuse("a query at position " + std::to_string(position) +
                    " sees tokens from " + std::to_string(seen) +
                    " on by head " + std::to_string(at) +
                    ", which keeps those from " + std::to_string(first) + " on",
                "keep more tokens, or append them to another sequence");
}

Result<PageId> StreamingCache::find(SequenceId id, int32_t head,
                                    int64_t numQueries) const {
  Result<PageId> slot = slots.find(id);
  if (!slot.isOk())
    return slot;
  if (head < 0 || head >= getNumHeads())
    return refuse("expects a head below " + std::to_string(getNumHeads()) +
                      ", but got " + std::to_string(head),
                  "give a head that has a budget");
  int64_t most = std::min(maxAppend, slots.getLength(*slot));
  if (numQueries < 0 || numQueries > most)
    return refuse("expects 0 to " + std::to_string(most) +
                      " queries, but got " + std::to_string(numQueries),
                  "give as many as the last append had");
  int64_t length = slots.getLength(*slot);
  if (Status status = checkKept(*slot, head, length - numQueries, length);
      !status.isOk())
    return status;
  return slot;
}

Result<std::vector<KvSegment>>
StreamingCache::getSegments(SequenceId id, int32_t at,
                            int64_t numQueries) const {
  return refuseWithoutMemory([&]() -> Result<std::vector<KvSegment>> {
    Result<PageId> slot = find(id, at, numQueries);
    if (!slot.isOk())
      return slot.takeStatus();
    const Head &head = get(at);
    int64_t length = slots.getLength(*slot);
    std::vector<KvSegment> segments;
    if (numQueries == 0)
      return segments;
    if (int64_t sink = std::min(head.budget.sinkTokens, length); sink > 0)
      segments.push_back({0, sink, 0});
    for (int64_t position = getWindowBegin(head, length - numQueries);
         position < length;) {
      int64_t first = getPlace(at, position);
      int64_t count = std::min(length - position, head.numPlaces - first);
      segments.push_back({first, count, position});
      position += count;
    }
    return segments;
  });
}

Result<int64_t> StreamingCache::getHeadLength(SequenceId id, int32_t at,
                                              int64_t numQueries) const {
  return refuseWithoutMemory([&]() -> Result<int64_t> {
    Result<PageId> slot = find(id, at, numQueries);
    if (!slot.isOk())
      return slot.takeStatus();
    int64_t length = slots.getLength(*slot);
    if (numQueries == 0)
      return 0;
    const Head &head = get(at);
    return std::min(head.budget.sinkTokens, length) +
           std::max<int64_t>(0, length -
                                    getWindowBegin(head, length - numQueries));
  });
}

Result<int64_t> StreamingCache::getLength(SequenceId id) const {
  return editSlot(slots, id, [&](PageId slot) -> Result<int64_t> {
    return slots.getLength(slot);
  });
}

Result<PageId> StreamingCache::getSlot(SequenceId id) const {
  return refuseWithoutMemory([&] { return slots.find(id); });
}

StreamingCacheStats StreamingCache::getStats() const {
  StreamingCacheStats stats;
  stats.numSequences = slots.getNumSequences();
  stats.numTokens = slots.getNumTokens();
  stats.numRows = stats.numSequences * numRows;
  stats.numDense =
      stats.numSequences * slots.getCapacity() * int64_t(heads.size());
  for (PageId slot = 0; slot < slots.getNumSlots(); ++slot)
    for (const Head &head : heads)
      stats.numKept +=
          std::min(slots.getLength(slot),
                   head.budget.sinkTokens + head.budget.windowTokens);
  return stats;
}

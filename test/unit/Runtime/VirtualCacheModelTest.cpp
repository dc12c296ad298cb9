//===- VirtualCacheModelTest.cpp - random edits beside a model ------------===//
//
// Sequences over real memory of a CPU, beside plain lists of tokens: after each
// step every sequence reads its tokens at its addresses. The machine fails now
// and then, and knows what readers in flight may read.
//
//===----------------------------------------------------------------------===//

#include "CheckedMemory.h"
#include "KvRows.h"

#include "attn/Runtime/KvCache/VirtualCache.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

using namespace attn;
using namespace attn::test;

namespace {
class Model {
public:
  Model(uint64_t seed, KvOrder order, int32_t mostGranules) : random(seed) {
    auto host = createHostVirtualMemory(4096);
    EXPECT_TRUE(host.isOk()) << host.getStatus().message();
    memory = std::make_shared<CheckedMemory>(*host);
    options.numSlots = 6;
    options.capacity = 60;
    // A granule has 5.12 tokens by token, and by layer 25.6 keys and 17.1
    // values.
    options.shape = {2, 1, 160, 240};
    options.order = order;
    options.mostGranules = mostGranules;
    options.overreadTokens = 3;
    options.aheadTokens = 20;
    auto made = VirtualCache::create(memory, options);
    EXPECT_TRUE(made.isOk()) << made.getStatus().message();
    cache = std::move(*made);
  }

  /// What an operation got wrong, or nothing.
  std::string step();
  std::string finish();

  uint64_t numRefused = 0, numFailed = 0, numShared = 0, numUnmapped = 0;

private:
  struct Known {
    SequenceId id;
    std::vector<uint32_t> tokens;
  };

  size_t pick(size_t number) { return random() % number; }
  std::byte *getBlock(SequenceId id) const {
    return reinterpret_cast<std::byte *>(uintptr_t(*cache->getAddress(id)));
  }
  std::set<VirtualMemory::Address> getTouched(const Known &known,
                                              size_t from = 0) const;
  std::string create();
  std::string append(Known &known);
  std::string fork(size_t at);
  std::string truncate(Known &known);
  std::string edit();
  void launch();
  std::string signalAll();
  std::string checkAll() const;

  std::mt19937_64 random;
  std::shared_ptr<CheckedMemory> memory;
  VirtualCacheOptions options;
  std::unique_ptr<VirtualCache> cache;
  std::vector<Known> sequences;
  VirtualCache::Fence lastFence = 0;
};
} // namespace

/// The granules that a reader of a sequence touches, from a token on.
std::set<VirtualMemory::Address> Model::getTouched(const Known &known,
                                                   size_t from) const {
  std::set<VirtualMemory::Address> granules;
  if (known.tokens.empty())
    return granules;
  int64_t touched = std::min<int64_t>(
      int64_t(known.tokens.size()) + options.overreadTokens, options.capacity);
  const KvLayout &layout = cache->getLayout();
  for (int64_t layer = 0; layer < options.shape.numLayers; ++layer)
    for (auto [side, bytes] :
         {std::pair(KvSide::key, options.shape.keyBytes),
          std::pair(KvSide::value, options.shape.valueBytes)})
      for (auto token = int64_t(from); token < touched; ++token) {
        auto first = *cache->getAddress(known.id) +
                     uint64_t(layout.getOffset(side, layer, token, 0));
        granules.insert(first / 4096 * 4096);
        granules.insert((first + uint64_t(bytes) - 1) / 4096 * 4096);
      }
  return granules;
}

std::string Model::checkAll() const {
  if (!memory->getWrong().empty())
    return memory->getWrong();
  if (std::string wrong = cache->check(); !wrong.empty())
    return wrong;
  std::set<VirtualMemory::Address> used;
  size_t numTouched = 0;
  for (const Known &known : sequences) {
    auto length = cache->getLength(known.id);
    if (!length.isOk() || size_t(*length) != known.tokens.size())
      return "a sequence has another length";
    auto touched = getTouched(known);
    numTouched += touched.size();
    for (VirtualMemory::Address granule : touched)
      if (!memory->isMapped(granule))
        return "a reader touches what is not mapped";
    for (size_t i = 0; i < known.tokens.size(); ++i)
      if (std::string wrong = readToken(cache->getLayout(), getBlock(known.id),
                                        int64_t(i), known.tokens[i]);
          !wrong.empty())
        return wrong;
  }
  VirtualCacheStats stats = cache->getStats();
  if (stats.numGranules != int64_t(memory->getNumGranules()) ||
      stats.numGranules > options.mostGranules)
    return "the machine has other granules";
  if (stats.numUsed + stats.numIdle + stats.numUnmapped != stats.numGranules)
    return "used, idle and unmapped granules are not all granules";
  if (stats.numUsed > 0 &&
      stats.sharing != double(numTouched) / double(stats.numUsed))
    return "sequences touch other granules than they need";
  return {};
}

std::string Model::create() {
  auto created = cache->createSequence();
  if (created.isOk())
    sequences.push_back({*created, {}});
  else if (sequences.size() < size_t(options.numSlots) &&
           !memory->hasFailed()) {
    // Readers may be in the way, and nothing else.
    ++numRefused;
    if (std::string wrong = signalAll(); !wrong.empty())
      return wrong;
    created = cache->createSequence();
    if (!created.isOk())
      return created.getStatus().message();
    sequences.push_back({*created, {}});
  }
  return {};
}

std::string Model::append(Known &known) {
  size_t number = pick(20), length = known.tokens.size();
  bool fits = length + number <= size_t(options.capacity);
  auto first = cache->append(known.id, int64_t(number));
  if (!first.isOk() && fits && !memory->hasFailed()) {
    // With all readers done, only what sequences need is in the way.
    ++numRefused;
    if (std::string wrong = signalAll(); !wrong.empty())
      return wrong;
    Known longer = known;
    longer.tokens.resize(length + number);
    auto missing =
        int64_t(getTouched(longer).size() - getTouched(known).size());
    bool has = cache->getStats().numUsed + missing <= options.mostGranules;
    first = cache->append(known.id, int64_t(number));
    if (first.isOk() != has)
      return "an append is refused that there is memory for, or is not";
  }
  if (!first.isOk())
    return {};
  if (!fits)
    return "an append goes beyond the capacity";
  if (*first != *cache->getSlot(known.id) * options.capacity + int64_t(length))
    return "an append begins elsewhere";
  for (size_t i = 0; i < number; ++i) {
    known.tokens.push_back(uint32_t(random()));
    writeToken(cache->getLayout(), getBlock(known.id), int64_t(length + i),
               known.tokens.back());
  }
  return {};
}

std::string Model::fork(size_t at) {
  size_t length = sequences[at].tokens.size();
  if (pick(2) == 0)
    length = pick(length + 1);
  auto forked = cache->fork(sequences[at].id, int64_t(length));
  if (!forked.isOk())
    return {};
  for (const RangeCopy &copy : forked->copies)
    std::memcpy(reinterpret_cast<void *>(uintptr_t(copy.to)),
                reinterpret_cast<const void *>(uintptr_t(copy.from)),
                copy.numBytes);
  Known known = sequences[at];
  known.id = forked->sequence;
  known.tokens.resize(length);
  sequences.push_back(known);
  numShared += cache->getStats().numShared > 0;
  return {};
}

std::string Model::truncate(Known &known) {
  size_t length = pick(known.tokens.size() + 1);
  // What will be written must be nobody else's.
  bool isOwn = true;
  for (VirtualMemory::Address granule : getTouched(known, length))
    isOwn &= memory->getNumMappings(granule) == 1;
  Status status = cache->truncate(known.id, int64_t(length));
  if (status.isOk() != isOwn)
    return "a sequence is cut to what it shares, or not to what it has alone";
  if (status.isOk())
    known.tokens.resize(length);
  return {};
}

void Model::launch() {
  std::set<VirtualMemory::Address> touched;
  for (const Known &known : sequences)
    touched.merge(getTouched(known));
  lastFence = cache->addFence();
  memory->addReader(lastFence, touched);
}

/// Ends all readers, and lets the machine not fail in what follows.
std::string Model::signalAll() {
  memory->forgetFailures();
  lastFence = cache->addFence();
  memory->endReaders(lastFence);
  return cache->signalFence(lastFence).message();
}

std::string Model::edit() {
  size_t kind = sequences.empty() ? 0 : pick(24);
  size_t at = sequences.empty() ? 0 : pick(sequences.size());
  if (kind < 3)
    return create();
  if (kind < 12)
    return append(sequences[at]);
  if (kind < 15)
    return fork(at);
  if (kind < 17)
    return truncate(sequences[at]);
  if (kind < 19) {
    if (Status status = cache->free(sequences[at].id); !status.isOk())
      return status.message();
    sequences.erase(sequences.begin() + ptrdiff_t(at));
    return {};
  }
  if (kind < 20) {
    auto number = cache->mapAhead(int32_t(pick(5)));
    return number.isOk() || memory->hasFailed() ? ""
                                                : number.getStatus().message();
  }
  if (kind < 21) {
    Status status = cache->releaseUnused();
    return status.isOk() || memory->hasFailed() ? "" : status.message();
  }
  if (kind < 23) {
    launch();
    return {};
  }
  // Readers are done in their order, a few late.
  VirtualCache::Fence done = lastFence - pick(lastFence + 1) % 3;
  if (done > lastFence)
    return {};
  memory->endReaders(done);
  return cache->signalFence(done).message();
}

std::string Model::step() {
  if (pick(4) == 0)
    memory->fail(1 + int(pick(6)));
  size_t numCalls = memory->log.size();
  std::string wrong = edit();
  numFailed += memory->hasFailed();
  memory->forgetFailures();
  for (size_t i = numCalls; i < memory->log.size(); ++i)
    numUnmapped += memory->log[i] == "unmap";
  memory->log.clear();
  return wrong.empty() ? checkAll() : wrong;
}

std::string Model::finish() {
  for (const Known &known : sequences)
    if (Status status = cache->free(known.id); !status.isOk())
      return status.message();
  sequences.clear();
  if (std::string wrong = signalAll(); !wrong.empty())
    return wrong;
  if (Status status = cache->releaseUnused(); !status.isOk())
    return status.message();
  if (memory->getNumGranules() != 0)
    return "granules are left after all sequences";
  if (std::string wrong = checkAll(); !wrong.empty())
    return wrong;
  cache.reset();
  return memory->getWrong() + memory->describeLeaks();
}

// ATTN_CACHE_SEED repeats a run, ATTN_CACHE_STEPS says how long each is.
TEST(VirtualCache, EqualsItsModel) {
  uint64_t seed = getNumber("ATTN_CACHE_SEED", std::random_device()());
  uint64_t steps = getNumber("ATTN_CACHE_STEPS", 3000);
  std::printf("ATTN_CACHE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  for (KvOrder order : {KvOrder::byLayer, KvOrder::byToken})
    for (int32_t mostGranules : {0, 3, 24, 100}) {
      Model model(seed, order, mostGranules);
      for (uint64_t step = 0; step < steps; ++step) {
        std::string wrong = model.step();
        ASSERT_EQ(wrong, "") << "step " << step << " of " << mostGranules
                             << " granules, order " << int(order);
      }
      ASSERT_EQ(model.finish(), "") << mostGranules << " granules";
      EXPECT_TRUE(model.numRefused > 0 || mostGranules == 100);
      if (mostGranules > 3) {
        EXPECT_GT(model.numFailed, 0u);
        EXPECT_GT(model.numUnmapped, 0u);
        EXPECT_GT(model.numShared, 0u);
      }
    }
}

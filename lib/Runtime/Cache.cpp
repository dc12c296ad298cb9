//===- Cache.cpp - looks an entry up, or builds it once -------------------===//

#include "attn/Runtime/Cache.h"

#include "CacheDirectory.h"

#include <cstdlib>

using namespace attn;

Cache::Cache() = default;
Cache::~Cache() = default;

std::unique_ptr<Cache> Cache::createInMemory() {
  return std::unique_ptr<Cache>(new Cache);
}

Result<std::unique_ptr<Cache>> Cache::open(const std::string &path) {
  Result<std::unique_ptr<Directory>> directory = Directory::open(path);
  if (!directory.isOk())
    return directory.takeStatus();
  std::unique_ptr<Cache> cache = createInMemory();
  cache->directory = std::move(*directory);
  return cache;
}

Result<std::unique_ptr<Cache>> Cache::openDefault() {
  auto get = [](const char *name) -> std::string {
    const char *value = std::getenv(name);
    return value ? value : "";
  };
  if (std::string path = get("ATTN_CACHE_DIR"); !path.empty())
    return open(path);
  if (std::string path = get("XDG_CACHE_HOME"); !path.empty())
    return open(path + "/attn");
  if (std::string path = get("HOME"); !path.empty())
    return open(path + "/.cache/attn");
  return Status::error(StatusCode::io, "cache",
                       "expects ATTN_CACHE_DIR, XDG_CACHE_HOME or HOME, but "
                       "none is set",
                       "set ATTN_CACHE_DIR to a private directory");
}

void Cache::count(int64_t Statistics::*counter) {
  std::lock_guard<std::mutex> guard(mutex);
  ++(statistics.*counter);
}

Result<std::string> Cache::runBuilder(const Builder &build) {
  count(&Statistics::builds);
  return build();
}

/// Pre-condition: no other thread of this process looks for `key`.
Result<std::string> Cache::findOrBuild(const std::string &key,
                                       const Builder &build) {
  if (!directory)
    return runBuilder(build);
  auto find = [&] {
    std::optional<std::string> value = directory->read(key);
    if (value)
      count(&Statistics::diskHits);
    return value;
  };
  if (std::optional<std::string> value = find())
    return *std::move(value);
  FileDescriptor lock = directory->lock(key);
  Status status;
  if (!lock.isOpen())
    status = directory->getError("lock an entry");
  // Another process may have built it meanwhile.
  else if (std::optional<std::string> value = find())
    return *std::move(value);
  Result<std::string> built = runBuilder(build);
  if (!built.isOk())
    return built;
  if (status.isOk())
    status = directory->write(key, *built);
  if (!status.isOk()) {
    std::lock_guard<std::mutex> guard(mutex);
    failure = std::move(status);
  }
  return built;
}

Result<Cache::Value> Cache::getOrBuild(const std::string &key,
                                       const Builder &build) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard<std::mutex> guard(mutex);
    std::shared_ptr<Entry> &place = entries[key];
    if (!place)
      place = std::make_shared<Entry>();
    entry = place;
  }
  std::lock_guard<std::mutex> guard(entry->mutex);
  if (entry->value) {
    count(&Statistics::memoryHits);
    return entry->value;
  }
  Result<std::string> value = findOrBuild(key, build);
  if (!value.isOk())
    return value.takeStatus();
  entry->value = std::make_shared<const std::string>(std::move(*value));
  return entry->value;
}

Status Cache::getFailure() const {
  std::lock_guard<std::mutex> guard(mutex);
  return failure;
}

Cache::Statistics Cache::getStatistics() const {
  std::lock_guard<std::mutex> guard(mutex);
  return statistics;
}

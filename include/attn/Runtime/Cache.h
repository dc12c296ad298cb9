//===- Cache.h - compiled code by the text that describes it --------------===//
//
// A directory with one file for each entry, and the same entries in memory.
// What stands in it is executed, so that the directory has to be private to its
// owner. An entry is, little-endian:
//
//   magic "ATTNCAC" 0x01 | u64 key bytes | u64 value bytes | key | value
//     | u32 CRC-32 of all that stands before
//
// Its file's name is a hash of the key, which is compared whole. A file is
// written beside its place, synced and renamed; one that is truncated, altered
// or of another key is a miss and is replaced.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_CACHE_H
#define ATTN_RUNTIME_CACHE_H

#include "attn/Runtime/Status.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace attn {

/// Shared by any number of threads; the directory also by processes.
class Cache {
public:
  using Value = std::shared_ptr<const std::string>;
  using Builder = std::function<Result<std::string>()>;

  struct Statistics {
    int64_t memoryHits = 0, diskHits = 0, builds = 0;
  };

  /// Opens `directory`, which is made where it is absent, with mode 0700.
  /// Refuses one that is a symbolic link, that another user owns, or that
  /// others can enter or write.
  static Result<std::unique_ptr<Cache>> open(const std::string &directory);

  /// As `open`, of the directory that ATTN_CACHE_DIR names, else of `attn` in
  /// XDG_CACHE_HOME or in .cache of HOME.
  static Result<std::unique_ptr<Cache>> openDefault();

  /// One that keeps entries in memory only.
  static std::unique_ptr<Cache> createInMemory();

  ~Cache();
  Cache(const Cache &) = delete;
  Cache &operator=(const Cache &) = delete;

  /// The value of `key`: from memory, else from the directory, else what
  /// `build` returns, which is then kept. Of all threads and processes that ask
  /// for one key one builds, and the others wait for it. A refusal of `build`
  /// is returned and not kept. A directory that cannot be written to is no
  /// refusal: see getFailure. `build` may ask for other keys.
  Result<Value> getOrBuild(const std::string &key, const Builder &build);

  /// Why an entry was last kept in memory only, or success.
  Status getFailure() const;

  Statistics getStatistics() const;

private:
  class Directory;
  /// One key; `mutex` is held by the thread that looks for its value.
  struct Entry {
    std::mutex mutex;
    Value value;
  };

  Cache();
  Result<std::string> findOrBuild(const std::string &key, const Builder &build);
  Result<std::string> runBuilder(const Builder &build);
  void count(int64_t Statistics::*counter);

  std::unique_ptr<Directory> directory;
  mutable std::mutex mutex;
  std::map<std::string, std::shared_ptr<Entry>> entries;
  Status failure;
  Statistics statistics;
};

} // namespace attn

#endif // ATTN_RUNTIME_CACHE_H

//===- CacheDirectory.h - the files of a cache ----------------------------===//

#ifndef ATTN_LIB_RUNTIME_CACHEDIRECTORY_H
#define ATTN_LIB_RUNTIME_CACHEDIRECTORY_H

#include "FileDescriptor.h"
#include "attn/Runtime/Cache.h"

#include <optional>

namespace attn {

/// The directory stays open, and files are named relative to it: whoever
/// renames it or puts another in its place changes nothing.
class Cache::Directory {
public:
  static Result<std::unique_ptr<Directory>> open(const std::string &path);

  /// The value of `key`, or nothing where there is no whole entry of it that
  /// this user has written.
  std::optional<std::string> read(const std::string &key) const;

  /// Waits until no other thread or process holds the lock of `key`. The lock
  /// goes with the descriptor; the system releases it for a process that dies.
  /// Not open, with errno set, where the directory has no room for it.
  FileDescriptor lock(const std::string &key) const;

  /// Replaces the entry of `key`. Pre-condition: its lock is held, so that no
  /// other writer has the same temporary file.
  Status write(const std::string &key, const std::string &value) const;

  /// The Status for errno after an attempt to `action`.
  Status getError(const std::string &action) const;

private:
  Directory(std::string path, int fd) : path(std::move(path)), directory(fd) {}

  std::string path;
  FileDescriptor directory;
};

} // namespace attn

#endif // ATTN_LIB_RUNTIME_CACHEDIRECTORY_H

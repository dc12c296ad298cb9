//===- CacheDirectory.cpp - the files of a cache --------------------------===//

#include "CacheDirectory.h"

#include "Bytes.h"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>

using namespace attn;

static constexpr std::string_view magic("ATTNCAC\x01", 8);
static constexpr size_t headerBytes = 24;
static constexpr size_t checksumBytes = 4;

/// A name for the file of `key`: two hashes, so that two keys rarely displace
/// each other.
static std::string getFileName(const std::string &key) {
  // FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : key)
    hash = (hash ^ byte) * 0x100000001b3;
  char name[32];
  std::snprintf(name, sizeof(name), "%016llx%08x",
                static_cast<unsigned long long>(hash), getChecksum(key));
  return name;
}

static Status refuse(const std::string &path, std::string reason) {
  return Status::error(StatusCode::io, "cache " + path, std::move(reason),
                       "give a directory that only its owner can enter, such "
                       "as one made with mode 0700");
}

Status Cache::Directory::getError(const std::string &action) const {
  return Status::error(StatusCode::io, "cache " + path,
                       "expects to " + action +
                           ", but got: " + std::strerror(errno),
                       "make room or give another directory");
}

Result<std::unique_ptr<Cache::Directory>>
Cache::Directory::open(const std::string &path) {
  std::error_code ignored;
  std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty())
    std::filesystem::create_directories(parent, ignored);
  // Where neither made it, opening says why.
  (void)mkdir(path.c_str(), 0700);
  int fd =
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return refuse(path, std::string("expects a directory that is no symbolic "
                                    "link, but got: ") +
                            std::strerror(errno));
  std::unique_ptr<Directory> directory(new Directory(path, fd));
  struct stat info;
  if (fstat(fd, &info) != 0)
    return refuse(path, std::string("expects a directory, but got: ") +
                            std::strerror(errno));
  if (info.st_uid != geteuid())
    return refuse(path,
                  "expects a directory of user " + std::to_string(geteuid()) +
                      ", but its owner is user " + std::to_string(info.st_uid));
  if ((info.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%04o", unsigned(info.st_mode & 07777));
    return refuse(path, std::string("expects mode 0700, but got ") + mode);
  }
  return directory;
}

/// All bytes of an open file, or nothing where it is not a regular one that
/// this user alone can write.
static std::optional<std::string> readPrivateFile(int fd) {
  struct stat info;
  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_uid != geteuid() || (info.st_mode & 022) != 0)
    return std::nullopt;
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t numRead = 0;
  while (numRead < bytes.size()) {
    ssize_t count = ::read(fd, &bytes[numRead], bytes.size() - numRead);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return std::nullopt;
    numRead += static_cast<size_t>(count);
  }
  return bytes;
}

std::optional<std::string>
Cache::Directory::read(const std::string &key) const {
  FileDescriptor fd(openat(directory.get(), getFileName(key).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::optional<std::string> file = readPrivateFile(fd.get());
  if (!file || file->size() < headerBytes + checksumBytes)
    return std::nullopt;
  std::string_view bytes(*file);
  uint64_t keyBytes = decodeInteger<uint64_t>(bytes.substr(8));
  uint64_t valueBytes = decodeInteger<uint64_t>(bytes.substr(16));
  uint64_t room = bytes.size() - headerBytes - checksumBytes;
  if (bytes.substr(0, magic.size()) != magic || keyBytes != key.size() ||
      keyBytes > room || valueBytes != room - keyBytes)
    return std::nullopt;
  std::string_view body = bytes.substr(0, bytes.size() - checksumBytes);
  if (body.substr(headerBytes, key.size()) != key ||
      getChecksum(body) != decodeInteger<uint32_t>(bytes.substr(body.size())))
    return std::nullopt;
  return std::string(body.substr(headerBytes + key.size()));
}

FileDescriptor Cache::Directory::lock(const std::string &key) const {
  std::string name = getFileName(key) + ".lock";
  int fd = openat(directory.get(), name.c_str(),
                  O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
  FileDescriptor file(fd);
  while (fd >= 0 && flock(fd, LOCK_EX) != 0)
    if (errno != EINTR)
      return FileDescriptor(-1);
  return file;
}

Status Cache::Directory::write(const std::string &key,
                               const std::string &value) const {
  std::string bytes(magic);
  appendInteger(bytes, uint64_t(key.size()));
  appendInteger(bytes, uint64_t(value.size()));
  bytes += key;
  bytes += value;
  appendInteger(bytes, getChecksum(bytes));
  std::string name = getFileName(key), temporary = name + ".tmp";
  // What a writer that was killed has left goes first, whatever it is.
  unlinkat(directory.get(), temporary.c_str(), 0);
  FileDescriptor fd(openat(directory.get(), temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           0600));
  bool written = fd.isOpen() && writeAll(fd.get(), bytes) &&
                 fsync(fd.get()) == 0 &&
                 renameat(directory.get(), temporary.c_str(), directory.get(),
                          name.c_str()) == 0;
  if (!written) {
    Status status = getError("write an entry of " +
                             std::to_string(bytes.size()) + " bytes");
    unlinkat(directory.get(), temporary.c_str(), 0);
    return status;
  }
  // So that the name survives a crash; filesystems that cannot sync a directory
  // are taken as they are.
  fsync(directory.get());
  return {};
}

//===- File.cpp - whole files, read and replaced --------------------------===//

#include "attn/Runtime/File.h"

#include "FileDescriptor.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn;

static Status ioError(const std::string &path, const std::string &action) {
  return Status::error(
      StatusCode::io, path.empty() ? "a file of no name" : path,
      "expects to " + action + ", but got: " + std::strerror(errno),
      "check the path and its permissions");
}

/// Syncs the directory of `path`, so that a rename in it survives a crash.
/// Filesystems that cannot sync a directory are taken as they are.
static void syncDirectory(const std::string &path) {
  size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "."
                          : slash == 0               ? "/"
                                                     : path.substr(0, slash);
  FileDescriptor fd(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.isOpen())
    fsync(fd.get());
}

/// Creates a file beside `path` that no other writer has, and sets `name` to
/// its path. Returns -1 with errno set where there can be none.
static int createBeside(const std::string &path, std::string &name) {
  static std::atomic<uint64_t> counter{0};
  // A writer that was killed may have left a file of this process's number.
  for (int attempt = 0; attempt < 100; ++attempt) {
    name = path + ".tmp" + std::to_string(getpid()) + "-" +
           std::to_string(counter.fetch_add(1));
    int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST)
      return fd;
  }
  return -1;
}

/// Writes to a device or a pipe, which a rename would put a file in place of.
static Status writeInPlace(const std::string &path, std::string_view bytes) {
  FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.isOpen() || !writeAll(fd.get(), bytes))
    return ioError(path, "write " + std::to_string(bytes.size()) + " bytes");
  return {};
}

namespace {
/// A file on its way to its place, which is reached whole or not at all.
class Replacement {
public:
  explicit Replacement(const std::string &path) : path(path) {}
  Replacement(const Replacement &) = delete;
  Replacement &operator=(const Replacement &) = delete;
  ~Replacement() {
    if (!temporary.empty())
      unlink(temporary.c_str());
  }

  /// Writes the bytes beside the place.
  Status write(std::string_view contents) {
    struct stat info;
    isInPlace = stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
    if (isInPlace && S_ISDIR(info.st_mode)) {
      errno = EISDIR;
      return ioError(path, "write a file");
    }
    bytes = contents;
    if (isInPlace)
      return {};
    std::string name;
    FileDescriptor fd(createBeside(path, name));
    if (!fd.isOpen())
      return ioError(path, "create a file beside it");
    temporary = name;
    if (!writeAll(fd.get(), bytes) || fsync(fd.get()) != 0)
      return ioError(path, "write " + std::to_string(bytes.size()) + " bytes");
    return {};
  }

  Status finish() {
    if (isInPlace)
      return writeInPlace(path, bytes);
    if (rename(temporary.c_str(), path.c_str()) != 0)
      return ioError(path, "rename a file to it");
    temporary.clear();
    syncDirectory(path);
    return {};
  }

private:
  const std::string &path;
  std::string_view bytes;
  std::string temporary;
  bool isInPlace = false;
};
} // namespace

Status attn::replaceFile(const std::string &path, std::string_view bytes) {
  Replacement replacement(path);
  if (Status status = replacement.write(bytes); !status.isOk())
    return status;
  return replacement.finish();
}

Status attn::replaceFiles(const std::vector<NewFile> &files) {
  std::deque<Replacement> replacements;
  for (const NewFile &file : files)
    if (Status status = replacements.emplace_back(file.path).write(file.bytes);
        !status.isOk())
      return status;
  for (Replacement &replacement : replacements)
    if (Status status = replacement.finish(); !status.isOk())
      return status;
  return {};
}

Result<std::string> attn::readFile(const std::string &path) {
  // Without O_NONBLOCK a named pipe would wait for a writer for ever.
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info;
  if (!fd.isOpen() || fstat(fd.get(), &info) != 0)
    return ioError(path, "open it");
  if (!S_ISREG(info.st_mode))
    return Status::error(StatusCode::io, path,
                         "expects a regular file, but got another kind",
                         "give a file's path");
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t numRead = 0;
  while (numRead < bytes.size()) {
    ssize_t count = read(fd.get(), &bytes[numRead], bytes.size() - numRead);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return ioError(path, "read it");
    if (count == 0)
      break;
    numRead += static_cast<size_t>(count);
  }
  bytes.resize(numRead);
  return bytes;
}

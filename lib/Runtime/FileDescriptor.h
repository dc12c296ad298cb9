//===- FileDescriptor.h - an open file that closes itself -----------------===//

#ifndef ATTN_LIB_RUNTIME_FILEDESCRIPTOR_H
#define ATTN_LIB_RUNTIME_FILEDESCRIPTOR_H

#include <cerrno>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace attn {

/// Owns a descriptor; -1 is none. Closing keeps errno, so that the error that
/// led to it can still be reported.
class FileDescriptor {
public:
  explicit FileDescriptor(int fd) : fd(fd) {}
  FileDescriptor(FileDescriptor &&other) noexcept
      : fd(std::exchange(other.fd, -1)) {}
  FileDescriptor(const FileDescriptor &) = delete;
  FileDescriptor &operator=(const FileDescriptor &) = delete;
  ~FileDescriptor() {
    int saved = errno;
    if (fd >= 0)
      close(fd);
    errno = saved;
  }

  bool isOpen() const { return fd >= 0; }
  int get() const { return fd; }

private:
  int fd;
};

/// Writes all bytes, or returns false with errno set.
inline bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_FILEDESCRIPTOR_H

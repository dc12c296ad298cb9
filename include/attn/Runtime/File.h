//===- File.h - whole files, read and replaced ----------------------------===//

#ifndef ATTN_RUNTIME_FILE_H
#define ATTN_RUNTIME_FILE_H

#include "attn/Runtime/Status.h"

#include <string>
#include <string_view>
#include <vector>

namespace attn {

/// The bytes of the regular file at `path`; pipes and devices are refused.
Result<std::string> readFile(const std::string &path);

/// Writes a temporary file beside `path`, syncs it and renames it, so that a
/// reader sees the old file or the whole new one, also after a crash. A device
/// or a pipe is written to as it is.
Status replaceFile(const std::string &path, std::string_view bytes);

struct NewFile {
  std::string path, bytes;
};

/// As `replaceFile`, of files that belong together: none is renamed before all
/// are written, and then they are in their order.
Status replaceFiles(const std::vector<NewFile> &files);

} // namespace attn

#endif // ATTN_RUNTIME_FILE_H

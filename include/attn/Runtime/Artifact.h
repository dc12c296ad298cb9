//===- Artifact.h - one self-describing file for a compiled kernel --------===//
//
// Little-endian:
//
//   magic "ATTNART" 0x01 | u32 manifest bytes | u32 payloads | manifest JSON
//     | u32 CRC-32 of all that stands before
//   for each payload: u32 kind | u64 size | bytes | u32 CRC-32 of these three
//
// and nothing after the last payload. The 0x01 is the format's version.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_ARTIFACT_H
#define ATTN_RUNTIME_ARTIFACT_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

struct Artifact {
  enum class PayloadKind : uint32_t {
    /// An ELF shared object for x86-64 that exports the phases' symbols and
    /// needs no other library.
    sharedObject = 1,
    /// Machine code for an NVIDIA GPU, as ptxas writes it.
    cubin = 2,
    /// PTX text, which the driver compiles when the kernel is loaded.
    ptx = 3,
    /// Machine code for an AMD GPU, as lld links it.
    codeObject = 4,
  };

  struct Payload {
    PayloadKind kind;
    std::string bytes;
  };

  Manifest manifest;
  std::vector<Payload> payloads;

  /// Refuses an invalid manifest and sizes that the format cannot hold.
  Result<std::string> serialize() const;

  /// Refuses truncated, altered or extended bytes, another version, and a
  /// payload kind of a later one. `name` heads the messages.
  static Result<Artifact> deserialize(std::string_view bytes,
                                      std::string_view name);

  /// Replaces the file at `path`, whole or not at all.
  Status writeFile(const std::string &path) const;

  static Result<Artifact> readFile(const std::string &path);
};

} // namespace attn

#endif // ATTN_RUNTIME_ARTIFACT_H

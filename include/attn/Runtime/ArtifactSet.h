//===- ArtifactSet.h - one kernel for several targets in one file ---------===//
//
// A file of one target is an artifact (Artifact.h). One of several is,
// little-endian,
//
//   magic "ATTNART" 0x02 | u32 artifacts | u64 bytes of each
//     | u32 CRC-32 of all that stands before
//   each artifact, as Artifact.h has it
//
// and nothing after the last one. All have one interface, so that a caller need
// not know which of them is loaded: name, arguments and ranks are the same. Of
// one target there may be several that differ in the most that they take of a
// rank: a call runs the one that takes the least of those that take it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_ARTIFACTSET_H
#define ATTN_RUNTIME_ARTIFACTSET_H

#include "attn/Runtime/Artifact.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

struct ArtifactSet {
  static constexpr size_t maxArtifacts = 64;

  /// From 1 to `maxArtifacts`.
  std::vector<Artifact> artifacts;

  /// Refuses a number out of range, two artifacts of one target that take as
  /// much, and such as have different interfaces. `name` heads the messages.
  Status validate(std::string_view name) const;

  /// The bytes of a file; of one artifact its own.
  Result<std::string> serialize() const;

  /// Takes files of one artifact and of several. Refuses what
  /// `Artifact::deserialize` and `validate` refuse, and truncated, altered or
  /// extended bytes.
  static Result<ArtifactSet> deserialize(std::string_view bytes,
                                         std::string_view name);

  static Result<ArtifactSet> readFile(const std::string &path);

  /// The manifests, as a JSON array.
  std::string describe() const;
};

/// The most that a kernel takes of its ranks, in their order: what takes less
/// compares as less.
std::vector<int64_t> getLimits(const Manifest &manifest);

/// Whether both are code for the same machines.
bool isSameTarget(const Manifest::Target &a, const Manifest::Target &b);

/// A target as people write it: "sm_90a", "x86-64-v4", else the architecture.
std::string getTargetName(const Manifest::Target &target);

} // namespace attn

#endif // ATTN_RUNTIME_ARTIFACTSET_H

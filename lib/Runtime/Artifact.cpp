//===- Artifact.cpp - the bytes of an artifact ----------------------------===//

#include "attn/Runtime/Artifact.h"

#include "Bytes.h"
#include "attn/Runtime/File.h"

#include <limits>

using namespace attn;

namespace {
constexpr std::string_view magic("ATTNART\x01", 8);
constexpr size_t headerBytes = 16;
constexpr size_t payloadHeaderBytes = 12;

/// Takes parts off the front of the bytes, and remembers how much was there.
class Cursor {
public:
  explicit Cursor(std::string_view bytes) : bytes(bytes) {}

  size_t getNumLeft() const { return bytes.size() - position; }
  size_t getPosition() const { return position; }

  /// Pre-condition: size <= getNumLeft().
  std::string_view take(size_t size) {
    std::string_view part = bytes.substr(position, size);
    position += size;
    return part;
  }

  /// Reads a checksum and compares it with that of the bytes since `begin`.
  /// Pre-condition: four bytes are left.
  bool takeChecksumOf(size_t begin) {
    uint32_t actual = getChecksum(bytes.substr(begin, position - begin));
    return decodeInteger<uint32_t>(take(4)) == actual;
  }

private:
  std::string_view bytes;
  size_t position = 0;
};

Status corrupt(std::string_view name, std::string reason) {
  return Status::error(StatusCode::corrupt, std::string(name),
                       std::move(reason), "compile the kernel again");
}

Status truncated(std::string_view name, std::string_view part, uint64_t need,
                 uint64_t have) {
  return corrupt(name, "expects " + std::to_string(need) + " bytes of " +
                           std::string(part) + ", but only " +
                           std::to_string(have) + " are left");
}

Status altered(std::string_view name, const std::string &part) {
  return corrupt(name, "expects the checksum of " + part +
                           " to agree with its bytes, but it differs");
}

Result<Artifact::Payload> takePayload(Cursor &cursor, std::string_view name,
                                      uint32_t index) {
  std::string part = "payload " + std::to_string(index);
  size_t begin = cursor.getPosition();
  if (cursor.getNumLeft() < payloadHeaderBytes)
    return truncated(name, part, payloadHeaderBytes, cursor.getNumLeft());
  uint32_t kind = decodeInteger<uint32_t>(cursor.take(4));
  uint64_t size = decodeInteger<uint64_t>(cursor.take(8));
  // Two steps, because size + 4 may overflow.
  if (cursor.getNumLeft() < 4 || size > cursor.getNumLeft() - 4)
    return truncated(name, part, size, cursor.getNumLeft());
  std::string_view bytes = cursor.take(size);
  if (!cursor.takeChecksumOf(begin))
    return altered(name, part);
  if (kind < uint32_t(Artifact::PayloadKind::sharedObject) ||
      kind > uint32_t(Artifact::PayloadKind::codeObject))
    return Status::error(StatusCode::unsupported, std::string(name),
                         "expects payloads of kind 1 to 4, but payload " +
                             std::to_string(index) + " is of kind " +
                             std::to_string(kind),
                         "use a runtime of the compiler's version");
  return Artifact::Payload{Artifact::PayloadKind(kind), std::string(bytes)};
}
} // namespace

Result<std::string> Artifact::serialize() const {
  if (Status status = manifest.validate(); !status.isOk())
    return status;
  std::string json = manifest.toJson();
  constexpr size_t limit = std::numeric_limits<uint32_t>::max();
  if (json.size() > limit || payloads.size() > limit)
    return Status::error(StatusCode::resourceExhausted,
                         "artifact " + manifest.name,
                         "expects a manifest and payloads to count below 2^32, "
                         "but got " +
                             std::to_string(json.size()) + " bytes and " +
                             std::to_string(payloads.size()) + " payloads",
                         "split the kernel");
  std::string out(magic);
  appendInteger(out, uint32_t(json.size()));
  appendInteger(out, uint32_t(payloads.size()));
  out += json;
  appendInteger(out, getChecksum(out));
  for (const Payload &payload : payloads) {
    size_t begin = out.size();
    appendInteger(out, uint32_t(payload.kind));
    appendInteger(out, uint64_t(payload.bytes.size()));
    out += payload.bytes;
    appendInteger(out, getChecksum(std::string_view(out).substr(begin)));
  }
  return out;
}

Result<Artifact> Artifact::deserialize(std::string_view bytes,
                                       std::string_view name) {
  if (bytes.size() < headerBytes)
    return truncated(name, "the header", headerBytes, bytes.size());
  Cursor cursor(bytes);
  std::string_view start = cursor.take(magic.size());
  size_t versionAt = magic.size() - 1;
  if (start.substr(0, versionAt) != magic.substr(0, versionAt))
    return corrupt(name, "expects the first bytes to be ATTNART, but they are "
                         "not, so that this is no artifact");
  if (start[versionAt] != magic[versionAt])
    return Status::error(
        StatusCode::unsupported, std::string(name),
        "expects format version " + std::to_string(int(magic[versionAt])) +
            ", but got " +
            std::to_string(static_cast<unsigned char>(start[versionAt])),
        "use a runtime of the compiler's version");
  uint32_t manifestBytes = decodeInteger<uint32_t>(cursor.take(4));
  uint32_t numPayloads = decodeInteger<uint32_t>(cursor.take(4));
  if (cursor.getNumLeft() < uint64_t(manifestBytes) + 4)
    return truncated(name, "manifest", uint64_t(manifestBytes) + 4,
                     cursor.getNumLeft());
  std::string_view json = cursor.take(manifestBytes);
  if (!cursor.takeChecksumOf(0))
    return altered(name, "the manifest");

  Artifact artifact;
  Result<Manifest> manifest = Manifest::parse(json);
  if (!manifest.isOk()) {
    const Status &status = manifest.getStatus();
    return Status::error(status.getCode(),
                         std::string(name) + ": " + status.getFeature(),
                         status.getReason(), status.getAlternative());
  }
  artifact.manifest = std::move(*manifest);
  for (uint32_t i = 0; i < numPayloads; ++i) {
    Result<Payload> payload = takePayload(cursor, name, i);
    if (!payload.isOk())
      return payload.takeStatus();
    artifact.payloads.push_back(std::move(*payload));
  }
  if (cursor.getNumLeft() != 0)
    return corrupt(name, "expects to end after its last payload, but " +
                             std::to_string(cursor.getNumLeft()) +
                             " more bytes follow");
  return artifact;
}

Status Artifact::writeFile(const std::string &path) const {
  Result<std::string> bytes = serialize();
  if (!bytes.isOk())
    return bytes.takeStatus();
  return replaceFile(path, *bytes);
}

Result<Artifact> Artifact::readFile(const std::string &path) {
  Result<std::string> bytes = attn::readFile(path);
  if (!bytes.isOk())
    return bytes.takeStatus();
  return deserialize(*bytes, path);
}

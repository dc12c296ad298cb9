//===- ArtifactSet.cpp - one kernel for several targets in one file -------===//

#include "attn/Runtime/ArtifactSet.h"

#include "Bytes.h"
#include "attn/Runtime/File.h"

using namespace attn;

static constexpr std::string_view magic("ATTNART\x02", 8);
static constexpr size_t countBytes = 4, sizeBytes = 8, checksumBytes = 4;

static Status corrupt(std::string_view name, std::string reason) {
  return Status::error(StatusCode::corrupt, std::string(name),
                       std::move(reason), "compile the kernel again");
}

static Status truncated(std::string_view name, const std::string &part,
                        uint64_t need, uint64_t have) {
  return corrupt(name, "expects " + std::to_string(need) + " bytes of " + part +
                           ", but only " + std::to_string(have) + " are left");
}

std::string attn::getTargetName(const Manifest::Target &target) {
  return target.cpu.empty() ? target.arch : target.cpu;
}

bool attn::isSameTarget(const Manifest::Target &a, const Manifest::Target &b) {
  return a.arch == b.arch && a.cpu == b.cpu && a.features == b.features;
}

std::vector<int64_t> attn::getLimits(const Manifest &manifest) {
  std::vector<int64_t> limits;
  for (const Manifest::Rank &rank : manifest.ranks)
    limits.push_back(rank.most.value_or(INT64_MAX));
  return limits;
}

/// Name, ranks and arguments, as a manifest says them.
static std::string describeInterface(const Manifest &manifest) {
  std::string text = manifest.name + "(";
  for (const Manifest::Argument &argument : manifest.arguments) {
    static constexpr const char *access[] = {"", " written", " updated"};
    text += argument.name + ": " + std::string(getName(argument.dtype)) +
            access[static_cast<size_t>(argument.access)];
    if (argument.kind == Manifest::Argument::Kind::tensor) {
      text += "[";
      for (const Manifest::Extent &extent : argument.shape)
        text +=
            (extent.rank.empty() ? std::to_string(extent.size) : extent.rank) +
            " ";
      text += "]";
    }
    text += ", ";
  }
  for (const Manifest::Rank &rank : manifest.ranks)
    text += rank.name +
            (rank.extent ? " = " + std::to_string(*rank.extent) : "") + ", ";
  return text + ")";
}

Status ArtifactSet::validate(std::string_view name) const {
  if (artifacts.empty() || artifacts.size() > maxArtifacts)
    return corrupt(name, "expects 1 to " + std::to_string(maxArtifacts) +
                             " artifacts, but got " +
                             std::to_string(artifacts.size()));
  const Manifest &first = artifacts.front().manifest;
  std::string interface = describeInterface(first);
  for (size_t i = 0; i < artifacts.size(); ++i) {
    const Manifest &manifest = artifacts[i].manifest;
    if (std::string other = describeInterface(manifest); other != interface)
      return Status::error(
          StatusCode::invalidArgument, std::string(name),
          "expects one interface of all artifacts, but that for " +
              getTargetName(first.target) + " is " + interface +
              " and that for " + getTargetName(manifest.target) + " is " +
              other,
          "compile one program by the same options for all");
    for (size_t j = 0; j < i; ++j) {
      const Manifest &other = artifacts[j].manifest;
      if (isSameTarget(other.target, manifest.target) &&
          getLimits(other) == getLimits(manifest))
        return Status::error(
            StatusCode::invalidArgument, std::string(name),
            "expects artifacts of other targets or limits, "
            "but artifacts " +
                std::to_string(j) + " and " + std::to_string(i) + " are for " +
                getTargetName(manifest.target) + " and take as much",
            "give each target, and each limit, once");
    }
  }
  return {};
}

Result<std::string> ArtifactSet::serialize() const {
  if (Status status = validate("artifact"); !status.isOk())
    return status;
  std::vector<std::string> parts;
  for (const Artifact &artifact : artifacts) {
    Result<std::string> part = artifact.serialize();
    if (!part.isOk() || artifacts.size() == 1)
      return part;
    parts.push_back(std::move(*part));
  }
  std::string out(magic);
  appendInteger(out, uint32_t(parts.size()));
  for (const std::string &part : parts)
    appendInteger(out, uint64_t(part.size()));
  appendInteger(out, getChecksum(out));
  for (const std::string &part : parts)
    out += part;
  return out;
}

Result<ArtifactSet> ArtifactSet::deserialize(std::string_view bytes,
                                             std::string_view name) {
  ArtifactSet set;
  std::string_view start = bytes.substr(0, magic.size());
  if (start != magic) {
    bool isLater = start.size() == magic.size() && start[7] != 1 &&
                   start.substr(0, 7) == magic.substr(0, 7);
    if (isLater)
      return Status::error(
          StatusCode::unsupported, std::string(name),
          "expects format version 1 or 2, but got " +
              std::to_string(static_cast<unsigned char>(start[7])),
          "use a runtime of the compiler's version");
    Result<Artifact> artifact = Artifact::deserialize(bytes, name);
    if (!artifact.isOk())
      return artifact.takeStatus();
    set.artifacts.push_back(std::move(*artifact));
    return set;
  }
  size_t position = magic.size() + countBytes;
  if (bytes.size() < position)
    return truncated(name, "the header", position, bytes.size());
  auto count = decodeInteger<uint32_t>(bytes.substr(magic.size(), countBytes));
  // Before anything is multiplied by it.
  if (count == 0 || count > maxArtifacts)
    return corrupt(name, "expects 1 to " + std::to_string(maxArtifacts) +
                             " artifacts, but got " + std::to_string(count));
  size_t end = position + count * sizeBytes;
  if (bytes.size() < end + checksumBytes)
    return truncated(name, "the header", end + checksumBytes, bytes.size());
  if (decodeInteger<uint32_t>(bytes.substr(end, checksumBytes)) !=
      getChecksum(bytes.substr(0, end)))
    return corrupt(name, "expects the checksum of the header to agree with its "
                         "bytes, but it differs");
  std::string_view rest = bytes.substr(end + checksumBytes);
  for (uint32_t i = 0; i < count; ++i) {
    auto size = decodeInteger<uint64_t>(
        bytes.substr(position + i * sizeBytes, sizeBytes));
    std::string part = "artifact " + std::to_string(i);
    if (size > rest.size())
      return truncated(name, part, size, rest.size());
    Result<Artifact> artifact = Artifact::deserialize(
        rest.substr(0, size), std::string(name) + ", " + part);
    if (!artifact.isOk())
      return artifact.takeStatus();
    set.artifacts.push_back(std::move(*artifact));
    rest.remove_prefix(size);
  }
  if (!rest.empty())
    return corrupt(name, "expects to end after its last artifact, but " +
                             std::to_string(rest.size()) +
                             " more bytes follow");
  if (Status status = set.validate(name); !status.isOk())
    return corrupt(name, status.getReason());
  return set;
}

Result<ArtifactSet> ArtifactSet::readFile(const std::string &path) {
  Result<std::string> bytes = attn::readFile(path);
  if (!bytes.isOk())
    return bytes.takeStatus();
  return deserialize(*bytes, path);
}

std::string ArtifactSet::describe() const {
  std::string text = "[";
  for (const Artifact &artifact : artifacts)
    text += (text.size() > 1 ? "," : "") + artifact.manifest.toJson();
  return text + "]";
}

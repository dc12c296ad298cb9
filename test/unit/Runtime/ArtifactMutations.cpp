//===- ArtifactMutations.cpp - artifacts that are damaged or forged -------===//

#include "ArtifactMutations.h"

#include "lib/Runtime/Bytes.h"

#include <limits>
#include <nlohmann/json.hpp>

using namespace attn;
using namespace attn::test;
using Json = nlohmann::json;

static constexpr uint32_t sharedObjectKind = 1;

std::string ArtifactParts::join() const {
  std::string out("ATTNART\x01", 8);
  appendInteger(out, static_cast<uint32_t>(manifest.size()));
  appendInteger(out, static_cast<uint32_t>(payloads.size()));
  out += manifest;
  appendInteger(out, getChecksum(out));
  for (const Payload &payload : payloads) {
    size_t begin = out.size();
    appendInteger(out, payload.kind);
    appendInteger(out, static_cast<uint64_t>(payload.bytes.size()));
    out += payload.bytes;
    appendInteger(out, getChecksum(std::string_view(out).substr(begin)));
  }
  return out;
}

std::string FileParts::join() const {
  if (!isSet)
    return artifacts.front().join();
  std::string out("ATTNART\x02", 8), rest;
  appendInteger(out, static_cast<uint32_t>(artifacts.size()));
  for (const ArtifactParts &artifact : artifacts) {
    std::string bytes = artifact.join();
    appendInteger(out, static_cast<uint64_t>(bytes.size()));
    rest += bytes;
  }
  appendInteger(out, getChecksum(out));
  return out + rest;
}

const ArtifactParts &Mutator::pick() {
  const auto &artifacts = corpus[below(corpus.size())].second.artifacts;
  return artifacts[below(artifacts.size())];
}

Mutant Mutator::next() {
  Mutant mutant;
  const auto &[name, parts] = corpus[below(corpus.size())];
  mutant.name = name;
  mutant.parts = parts;
  // These cost the most, since their manifests are parsed.
  mutant.isForged = below(3) == 0;
  if (mutant.isForged)
    forge(mutant.parts);
  mutant.bytes = mutant.parts.join();
  if (!mutant.isForged)
    damage(mutant.bytes);
  return mutant;
}

void Mutator::damage(std::string &bytes) {
  for (size_t i = 0; i <= below(3); ++i)
    if (below(2) == 0)
      damageBytes(bytes);
    else
      damageSections(bytes);
}

void Mutator::damageBytes(std::string &bytes) {
  if (bytes.empty())
    return;
  size_t at =
      below(below(2) == 0 ? std::min<size_t>(bytes.size(), 64) : bytes.size());
  switch (below(4)) {
  case 0:
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
    break;
  case 1:
    bytes[at] = static_cast<char>(below(256));
    break;
  case 2:
    bytes.resize(at);
    break;
  case 3:
    for (size_t i = 0; i <= below(40); ++i)
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   static_cast<char>(below(256)));
    break;
  }
}

void Mutator::damageSections(std::string &bytes) {
  static const uint64_t lengths[] = {
      0,          1,          0x7fffffff, 0x80000000,
      0xfffffffb, 0xffffffff, 1u << 20,   std::numeric_limits<uint64_t>::max()};
  size_t begin = below(bytes.size() + 1);
  size_t size = below(bytes.size() - begin + 1);
  switch (below(4)) {
  case 0: {
    // Over one of the lengths, or where one might stand.
    std::string length;
    appendInteger(length, below(4) == 0 ? uint64_t(random())
                                        : lengths[below(std::size(lengths))]);
    size_t places[] = {8, 12, begin, bytes.size() / 2};
    size_t at = std::min(places[below(4)], bytes.size());
    bytes.replace(at, std::min<size_t>(below(2) ? 4 : 8, bytes.size() - at),
                  length.substr(0, below(2) ? 4 : 8));
    break;
  }
  case 1:
    bytes.insert(begin, bytes.substr(begin, size));
    break;
  case 2:
    bytes.erase(begin, size);
    break;
  case 3: {
    // The front of one artifact and the back of another.
    std::string other = corpus[below(corpus.size())].second.join();
    bytes = bytes.substr(0, begin) + other.substr(below(other.size()));
    break;
  }
  }
}

void Mutator::forge(FileParts &file) {
  if (file.isSet && below(3) == 0)
    return forgeSet(file.artifacts);
  forge(file.artifacts[below(file.artifacts.size())]);
}

/// Artifacts that are gone, doubled, of another file or place.
void Mutator::forgeSet(std::vector<ArtifactParts> &artifacts) {
  size_t at = below(artifacts.size());
  switch (below(5)) {
  case 0:
    artifacts.erase(artifacts.begin() + static_cast<std::ptrdiff_t>(at));
    break;
  case 1:
    artifacts.resize(at);
    break;
  case 2:
    artifacts.resize(below(70) + 1, ArtifactParts(artifacts[at]));
    break;
  case 3:
    artifacts[at] = pick();
    break;
  case 4:
    std::swap(artifacts[at], artifacts[below(artifacts.size())]);
    break;
  }
}

void Mutator::forge(ArtifactParts &parts) {
  switch (below(4)) {
  case 0:
    parts.manifest = forgeText(parts.manifest);
    break;
  case 1:
    forgePayloads(parts);
    break;
  default:
    parts.manifest = forgeValues(parts.manifest);
    break;
  }
}

void Mutator::forgePayloads(ArtifactParts &parts) {
  if (parts.payloads.empty() || below(4) == 0) {
    const ArtifactParts &other = pick();
    parts.payloads.insert(parts.payloads.end(), other.payloads.begin(),
                          other.payloads.end());
    return;
  }
  ArtifactParts::Payload &payload =
      parts.payloads[below(parts.payloads.size())];
  // An image for the fake driver is text, which is never executed.
  bool isCode = payload.bytes.compare(0, 4,
                                      "\x7f"
                                      "ELF") == 0;
  switch (below(4)) {
  case 0:
    payload.kind = below(2) ? static_cast<uint32_t>(below(6))
                            : static_cast<uint32_t>(random());
    break;
  case 1:
    parts.payloads.push_back(ArtifactParts::Payload(payload));
    break;
  case 2:
    parts.payloads.pop_back();
    break;
  case 3:
    if (!isCode && !payload.bytes.empty())
      payload.bytes[below(payload.bytes.size())] =
          static_cast<char>(below(256));
    else if (payload.kind != sharedObjectKind)
      payload.bytes.clear();
    break;
  }
}

/// As a text, which may be JSON afterwards or not.
std::string Mutator::forgeText(std::string text) {
  static const char *const words[] = {"\"",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      ",",
                                      ":",
                                      "-",
                                      "1e999",
                                      "NaN",
                                      "null",
                                      "true",
                                      "18446744073709551616",
                                      "-0",
                                      "0.5",
                                      "\\u0000",
                                      "\xff",
                                      "\xc3",
                                      "/**/",
                                      "\"schema\":1,",
                                      "\"launches\":[],",
                                      "\"phases\":[],"};
  for (size_t i = 0; i <= below(3); ++i) {
    size_t at = below(text.size() + 1), size = below(text.size() - at + 1);
    switch (below(6)) {
    case 0:
      text.insert(at, words[below(std::size(words))]);
      break;
    case 1:
      if (at < text.size())
        text[at] = static_cast<char>(below(256));
      break;
    case 2:
      text.resize(at);
      break;
    case 3:
      text.insert(at, text.substr(at, std::min<size_t>(size, 200)));
      break;
    case 4:
      text.erase(at, std::min<size_t>(size, 20));
      break;
    case 5: {
      const char *pairs[] = {"[]", "{}"};
      const char *pair = pairs[below(2)];
      size_t depth = below(3000);
      text.insert(at,
                  std::string(depth, pair[0]) + std::string(depth, pair[1]));
      break;
    }
    }
  }
  return text;
}

/// Every value of a document.
static void listValues(Json &json, std::vector<Json *> &values) {
  values.push_back(&json);
  for (Json &item : json)
    if (item.is_structured())
      listValues(item, values);
    else
      values.push_back(&item);
}

/// As JSON: other values, fields that are gone, doubled or of another place.
std::string Mutator::forgeValues(const std::string &text) {
  Json json = Json::parse(text, nullptr, false);
  for (size_t i = 0; i <= below(3); ++i) {
    std::vector<Json *> values;
    listValues(json, values);
    Json &value = *values[below(values.size())];
    const Json other = *values[below(values.size())];
    const Json scalars[] = {0,
                            1,
                            -1,
                            64,
                            1024,
                            1025,
                            true,
                            false,
                            "",
                            "B",
                            "x",
                            "scale",
                            "o",
                            0.5,
                            "f32",
                            "q",
                            "P",
                            Json(),
                            std::numeric_limits<int64_t>::max(),
                            std::numeric_limits<int64_t>::min(),
                            std::numeric_limits<uint64_t>::max()};
    switch (below(6)) {
    case 0:
    case 1:
      value = scalars[below(std::size(scalars))];
      break;
    case 2:
      value = other;
      break;
    case 3:
      if (value.is_structured() && !value.empty())
        value.erase(std::next(
            value.begin(), static_cast<std::ptrdiff_t>(below(value.size()))));
      break;
    case 4:
      if (value.is_array())
        value.push_back(other);
      else if (value.is_object())
        value[below(2) ? "extent" : "added"] = other;
      else if (value.is_number_integer())
        value = static_cast<int64_t>(value.get<uint64_t>() + below(5) - 2);
      break;
    case 5: {
      // An expression, of a random depth.
      const char *const ops[] = {"add", "mul",    "sub", "floordiv", "ceildiv",
                                 "mod", "select", "min", "lt",       "pow"};
      for (size_t depth = below(4) == 0 ? below(100) : 1; depth > 0; --depth)
        value = Json::array({ops[below(std::size(ops))], value,
                             scalars[below(std::size(scalars))]});
      break;
    }
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

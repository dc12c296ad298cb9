//===- ArtifactMutations.h - artifacts that are damaged or forged ---------===//
//
// Two ways to alter an artifact: damage changes bytes and leaves the checksums,
// forgery changes parts and makes the checksums right again, so that what
// stands behind them is reached. Machine code for the CPU is never forged: it
// would be executed.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_ARTIFACTMUTATIONS_H
#define ATTN_TEST_UNIT_RUNTIME_ARTIFACTMUTATIONS_H

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace attn::test {

/// An artifact in its parts, which need not be valid.
struct ArtifactParts {
  struct Payload {
    uint32_t kind;
    std::string bytes;
  };

  std::string manifest;
  std::vector<Payload> payloads;

  /// With right lengths and checksums.
  std::string join() const;
};

/// A file of one artifact, or of a set of any number.
struct FileParts {
  FileParts(ArtifactParts artifact) : artifacts{std::move(artifact)} {}
  FileParts(std::vector<ArtifactParts> artifacts)
      : artifacts(std::move(artifacts)), isSet(true) {}

  std::vector<ArtifactParts> artifacts;
  bool isSet = false;

  /// With right lengths and checksums.
  std::string join() const;
};

using Corpus = std::vector<std::pair<std::string, FileParts>>;

struct Mutant {
  /// Which file was altered, for messages.
  std::string name, bytes;
  /// Whether checksums were made right; then `parts` is what the bytes hold.
  bool isForged = false;
  FileParts parts = std::vector<ArtifactParts>();
};

/// Alters artifacts at random. Equal seeds give equal mutants.
class Mutator {
public:
  Mutator(Corpus corpus, uint64_t seed)
      : corpus(std::move(corpus)), random(seed) {}

  Mutant next();

private:
  size_t below(size_t limit) { return limit ? random() % limit : 0; }
  void damage(std::string &bytes);
  void damageBytes(std::string &bytes);
  void damageSections(std::string &bytes);
  void forge(FileParts &file);
  void forgeSet(std::vector<ArtifactParts> &artifacts);
  void forge(ArtifactParts &parts);
  void forgePayloads(ArtifactParts &parts);
  std::string forgeText(std::string text);
  std::string forgeValues(const std::string &text);

  /// An artifact of the corpus.
  const ArtifactParts &pick();

  Corpus corpus;
  std::mt19937_64 random;
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_ARTIFACTMUTATIONS_H

//===- ArtifactMutationsTest.cpp - 100,000 artifacts that nobody compiled -===//
//
// ATTN_MUTATION_SEED gives the seed, which is another one in every run and is
// printed; ATTN_MUTATIONS gives another number.
//
// A mutant is loaded wrongly if it is accepted and
//   * its checksums were not made right, and its bytes are not an original's,
//   * or its manifest does not satisfy Manifest::validate,
//   * or the manifest that is held says something else than its JSON, as read
//     here by itself, or does not survive being written and read again,
//   * or its payloads are not the very bytes that were put in.
// It is also given to the C interface, which has to refuse what the reader
// refuses, for the same reason, and to hold the same manifest of what it loads.
// Nothing is run.
//
//===----------------------------------------------------------------------===//

#include "ArtifactMutations.h"
#include "CudaKernels.h"
#include "RowSum.h"
#include "attn-c/Attn.h"
#include "attn/Runtime/ArtifactSet.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

using namespace attn;
using namespace attn::test;
using Json = nlohmann::json;

namespace {
ArtifactParts split(const Artifact &artifact) {
  ArtifactParts parts;
  parts.manifest = artifact.manifest.toJson();
  for (const Artifact::Payload &payload : artifact.payloads)
    parts.payloads.push_back(
        {static_cast<uint32_t>(payload.kind), payload.bytes});
  EXPECT_EQ(parts.join(), *artifact.serialize());
  return parts;
}

/// An artifact of every kind of payload, of several, and of none, and sets.
Corpus makeCorpus() {
  Artifact ptx = makeCudaArtifact();
  ptx.payloads[0].kind = Artifact::PayloadKind::ptx;
  ptx.payloads[0].bytes.replace(0, 9, "//FAKEPTX");
  Artifact several = makeCudaArtifact(), none = makeRowSumArtifact();
  several.payloads.push_back(ptx.payloads[0]);
  several.payloads.push_back(none.payloads[0]);
  none.payloads.clear();
  return {{"shared object", split(makeRowSumArtifact())},
          {"cubin", split(makeCudaArtifact())},
          {"ptx", split(ptx)},
          {"three payloads", split(several)},
          {"no payload", split(none)},
          {"two targets", std::vector{split(makeRowSumGpuArtifact()),
                                      split(makeRowSumArtifact())}},
          {"three targets", std::vector{split(makeRowSumArtifact()),
                                        split(makeRowSumGpuArtifact("sm_100a")),
                                        split(makeRowSumGpuArtifact())}}};
}

uint64_t getNumber(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Leaves out what has its default and need not be written.
void dropDefaults(Json &json) {
  if (json.is_object() && json.contains("tensor")) {
    if (json.contains("order") && json["order"] == Json::array())
      json.erase("order");
    if (json.contains("promotion") && json["promotion"] == 256)
      json.erase("promotion");
  }
  for (Json &item : json)
    if (item.is_structured())
      dropDefaults(item);
}

class ArtifactMutations : public testing::Test {
protected:
  void SetUp() override {
    useFakeCuda();
    for (const auto &[name, parts] : corpus) {
      originals.insert(parts.join());
      for (const ArtifactParts &artifact : parts.artifacts) {
        // What is left of a set may be one of its artifacts, undamaged.
        originals.insert(artifact.join());
        for (const ArtifactParts::Payload &payload : artifact.payloads)
          if (payload.bytes.compare(0, 4,
                                    "\x7f"
                                    "ELF") == 0)
            code.insert(payload.bytes);
      }
    }
  }
  void TearDown() override { EXPECT_EQ(describeLeaks(), ""); }

  /// That an accepted mutant is what it says.
  void checkAccepted(const Mutant &mutant, const ArtifactSet &set) {
    ASSERT_TRUE(mutant.isForged || originals.count(mutant.bytes))
        << "the checksums do not tell damage";
    ASSERT_TRUE(set.validate("mutant").isOk());
    if (mutant.isForged)
      ASSERT_EQ(set.artifacts.size(), mutant.parts.artifacts.size());
    for (size_t i = 0; i < set.artifacts.size(); ++i)
      ASSERT_NO_FATAL_FAILURE(checkAccepted(
          set.artifacts[i],
          mutant.isForged ? &mutant.parts.artifacts[i] : nullptr));
  }

  /// `parts` is what the artifact was made of, where that is known.
  void checkAccepted(const Artifact &artifact, const ArtifactParts *parts) {
    ASSERT_TRUE(artifact.manifest.validate().isOk());
    std::string held = artifact.manifest.toJson();
    if (parts) {
      Json said = Json::parse(parts->manifest), holds = Json::parse(held);
      dropDefaults(said);
      ASSERT_EQ(said, holds);
      ASSERT_EQ(artifact.payloads.size(), parts->payloads.size());
      for (size_t i = 0; i < artifact.payloads.size(); ++i) {
        ASSERT_EQ(uint32_t(artifact.payloads[i].kind), parts->payloads[i].kind);
        ASSERT_EQ(artifact.payloads[i].bytes, parts->payloads[i].bytes);
      }
    }
    Result<std::string> written = artifact.serialize();
    ASSERT_TRUE(written.isOk()) << written.getStatus().message();
    Result<Artifact> again = Artifact::deserialize(*written, "again");
    ASSERT_TRUE(again.isOk()) << again.getStatus().message();
    ASSERT_EQ(again->manifest.toJson(), held);
  }

  /// Whether code that would enter the process is what a compiler made.
  bool hasKnownCode(const ArtifactSet &set) const {
    for (const Artifact &artifact : set.artifacts)
      for (const Artifact::Payload &payload : artifact.payloads)
        if (payload.kind == Artifact::PayloadKind::sharedObject &&
            payload.bytes.compare(0, 4,
                                  "\x7f"
                                  "ELF") == 0 &&
            !code.count(payload.bytes))
          return false;
    return true;
  }

  /// Whether `manifest` is that of one of the artifacts.
  static bool has(const ArtifactSet &set, const std::string &manifest) {
    for (const Artifact &artifact : set.artifacts)
      if (artifact.manifest.toJson() == manifest)
        return true;
    return false;
  }

  void checkLoad(const Mutant &mutant, const Result<ArtifactSet> &read) {
    attn_kernel kernel = {1};
    attn_status status = attn_kernel_load_memory(mutant.bytes.data(),
                                                 mutant.bytes.size(), &kernel);
    std::string message = attn_last_error_message();
    if (!read.isOk()) {
      ASSERT_EQ(status, int(read.getStatus().getCode())) << message;
      ASSERT_EQ(attn_last_error_reason(), read.getStatus().getReason());
    }
    if (status == ATTN_OK) {
      ++numLoaded;
      ASSERT_TRUE(has(*read, attn_kernel_manifest(kernel)));
      ASSERT_EQ(attn_kernel_release(kernel), ATTN_OK);
      return;
    }
    ASSERT_EQ(kernel.id, 0u);
    ASSERT_EQ(message.find('\n'), std::string::npos) << message;
    ASSERT_NE(message.find("; "), std::string::npos) << message;
  }

  void check(const Mutant &mutant) {
    Result<ArtifactSet> read = ArtifactSet::deserialize(mutant.bytes, "mutant");
    if (!read.isOk()) {
      ASSERT_EQ(originals.count(mutant.bytes), 0u) << "an original is refused";
      // Neither is an argument wrong, nor a machine at its end.
      ASSERT_TRUE(read.getStatus().getCode() == StatusCode::corrupt ||
                  read.getStatus().getCode() == StatusCode::unsupported)
          << read.getStatus().message();
      ++refusals[read.getStatus().getAlternative()];
    } else {
      ++numAccepted;
      ASSERT_NO_FATAL_FAILURE(checkAccepted(mutant, *read));
      ASSERT_TRUE(hasKnownCode(*read)) << "code was forged: not loaded";
    }
    ASSERT_NO_FATAL_FAILURE(checkLoad(mutant, read));
  }

  const Corpus corpus = makeCorpus();
  std::set<std::string> originals, code;
  std::map<std::string, int> refusals;
  int numAccepted = 0, numLoaded = 0;
};

TEST_F(ArtifactMutations, SetsCutDownToAnArtifactAreNotDamaged) {
  for (const auto &[name, parts] : corpus) {
    Mutant mutant;
    mutant.bytes = parts.join();
    mutant.bytes.erase(0, mutant.bytes.size() -
                              parts.artifacts.back().join().size());
    SCOPED_TRACE(name);
    ASSERT_NO_FATAL_FAILURE(check(mutant));
  }
}

TEST_F(ArtifactMutations, AreRefusedOrWhatTheySay) {
  uint64_t seed = getNumber("ATTN_MUTATION_SEED", std::random_device()());
  uint64_t count = getNumber("ATTN_MUTATIONS", 100000);
  std::printf("ATTN_MUTATION_SEED=%llu\n",
              static_cast<unsigned long long>(seed));
  Mutator mutator(corpus, seed);
  for (uint64_t i = 0; i < count; ++i) {
    Mutant mutant = mutator.next();
    SCOPED_TRACE(mutant.name + ", mutant " + std::to_string(i) + " of seed " +
                 std::to_string(seed));
    check(mutant);
    if (HasFatalFailure())
      return;
    // The fake driver's log grows.
    fakeCudaReset();
  }
  std::printf("%llu mutants: %d accepted, %d of them loaded\n",
              static_cast<unsigned long long>(count), numAccepted, numLoaded);
  RecordProperty("accepted", numAccepted);
  // What stands behind the checksums was reached, in both ways.
  EXPECT_GT(numLoaded, static_cast<int>(count / 1000));
  EXPECT_GT(refusals.size(), 10u);
}
} // namespace

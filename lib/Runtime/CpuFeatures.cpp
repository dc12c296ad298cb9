//===- CpuFeatures.cpp - does this machine have what a kernel needs? ------===//

#include "attn/Runtime/CpuFeatures.h"

#include <optional>
#include <string_view>
#include <vector>

using namespace attn;

namespace {
struct Feature {
  std::string_view name;
  bool isThere;
};
} // namespace

#if defined(__x86_64__)
static constexpr std::string_view hostArch = "x86-64";

/// By LLVM's names. The compiler's builtin, which takes literals only, also
/// asks the operating system whether it saves the registers.
static std::vector<Feature> listFeatures() {
#define ATTN_FEATURE(feature) {feature, __builtin_cpu_supports(feature) != 0},
  return {
      ATTN_FEATURE("cmov") ATTN_FEATURE("mmx") ATTN_FEATURE("sse") ATTN_FEATURE(
          "sse2") ATTN_FEATURE("sse3") ATTN_FEATURE("ssse3")
          ATTN_FEATURE("sse4.1") ATTN_FEATURE("sse4.2") ATTN_FEATURE("popcnt")
              ATTN_FEATURE("aes") ATTN_FEATURE("pclmul") ATTN_FEATURE(
                  "avx") ATTN_FEATURE("avx2") ATTN_FEATURE("fma")
                  ATTN_FEATURE("f16c") ATTN_FEATURE("bmi") ATTN_FEATURE(
                      "bmi2") ATTN_FEATURE("lzcnt") ATTN_FEATURE("movbe")
                      ATTN_FEATURE("gfni") ATTN_FEATURE("vaes") ATTN_FEATURE(
                          "vpclmulqdq") ATTN_FEATURE("avx512f")
                          ATTN_FEATURE("avx512bw") ATTN_FEATURE("avx512cd")
                              ATTN_FEATURE("avx512dq") ATTN_FEATURE(
                                  "avx512vl") ATTN_FEATURE("avx512ifma")
                                  ATTN_FEATURE("avx512vbmi") ATTN_FEATURE(
                                      "avx512vbmi2") ATTN_FEATURE("avx512vnni")
                                      ATTN_FEATURE("avx512bitalg") ATTN_FEATURE(
                                          "avx512vpopcntdq")
                                          ATTN_FEATURE("avx512bf16")
                                              ATTN_FEATURE("avx512fp16")
                                                  ATTN_FEATURE("avxvnni")
                                                      ATTN_FEATURE("amx-tile")
                                                          ATTN_FEATURE(
                                                              "amx-bf16")
                                                              ATTN_FEATURE(
                                                                  "amx-int8")};
#undef ATTN_FEATURE
}
#else
static constexpr std::string_view hostArch = "unknown";
static std::vector<Feature> listFeatures() { return {}; }
#endif

/// Whether this machine has a feature; nothing for a name that is not in the
/// list.
static std::optional<bool> hasFeature(std::string_view name) {
  for (const Feature &feature : listFeatures())
    if (feature.name == name)
      return feature.isThere;
  return std::nullopt;
}

std::string attn::describeHostFeatures() {
  std::string text(hostArch);
  for (const Feature &feature : listFeatures())
    if (feature.isThere)
      text += " " + std::string(feature.name);
  return text;
}

Status attn::checkHostSupports(const Manifest::Target &target) {
  if (target.arch != hostArch)
    return Status::error(StatusCode::unsupported, "target.arch",
                         "expects a machine of architecture " + target.arch +
                             ", but this one is " + std::string(hostArch),
                         "compile for this machine");
  for (const std::string &feature : target.features) {
    std::optional<bool> has = hasFeature(feature);
    if (!has)
      return Status::error(StatusCode::unsupported, "target.features",
                           "expects a CPU feature that the runtime can check, "
                           "but got " +
                               feature,
                           "compile without it");
    if (!*has)
      return Status::error(StatusCode::unsupported, "target.features",
                           "expects a CPU with " + feature +
                               ", but this one lacks it",
                           "compile for this machine or for x86-64");
  }
  return {};
}

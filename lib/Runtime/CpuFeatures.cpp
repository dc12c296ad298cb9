//===- CpuFeatures.cpp - does this machine have what a kernel needs? ------===//

#include "attn/Runtime/CpuFeatures.h"

#include <optional>
#include <string_view>

using namespace attn;

#if defined(__x86_64__)
static constexpr std::string_view hostArch = "x86-64";

/// Whether this machine has a feature by LLVM's name; nothing for a name that
/// is not in the list. The compiler's builtin also asks the operating system
/// whether it saves the registers.
static std::optional<bool> hasFeature(std::string_view name) {
#define ATTN_FEATURE(llvmName, builtinName)                                    \
  if (name == llvmName)                                                        \
    return __builtin_cpu_supports(builtinName) != 0;
  ATTN_FEATURE("cmov", "cmov")
  ATTN_FEATURE("mmx", "mmx")
  ATTN_FEATURE("sse", "sse")
  ATTN_FEATURE("sse2", "sse2")
  ATTN_FEATURE("sse3", "sse3")
  ATTN_FEATURE("ssse3", "ssse3")
  ATTN_FEATURE("sse4.1", "sse4.1")
  ATTN_FEATURE("sse4.2", "sse4.2")
  ATTN_FEATURE("popcnt", "popcnt")
  ATTN_FEATURE("aes", "aes")
  ATTN_FEATURE("pclmul", "pclmul")
  ATTN_FEATURE("avx", "avx")
  ATTN_FEATURE("avx2", "avx2")
  ATTN_FEATURE("fma", "fma")
  ATTN_FEATURE("f16c", "f16c")
  ATTN_FEATURE("bmi", "bmi")
  ATTN_FEATURE("bmi2", "bmi2")
  ATTN_FEATURE("lzcnt", "lzcnt")
  ATTN_FEATURE("movbe", "movbe")
  ATTN_FEATURE("gfni", "gfni")
  ATTN_FEATURE("vaes", "vaes")
  ATTN_FEATURE("vpclmulqdq", "vpclmulqdq")
  ATTN_FEATURE("avx512f", "avx512f")
  ATTN_FEATURE("avx512bw", "avx512bw")
  ATTN_FEATURE("avx512cd", "avx512cd")
  ATTN_FEATURE("avx512dq", "avx512dq")
  ATTN_FEATURE("avx512vl", "avx512vl")
  ATTN_FEATURE("avx512ifma", "avx512ifma")
  ATTN_FEATURE("avx512vbmi", "avx512vbmi")
  ATTN_FEATURE("avx512vbmi2", "avx512vbmi2")
  ATTN_FEATURE("avx512vnni", "avx512vnni")
  ATTN_FEATURE("avx512bitalg", "avx512bitalg")
  ATTN_FEATURE("avx512vpopcntdq", "avx512vpopcntdq")
  ATTN_FEATURE("avx512bf16", "avx512bf16")
  ATTN_FEATURE("avx512fp16", "avx512fp16")
  ATTN_FEATURE("avxvnni", "avxvnni")
  ATTN_FEATURE("amx-tile", "amx-tile")
  ATTN_FEATURE("amx-bf16", "amx-bf16")
  ATTN_FEATURE("amx-int8", "amx-int8")
#undef ATTN_FEATURE
  return std::nullopt;
}
#else
static constexpr std::string_view hostArch = "unknown";
static std::optional<bool> hasFeature(std::string_view) { return std::nullopt; }
#endif

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

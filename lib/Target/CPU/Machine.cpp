//===- Machine.cpp - the table of CPU targets -----------------------------===//
//
// Block shapes are those that reach 97% and more of the FMA peak on Zen 4: 8
// rows of 2 vectors with 32 registers, 6 rows of 2 with 16.
//
//===----------------------------------------------------------------------===//

#include "attn/Target/CPU/Machine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace attn::cpu;

static std::vector<Machine> makeMachines() {
  // The levels of the x86-64 psABI, less what no kernel uses (128-bit atomics,
  // the saving of state) and the runtime could not check.
  std::vector<std::string> v2 = {"sse3", "ssse3", "sse4.1", "sse4.2", "popcnt"};
  std::vector<std::string> v3 = v2;
  v3.insert(v3.end(),
            {"avx", "avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe"});
  std::vector<std::string> v4 = v3;
  v4.insert(v4.end(),
            {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  std::vector<std::string> v4Bf16 = v4;
  v4Bf16.push_back("avx512bf16");
  return {
      {"x86-64-v4-bf16", "x86-64-v4", "znver4", v4Bf16, 16, 16, 8, true,
       ExponentOp::Scalef},
      {"x86-64-v4", "x86-64-v4", "znver4", v4, 16, 16, 8, false,
       ExponentOp::Scalef},
      {"x86-64-v3", "x86-64-v3", "znver3", v3, 8, 12, 6, false,
       ExponentOp::Multiply},
      {"portable", "x86-64-v2", "x86-64-v2", v2, 4, 8, 4, false,
       ExponentOp::Multiply, false, false},
  };
}

static const std::vector<Machine> &getMachines() {
  static const std::vector<Machine> machines = makeMachines();
  return machines;
}

std::optional<Machine> attn::cpu::getMachine(llvm::StringRef name) {
  llvm::StringMap<bool> host;
  if (name == "host")
    host = llvm::sys::getHostCPUFeatures();
  for (const Machine &machine : getMachines()) {
    if (machine.name == name)
      return machine;
    bool runs = true;
    for (const std::string &feature : machine.features)
      runs = runs && host.lookup(feature);
    if (name == "host" && runs)
      return machine;
  }
  return std::nullopt;
}

llvm::ArrayRef<llvm::StringRef> attn::cpu::getMachineNames() {
  static const llvm::StringRef names[] = {"host", "x86-64-v4-bf16", "x86-64-v4",
                                          "x86-64-v3", "portable"};
  return names;
}

//===- Machine.cpp - the table of CPU targets -----------------------------===//
//
// Block shapes are those that reach 97% and more of the FMA peak on Zen 4: 8
// rows of 2 vectors with 32 registers, 6 rows of 2 with 16. A core of that chip
// does 118 GFLOP/s on f32 while it reads 26 GB/s. The portable machine's
// vectors do a quarter of that, and packing what it reads takes it as long as
// reading.
//
//===----------------------------------------------------------------------===//

#include "attn/Target/CPU/Machine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include <algorithm>
#include <unistd.h>

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
       ExponentOp::Scalef, true, true, 32 << 10, 1 << 20},
      {"x86-64-v4", "x86-64-v4", "znver4", v4, 16, 16, 8, false,
       ExponentOp::Scalef, true, true, 32 << 10, 1 << 20},
      {"x86-64-v3", "x86-64-v3", "znver3", v3, 8, 12, 6, false,
       ExponentOp::Multiply},
      {"portable", "x86-64-v2", "x86-64-v2", v2, 4, 8, 4, false,
       ExponentOp::Multiply, false, false, 32 << 10, 512 << 10, 2.2},
  };
}

static const std::vector<Machine> &getMachines() {
  static const std::vector<Machine> machines = makeMachines();
  return machines;
}

/// `machine` with the caches of the machine that this runs on.
static Machine withHostCaches(Machine machine) {
  // The system says 0 or -1 where it does not know.
  if (long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE); bytes > 0)
    machine.l1Bytes = static_cast<uint64_t>(bytes);
  if (long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE); bytes > 0)
    machine.l2Bytes = static_cast<uint64_t>(bytes);
  return machine;
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
      return withHostCaches(machine);
  }
  return std::nullopt;
}

attn::ScheduleTarget attn::cpu::getScheduleTarget(const Machine &machine) {
  ScheduleTarget target;
  target.bufferBytes = machine.l2Bytes / 2;
  // A register block has its vectors along the rows in the first product.
  target.limits.rowGranule =
      machine.lanes * (machine.accumulators / machine.blockRows);
  target.limits.keyGranule = machine.blockRows;
  target.copiesKeys = true;
  // Scores become weights in place.
  target.pointBytes = sizeof(float);
  target.flopsPerByte = machine.flopsPerByte;
  target.hasNarrowRate = machine.pairDot;
  target.fewBelow = 8;
  target.fewBytes = machine.l1Bytes / 2;
  return target;
}

llvm::ArrayRef<llvm::StringRef> attn::cpu::getMachineNames() {
  static const llvm::StringRef names[] = {"host", "x86-64-v4-bf16", "x86-64-v4",
                                          "x86-64-v3", "portable"};
  return names;
}

//===- Machine.h - what the CPU lowering knows of a machine -----*- C++ -*-===//

#ifndef ATTN_TARGET_CPU_MACHINE_H
#define ATTN_TARGET_CPU_MACHINE_H

#include "attn/Analysis/ScheduleChooser.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>
#include <vector>

namespace attn::cpu {

/// How 2^n is applied to a vector.
enum class ExponentOp {
  /// AVX-512's vscalefps: right for any n, denormal results included.
  Scalef,
  /// Two multiplications by powers of two built in the exponent field.
  Multiply
};

/// One row of the target table: data, no code.
struct Machine {
  /// The name that `--target` takes.
  std::string name;
  /// The level of the x86-64 psABI, for people: code is generated for
  /// `features` alone.
  std::string cpu;
  /// LLVM's CPU name to schedule for. Says nothing of what the code may use.
  std::string tune;
  /// All that a kernel may use beyond the first x86-64 CPU, and so what the
  /// manifest asks of a machine. Spelled as LLVM does; each is one that
  /// `checkHostSupports` knows.
  std::vector<std::string> features;
  /// f32 elements in a vector.
  int64_t lanes = 4;
  /// Vector registers to keep sums of a contraction in.
  int64_t accumulators = 8;
  /// Rows of a contraction's register block; `accumulators / blockRows`
  /// vectors.
  int64_t blockRows = 4;
  /// Whether there is a contraction of bf16 pairs over `lanes` f32 sums.
  bool pairDot = false;
  ExponentOp exponent = ExponentOp::Multiply;
  /// Whether there are fused multiply-add, and conversions of f16.
  bool hasFma = true, hasHalfConversion = true;
  /// Bytes of a core's own caches, for data.
  uint64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10;
  /// Operations on f32 that a core does while memory gives it one byte.
  double flopsPerByte = 4.5;
};

/// The machines by name: "x86-64-v4-bf16", "x86-64-v4", "x86-64-v3",
/// "portable"; "host" is the best of these that this machine runs, with this
/// machine's caches where the system tells them. None if the name is not known.
std::optional<Machine> getMachine(llvm::StringRef name);

/// What `machine` asks of a schedule: tiles of whole register blocks in half of
/// its second-level cache, the scores of a single row in half of the first. The
/// other halves are for what streams past.
ScheduleTarget getScheduleTarget(const Machine &machine);

/// The names that `getMachine` knows, "host" first.
llvm::ArrayRef<llvm::StringRef> getMachineNames();

} // namespace attn::cpu

#endif // ATTN_TARGET_CPU_MACHINE_H

//===- Manifest.h - a compiled kernel's contract with its host ------------===//
//
// The manifest is the only description of a compiled kernel: its arguments, the
// order of its parameter words, its work and its memory. The compiler fills
// this struct; the runtime evaluates it. In JSON:
//
//   {"schema": 1, "name": "causal", "attn_version": "...", "llvm_version":
//   "...",
//    "target": {"arch": "x86-64", "cpu": "znver4", "features": ["avx512f"]},
//    "numerics": {...}, "cache_key": "...",
//    "ranks": [{"name": "B"}, {"name": "E", "extent": 64}],
//    "arguments": [
//      {"name": "q", "kind": "tensor", "access": "read", "dtype": "bf16",
//       "shape": ["B", "P", 64]},
//      {"name": "window", "kind": "scalar", "dtype": "i64"}],
//    "parameters": [{"pointer": "q"}, {"stride": ["q", 0]}, {"extent": "P"},
//                   {"scalar": "window"}, {"workspace": true}, {"expr": E}],
//    "workspace_bytes": E, "scratch_bytes": E,
//    "phases": [{"symbol": "causal_main", "items": E}]}
//
// E is an expression (Expr.h) over the ranks and the integer scalar arguments.
//
// A kernel for a GPU has launches (Launch.h) in place of phases: instead of
// "parameters", "scratch_bytes" and "phases" it has
//
//    "target": {"arch": "sm_90a", "cpu": "", "features": [], "driver": 12040},
//    "state_bytes": E, "launches": [...]
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_MANIFEST_H
#define ATTN_RUNTIME_MANIFEST_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Expr.h"
#include "attn/Runtime/Launch.h"
#include "attn/Runtime/Status.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

struct Manifest {
  static constexpr int64_t schemaVersion = 1;

  /// What the machine must have. `arch` is "x86-64" or a GPU's, as "sm_90a";
  /// `features` are LLVM's names without sign, and loading refuses a machine
  /// that lacks one. `driver` is the oldest driver of a GPU that suffices, 1000
  /// * major + 10 * minor of its CUDA; without it any that the runtime takes.
  struct Target {
    std::string arch, cpu;
    std::vector<std::string> features;
    std::optional<int64_t> driver = std::nullopt;
  };

  /// A dense rank. Without `extent` it is bound from the tensors' shapes.
  struct Rank {
    std::string name;
    std::optional<int64_t> extent;
    /// The most that a kernel covers of a rank without an extent.
    std::optional<int64_t> most = std::nullopt;
  };

  /// One entry of a tensor's shape: a rank's name, or `size` where `rank` is
  /// empty.
  struct Extent {
    std::string rank;
    int64_t size = 0;

    Extent(std::string rank) : rank(std::move(rank)) {}
    Extent(const char *rank) : rank(rank) {}
    Extent(int64_t size) : size(size) {}
  };

  /// A tensor with a shape, or a scalar with none. Only tensors can be written.
  struct Argument {
    enum class Kind { tensor, scalar };
    /// What is updated is written in part, and the rest kept: it is an output
    /// that the caller has filled.
    enum class Access { read, write, update };

    static Argument tensor(std::string name, Access access, DType dtype,
                           std::vector<Extent> shape) {
      return {std::move(name), Kind::tensor, access, dtype, std::move(shape)};
    }
    static Argument scalar(std::string name, DType dtype) {
      return {std::move(name), Kind::scalar, Access::read, dtype, {}};
    }

    std::string name;
    Kind kind;
    Access access;
    DType dtype;
    std::vector<Extent> shape;
  };

  /// One int64 word of the array that every phase's symbol receives.
  struct Parameter {
    enum class Kind { pointer, stride, extent, scalar, workspace, expr };

    /// The address of element (0, ..., 0) of a tensor.
    static Parameter pointer(std::string tensor) {
      return {Kind::pointer, std::move(tensor), 0, {}};
    }
    /// A tensor's stride along `dim`, in elements, of any sign.
    static Parameter stride(std::string tensor, int64_t dim) {
      return {Kind::stride, std::move(tensor), dim, {}};
    }
    static Parameter extent(std::string rank) {
      return {Kind::extent, std::move(rank), 0, {}};
    }
    /// A scalar argument; f32 and f64 as bits in the low end of the word.
    static Parameter scalar(std::string argument) {
      return {Kind::scalar, std::move(argument), 0, {}};
    }
    /// The address of the workspace, 64-byte aligned.
    static Parameter workspace() { return {Kind::workspace, {}, 0, {}}; }
    static Parameter value(Expr expr) {
      return {Kind::expr, {}, 0, std::move(expr)};
    }

    Kind kind;
    std::string name;
    int64_t dim;
    Expr expr;
  };

  /// `items` independent work items, run by one symbol. Phases run in order,
  /// with a barrier between.
  struct Phase {
    std::string symbol;
    Expr items;
  };

  std::string name, attnVersion, llvmVersion, cacheKey;
  Target target;
  /// The text of a JSON object, printed by tools and not interpreted.
  std::string numerics = "{}";
  std::vector<Rank> ranks;
  std::vector<Argument> arguments;
  std::vector<Parameter> parameters;
  /// Bytes shared by all threads of one run, and bytes private to each. A
  /// launch's workspace is device memory, and it has no scratch.
  Expr workspaceBytes = 0, scratchBytes = 0;
  /// Either phases, or launches, which run in order.
  std::vector<Phase> phases;
  std::vector<Launch> launches;
  /// Device memory that is zero when a launch begins, and that every launch
  /// leaves zero, as counters of work.
  Expr stateBytes = 0;

  /// Refuses what no host could run: unknown, duplicate or ambiguous names,
  /// parameters that refer to nothing, ranks that no shape binds, negative
  /// sizes. The feature names the place, such as `manifest.parameters[3]`.
  Status validate() const;

  /// Reads and validates. Unknown fields are refused: a reader that does not
  /// know a field cannot know that it may be ignored.
  static Result<Manifest> parse(std::string_view json);

  /// Compact JSON that `parse` takes back to an equal manifest.
  /// Pre-condition: validate() succeeds.
  std::string toJson() const;

  /// Position in `arguments` or `ranks`, or nothing.
  std::optional<size_t> findArgument(std::string_view argument) const;
  std::optional<size_t> findRank(std::string_view rank) const;
};

} // namespace attn

#endif // ATTN_RUNTIME_MANIFEST_H

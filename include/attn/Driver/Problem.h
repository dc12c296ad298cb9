//===- Problem.h - one shape, type and set of parameters of a cascade -----===//

#ifndef ATTN_DRIVER_PROBLEM_H
#define ATTN_DRIVER_PROBLEM_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Status.h"
#include "dialects/Cascade/Cascade.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// What a command line says of a cascade's extents, in the words of attention.
/// Absent numbers have defaults.
struct AttentionShape {
  std::optional<int64_t> batch, heads, kvHeads, queryLength, keyLength, headDim,
      valueDim;
  /// Extents of ranks by their names, which go before all.
  std::map<std::string, int64_t> ranks;
};

/// A cascade's extents, scalars and type.
struct Problem {
  /// Of each rank of an argument.
  std::map<std::string, int64_t> extents;
  /// Of each scalar argument.
  std::map<std::string, double> scalars;
  /// Of the arguments and results without `cascade.fixed`.
  DType dtype = DType::f32;

  /// The extents of `type`'s ranks.
  std::vector<int64_t> getShape(cascade::NamedTensorType type) const;
};

/// One scalar argument, for `--list`.
struct Parameter {
  std::string name, type, defaultText, doc;
  /// The values it may have, as `0 to 1` or `at least 0`; empty for all.
  std::string bounds;
};

/// The scalar arguments of `func`.
std::vector<Parameter> getParameters(cascade::FuncOp func);

/// Fills the extents of `func`'s arguments. Ranks B, H, G, P, M, E and F are
/// batch, key heads, query heads a key head, queries, keys, width of keys and
/// of values; where `func` has no G, H are all heads, and where it has no P,
/// queries are keys. A declared extent is taken; others are in `shape.ranks` or
/// else in the dictionary `cascade.extents` of `func`. Extents already in
/// `problem` (bound from files) stay.
///
/// Refuses numbers that contradict each other or `func`, negative ones, and
/// a rank without an extent.
Status resolveExtents(cascade::FuncOp func, const AttentionShape &shape,
                      Problem &problem);

/// Fills the scalars: what `given` has, else the argument's `cascade.default`,
/// which is a number or the text `rsqrt(RANK)`. Refuses unknown names, values
/// that the type or the argument's bounds do not allow, and an argument without
/// either. Needs extents.
Status resolveScalars(cascade::FuncOp func,
                      const std::map<std::string, std::string> &given,
                      Problem &problem);

/// Refuses tensors that this machine's memory cannot hold beside their values
/// in f64, which the tools keep; with `interpreted` also those between. Needs
/// extents.
Status checkMemory(cascade::FuncOp func, const Problem &problem,
                   bool interpreted);

/// The element type of an argument or result once `problem.dtype` is bound.
DType getBoundType(cascade::NamedTensorType type,
                   mlir::DictionaryAttr attributes, const Problem &problem);

} // namespace attn

#endif // ATTN_DRIVER_PROBLEM_H

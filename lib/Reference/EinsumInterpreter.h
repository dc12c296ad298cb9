//===- EinsumInterpreter.h - evaluates one Einsum
//---------------------------===//

#ifndef ATTN_LIB_REFERENCE_EINSUMINTERPRETER_H
#define ATTN_LIB_REFERENCE_EINSUMINTERPRETER_H

#include "ScalarProgram.h"
#include "TensorView.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace attn::reference {

/// A rank whose coordinates depend on outer ones.
struct DependentRank {
  cascade::RankKind kind;
  llvm::SmallVector<mlir::StringAttr> outer;
  TensorView source;
};

/// What operations see: values, and the extents of ranks. The extent of a
/// dependent rank is that of the storage along it.
struct Environment {
  llvm::DenseMap<mlir::Value, TensorView> tensors;
  llvm::DenseMap<mlir::Value, Slot> scalars;
  llvm::StringMap<int64_t> extents;
  llvm::StringMap<DependentRank> dependentRanks;

  /// Refuses a rank that nothing binds.
  Result<int64_t> getExtent(llvm::StringRef rank) const;
  /// Refuses a rank that nothing binds.
  Result<std::vector<int64_t>> getShape(cascade::NamedTensorType type) const;
};

/// Sets elements of `view` at which a dependent rank has no coordinate to the
/// empty value, so that reads at any coordinate see the tensor as it is. Does
/// nothing if the tensor lacks an outer rank.
void clearBeyond(const TensorView &view, cascade::NamedTensorType type,
                 llvm::StringRef rank, const DependentRank &dependent);

/// An Einsum with its regions compiled; used for each of its executions.
struct CompiledEinsum {
  cascade::EinsumOp op;
  std::optional<ScalarProgram> where;
  ScalarProgram map;
  /// Combines register 0 with register 1, if there is a monoid.
  std::optional<ScalarProgram> combine;
  double identity = 0;
  llvm::SmallVector<cascade::Merge> merges;
  /// The type that results are stored in, or null for no rounding.
  mlir::FloatType rounding;
  /// Scalar operations round to f32, and sums are taken in order.
  bool isUnfused = false;
  /// InterpretOptions::sumOrder.
  unsigned sumOrder = 0;
};

/// Refuses operations that no kernel computes.
Result<CompiledEinsum> compileEinsum(cascade::EinsumOp op,
                                     mlir::FloatType unfusedType);

/// The result of the Einsum in `environment`. `points`, if not null, grows by
/// the number of contributing points.
Result<TensorView> runEinsum(const CompiledEinsum &einsum,
                             const Environment &environment,
                             int64_t *points = nullptr);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_EINSUMINTERPRETER_H

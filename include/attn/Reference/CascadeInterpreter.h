//===- CascadeInterpreter.h - runs a cascade in f64
//-------------------------===//
//
// The oracle: any verified cascade, evaluated as the operations' descriptions
// say, untiled, every value in f64. It shares no code with the lowering or with
// the analysis of masks.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_REFERENCE_CASCADEINTERPRETER_H
#define ATTN_REFERENCE_CASCADEINTERPRETER_H

#include "attn/Runtime/Status.h"
#include "dialects/Cascade/Cascade.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace attn {

/// A tensor in row-major order. Values of every element type are held as f64,
/// which is exact for floats and for integers of 53 bits.
struct ReferenceTensor {
  std::vector<int64_t> shape;
  std::vector<double> values;

  /// The number of elements that `shape` calls for.
  int64_t getNumElements() const;
};

/// What a caller binds to a cascade, by the names of the arguments.
///
/// A tensor has one dimension for each rank. Along a ragged rank it has the
/// largest extent, and elements beyond an outer coordinate's own extent are not
/// read; along a list rank it has the extent of the rank that is listed. The
/// offsets of a ragged rank have one entry more than their rank.
struct CascadeArguments {
  std::map<std::string, ReferenceTensor> tensors;
  /// Of floats and of integers.
  std::map<std::string, double> scalars;
};

struct InterpretOptions {
  /// If set, the result is that of the same cascade run operation by operation
  /// in a machine's types: scalar operations and sums in f32, and each result
  /// or operand of a contraction (a reduced product of several tensors) stored
  /// in this type. It is what the error rule compares a kernel with.
  mlir::FloatType unfusedType;

  /// The order in which reductions take their points: 0 is ascending, 1
  /// descending, each larger number another one in which neighbours are apart.
  /// A cascade says no order; where values round, these tell how much it
  /// matters.
  unsigned sumOrder = 0;

  /// Scans with a merge region are run in this many pieces, each from the
  /// initial carries, which are then merged in order. Must be 1 or more.
  int64_t scanPieces = 1;

  /// If set, the number of points that contributed to each Einsum is added
  /// here: those that `where` admits and no operand absorbs.
  llvm::DenseMap<mlir::Operation *, int64_t> *points = nullptr;
};

/// Runs `func` and returns its results by name.
///
/// Refuses an absent, surplus or ill-shaped argument, two extents for one rank,
/// a rank without an extent, an operation that is not of arith or math (it is
/// named), division of an integer by zero, and tensors that memory cannot hold.
/// Pre-condition: `func` is verified.
Result<std::map<std::string, ReferenceTensor>>
interpretCascade(cascade::FuncOp func, const CascadeArguments &arguments,
                 const InterpretOptions &options = {});

} // namespace attn

#endif // ATTN_REFERENCE_CASCADEINTERPRETER_H

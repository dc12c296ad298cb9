//===- EinsumAccess.h - where an Einsum reads and writes
//--------------------===//
//
// The coordinates of a tensor are affine in the variables and in entries of
// index tensors. `locate` finds the elements of `lanes` neighbouring values of
// one variable, the batch variable: evenly spaced ones where the coordinates
// are linear in it and stay in range, else one by one.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_REFERENCE_EINSUMACCESS_H
#define ATTN_LIB_REFERENCE_EINSUMACCESS_H

#include "ScalarProgram.h"
#include "TensorView.h"

#include <optional>

namespace attn::reference {

/// The present point: a coordinate for each variable; that of the batch
/// variable (if there is one) is the first lane's.
struct Point {
  llvm::SmallVector<int64_t> coordinates;
  int batchVariable = -1;
  int64_t lanes = 1;
};

/// Offsets from a view's first element.
struct LaneOffsets {
  /// True: lane i is at `start + i * stride`. False: at `offsets[i]`, or
  /// nowhere if that is negative.
  bool even = true;
  int64_t start = 0, stride = 0;
  int64_t offsets[kLanes];
};

class Access {
public:
  Access(TensorView view, mlir::AffineMap map, cascade::NamedTensorType type);

  /// The tensors and maps of the symbols.
  void setIndices(llvm::ArrayRef<Access> all) { indices = all; }

  /// Drops the range checks if all coordinates stay in range while variable i
  /// is in [0, extents[i]).
  void simplify(llvm::ArrayRef<int64_t> extents);

  void locate(const Point &point, LaneOffsets &location) const;

  /// Reads the elements at `location`; the type's empty value where there is
  /// none.
  void load(const LaneOffsets &location, int64_t lanes, Slot *values) const;

  /// The distance of neighbours along `variable` if it is known, else nothing.
  std::optional<int64_t> getStride(unsigned variable) const;
  bool dependsOn(unsigned variable) const;

  bool isInteger() const { return integer; }
  double getEmpty() const { return empty; }
  /// An element's value in a register, and back.
  Slot fromStored(double value) const {
    Slot slot;
    if (integer)
      slot.i = toInteger(value);
    else
      slot.f = value;
    return slot;
  }
  double toStored(Slot slot) const {
    return integer ? static_cast<double>(slot.i) : slot.f;
  }
  const TensorView &getView() const { return view; }

private:
  std::optional<int64_t> evaluate(mlir::AffineExpr expr, const Point &point,
                                  int64_t lane) const;
  std::optional<int64_t> locateLane(const Point &point, int64_t lane) const;

  TensorView view;
  mlir::AffineMap map;
  bool integer;
  double empty;
  llvm::ArrayRef<Access> indices;
  /// Of each coordinate, the factor of each variable, or nothing if it is not
  /// linear in it.
  llvm::SmallVector<llvm::SmallVector<std::optional<int64_t>>> factors;
  /// Set by `simplify`: the offset is `base` plus variables times strides.
  bool linear = false;
  int64_t base = 0;
  llvm::SmallVector<int64_t> strides;
};

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_EINSUMACCESS_H

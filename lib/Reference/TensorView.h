//===- TensorView.h - f64 storage and strided views of it
//-------------------===//

#ifndef ATTN_LIB_REFERENCE_TENSORVIEW_H
#define ATTN_LIB_REFERENCE_TENSORVIEW_H

#include "attn/Reference/CascadeInterpreter.h"
#include "attn/Runtime/Status.h"
#include "dialects/Cascade/Cascade.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace attn::reference {

/// A part of a buffer, shared between the views of it.
struct TensorView {
  std::shared_ptr<std::vector<double>> buffer;
  int64_t offset = 0;
  std::vector<int64_t> shape, strides;

  double *data() const { return buffer->data() + offset; }
  bool isRowMajor() const;
  int64_t getNumElements() const;

  /// Coordinates [start, start + extent) of dimension `dim`.
  TensorView slice(unsigned dim, int64_t start, int64_t extent) const;
  /// Coordinate `at` of dimension `dim`, which goes.
  TensorView select(unsigned dim, int64_t at) const;

  /// The elements in row-major order.
  std::vector<double> toVector() const;
};

/// A new tensor that holds `value` everywhere. Refuses one that is too large.
Result<TensorView> allocate(llvm::ArrayRef<int64_t> shape, double value);

/// Copies `source` to `target`, which has its shape.
void copy(const TensorView &source, const TensorView &target);

/// Calls `visit` with the coordinates of each point of `shape` in row-major
/// order.
void forEachPoint(llvm::ArrayRef<int64_t> shape,
                  llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);

/// The element at `point`.
double &at(const TensorView &view, llvm::ArrayRef<int64_t> point);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_TENSORVIEW_H

//===- HostTensor.h - a tensor in memory, of any type and layout ----------===//

#ifndef ATTN_DRIVER_HOSTTENSOR_H
#define ATTN_DRIVER_HOSTTENSOR_H

#include "attn/Reference/CascadeInterpreter.h"
#include "attn/Runtime/DType.h"
#include "attn/Runtime/Status.h"
#include "attn/Support/Npy.h"

#include "llvm/ADT/ArrayRef.h"

#include <dlpack/dlpack.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace attn {

/// `value` as the nearest number of `type` (ties to even; integers saturate),
/// back in f64.
double roundToType(double value, DType type);

/// The distance between the two numbers of the float type `type` next to
/// `value`, which is finite.
double getUlp(double value, DType type);

/// How a tensor lies in memory.
enum class Layout {
  /// Row-major, compact.
  contiguous,
  /// The first dimension varies fastest.
  transposed,
  /// Row-major with gaps after each row, and between elements.
  strided,
  /// Row-major, one element after a boundary of 64 bytes, rows of odd length.
  misaligned,
  /// Row-major, and each dimension runs from high addresses to low ones.
  reversed,
};

std::optional<Layout> parseLayout(std::string_view name);

/// A tensor with its own memory. What lies between and around its elements is
/// filled with NaN (or with the lowest integers), so that a read there shows.
class HostTensor {
public:
  /// Refuses a size that 63 bits do not hold or beyond 2^38 bytes.
  static Result<HostTensor> create(DType type, std::vector<int64_t> shape,
                                   Layout layout);
  HostTensor(HostTensor &&) = default;
  HostTensor &operator=(HostTensor &&) = default;

  /// Elements in row-major order, rounded to the type.
  void setValues(const std::vector<double> &values);
  /// Elements in row-major order.
  std::vector<double> getValues() const;
  ReferenceTensor toReference() const;
  /// Row-major and compact, whatever the layout.
  NpyArray toNpy() const;

  /// True if nothing between and around the elements has changed since they
  /// were last set.
  bool areGapsUntouched() const;

  DType getType() const { return type; }
  const std::vector<int64_t> &getShape() const { return shape; }
  int64_t getNumElements() const;
  /// A view for Plan::prepare. It refers to this tensor's members.
  DLTensor getView();
  /// All bytes, what lies around elements included, and of these the number of
  /// the first that lies at a boundary of 64.
  llvm::MutableArrayRef<uint8_t> getMemory() { return memory; }
  int64_t getAlignedStart() const { return alignment; }

private:
  HostTensor() = default;
  int64_t getOffset(int64_t index) const;

  DType type = DType::f32;
  std::vector<int64_t> shape, strides;
  /// Of element (0, ..., 0), in elements from the aligned start.
  int64_t origin = 0;
  std::vector<uint8_t> memory, untouched;
  int64_t alignment = 0;
};

/// The elements of `array`.
std::vector<double> getValues(const NpyArray &array);

} // namespace attn

#endif // ATTN_DRIVER_HOSTTENSOR_H

//===- ArgumentValue.h - what a caller gives for an argument --------------===//

#ifndef ATTN_RUNTIME_ARGUMENTVALUE_H
#define ATTN_RUNTIME_ARGUMENTVALUE_H

#include <dlpack/dlpack.h>

#include <cstdint>
#include <string_view>

namespace attn {

/// The value of one argument of a kernel. A tensor's memory has to live until
/// the plan's last run; the DLTensor itself only during the call.
struct ArgumentValue {
  enum class Kind { tensor, integer, real };

  static ArgumentValue ofTensor(std::string_view name, const DLTensor *tensor) {
    return {name, Kind::tensor, tensor, 0, 0.0};
  }
  static ArgumentValue ofInteger(std::string_view name, int64_t value) {
    return {name, Kind::integer, nullptr, value, 0.0};
  }
  /// For f32 and f64, which take an integer too.
  static ArgumentValue ofReal(std::string_view name, double value) {
    return {name, Kind::real, nullptr, 0, value};
  }

  std::string_view name;
  Kind kind;
  const DLTensor *tensor;
  int64_t integer;
  double real;
};

} // namespace attn

#endif // ATTN_RUNTIME_ARGUMENTVALUE_H

//===- Launch.h - one launch of a GPU kernel, as data ---------------------===//
//
// The launch recipe of a manifest (Manifest.h): what the host passes to a
// function of a GPU module, and over which grid. In JSON:
//
//   {"symbol": "attention_full", "grid": [E, E, E], "threads": 384,
//    "cluster": [1, 1, 1], "shared_bytes": 213000,
//    "parameters": [
//      {"tensor_map": {"tensor": "k", "box": [1, 128, 64], "swizzle": 128}},
//      {"tensor_map": {"tensor": "o", "box": [8, 2, 64], "swizzle": 128,
//                      "order": [1, 0, 2]}},
//      {"pointer": "q"}, {"rows": ["o", 4]}, {"stride": ["q", 1]},
//      {"scalar": "scale"}, {"value": E, "type": "i32"}, {"state": E},
//      {"workspace": E}]}
//
// E is an expression (Expr.h) over the ranks, the integer scalar arguments and
// `device.multiprocessors`.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_LAUNCH_H
#define ATTN_RUNTIME_LAUNCH_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Expr.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace attn {

struct Launch {
  /// The name, in expressions, of the number of the device's multiprocessors.
  static constexpr const char *multiprocessors = "device.multiprocessors";

  /// One parameter of the function, in the order of its declaration. Each lies
  /// at the next multiple of its own alignment.
  struct Parameter {
    enum class Kind {
      tensorMap,
      pointer,
      stride,
      value,
      scalar,
      state,
      workspace
    };

    /// A tensor map (128 bytes by value, aligned to 64) of the bound tensor:
    /// extents and strides are the tensor's, `box` has an extent for each of
    /// its dimensions, outermost first, and `swizzleBytes` is 0, 32, 64 or 128.
    /// `order` has the dimensions in the map's order, outermost first, the last
    /// being the tensor's; empty is theirs. A miss in the L2 cache brings
    /// `promotionBytes`: 0 (what is asked for), 64, 128 or 256. Element strides
    /// are 1; what lies outside reads as zero.
    static Parameter tensorMap(std::string tensor, std::vector<int64_t> box,
                               int64_t swizzleBytes,
                               std::vector<int64_t> order = {},
                               int64_t promotionBytes = 256) {
      Parameter parameter(Kind::tensorMap, std::move(tensor));
      parameter.box = std::move(box);
      parameter.swizzleBytes = swizzleBytes;
      parameter.order = std::move(order);
      parameter.promotionBytes = promotionBytes;
      return parameter;
    }
    /// The device address of element (0, ..., 0) of a tensor, 64 bits.
    static Parameter pointer(std::string tensor) {
      return Parameter(Kind::pointer, std::move(tensor));
    }
    /// The same of a tensor whose elements along the last dimension are
    /// neighbours, and whose rows begin at multiples of `rowBytes`, a power of
    /// 2: others are refused when a plan is prepared.
    static Parameter rows(std::string tensor, int64_t rowBytes) {
      Parameter parameter = pointer(std::move(tensor));
      parameter.rowBytes = rowBytes;
      return parameter;
    }
    /// A tensor's stride along `dim`, in elements, an i64 of any sign.
    static Parameter stride(std::string tensor, int64_t dim) {
      Parameter parameter(Kind::stride, std::move(tensor));
      parameter.dim = dim;
      return parameter;
    }
    /// An i32 or an i64.
    static Parameter value(Expr expr, DType type) {
      Parameter parameter(Kind::value, {});
      parameter.expr = std::move(expr);
      parameter.type = type;
      return parameter;
    }
    /// A scalar argument in its own type.
    static Parameter scalar(std::string argument) {
      return Parameter(Kind::scalar, std::move(argument));
    }
    /// The device address `offset` bytes into the state or the workspace. Both
    /// begin at a multiple of 256 bytes.
    static Parameter state(Expr offset) {
      Parameter parameter(Kind::state, {});
      parameter.expr = std::move(offset);
      return parameter;
    }
    static Parameter workspace(Expr offset) {
      Parameter parameter(Kind::workspace, {});
      parameter.expr = std::move(offset);
      return parameter;
    }

    Kind kind;
    /// The tensor or scalar argument.
    std::string name;
    int64_t dim = 0;
    /// Of a pointer; 0 for any strides.
    int64_t rowBytes = 0;
    Expr expr;
    DType type = DType::i64;
    std::vector<int64_t> box, order;
    int64_t swizzleBytes = 0, promotionBytes = 256;

  private:
    Parameter(Kind kind, std::string name)
        : kind(kind), name(std::move(name)) {}
  };

  std::string symbol;
  /// Blocks in x, y and z. Where one of them is 0 nothing is launched.
  std::array<Expr, 3> grid{1, 1, 1};
  /// Threads of a block, in x.
  int64_t threads = 1;
  /// Blocks of a cluster, each a divisor of the grid's.
  std::array<int64_t, 3> cluster{1, 1, 1};
  /// Dynamic shared memory of a block.
  int64_t sharedBytes = 0;
  std::vector<Parameter> parameters;
};

} // namespace attn

#endif // ATTN_RUNTIME_LAUNCH_H

//===- Values.h - what values of a pipe program are at run time -------===//

#ifndef ATTN_LIB_REFERENCE_PIPE_VALUES_H
#define ATTN_LIB_REFERENCE_PIPE_VALUES_H

#include "../ScalarProgram.h"
#include "dialects/Pipe/Pipe.h"

#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace attn::reference {

class Agent;
struct Product;
struct RingSlot;
struct SharedTile;
struct ThreadArray;

/// A float or an integer; lib/Reference's word for it is Slot, which here means
/// a ring's.
using Scalar = Slot;

/// A tile or line in registers, `[warp][lane][register]` of its type's
/// encoding.
using Registers = std::vector<Scalar>;
using RegistersRef = std::shared_ptr<const Registers>;

/// How many slots lie before this place.
struct Cursor {
  int64_t position = 0;
};

/// A slot as it was when `pipe.wait` or `pipe.fill` gave it.
struct SlotRef {
  RingSlot *slot;
  int64_t filling;
};

/// A tensor of the caller's, by the number of the kernel's argument.
struct GlobalRef {
  unsigned argument;
};

/// The op that declares a ring, turn or work.
struct Declared {
  mlir::Operation *op;
};

using RuntimeValue =
    std::variant<std::monostate, Scalar, RegistersRef, Cursor, SlotRef,
                 SharedTile *, ThreadArray *, GlobalRef, Declared,
                 std::shared_ptr<Product>>;

inline RuntimeValue toValue(int64_t integer) {
  Scalar scalar;
  scalar.i = integer;
  return scalar;
}

/// A tile in shared memory: rows of elements, without padding or swizzle.
struct Buffer {
  explicit Buffer(pipe::SharedType type)
      : rows(type.getNumRows()), columns(type.getNumColumns()),
        elementType(type.getElementType()) {
    clear();
  }

  /// Makes the contents undefined.
  void clear();

  Scalar *getRow(int64_t row) { return values.data() + row * columns; }

  int64_t rows, columns;
  mlir::Type elementType;
  std::vector<Scalar> values;
  /// For each row, whether it was written since.
  std::vector<bool> written;
};

/// A scalar of `type` of which nothing is known: NaN, or 0 of an integer.
Scalar getUndefined(mlir::Type type);

/// `value` as an element of `type`, rounded or wrapped to it.
Scalar toScalar(mlir::Type type, double value);

/// `value` of `type` as a number.
double toNumber(mlir::Type type, Scalar value);

} // namespace attn::reference

#endif // ATTN_LIB_REFERENCE_PIPE_VALUES_H

//===- Npy.h - NumPy's array files ----------------------------------------===//
//
// Versions 1.0 to 3.0 of the format (numpy.lib.format), little-endian and
// C-ordered, of these types:
//
//   '<f4' f32   '<f8' f64   '<f2' f16   '<i4' i32   '<i8' i64
//   '|u1' u8    '|i1' i8    '|b1' i1    '<V2' or '|V2' bf16
//
// NumPy has no bf16: ml_dtypes saves its bfloat16 as '<V2', and so does
// `bits.view('V2')` for bits in uint16. '<u2' itself is refused, since these
// may be numbers.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_SUPPORT_NPY_H
#define ATTN_SUPPORT_NPY_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Status.h"

#include <dlpack/dlpack.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

/// An array in memory, compact and row-major.
struct NpyArray {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  /// The elements' bytes, aligned for their type.
  std::string data;

  /// Pre-condition: the shape's product fits in 64 bits, as after reading.
  int64_t getNumElements() const;

  /// A view for Plan::prepare. It refers to this array's members.
  DLTensor getView();
};

/// Reads the file at `path`. Refuses other formats, pickles and archives,
/// big-endian, Fortran-ordered, structured and object arrays, headers and
/// shapes that cannot be, and data shorter or longer than the shape says.
Result<NpyArray> readNpy(const std::string &path);

/// As readNpy, of bytes in memory; `name` heads the messages.
Result<NpyArray> parseNpy(std::string bytes, const std::string &name);

/// Replaces the file at `path` by `array`, whole or not at all.
/// Pre-condition: `data` has the size that shape and type say.
Status writeNpy(const std::string &path, const NpyArray &array);

} // namespace attn

#endif // ATTN_SUPPORT_NPY_H

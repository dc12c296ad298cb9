//===- NpyHeader.h - the dictionary at the head of an .npy file -----------===//

#ifndef ATTN_LIB_SUPPORT_NPYHEADER_H
#define ATTN_LIB_SUPPORT_NPYHEADER_H

#include "attn/Runtime/DType.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

struct NpyHeader {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
};

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, the
/// fields in any order. `name` heads the messages.
Result<NpyHeader> parseNpyHeader(std::string_view text,
                                 const std::string &name);

/// The dictionary, padded so that the elements begin at a multiple of 64 bytes
/// in a file of version 1.0.
std::string printNpyHeader(const NpyHeader &header);

/// A shape as Python writes it, such as `(3, 4)`.
std::string printShape(const std::vector<int64_t> &shape);

} // namespace attn

#endif // ATTN_LIB_SUPPORT_NPYHEADER_H

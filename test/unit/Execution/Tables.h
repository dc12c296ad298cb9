//===- Tables.h - tables that are given to a case ---------------*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_EXECUTION_TABLES_H
#define ATTN_TEST_UNIT_EXECUTION_TABLES_H

#include "attn/Driver/Inputs.h"

#include <cstring>

namespace attn::test {

/// A table of 32-bit integers. Pre-condition: as many as the shape says.
inline NpyArray makeTable(std::vector<int64_t> shape,
                          const std::vector<int32_t> &values) {
  NpyArray table;
  table.dtype = DType::i32;
  table.shape = std::move(shape);
  table.data.resize(values.size() * sizeof(int32_t));
  if (!values.empty())
    std::memcpy(table.data.data(), values.data(), table.data.size());
  return table;
}

} // namespace attn::test

#endif // ATTN_TEST_UNIT_EXECUTION_TABLES_H

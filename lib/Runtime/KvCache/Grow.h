//===- Grow.h - room in a vector before it is needed ------------*- C++ -*-===//

#ifndef ATTN_LIB_RUNTIME_KVCACHE_GROW_H
#define ATTN_LIB_RUNTIME_KVCACHE_GROW_H

#include <algorithm>
#include <vector>

namespace attn {

/// Makes room for `size` elements, and more where it has to move them, so that
/// growing one by one takes time in proportion to their number.
template <typename T> void grow(std::vector<T> &vector, size_t size) {
  if (vector.capacity() < size)
    vector.reserve(std::max(size, 2 * vector.capacity()));
}

} // namespace attn

#endif // ATTN_LIB_RUNTIME_KVCACHE_GROW_H

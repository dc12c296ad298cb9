//===- ArrayView.h - elements that someone else owns ----------------------===//

#ifndef ATTN_RUNTIME_ARRAYVIEW_H
#define ATTN_RUNTIME_ARRAYVIEW_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attn {

/// `size` elements from `data` on, which outlive the view. `data` may be null
/// only if there are none.
template <typename T> struct ArrayView {
  const T *data = nullptr;
  int64_t size = 0;

  ArrayView() = default;
  ArrayView(const T *data, int64_t size) : data(data), size(size) {}
  ArrayView(const std::vector<T> &elements)
      : data(elements.data()), size(static_cast<int64_t>(elements.size())) {}

  bool isValid() const { return size == 0 || (size > 0 && data); }
  const T &operator[](int64_t i) const { return data[i]; }
  const T *begin() const { return data; }
  const T *end() const { return data + size; }
};

} // namespace attn

#endif // ATTN_RUNTIME_ARRAYVIEW_H

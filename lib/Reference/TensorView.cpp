//===- TensorView.cpp - f64 storage and strided views of it
//-----------------===//

#include "TensorView.h"

#include <algorithm>

using namespace attn;
using namespace attn::reference;

int64_t ReferenceTensor::getNumElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

int64_t TensorView::getNumElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

bool TensorView::isRowMajor() const {
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected)
      return false;
    expected *= shape[i];
  }
  return true;
}

TensorView TensorView::slice(unsigned dim, int64_t start,
                             int64_t extent) const {
  TensorView view = *this;
  view.offset += start * strides[dim];
  view.shape[dim] = extent;
  return view;
}

TensorView TensorView::select(unsigned dim, int64_t at) const {
  TensorView view = slice(dim, at, 1);
  view.shape.erase(view.shape.begin() + dim);
  view.strides.erase(view.strides.begin() + dim);
  return view;
}

std::vector<double> TensorView::toVector() const {
  std::vector<double> values(getNumElements());
  if (isRowMajor()) {
    std::copy_n(data(), values.size(), values.begin());
    return values;
  }
  auto next = values.begin();
  forEachPoint(shape, [&](llvm::ArrayRef<int64_t> point) {
    *next++ = at(*this, point);
  });
  return values;
}

Result<TensorView> attn::reference::allocate(llvm::ArrayRef<int64_t> shape,
                                             double value) {
  // The standard library reports exhausted memory by an exception, which this
  // project is built without: 2^32 elements (32 GiB) are the limit.
  constexpr int64_t limit = int64_t(1) << 32;
  TensorView view;
  view.shape.assign(shape.begin(), shape.end());
  view.strides.resize(shape.size());
  int64_t count = 1;
  bool tooLarge = false;
  for (size_t i = shape.size(); i-- > 0;) {
    view.strides[i] = count;
    tooLarge |= shape[i] != 0 && count > limit / shape[i];
    count = tooLarge ? 1 : count * shape[i];
  }
  if (tooLarge)
    return Status::error(StatusCode::resourceExhausted, "interpreter",
                         "a tensor has more than 2^32 elements",
                         "use smaller extents");
  view.buffer = std::make_shared<std::vector<double>>(count, value);
  return view;
}

void attn::reference::copy(const TensorView &source, const TensorView &target) {
  if (source.isRowMajor() && target.isRowMajor()) {
    std::copy_n(source.data(), source.getNumElements(), target.data());
    return;
  }
  forEachPoint(source.shape, [&](llvm::ArrayRef<int64_t> point) {
    at(target, point) = at(source, point);
  });
}

void attn::reference::forEachPoint(
    llvm::ArrayRef<int64_t> shape,
    llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  for (int64_t extent : shape)
    if (extent <= 0)
      return;
  std::vector<int64_t> point(shape.size(), 0);
  while (true) {
    visit(point);
    size_t dim = shape.size();
    while (dim > 0 && ++point[dim - 1] == shape[dim - 1])
      point[--dim] = 0;
    if (dim == 0)
      return;
  }
}

double &attn::reference::at(const TensorView &view,
                            llvm::ArrayRef<int64_t> point) {
  double *address = view.data();
  for (auto [coordinate, stride] : llvm::zip(point, view.strides))
    address += coordinate * stride;
  return *address;
}

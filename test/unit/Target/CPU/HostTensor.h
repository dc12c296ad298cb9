//===- HostTensor.h - tensors of any type and strides for tests -*- C++ -*-===//

#ifndef TEST_UNIT_TARGET_CPU_HOSTTENSOR_H
#define TEST_UNIT_TARGET_CPU_HOSTTENSOR_H

#include "attn/Runtime/DLPack.h"

#include <cstring>
#include <random>
#include <sys/mman.h>
#include <vector>

namespace attn::test {

/// How a tensor lies in memory.
enum class Placement {
  Compact,
  /// The last two dimensions exchanged, so that no row is contiguous.
  Transposed,
  /// Rows with a gap, at an address aligned to one element only.
  Padded,
  /// The first dimension from last to first.
  Reversed,
  /// Compact, the first byte (or the byte after the last) in a page that cannot
  /// be touched.
  GuardedBegin,
  GuardedEnd
};

/// A tensor whose elements are set and read as float. Memory beside the
/// elements holds NaN.
class HostTensor {
public:
  HostTensor(DType type, std::vector<int64_t> shape,
             Placement placement = Placement::Compact)
      : type(type), shape(std::move(shape)) {
    size_t rank = this->shape.size();
    std::vector<size_t> order(rank);
    for (size_t i = 0; i < rank; ++i)
      order[i] = i;
    if (placement == Placement::Transposed && rank >= 2)
      std::swap(order[rank - 1], order[rank - 2]);
    strides.resize(rank);
    int64_t points = 1;
    for (size_t i = rank; i-- > 0;) {
      strides[order[i]] = points;
      points *= std::max<int64_t>(this->shape[order[i]], 1);
      if (placement == Placement::Padded && i == rank - 1)
        points += 3;
    }
    int64_t first = placement == Placement::Padded ? 1 : 0;
    if (placement == Placement::Reversed && rank > 0) {
      first += strides[0] * std::max<int64_t>(this->shape[0] - 1, 0);
      strides[0] = -strides[0];
    }
    // All bits set: NaN in every floating-point type.
    bytes.assign((points + 2) * getSizeInBytes(type), 0xff);
    view = {};
    view.data = bytes.data();
    if (placement == Placement::GuardedBegin ||
        placement == Placement::GuardedEnd) {
      int64_t size = points * getSizeInBytes(type), page = 4096;
      guardedBytes = (size + page - 1) / page * page + 2 * page;
      guarded =
          static_cast<uint8_t *>(mmap(nullptr, guardedBytes, PROT_NONE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      mprotect(guarded + page, guardedBytes - 2 * page, PROT_READ | PROT_WRITE);
      view.data = guarded + page;
      if (placement == Placement::GuardedEnd)
        view.data = guarded + guardedBytes - page - size;
    }
    view.device = {kDLCPU, 0};
    view.ndim = static_cast<int32_t>(rank);
    view.dtype = getDLType(type);
    view.shape = this->shape.data();
    view.strides = strides.data();
    view.byte_offset = first * getSizeInBytes(type);
  }
  ~HostTensor() {
    if (guarded)
      munmap(guarded, guardedBytes);
  }
  HostTensor(const HostTensor &) = delete;
  HostTensor &operator=(const HostTensor &) = delete;

  static float round(DType type, float value) {
    if (type == DType::bf16) {
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      if (value == value)
        bits += 0x7fff + ((bits >> 16) & 1);
      bits &= 0xffff0000u;
      std::memcpy(&value, &bits, 4);
    } else if (type == DType::f16) {
      value = static_cast<float>(static_cast<_Float16>(value));
    }
    return value;
  }

  void set(const std::vector<int64_t> &index, float value) {
    uint8_t *at = address(index);
    if (type == DType::f32) {
      std::memcpy(at, &value, 4);
    } else if (type == DType::bf16) {
      value = round(type, value);
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      uint16_t half = bits >> 16;
      std::memcpy(at, &half, 2);
    } else {
      _Float16 half = static_cast<_Float16>(value);
      std::memcpy(at, &half, 2);
    }
  }

  float get(const std::vector<int64_t> &index) const {
    const uint8_t *at = const_cast<HostTensor *>(this)->address(index);
    float value = 0;
    if (type == DType::f32) {
      std::memcpy(&value, at, 4);
    } else if (type == DType::bf16) {
      uint16_t half;
      std::memcpy(&half, at, 2);
      uint32_t bits = uint32_t(half) << 16;
      std::memcpy(&value, &bits, 4);
    } else {
      _Float16 half;
      std::memcpy(&half, at, 2);
      value = static_cast<float>(half);
    }
    return value;
  }

  /// Normal numbers of `scale`.
  void fill(uint32_t seed, float scale = 1) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0, scale);
    std::vector<int64_t> index(shape.size(), 0);
    for (int64_t n : shape)
      if (n == 0)
        return;
    while (true) {
      set(index, normal(generator));
      size_t dim = shape.size();
      while (dim > 0 && ++index[dim - 1] == shape[dim - 1])
        index[--dim] = 0;
      if (dim == 0)
        return;
    }
  }

  DType type;
  std::vector<int64_t> shape, strides;
  std::vector<uint8_t> bytes;
  DLTensor view;

private:
  uint8_t *guarded = nullptr;
  int64_t guardedBytes = 0;

  uint8_t *address(const std::vector<int64_t> &index) {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i)
      offset += index[i] * strides[i];
    return static_cast<uint8_t *>(view.data) + view.byte_offset +
           offset * getSizeInBytes(type);
  }
};

} // namespace attn::test

#endif // TEST_UNIT_TARGET_CPU_HOSTTENSOR_H

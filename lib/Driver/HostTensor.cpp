//===- HostTensor.cpp - a tensor in memory, of any type and layout --------===//

#include "attn/Driver/HostTensor.h"

#include "attn/Runtime/DLPack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace attn;

//===----------------------------------------------------------------------===//
// Numbers of a type
//===----------------------------------------------------------------------===//

namespace {
/// A binary float format: bits of the significand (the hidden one included),
/// the exponent of the least and that of the largest normal number.
struct FloatFormat {
  int precision, least, most;
  /// Where there are no infinities, the largest number; rounding ends there.
  double limit = std::numeric_limits<double>::infinity();
};
} // namespace

static std::optional<FloatFormat> getFormat(DType type) {
  switch (type) {
  case DType::f16:
    return FloatFormat{11, -14, 15};
  case DType::bf16:
    return FloatFormat{8, -126, 127};
  case DType::e4m3:
    return FloatFormat{4, -6, 8, 448};
  case DType::e5m2:
    return FloatFormat{3, -14, 15};
  case DType::f32:
    return FloatFormat{24, -126, 127};
  case DType::f64:
    return FloatFormat{53, -1022, 1023};
  default:
    return std::nullopt;
  }
}

/// The exponent of the last bit of `value` in `format`.
static int getLastExponent(double value, const FloatFormat &format) {
  int exponent;
  std::frexp(value, &exponent);
  return std::max(exponent - 1, format.least) - (format.precision - 1);
}

double attn::getUlp(double value, DType type) {
  FloatFormat format = *getFormat(type);
  return std::ldexp(1.0, value == 0 ? format.least - (format.precision - 1)
                                    : getLastExponent(value, format));
}

static std::pair<double, double> getIntegerRange(DType type) {
  switch (type) {
  case DType::i32:
    return {-0x1p31, 0x1p31 - 1};
  case DType::u8:
    return {0, 255};
  case DType::i8:
    return {-128, 127};
  case DType::i1:
    return {0, 1};
  default: // i64: the largest f64 below 2^63.
    return {-0x1p63, 0x1.fffffffffffffp62};
  }
}

double attn::roundToType(double value, DType type) {
  std::optional<FloatFormat> format = getFormat(type);
  if (!format) {
    auto [low, high] = getIntegerRange(type);
    return std::isnan(value) ? 0 : std::clamp(std::nearbyint(value), low, high);
  }
  if (std::isnan(value) || value == 0 || type == DType::f64)
    return value;
  if (std::isinf(value))
    return std::copysign(format->limit, value);
  int last = getLastExponent(value, *format);
  double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -last)), last);
  double limit = std::ldexp(1.0, format->most) * 2;
  if (std::isfinite(format->limit))
    limit = std::nextafter(format->limit, limit);
  return std::fabs(rounded) >= limit ? std::copysign(format->limit, value)
                                     : rounded;
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

template <typename T> static void write(uint8_t *to, double value) {
  T typed = static_cast<T>(value);
  std::memcpy(to, &typed, sizeof(T));
}

template <typename T> static T read(const uint8_t *from) {
  T typed;
  std::memcpy(&typed, from, sizeof(T));
  return typed;
}

/// The bits of a number of a type of 8 or 16 bits whose exponents lie evenly
/// around 0; `value` is one of the type's.
static uint16_t encodeNarrow(DType type, double value) {
  FloatFormat format = *getFormat(type);
  int fractionBits = format.precision - 1, bias = 1 - format.least;
  auto sign = static_cast<uint16_t>(std::signbit(value)
                                    << (8 * getSizeInBytes(type) - 1));
  // All bits of the exponent; of e4m3 the largest numbers have these too.
  auto special = static_cast<uint16_t>((2 * bias + 1) << fractionBits);
  if (std::isnan(value))
    return special | (type == DType::e4m3 ? 7 : 1 << (fractionBits - 1));
  if (std::isinf(value))
    return sign | special;
  double size = std::fabs(value);
  if (size == 0)
    return sign;
  int last = getLastExponent(size, format);
  auto digits = static_cast<uint16_t>(std::ldexp(size, -last));
  // The hidden bit counts the exponent up by one.
  int steps = last - (format.least - fractionBits);
  return sign | static_cast<uint16_t>((steps << fractionBits) + digits);
}

static double decodeNarrow(DType type, uint16_t bits) {
  FloatFormat format = *getFormat(type);
  int fractionBits = format.precision - 1, bias = 1 - format.least;
  int signBit = 8 * static_cast<int>(getSizeInBytes(type)) - 1;
  double sign = bits >> signBit & 1 ? -1 : 1;
  int rest = bits & ((1 << signBit) - 1);
  int exponent = rest >> fractionBits,
      fraction = rest & ((1 << fractionBits) - 1);
  bool isSpecial =
      type == DType::e4m3 ? rest == 0x7f : exponent == 2 * bias + 1;
  if (isSpecial)
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  int digits = exponent ? fraction + (1 << fractionBits) : fraction;
  return sign * std::ldexp(digits, std::max(exponent, 1) - bias - fractionBits);
}

/// `value` is one of the type's, as roundToType gives.
static void encode(DType type, double value, uint8_t *to) {
  switch (type) {
  case DType::f32:
    return write<float>(to, value);
  case DType::f64:
    return write<double>(to, value);
  case DType::bf16: {
    auto single = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &single, 4);
    auto upper = static_cast<uint16_t>(bits >> 16);
    if (std::isnan(value))
      upper |= 0x40; // A NaN whose upper bits alone would be infinity.
    std::memcpy(to, &upper, 2);
    return;
  }
  case DType::f16: {
    uint16_t bits = encodeNarrow(type, value);
    std::memcpy(to, &bits, 2);
    return;
  }
  case DType::e4m3:
  case DType::e5m2:
    *to = static_cast<uint8_t>(encodeNarrow(type, value));
    return;
  case DType::i64:
    return write<int64_t>(to, value);
  case DType::i32:
    return write<int32_t>(to, value);
  case DType::i8:
    return write<int8_t>(to, value);
  case DType::u8:
  case DType::i1:
    return write<uint8_t>(to, value);
  }
}

static double decode(DType type, const uint8_t *from) {
  switch (type) {
  case DType::f32:
    return read<float>(from);
  case DType::f64:
    return read<double>(from);
  case DType::bf16: {
    uint32_t bits = static_cast<uint32_t>(read<uint16_t>(from)) << 16;
    float single;
    std::memcpy(&single, &bits, 4);
    return single;
  }
  case DType::f16:
    return decodeNarrow(type, read<uint16_t>(from));
  case DType::e4m3:
  case DType::e5m2:
    return decodeNarrow(type, *from);
  case DType::i64:
    return static_cast<double>(read<int64_t>(from));
  case DType::i32:
    return read<int32_t>(from);
  case DType::i8:
    return read<int8_t>(from);
  case DType::u8:
  case DType::i1:
    return read<uint8_t>(from);
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

std::optional<Layout> attn::parseLayout(std::string_view name) {
  if (name == "contiguous")
    return Layout::contiguous;
  if (name == "transposed")
    return Layout::transposed;
  if (name == "strided")
    return Layout::strided;
  if (name == "misaligned")
    return Layout::misaligned;
  if (name == "reversed")
    return Layout::reversed;
  return std::nullopt;
}

Result<HostTensor> HostTensor::create(DType type, std::vector<int64_t> shape,
                                      Layout layout) {
  HostTensor tensor;
  tensor.type = type;
  tensor.shape = std::move(shape);
  size_t rank = tensor.shape.size();
  tensor.strides.assign(rank, 1);
  // 2^38 bytes are more than the machines that this tool is for have.
  constexpr int64_t limit = int64_t(1) << 38;
  int64_t size = layout == Layout::strided ? 2 : 1;
  bool tooLarge = false;
  for (size_t i = 0; i < rank; ++i) {
    size_t dim = layout == Layout::transposed ? i : rank - 1 - i;
    tensor.strides[dim] = size;
    bool isRow = i == 0 && rank > 1;
    int64_t extent = std::max<int64_t>(tensor.shape[dim], 1);
    tooLarge |= extent > limit / size;
    size = tooLarge ? 1 : size * extent;
    if (isRow && layout == Layout::strided)
      size += 3;
    if (isRow && layout == Layout::misaligned)
      size += size % 2 == 0;
  }
  int64_t bytes = getSizeInBytes(type);
  if (tooLarge || size > limit / bytes)
    return Status::error(StatusCode::resourceExhausted, "tensor",
                         "a tensor of more than 2^38 bytes is asked for",
                         "use smaller extents");
  tensor.origin = layout == Layout::misaligned ? 1 : 0;
  if (layout == Layout::reversed)
    for (size_t i = 0; i < rank; ++i) {
      int64_t extent = std::max<int64_t>(tensor.shape[i], 1);
      tensor.origin += (extent - 1) * tensor.strides[i];
      tensor.strides[i] = -tensor.strides[i];
    }
  // Room to start at a boundary of 64 bytes, and a margin after the end.
  tensor.memory.assign((size + 1) * bytes + 192, 0);
  auto address = reinterpret_cast<uintptr_t>(tensor.memory.data());
  tensor.alignment = static_cast<int64_t>((64 - address % 64) % 64);
  double filling = getFormat(type) ? std::numeric_limits<double>::quiet_NaN()
                                   : getIntegerRange(type).first;
  for (size_t at = tensor.alignment; at + bytes <= tensor.memory.size();
       at += bytes)
    encode(type, filling, tensor.memory.data() + at);
  tensor.untouched = tensor.memory;
  return tensor;
}

int64_t HostTensor::getNumElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

/// Bytes from the start of the memory to element number `index`.
int64_t HostTensor::getOffset(int64_t index) const {
  int64_t element = origin;
  for (size_t dim = shape.size(); dim-- > 0;) {
    element += index % shape[dim] * strides[dim];
    index /= shape[dim];
  }
  return alignment + element * getSizeInBytes(type);
}

void HostTensor::setValues(const std::vector<double> &values) {
  for (size_t i = 0; i < values.size(); ++i)
    encode(type, roundToType(values[i], type),
           memory.data() + getOffset(static_cast<int64_t>(i)));
  untouched = memory;
}

std::vector<double> HostTensor::getValues() const {
  std::vector<double> values(getNumElements());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] =
        decode(type, memory.data() + getOffset(static_cast<int64_t>(i)));
  return values;
}

ReferenceTensor HostTensor::toReference() const { return {shape, getValues()}; }

NpyArray HostTensor::toNpy() const {
  NpyArray array;
  array.dtype = type;
  array.shape = shape;
  int64_t bytes = getSizeInBytes(type);
  array.data.resize(getNumElements() * bytes);
  for (int64_t i = 0; i < getNumElements(); ++i)
    std::memcpy(array.data.data() + i * bytes, memory.data() + getOffset(i),
                bytes);
  return array;
}

bool HostTensor::areGapsUntouched() const {
  std::vector<uint8_t> expected = untouched;
  for (int64_t i = 0; i < getNumElements(); ++i)
    std::memcpy(expected.data() + getOffset(i), memory.data() + getOffset(i),
                getSizeInBytes(type));
  return expected == memory;
}

DLTensor HostTensor::getView() {
  DLTensor view = {};
  view.data = memory.data() + alignment + origin * getSizeInBytes(type);
  view.device = {kDLCPU, 0};
  view.ndim = static_cast<int32_t>(shape.size());
  view.dtype = getDLType(type);
  view.shape = shape.data();
  view.strides = strides.data();
  return view;
}

std::vector<double> attn::getValues(const NpyArray &array) {
  std::vector<double> values(array.getNumElements());
  const auto *bytes = reinterpret_cast<const uint8_t *>(array.data.data());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = decode(array.dtype, bytes + i * getSizeInBytes(array.dtype));
  return values;
}

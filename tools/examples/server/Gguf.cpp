//===- Gguf.cpp - weights of a GGUF file ----------------------------------===//
//
// The format: github.com/ggml-org/ggml/blob/master/docs/gguf.md. Little-endian.
//
//===----------------------------------------------------------------------===//

#include "Gguf.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {
/// The file's bytes, read in order.
class Reader {
public:
  explicit Reader(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
      throw std::runtime_error(path + ": cannot be read");
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }

  const char *take(uint64_t size) {
    if (size > bytes.size() - at)
      throw std::runtime_error("the file ends too early");
    const char *place = bytes.data() + at;
    at += size;
    return place;
  }
  template <typename T> T read() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }
  std::string readString() {
    uint64_t size = read<uint64_t>();
    return std::string(take(size), size);
  }
  /// Goes to the next multiple of `alignment`.
  void align(uint64_t alignment) {
    take((alignment - at % alignment) % alignment);
  }
  void skipTo(uint64_t place) { at = 0, take(place); }
  uint64_t getPlace() const { return at; }

private:
  std::string bytes;
  uint64_t at = 0;
};

/// A value of GGUF's type number `type`; 0 for strings and lists.
double readValue(Reader &reader, uint32_t type) {
  switch (type) {
  case 0:
  case 7:
    return reader.read<uint8_t>();
  case 1:
    return reader.read<int8_t>();
  case 2:
    return reader.read<uint16_t>();
  case 3:
    return reader.read<int16_t>();
  case 4:
    return reader.read<uint32_t>();
  case 5:
    return reader.read<int32_t>();
  case 6:
    return reader.read<float>();
  case 8:
    reader.readString();
    return 0;
  case 9: {
    uint32_t element = reader.read<uint32_t>();
    for (uint64_t n = reader.read<uint64_t>(); n > 0; --n)
      readValue(reader, element);
    return 0;
  }
  case 10:
    return double(reader.read<uint64_t>());
  case 11:
    return double(reader.read<int64_t>());
  case 12:
    return reader.read<double>();
  }
  throw std::runtime_error("a value of unknown type " + std::to_string(type));
}

float readHalf(Reader &reader) {
  uint16_t bits = reader.read<uint16_t>();
  uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
  float magnitude = exponent == 0 ? float(fraction) / (1 << 24)
                                  : float(1024 + fraction) / 1024;
  for (int e = int(exponent); exponent != 0 && e != 15; e += e < 15 ? 1 : -1)
    magnitude *= e < 15 ? 0.5f : 2.0f;
  return bits >> 15 ? -magnitude : magnitude;
}

/// Elements of ggml's type number `type`.
std::vector<float> readElements(Reader &reader, uint32_t type, uint64_t count) {
  constexpr uint64_t block = 32;
  std::vector<float> values(count);
  if (type == 0) { // F32
    std::memcpy(values.data(), reader.take(count * 4), count * 4);
    return values;
  }
  if ((type != 3 && type != 8) || count % block != 0)
    throw std::runtime_error("a tensor that is not F32, Q8_0 or Q4_1");
  for (uint64_t at = 0; at < count; at += block) {
    float scale = readHalf(reader);
    if (type == 8) { // Q8_0
      for (uint64_t i = 0; i < block; ++i)
        values[at + i] = scale * reader.read<int8_t>();
      continue;
    }
    float least = readHalf(reader); // Q4_1
    for (uint64_t i = 0; i < block / 2; ++i) {
      uint8_t pair = reader.read<uint8_t>();
      values[at + i] = scale * (pair & 15) + least;
      values[at + i + block / 2] = scale * (pair >> 4) + least;
    }
  }
  return values;
}
} // namespace

Gguf readGguf(const std::string &path) {
  Reader reader(path);
  if (std::string(reader.take(4), 4) != "GGUF" || reader.read<uint32_t>() != 3)
    throw std::runtime_error(path + ": is no GGUF file of version 3");
  uint64_t numTensors = reader.read<uint64_t>();
  uint64_t numValues = reader.read<uint64_t>();
  Gguf gguf;
  for (; numValues > 0; --numValues) {
    std::string key = reader.readString();
    uint32_t type = reader.read<uint32_t>();
    gguf.numbers[key] = readValue(reader, type);
  }
  struct Info {
    std::string name;
    uint32_t type;
    uint64_t count, offset;
  };
  std::vector<Info> infos;
  for (; numTensors > 0; --numTensors) {
    Info info{reader.readString(), 0, 1, 0};
    for (uint32_t dims = reader.read<uint32_t>(); dims > 0; --dims)
      info.count *= reader.read<uint64_t>();
    info.type = reader.read<uint32_t>();
    info.offset = reader.read<uint64_t>();
    infos.push_back(info);
  }
  auto alignment = gguf.numbers.find("general.alignment");
  reader.align(alignment == gguf.numbers.end() ? 32
                                               : uint64_t(alignment->second));
  uint64_t begin = reader.getPlace();
  for (const Info &info : infos) {
    reader.skipTo(begin + info.offset);
    gguf.tensors[info.name] = readElements(reader, info.type, info.count);
  }
  return gguf;
}

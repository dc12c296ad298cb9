//===- Npy.cpp - NumPy's array files --------------------------------------===//

#include "attn/Support/Npy.h"

#include "NpyHeader.h"
#include "attn/Runtime/DLPack.h"
#include "attn/Runtime/File.h"

#include <algorithm>
#include <cassert>
#include <optional>

using namespace attn;

static constexpr std::string_view magic("\x93NUMPY", 6);
/// Magic and two bytes of version.
static constexpr size_t versionEnd = 8;

static Status refuse(const std::string &name, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::corrupt, name, std::move(reason),
                       std::move(alternative));
}

static bool startsWith(std::string_view bytes, std::string_view prefix) {
  return bytes.substr(0, prefix.size()) == prefix;
}

/// What a file is that does not begin as an array.
static Status refuseFormat(const std::string &name, std::string_view bytes) {
  if (startsWith(bytes, "\x80"))
    return refuse(name, "expects an .npy array, but got a pickle",
                  "save it with numpy.save and allow_pickle=False");
  if (startsWith(bytes, "PK"))
    return refuse(name, "expects one .npy array, but got an .npz archive",
                  "extract the array with unzip");
  return refuse(name, "expects an .npy array, but its first bytes are others",
                "save it with numpy.save");
}

/// The header's text; the elements begin at its end.
static Result<std::string_view> findHeader(const std::string &name,
                                           std::string_view bytes) {
  if (!startsWith(bytes, magic))
    return refuseFormat(name, bytes);
  if (bytes.size() < versionEnd)
    return refuse(name, "expects a format version, but the file ends before it",
                  "save it again");
  unsigned major = static_cast<unsigned char>(bytes[6]);
  unsigned minor = static_cast<unsigned char>(bytes[7]);
  if (major < 1 || major > 3 || minor != 0)
    return refuse(name,
                  "expects format version 1.0, 2.0 or 3.0, but got " +
                      std::to_string(major) + "." + std::to_string(minor),
                  "save it with numpy.save");
  size_t lengthBytes = major == 1 ? 2 : 4;
  size_t begin = versionEnd + lengthBytes;
  if (bytes.size() < begin)
    return refuse(name, "expects a header length, but the file ends before it",
                  "save it again");
  uint64_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= uint64_t(static_cast<unsigned char>(bytes[versionEnd + i]))
              << (8 * i);
  if (length > bytes.size() - begin)
    return refuse(name,
                  "expects a header of " + std::to_string(length) +
                      " bytes, but only " +
                      std::to_string(bytes.size() - begin) + " are left",
                  "save it again");
  return bytes.substr(begin, length);
}

/// The bytes that the elements of `header` take, or nothing on overflow.
static std::optional<int64_t> getDataBytes(const NpyHeader &header) {
  int64_t bytes = getSizeInBytes(header.dtype);
  bool isEmpty = false;
  // An extent of 0 does not excuse others that cannot be.
  for (int64_t extent : header.shape) {
    isEmpty |= extent == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(extent, 1), &bytes))
      return std::nullopt;
  }
  return isEmpty ? 0 : bytes;
}

Result<NpyArray> attn::parseNpy(std::string bytes, const std::string &name) {
  Result<std::string_view> text = findHeader(name, bytes);
  if (!text.isOk())
    return text.takeStatus();
  Result<NpyHeader> header = parseNpyHeader(*text, name);
  if (!header.isOk())
    return header.takeStatus();
  std::optional<int64_t> wanted = getDataBytes(*header);
  if (!wanted)
    return refuse(name,
                  "expects a shape of fewer than 2^63 bytes, but got " +
                      printShape(header->shape),
                  "save it again");
  size_t dataBegin = text->data() + text->size() - bytes.data();
  size_t got = bytes.size() - dataBegin;
  if (got != uint64_t(*wanted))
    return refuse(name,
                  "expects " + std::to_string(*wanted) +
                      " bytes of data for shape " + printShape(header->shape) +
                      " of " + std::string(getName(header->dtype)) +
                      ", but got " + std::to_string(got),
                  "save it again");
  bytes.erase(0, dataBegin);
  if (header->dtype == DType::i1)
    for (char byte : bytes)
      if (byte != 0 && byte != 1)
        return refuse(name,
                      "expects booleans of 0 and 1, but got the byte " +
                          std::to_string(static_cast<unsigned char>(byte)),
                      "save it again");
  return NpyArray{header->dtype, std::move(header->shape), std::move(bytes)};
}

Result<NpyArray> attn::readNpy(const std::string &path) {
  Result<std::string> bytes = readFile(path);
  if (!bytes.isOk())
    return bytes.takeStatus();
  return parseNpy(std::move(*bytes), path);
}

Status attn::writeNpy(const std::string &path, const NpyArray &array) {
  assert(array.data.size() ==
         size_t(array.getNumElements() * getSizeInBytes(array.dtype)));
  std::string header = printNpyHeader({array.dtype, array.shape});
  // Version 1.0 can say 65535 bytes; 64 dimensions take under 1500.
  assert(header.size() <= 0xffff);
  std::string bytes(magic);
  bytes += {'\x01', '\x00', static_cast<char>(header.size()),
            static_cast<char>(header.size() >> 8)};
  bytes += header;
  bytes += array.data;
  return replaceFile(path, bytes);
}

int64_t NpyArray::getNumElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

DLTensor NpyArray::getView() {
  DLTensor view{};
  view.data = data.data();
  view.device = {kDLCPU, 0};
  view.ndim = static_cast<int>(shape.size());
  view.dtype = getDLType(dtype);
  view.shape = shape.data();
  return view;
}

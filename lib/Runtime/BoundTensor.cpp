//===- BoundTensor.cpp - checks a DLPack tensor against its declaration ---===//

#include "BoundTensor.h"

#include "attn/Runtime/DLPack.h"

#include <cstring>
#include <limits>

using namespace attn;

static Status refuse(const std::string &name, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, "argument " + name,
                       std::move(reason), std::move(alternative));
}

static std::string describe(const DLDataType &type) {
  static const char *const codes[] = {"int",    "uint",    "float", "opaque",
                                      "bfloat", "complex", "bool"};
  std::string text = type.code < 7 ? codes[type.code]
                                   : "code " + std::to_string(type.code) + " ";
  text += std::to_string(type.bits);
  return type.lanes == 1 ? text : text + "x" + std::to_string(type.lanes);
}

/// The device type as a number: a foreign one need not be an enumerator.
static int32_t getDeviceType(const DLTensor &tensor) {
  int32_t type;
  static_assert(sizeof(type) == sizeof(tensor.device.device_type),
                "DLPack ABI");
  std::memcpy(&type, &tensor.device.device_type, sizeof(type));
  return type;
}

static Status checkDevice(const std::string &name, DLDevice device,
                          const DLTensor &tensor) {
  int32_t type = getDeviceType(tensor);
  std::string got = "device type " + std::to_string(type);
  if (device.device_type == kDLCPU)
    return type == kDLCPU
               ? Status()
               : refuse(name,
                        "expects CPU memory (device type 1), but got " + got,
                        "copy it to the CPU");
  if (type == int32_t(device.device_type) &&
      tensor.device.device_id == device.device_id)
    return {};
  return refuse(name,
                "expects memory of device " + std::to_string(device.device_id) +
                    " (device type " +
                    std::to_string(int32_t(device.device_type)) +
                    "), where the kernel was loaded, but got device " +
                    std::to_string(tensor.device.device_id) + " of " + got,
                "copy it there, or load the kernel for its device");
}

static Status checkHeader(const Manifest::Argument &argument, DLDevice device,
                          const DLTensor *tensor) {
  const std::string &name = argument.name;
  if (!tensor)
    return refuse(name, "expects a tensor, but got null", "give a DLTensor");
  if (Status status = checkDevice(name, device, *tensor); !status.isOk())
    return status;
  if (!isCompatible(tensor->dtype, argument.dtype))
    return refuse(name,
                  "expects elements of " +
                      std::string(getName(argument.dtype)) + ", but got " +
                      describe(tensor->dtype),
                  "convert it, or compile for its type");
  if (tensor->ndim < 0 || size_t(tensor->ndim) != argument.shape.size())
    return refuse(name,
                  "expects " + std::to_string(argument.shape.size()) +
                      " dimensions, but got " + std::to_string(tensor->ndim),
                  "reshape it");
  if (tensor->ndim > 0 && !tensor->shape)
    return refuse(name,
                  "expects a shape of " + std::to_string(tensor->ndim) +
                      " extents, but got null",
                  "give the shape");
  return {};
}

/// Fills shape and strides; on success the compact size fits in 64 bits.
static Status bindShape(const Manifest::Argument &argument,
                        const DLTensor &tensor, BoundTensor &bound) {
  size_t ndim = argument.shape.size();
  bound.shape.assign(tensor.shape, tensor.shape + ndim);
  bound.isEmpty = false;
  for (size_t d = 0; d < ndim; ++d) {
    if (bound.shape[d] < 0)
      return refuse(argument.name,
                    "expects extents of at least 0, but dimension " +
                        std::to_string(d) + " has " +
                        std::to_string(bound.shape[d]),
                    "correct the shape");
    bound.isEmpty |= bound.shape[d] == 0;
  }
  bound.strides.resize(ndim);
  // Extents of 0 count as 1, so that an empty tensor's strides cannot overflow
  // where a full one's would not.
  int64_t compact = 1;
  for (size_t d = ndim; d-- > 0;) {
    bound.strides[d] = tensor.strides ? tensor.strides[d] : compact;
    int64_t factor = bound.shape[d] == 0 ? 1 : bound.shape[d];
    if (__builtin_mul_overflow(compact, factor, &compact))
      return refuse(argument.name,
                    "expects fewer than 2^63 elements, but its shape has more",
                    "correct the shape");
  }
  int64_t bytes;
  if (__builtin_mul_overflow(compact, bound.elementBytes, &bytes))
    return refuse(argument.name,
                  "expects fewer than 2^63 bytes, but its shape has more",
                  "correct the shape");
  return {};
}

/// Fills begin and end.
static Status bindRange(const std::string &name, BoundTensor &bound) {
  // Offsets of the first and the last element, in elements.
  int64_t low = 0, high = 0;
  bool overflow = false;
  for (size_t d = 0; d < bound.shape.size(); ++d) {
    int64_t reach;
    overflow |=
        __builtin_mul_overflow(bound.shape[d] - 1, bound.strides[d], &reach);
    int64_t &side = reach < 0 ? low : high;
    overflow |= __builtin_add_overflow(side, reach, &side);
  }
  overflow |= __builtin_mul_overflow(low, bound.elementBytes, &low);
  overflow |= __builtin_add_overflow(high, 1, &high) ||
              __builtin_mul_overflow(high, bound.elementBytes, &high);
  overflow |= __builtin_add_overflow(bound.address, low, &bound.begin);
  overflow |= __builtin_add_overflow(bound.address, high, &bound.end);
  // Nor has any process, or device, memory from 2^63 on.
  overflow |= bound.end >> 63 != 0;
  if (overflow)
    return refuse(name,
                  "expects elements within the address space, but its "
                  "address and strides reach beyond",
                  "correct the data, the byte offset or the strides, which "
                  "count elements");
  return {};
}

static Status refuseNull(const std::string &name) {
  return refuse(name, "expects data for its elements, but got null",
                "give the address of the data");
}

/// Sets where the elements of a tensor that has some lie.
static Status placeElements(const std::string &name, uint64_t address,
                            BoundTensor &bound) {
  bound.address = address;
  if (bound.address % uint64_t(bound.elementBytes) != 0)
    return refuse(
        name,
        "expects data aligned to its elements of " +
            std::to_string(bound.elementBytes) + " bytes, but its address is " +
            std::to_string(bound.address % uint64_t(bound.elementBytes)) +
            " bytes beyond a multiple",
        "copy it to aligned memory");
  return bindRange(name, bound);
}

Status attn::bindTensor(const Manifest::Argument &argument, DLDevice device,
                        const DLTensor *tensor, BoundTensor &bound) {
  if (Status status = checkHeader(argument, device, tensor); !status.isOk())
    return status;
  bound.elementBytes = getSizeInBytes(argument.dtype);
  if (Status status = bindShape(argument, *tensor, bound); !status.isOk())
    return status;
  bound.begin = bound.end = 0;
  uint64_t data = reinterpret_cast<uintptr_t>(tensor->data);
  if (bound.isEmpty) {
    bound.address = data;
    return {};
  }
  if (data == 0)
    return refuseNull(argument.name);
  uint64_t address;
  if (__builtin_add_overflow(data, tensor->byte_offset, &address))
    return refuse(argument.name,
                  "expects a byte offset within the address space, but got " +
                      std::to_string(tensor->byte_offset),
                  "correct the offset");
  return placeElements(argument.name, address, bound);
}

Status attn::moveTensor(const Manifest::Argument &argument, uint64_t address,
                        BoundTensor &bound) {
  if (bound.isEmpty) {
    bound.address = address;
    return {};
  }
  if (address == 0)
    return refuseNull(argument.name);
  return placeElements(argument.name, address, bound);
}

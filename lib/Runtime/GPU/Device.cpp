//===- Device.cpp - what the runtime asks of a GPU ------------------------===//

#include "Device.h"

using namespace attn;
using namespace attn::gpu;

Status Device::encodeTensorMap(const Manifest::Argument &argument,
                               const Launch::Parameter &, const BoundTensor &,
                               DevicePointer, bool, void *) const {
  return Status::error(StatusCode::unsupported, "argument " + argument.name,
                       "expects a GPU with tensor maps, but this one has none",
                       "compile the kernel for this GPU");
}

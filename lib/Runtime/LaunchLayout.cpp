//===- LaunchLayout.cpp - where a launch's parameters lie -----------------===//

#include "attn/Runtime/LaunchLayout.h"

using namespace attn;

using Kind = Launch::Parameter::Kind;

namespace {
struct Extent {
  int64_t bytes, alignment;
};
} // namespace

static Extent getExtent(const Manifest &manifest,
                        const Launch::Parameter &parameter) {
  int64_t bytes = 8;
  switch (parameter.kind) {
  case Kind::tensorMap:
    // CUDA Driver API: sizeof and alignof of CUtensorMap.
    return {128, 64};
  case Kind::value:
    bytes = getSizeInBytes(parameter.type);
    break;
  case Kind::scalar: {
    size_t index = *manifest.findArgument(parameter.name);
    bytes = getSizeInBytes(manifest.arguments[index].dtype);
    break;
  }
  case Kind::pointer:
  case Kind::stride:
  case Kind::state:
  case Kind::workspace:
    break;
  }
  return {bytes, bytes};
}

LaunchLayout attn::layOutParameters(const Manifest &manifest,
                                    const Launch &launch) {
  LaunchLayout layout;
  for (const Launch::Parameter &parameter : launch.parameters) {
    Extent extent = getExtent(manifest, parameter);
    int64_t offset = (layout.bytes + extent.alignment - 1) / extent.alignment *
                     extent.alignment;
    layout.places.push_back({offset, extent.bytes});
    layout.bytes = offset + extent.bytes;
  }
  return layout;
}

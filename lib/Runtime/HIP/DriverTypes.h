//===- DriverTypes.h - the types of AMD's HIP interface that we use -------===//
//
// Transcribed from the HIP Runtime API reference, version 6.0, so that no ROCm
// is needed to build. Only the values that the runtime names are here.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_HIP_DRIVERTYPES_H
#define ATTN_LIB_RUNTIME_HIP_DRIVERTYPES_H

#include "../GPU/Handles.h"

#include <cstddef>

namespace attn::hip {

using namespace gpu;

/// hipStreamPerThread; a null stream is the default one, which waits for all
/// blocking streams of its device.
inline StreamHandle getPerThreadStream() {
  return reinterpret_cast<StreamHandle>(2);
}

/// hipDeviceAttribute_t.
enum DeviceAttribute : int {
  multiprocessorCount = 63,
  maxSharedMemoryPerBlock = 74,
};

/// hipStreamCaptureStatus and hipStreamCaptureMode.
enum CaptureStatus : int { captureNone = 0, captureActive = 1 };
enum CaptureMode : int { captureModeGlobal = 0, captureModeRelaxed = 2 };

/// hipDeviceProp_tR0600, of which one member is read.
struct alignas(8) DeviceProperties {
  char before[1160];
  /// As "gfx90a:sramecc+:xnack-".
  char gcnArchName[256];
  char after[56];
};

// The driver writes these.
static_assert(sizeof(DeviceProperties) == 1472 &&
              offsetof(DeviceProperties, gcnArchName) == 1160);

} // namespace attn::hip

#endif // ATTN_LIB_RUNTIME_HIP_DRIVERTYPES_H

//===- DriverTypes.h - the types of NVIDIA's driver interface we use ------===//
//
// Transcribed from the CUDA Driver API reference, version 12.4, so that no
// toolkit is needed to build. Only the values that the runtime names are here.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_DRIVERTYPES_H
#define ATTN_LIB_RUNTIME_CUDA_DRIVERTYPES_H

#include "../GPU/Handles.h"

#include <cstddef>
#include <cstdint>

namespace attn::cuda {

using namespace gpu;

using Device = int;
using ContextHandle = struct OpaqueContext *;

/// CU_STREAM_LEGACY and CU_STREAM_PER_THREAD; a null stream is the first.
inline StreamHandle getLegacyStream() {
  return reinterpret_cast<StreamHandle>(1);
}
inline StreamHandle getPerThreadStream() {
  return reinterpret_cast<StreamHandle>(2);
}

/// CUdevice_attribute.
enum DeviceAttribute : int {
  multiprocessorCount = 16,
  computeCapabilityMajor = 75,
  computeCapabilityMinor = 76,
  maxSharedBytesPerBlockOptin = 97,
  virtualMemoryManagement = 102,
};

/// CUfunction_attribute.
enum FunctionAttribute : int { maxDynamicSharedBytes = 8 };

/// CUjit_option: where the compiler of PTX writes what it refuses.
enum JitOption : int { jitErrorLogBuffer = 5, jitErrorLogBufferBytes = 6 };

/// CUstreamCaptureStatus and CUstreamCaptureMode.
enum CaptureStatus : int { captureNone = 0, captureActive = 1 };
enum CaptureMode : int { captureModeGlobal = 0, captureModeRelaxed = 2 };

/// CUtensorMapDataType, ...Interleave, ...Swizzle, ...L2promotion and
/// ...FloatOOBfill.
enum TensorMapType : int {
  mapUInt8 = 0,
  mapInt32 = 3,
  mapInt64 = 5,
  mapFloat16 = 6,
  mapFloat32 = 7,
  mapFloat64 = 8,
  mapBFloat16 = 9,
};
enum TensorMapInterleave : int { interleaveNone = 0 };
enum TensorMapSwizzle : int {
  swizzleNone = 0,
  swizzle32 = 1,
  swizzle64 = 2,
  swizzle128 = 3,
};
enum TensorMapL2Promotion : int {
  promoteNone = 0,
  promote64 = 1,
  promote128 = 2,
  promote256 = 3,
};
enum TensorMapFill : int { fillZeros = 0 };

/// CUtensorMap: opaque, passed to kernels by value.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

/// CUlaunchAttribute with the one value that is used.
struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    unsigned clusterSize[3];
  } value;
};
enum LaunchAttributeId : int { clusterDimension = 4 };

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedBytes;
  StreamHandle stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};

/// CUmemGenericAllocationHandle: physical memory.
using MemoryHandle = unsigned long long;

/// CUmemLocation.
struct MemoryLocation {
  int type;
  int id;
};
enum MemoryLocationType : int { locationDevice = 1 };

/// CUmemAllocationProp, of which the last members stay zero.
struct MemoryProperties {
  int type;
  int handleTypes;
  MemoryLocation location;
  void *windowsHandle;
  char flags[8];
};
enum MemoryType : int { memoryPinned = 1 };

/// CUmemAccessDesc.
struct MemoryAccess {
  MemoryLocation location;
  int flags;
};
enum MemoryAccessFlags : int { accessReadWrite = 3 };

/// CUmemAllocationGranularity_flags.
enum GranularityOption : int { granularityMinimum = 0 };

// The driver reads and writes these.
static_assert(sizeof(TensorMap) == 128 && alignof(TensorMap) == 64);
static_assert(sizeof(LaunchAttribute) == 72 &&
              offsetof(LaunchAttribute, value) == 8);
static_assert(sizeof(MemoryProperties) == 32 &&
              offsetof(MemoryProperties, location) == 8);
static_assert(sizeof(MemoryAccess) == 12);
static_assert(sizeof(LaunchConfig) == 56 &&
              offsetof(LaunchConfig, stream) == 32);

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_DRIVERTYPES_H

//===- Handles.h - the types that drivers of all vendors have -------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_HANDLES_H
#define ATTN_LIB_RUNTIME_GPU_HANDLES_H

namespace attn::gpu {

/// CUresult and hipError_t, whose numbers agree: any that some driver returns,
/// so no enumeration type.
using ResultCode = int;
enum : ResultCode {
  success = 0,
  errorInvalidValue = 1,
  errorOutOfMemory = 2,
  errorNotInitialized = 3,
  errorNoDevice = 100,
  errorInvalidImage = 200,
  errorInvalidContext = 201,
  errorNoBinaryForGpu = 209,
  errorInvalidPtx = 218,
  errorUnsupportedPtxVersion = 222,
  errorInvalidHandle = 400,
  errorNotFound = 500,
  errorStreamCaptureUnsupported = 900,
  errorStreamCaptureInvalidated = 901,
  errorStreamCaptureImplicit = 906,
};

using DevicePointer = unsigned long long;
/// CUmodule or hipModule_t, CUfunction or hipFunction_t, CUstream or
/// hipStream_t.
using ModuleHandle = struct OpaqueModule *;
using FunctionHandle = struct OpaqueFunction *;
using StreamHandle = struct OpaqueStream *;

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_HANDLES_H

//===- FakeDriver.cpp - the fake libcuda's driver functions ---------------===//

#include "FakeState.h"

#include <cstdint>
#include <cstring>
#include <sstream>

using namespace attn::cuda;
using namespace attn::fake;

namespace {
constexpr std::pair<ResultCode, const char *> errors[] = {
    {errorInvalidValue, "CUDA_ERROR_INVALID_VALUE"},
    {errorOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
    {errorNoDevice, "CUDA_ERROR_NO_DEVICE"},
    {errorInvalidImage, "CUDA_ERROR_INVALID_IMAGE"},
    {errorInvalidContext, "CUDA_ERROR_INVALID_CONTEXT"},
    {errorInvalidPtx, "CUDA_ERROR_INVALID_PTX"},
    {errorInvalidHandle, "CUDA_ERROR_INVALID_HANDLE"},
    {errorNotFound, "CUDA_ERROR_NOT_FOUND"},
    {errorStreamCaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    {errorStreamCaptureImplicit, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"}};

FakeFunction *getFake(FunctionHandle function) {
  return reinterpret_cast<FakeFunction *>(function);
}

/// Writes into the caller's log, as the compiler of PTX does.
void writeErrorLog(unsigned numOptions, JitOption *options, void **values,
                   const char *text) {
  size_t bytes = 0;
  char *log = nullptr;
  for (unsigned i = 0; i < numOptions; ++i) {
    if (options[i] == jitErrorLogBuffer)
      log = static_cast<char *>(values[i]);
    if (options[i] == jitErrorLogBufferBytes)
      bytes = reinterpret_cast<uintptr_t>(values[i]);
  }
  if (log && bytes > std::strlen(text))
    std::strcpy(log, text);
}
} // namespace

extern "C" {
ResultCode cuDriverGetVersion(int *version) {
  *version = getState().version;
  return success;
}

ResultCode cuInit(unsigned) { return enter("cuInit"); }

ResultCode cuGetErrorName(ResultCode error, const char **name) {
  if (ResultCode code = enter(line("cuGetErrorName", error)))
    return code;
  for (auto [known, text] : errors)
    if (known == error) {
      *name = text;
      return success;
    }
  return errorInvalidValue;
}

ResultCode cuGetErrorString(ResultCode error, const char **text) {
  if (ResultCode code = enter(line("cuGetErrorString", error)))
    return code;
  *text = "as the test wants";
  return success;
}

ResultCode cuDeviceGet(Device *device, int ordinal) {
  if (ResultCode code = enter(line("cuDeviceGet", ordinal)))
    return code;
  *device = ordinal;
  return success;
}

ResultCode cuDeviceGetName(char *name, int size, Device device) {
  if (ResultCode code = enter(line("cuDeviceGetName", device)))
    return code;
  std::strncpy(name, "Fake GPU", static_cast<size_t>(size));
  return success;
}

ResultCode cuDeviceGetAttribute(int *value, DeviceAttribute attribute,
                                Device device) {
  if (ResultCode code =
          enter(line("cuDeviceGetAttribute", int(attribute), device)))
    return code;
  switch (attribute) {
  case multiprocessorCount:
    *value = 132;
    return success;
  case computeCapabilityMajor:
    *value = getState().major;
    return success;
  case computeCapabilityMinor:
    *value = getState().minor;
    return success;
  case maxSharedBytesPerBlockOptin:
    *value = 232448;
    return success;
  case virtualMemoryManagement:
    *value = getState().hasVirtualMemory;
    return success;
  }
  return errorInvalidValue;
}

ResultCode cuDevicePrimaryCtxRetain(ContextHandle *context, Device device) {
  if (ResultCode code = enter(line("cuDevicePrimaryCtxRetain", device)))
    return code;
  ++getState().contexts[device].numRetained;
  *context = getContext(device);
  return success;
}

ResultCode cuDevicePrimaryCtxRelease_v2(Device device) {
  ResultCode code = enter(line("cuDevicePrimaryCtxRelease", device));
  --getState().contexts[device].numRetained;
  return code;
}

ResultCode cuCtxGetCurrent(ContextHandle *context) {
  if (ResultCode code = enter("cuCtxGetCurrent"))
    return code;
  const auto &current = getState().current;
  *context = current.empty() ? nullptr : current.back();
  return success;
}

ResultCode cuCtxSetCurrent(ContextHandle context) {
  if (ResultCode code = enter("cuCtxSetCurrent"))
    return code;
  getState().current = {context};
  return success;
}

ResultCode cuCtxSynchronize() { return enterUnsafe("cuCtxSynchronize"); }

ResultCode cuCtxPushCurrent_v2(ContextHandle context) {
  if (ResultCode code = enter("cuCtxPushCurrent"))
    return code;
  getState().current.push_back(context);
  return success;
}

ResultCode cuCtxPopCurrent_v2(ContextHandle *context) {
  ResultCode code = enterWithContext("cuCtxPopCurrent");
  if (getState().current.empty())
    return code;
  *context = getState().current.back();
  getState().current.pop_back();
  return code;
}

ResultCode cuCtxGetDevice(Device *device) {
  if (ResultCode code = enterWithContext("cuCtxGetDevice"))
    return code;
  *device = getState().current.back() == getContext(0) ? 0 : 1;
  return success;
}

ResultCode cuCtxGetId(ContextHandle context, unsigned long long *id) {
  if (ResultCode code = enter("cuCtxGetId"))
    return code;
  *id = context == getContext(0) ? 1 : 2;
  return success;
}

ResultCode cuThreadExchangeStreamCaptureMode(CaptureMode *mode) {
  if (ResultCode code =
          enter(line("cuThreadExchangeStreamCaptureMode", int(*mode))))
    return code;
  std::swap(*mode, getState().captureMode);
  return success;
}

ResultCode cuStreamIsCapturing(StreamHandle stream, CaptureStatus *status) {
  if (ResultCode code = enterWithContext(
          line("cuStreamIsCapturing", static_cast<void *>(stream))))
    return code;
  *status = stream && static_cast<void *>(stream) == getState().capturingStream
                ? captureActive
                : captureNone;
  return getState().capturing && stream == getLegacyStream()
             ? errorStreamCaptureImplicit
             : success;
}

ResultCode cuStreamSynchronize(StreamHandle stream) {
  return enterUnsafe(line("cuStreamSynchronize", static_cast<void *>(stream)));
}

ResultCode cuModuleLoadDataEx(ModuleHandle *module, const void *image,
                              unsigned numOptions, JitOption *options,
                              void **values) {
  if (ResultCode code = enterUnsafe("cuModuleLoadDataEx"))
    return code;
  std::istringstream text(static_cast<const char *>(image));
  std::string head;
  std::getline(text, head);
  if (head == "//BADPTX") {
    writeErrorLog(numOptions, options, values, "ptxas fatal: line 2\nmore");
    return errorInvalidPtx;
  }
  if (head != "FAKECUBIN" && head != "//FAKEPTX")
    return errorInvalidImage;
  auto owned = std::make_unique<FakeModule>();
  owned->context = reinterpret_cast<FakeContext *>(getState().current.back());
  for (std::string row; std::getline(text, row);) {
    std::istringstream words(row);
    FakeFunction function;
    function.module = owned.get();
    words >> function.name;
    for (size_t bytes; words >> bytes;)
      function.parameterBytes.push_back(bytes);
    owned->functions[function.name] = function;
  }
  *module = reinterpret_cast<ModuleHandle>(owned.get());
  FakeModule *key = owned.get();
  getState().modules.emplace(key, std::move(owned));
  return success;
}

ResultCode cuModuleUnload(ModuleHandle module) {
  ResultCode code = enter("cuModuleUnload");
  getState().modules.erase(reinterpret_cast<FakeModule *>(module));
  return code;
}

ResultCode cuModuleGetFunction(FunctionHandle *function, ModuleHandle module,
                               const char *name) {
  if (ResultCode code = enterWithContext(line("cuModuleGetFunction", name)))
    return code;
  auto &functions = reinterpret_cast<FakeModule *>(module)->functions;
  auto found = functions.find(name);
  if (found == functions.end())
    return errorNotFound;
  *function = reinterpret_cast<FunctionHandle>(&found->second);
  return success;
}

ResultCode cuFuncSetAttribute(FunctionHandle function,
                              FunctionAttribute attribute, int value) {
  if (ResultCode code =
          enterWithContext(line("cuFuncSetAttribute", int(attribute), value)))
    return code;
  getFake(function)->sharedBytes = unsigned(value);
  return success;
}

ResultCode cuMemAlloc_v2(DevicePointer *address, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("cuMemAlloc", bytes)))
    return code;
  // Real allocations are aligned to 256 bytes at least.
  void *memory = bytes < (size_t(1) << 40)
                     ? std::aligned_alloc(256, (bytes + 255) / 256 * 256)
                     : nullptr;
  if (!memory)
    return errorOutOfMemory;
  std::memset(memory, 0xa5, bytes);
  getState().memory[memory] = bytes;
  *address = reinterpret_cast<uintptr_t>(memory);
  return success;
}

ResultCode cuMemFree_v2(DevicePointer address) {
  ResultCode code = enter("cuMemFree");
  State &state = getState();
  if (state.capturing && state.captureMode != captureModeRelaxed)
    state.captureBroken = true;
  void *memory = reinterpret_cast<void *>(uintptr_t(address));
  if (state.memory.erase(memory) == 0)
    return errorInvalidValue;
  std::free(memory);
  return code;
}

ResultCode cuMemcpyHtoD_v2(DevicePointer to, const void *from, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("cuMemcpyHtoD", bytes)))
    return code;
  std::memcpy(reinterpret_cast<void *>(uintptr_t(to)), from, bytes);
  return success;
}

ResultCode cuMemcpyDtoH_v2(void *to, DevicePointer from, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("cuMemcpyDtoH", bytes)))
    return code;
  std::memcpy(to, reinterpret_cast<const void *>(uintptr_t(from)), bytes);
  return success;
}

ResultCode cuMemsetD8_v2(DevicePointer address, unsigned char value,
                         size_t bytes) {
  if (ResultCode code = enterUnsafe(line("cuMemsetD8", int(value), bytes)))
    return code;
  std::memset(reinterpret_cast<void *>(uintptr_t(address)), value, bytes);
  return success;
}

ResultCode cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from,
                                size_t bytes, StreamHandle stream) {
  if (ResultCode code = enterWithContext(
          line("cuMemcpyDtoDAsync", bytes, static_cast<void *>(stream))))
    return code;
  std::memcpy(reinterpret_cast<void *>(uintptr_t(to)),
              reinterpret_cast<const void *>(uintptr_t(from)), bytes);
  return success;
}

ResultCode
cuTensorMapEncodeTiled(TensorMap *map, TensorMapType type, unsigned rank,
                       void *address, const uint64_t *extents,
                       const uint64_t *strides, const unsigned *box,
                       const unsigned *elementStrides,
                       TensorMapInterleave interleave, TensorMapSwizzle swizzle,
                       TensorMapL2Promotion promotion, TensorMapFill fill) {
  std::string text = line("cuTensorMapEncodeTiled", "type", int(type));
  auto list = [&](const char *name, const auto *values, unsigned count) {
    text += std::string(" ") + name;
    for (unsigned i = 0; i < count; ++i)
      text += (i ? "," : " ") + std::to_string(values[i]);
  };
  list("extents", extents, rank);
  list("strides", strides, rank - 1);
  list("box", box, rank);
  text += line(" swizzle", int(swizzle), "promotion", int(promotion));
  if (ResultCode code = enter(text))
    return code;
  // The driver's own conditions.
  bool valid = reinterpret_cast<uintptr_t>(map) % 64 == 0 &&
               reinterpret_cast<uintptr_t>(address) % 16 == 0 && rank >= 1 &&
               rank <= 5 && interleave == interleaveNone && fill == fillZeros;
  for (unsigned i = 0; i < rank; ++i)
    valid &= extents[i] >= 1 && extents[i] <= (uint64_t(1) << 32) &&
             box[i] >= 1 && box[i] <= 256 && elementStrides[i] == 1;
  for (unsigned i = 0; i + 1 < rank; ++i)
    valid &= strides[i] % 16 == 0 && strides[i] < (uint64_t(1) << 40);
  if (!valid)
    return errorInvalidValue;
  std::memset(map, 0, sizeof(*map));
  map->words[0] = reinterpret_cast<uintptr_t>(address);
  map->words[1] = extents[0];
  return success;
}

ResultCode cuTensorMapReplaceAddress(TensorMap *map, void *address) {
  if (ResultCode code = enter("cuTensorMapReplaceAddress"))
    return code;
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0 ||
      reinterpret_cast<uintptr_t>(address) % 16 != 0)
    return errorInvalidValue;
  map->words[0] = reinterpret_cast<uintptr_t>(address);
  return success;
}

ResultCode cuLaunchKernelEx(const LaunchConfig *config, FunctionHandle function,
                            void **parameters, void **extra) {
  const FakeFunction &fake = *getFake(function);
  auto dims = [](const unsigned *d) { return line("", d[0], d[1], d[2]); };
  std::string text = line("cuLaunchKernelEx", fake.name, "grid") +
                     dims(config->grid) + " block" + dims(config->block) +
                     " shared " + std::to_string(config->sharedBytes);
  for (unsigned i = 0; i < config->numAttributes; ++i)
    if (config->attributes[i].id == clusterDimension)
      text += " cluster" + dims(config->attributes[i].value.clusterSize);
  text += line(" stream", static_cast<void *>(config->stream));
  if (ResultCode code = enterWithContext(text))
    return code;
  State &state = getState();
  if (reinterpret_cast<FakeContext *>(state.current.back()) !=
      fake.module->context)
    return errorInvalidHandle;
  if (extra || config->sharedBytes > fake.sharedBytes)
    return errorInvalidValue;
  state.parameters.resize(fake.parameterBytes.size());
  for (size_t i = 0; i < fake.parameterBytes.size(); ++i)
    state.parameters[i].assign(static_cast<const char *>(parameters[i]),
                               fake.parameterBytes[i]);
  return success;
}
} // extern "C"

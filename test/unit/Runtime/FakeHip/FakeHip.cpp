//===- FakeHip.cpp - a libamdhip64 over the host's memory -----------------===//

#include "FakeHip.h"

#include "lib/Runtime/HIP/DriverTypes.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace attn::hip;

namespace {
struct FakeFunction {
  int device;
  std::string name;
  std::vector<size_t> parameterBytes;
};

struct FakeModule {
  std::map<std::string, FakeFunction> functions;
};

void *allocateAligned(size_t bytes) { return std::aligned_alloc(256, bytes); }

struct State {
  std::string log, arch;
  int computeUnits = 304;
  int numCalls = 0, failFirst = 0, failCount = 0, failResult = 0;
  int current = 0;
  bool capturing = false, captureBroken = false;
  void *capturingStream = nullptr;
  CaptureMode captureMode = captureModeGlobal;
  std::map<FakeModule *, std::unique_ptr<FakeModule>> modules;
  /// Addresses of allocations, with their bytes.
  std::map<void *, size_t> memory;
  /// Of the last launch.
  std::vector<std::string> parameters;
  fakeHipLauncher launcher = nullptr;
  void *launcherContext = nullptr;
  fakeHipLoader loader = nullptr;
  void *loaderContext = nullptr;
  void *(*allocate)(size_t) = allocateAligned;
  void (*release)(void *) = std::free;
};

constexpr std::pair<ResultCode, const char *> errors[] = {
    {errorInvalidValue, "hipErrorInvalidValue"},
    {errorOutOfMemory, "hipErrorOutOfMemory"},
    {errorNoDevice, "hipErrorNoDevice"},
    {errorInvalidImage, "hipErrorInvalidImage"},
    {errorInvalidHandle, "hipErrorInvalidHandle"},
    {errorNotFound, "hipErrorNotFound"},
    {719, "hipErrorLaunchFailure"},
    {errorStreamCaptureUnsupported, "hipErrorStreamCaptureUnsupported"},
    {errorStreamCaptureImplicit, "hipErrorStreamCaptureImplicit"}};

State &getState() {
  static State &state = *new State;
  return state;
}

template <typename... Values>
std::string line(const char *name, const Values &...values) {
  std::ostringstream out;
  out << name;
  ((out << ' ' << values), ...);
  return out.str();
}

/// Records a call and returns what it has to fail with, or success.
ResultCode enter(const std::string &line) {
  State &state = getState();
  state.log += line + "\n";
  ++state.numCalls;
  if (state.failFirst > 0 && --state.failFirst > 0)
    return success;
  if (state.failCount > 0) {
    --state.failCount;
    return state.failResult;
  }
  return success;
}

/// As `enter`, of a call that ends the capture of a thread whose capture mode
/// is not relaxed.
ResultCode enterUnsafe(const std::string &line) {
  ResultCode code = enter(line);
  State &state = getState();
  if (!state.capturing || state.captureMode == captureModeRelaxed)
    return code;
  state.captureBroken = true;
  return code == success ? errorStreamCaptureUnsupported : code;
}
} // namespace

void fakeHipReset() {
  State &state = getState();
  state.log.clear();
  state.arch = "gfx942:sramecc+:xnack-";
  state.computeUnits = 304;
  state.numCalls = state.failFirst = state.failCount = 0;
  state.current = 0;
  state.capturing = state.captureBroken = false;
  state.capturingStream = nullptr;
  state.captureMode = captureModeGlobal;
  state.parameters.clear();
  state.launcher = nullptr;
}

void fakeHipFail(int first, int count, int result) {
  getState().failFirst = first;
  getState().failCount = count;
  getState().failResult = result;
}

int fakeHipNumCalls() { return getState().numCalls; }
const char *fakeHipLog() { return getState().log.c_str(); }

int fakeHipNumLive(const char *kind) {
  return static_cast<int>(std::string(kind) == "module"
                              ? getState().modules.size()
                              : getState().memory.size());
}

int fakeHipGetCurrent() { return getState().current; }
void fakeHipSetCurrent(int device) { getState().current = device; }
void fakeHipSetArch(const char *name) { getState().arch = name; }
void fakeHipSetComputeUnits(int count) { getState().computeUnits = count; }

void fakeHipSetCapturing(int capturing) {
  getState().capturing = capturing != 0;
  getState().captureBroken = false;
}

void fakeHipSetCapturingStream(void *stream) {
  getState().capturingStream = stream;
}

int fakeHipCaptureBroken() { return getState().captureBroken; }

const void *fakeHipParameter(int index, size_t *size) {
  const auto &parameters = getState().parameters;
  if (index < 0 || size_t(index) >= parameters.size())
    return nullptr;
  *size = parameters[index].size();
  return parameters[index].data();
}

void fakeHipSetLauncher(fakeHipLauncher launcher, void *context) {
  getState().launcher = launcher;
  getState().launcherContext = context;
}

void fakeHipSetLoader(fakeHipLoader loader, void *context) {
  getState().loader = loader;
  getState().loaderContext = context;
}

void fakeHipSetAllocator(void *(*allocate)(size_t), void (*release)(void *)) {
  getState().allocate = allocate;
  getState().release = release;
}

void fakeHipForEachMemory(void (*visit)(void *context, const void *address,
                                        size_t bytes),
                          void *context) {
  for (auto [address, bytes] : getState().memory)
    visit(context, address, bytes);
}

extern "C" {
ResultCode hipDriverGetVersion(int *version) {
  *version = 60032830;
  return success;
}

ResultCode hipInit(unsigned) { return enter("hipInit"); }

ResultCode hipDrvGetErrorName(ResultCode error, const char **name) {
  if (ResultCode code = enter(line("hipDrvGetErrorName", error)))
    return code;
  for (auto [known, text] : errors)
    if (known == error) {
      *name = text;
      return success;
    }
  return errorInvalidValue;
}

ResultCode hipDrvGetErrorString(ResultCode error, const char **text) {
  if (ResultCode code = enter(line("hipDrvGetErrorString", error)))
    return code;
  *text = "as the test wants";
  return success;
}

ResultCode hipGetDevice(int *device) {
  if (ResultCode code = enter("hipGetDevice"))
    return code;
  *device = getState().current;
  return success;
}

ResultCode hipSetDevice(int device) {
  ResultCode code = enter(line("hipSetDevice", device));
  if (device != 0 && device != 1)
    return errorNoDevice;
  if (code == success)
    getState().current = device;
  return code;
}

ResultCode hipDeviceGetAttribute(int *value, DeviceAttribute attribute,
                                 int device) {
  if (ResultCode code =
          enter(line("hipDeviceGetAttribute", int(attribute), device)))
    return code;
  switch (attribute) {
  case multiprocessorCount:
    *value = getState().computeUnits;
    return success;
  case maxSharedMemoryPerBlock:
    *value = 65536;
    return success;
  }
  return errorInvalidValue;
}

ResultCode hipGetDevicePropertiesR0600(DeviceProperties *properties,
                                       int device) {
  if (ResultCode code = enter(line("hipGetDevicePropertiesR0600", device)))
    return code;
  std::memset(static_cast<void *>(properties), 0x5a, sizeof(*properties));
  std::strcpy(properties->gcnArchName, getState().arch.c_str());
  return success;
}

ResultCode hipThreadExchangeStreamCaptureMode(CaptureMode *mode) {
  if (ResultCode code =
          enter(line("hipThreadExchangeStreamCaptureMode", int(*mode))))
    return code;
  std::swap(*mode, getState().captureMode);
  return success;
}

ResultCode hipStreamIsCapturing(StreamHandle stream, CaptureStatus *status) {
  if (ResultCode code =
          enter(line("hipStreamIsCapturing", static_cast<void *>(stream))))
    return code;
  *status = stream && static_cast<void *>(stream) == getState().capturingStream
                ? captureActive
                : captureNone;
  return getState().capturing && !stream ? errorStreamCaptureImplicit : success;
}

ResultCode hipStreamSynchronize(StreamHandle stream) {
  return enterUnsafe(line("hipStreamSynchronize", static_cast<void *>(stream)));
}

ResultCode hipModuleLoadData(ModuleHandle *module, const void *image) {
  if (ResultCode code = enterUnsafe("hipModuleLoadData"))
    return code;
  constexpr char textStart[] = "FAKEHSACO\n";
  const auto *chars = static_cast<const char *>(image);
  if (std::strncmp(chars, textStart, sizeof(textStart) - 1) != 0) {
    State &state = getState();
    chars = state.loader ? state.loader(state.loaderContext, image) : nullptr;
    if (!chars)
      return errorInvalidImage;
  }
  std::istringstream text(chars);
  std::string head;
  std::getline(text, head);
  auto owned = std::make_unique<FakeModule>();
  for (std::string row; std::getline(text, row);) {
    std::istringstream words(row);
    FakeFunction function;
    function.device = getState().current;
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

ResultCode hipModuleUnload(ModuleHandle module) {
  ResultCode code = enter("hipModuleUnload");
  getState().modules.erase(reinterpret_cast<FakeModule *>(module));
  return code;
}

ResultCode hipModuleGetFunction(FunctionHandle *function, ModuleHandle module,
                                const char *name) {
  if (ResultCode code = enter(line("hipModuleGetFunction", name)))
    return code;
  auto &functions = reinterpret_cast<FakeModule *>(module)->functions;
  auto found = functions.find(name);
  if (found == functions.end())
    return errorNotFound;
  *function = reinterpret_cast<FunctionHandle>(&found->second);
  return success;
}

ResultCode hipMalloc(void **address, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("hipMalloc", bytes)))
    return code;
  // Real allocations are aligned to 256 bytes at least.
  void *memory = bytes < (size_t(1) << 40)
                     ? getState().allocate((bytes + 255) / 256 * 256)
                     : nullptr;
  if (!memory)
    return errorOutOfMemory;
  std::memset(memory, 0xa5, bytes);
  getState().memory[memory] = bytes;
  *address = memory;
  return success;
}

ResultCode hipFree(void *address) {
  ResultCode code = enterUnsafe("hipFree");
  if (getState().memory.erase(address) == 0)
    return errorInvalidValue;
  getState().release(address);
  return code;
}

ResultCode hipMemsetD8(void *address, unsigned char value, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("hipMemsetD8", int(value), bytes)))
    return code;
  std::memset(address, value, bytes);
  return success;
}

// What attn-run calls, besides.
ResultCode hipDeviceGet(int *device, int number) {
  *device = number;
  return enter(line("hipDeviceGet", number));
}

ResultCode hipDeviceGetName(char *name, int bytes, int device) {
  std::snprintf(name, size_t(bytes), "a stand-in for %s",
                getState().arch.c_str());
  return enter(line("hipDeviceGetName", device));
}

ResultCode hipMemcpyHtoD(void *to, const void *from, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("hipMemcpyHtoD", bytes)))
    return code;
  std::memcpy(to, from, bytes);
  return success;
}

ResultCode hipMemcpyDtoH(void *to, const void *from, size_t bytes) {
  if (ResultCode code = enterUnsafe(line("hipMemcpyDtoH", bytes)))
    return code;
  std::memcpy(to, from, bytes);
  return success;
}

ResultCode hipDeviceSynchronize() {
  return enterUnsafe("hipDeviceSynchronize");
}

ResultCode hipMemcpyDtoDAsync(void *to, void *from, size_t bytes,
                              StreamHandle stream) {
  if (ResultCode code =
          enter(line("hipMemcpyDtoDAsync", bytes, static_cast<void *>(stream))))
    return code;
  std::memcpy(to, from, bytes);
  return success;
}

ResultCode hipModuleLaunchKernel(FunctionHandle function, unsigned gridX,
                                 unsigned gridY, unsigned gridZ,
                                 unsigned blockX, unsigned blockY,
                                 unsigned blockZ, unsigned sharedBytes,
                                 StreamHandle stream, void **parameters,
                                 void **extra) {
  const auto &fake = *reinterpret_cast<FakeFunction *>(function);
  if (ResultCode code =
          enter(line("hipModuleLaunchKernel", fake.name, "grid", gridX, gridY,
                     gridZ, "block", blockX, blockY, blockZ, "shared",
                     sharedBytes, "stream", static_cast<void *>(stream))))
    return code;
  State &state = getState();
  if (fake.device != state.current)
    return errorInvalidHandle;
  if (extra)
    return errorInvalidValue;
  state.parameters.resize(fake.parameterBytes.size());
  for (size_t i = 0; i < fake.parameterBytes.size(); ++i)
    state.parameters[i].assign(static_cast<const char *>(parameters[i]),
                               fake.parameterBytes[i]);
  const unsigned grid[] = {gridX, gridY, gridZ};
  if (state.launcher)
    state.launcher(state.launcherContext, fake.name.c_str(), grid, blockX);
  return success;
}
} // extern "C"

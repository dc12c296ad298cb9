//===- FakeCuda.cpp - the fake libcuda: state and steering ----------------===//

#include "FakeCuda.h"

#include "FakeState.h"

using namespace attn::cuda;
using namespace attn::fake;

State &attn::fake::getState() {
  static State &state = *new State;
  return state;
}

ResultCode attn::fake::enter(const std::string &line) {
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

ResultCode attn::fake::enterWithContext(const std::string &line) {
  ResultCode code = enter(line);
  if (code == success && getState().current.empty())
    return errorInvalidContext;
  return code;
}

ResultCode attn::fake::enterUnsafe(const std::string &line) {
  ResultCode code = enterWithContext(line);
  State &state = getState();
  if (!state.capturing || state.captureMode == captureModeRelaxed)
    return code;
  state.captureBroken = true;
  return code == success ? errorStreamCaptureUnsupported : code;
}

void fakeCudaReset() {
  State &state = getState();
  state.log.clear();
  state.numCalls = state.failFirst = state.failCount = 0;
  state.version = 12040;
  state.major = 9;
  state.minor = 0;
  state.hasVirtualMemory = true;
  state.capturing = state.captureBroken = false;
  state.capturingStream = nullptr;
  state.captureMode = captureModeGlobal;
  state.current.clear();
  state.parameters.clear();
}

void fakeCudaFail(int first, int count, int result) {
  getState().failFirst = first;
  getState().failCount = count;
  getState().failResult = result;
}

int fakeCudaNumCalls() { return getState().numCalls; }
const char *fakeCudaLog() { return getState().log.c_str(); }

int fakeCudaNumLive(const char *kind) {
  const State &state = getState();
  std::string name = kind;
  if (name == "context")
    return state.contexts[0].numRetained + state.contexts[1].numRetained;
  if (name == "module")
    return static_cast<int>(state.modules.size());
  if (name == "memory")
    return static_cast<int>(state.memory.size());
  if (name == "range")
    return static_cast<int>(state.ranges.size());
  if (name == "granule")
    return static_cast<int>(state.granules.size());
  if (name == "mapping")
    return static_cast<int>(state.mappings.size());
  return name == "push" ? static_cast<int>(state.current.size()) : -1;
}

void fakeCudaSetVersion(int version) { getState().version = version; }

void fakeCudaSetComputeCapability(int major, int minor) {
  getState().major = major;
  getState().minor = minor;
}

void fakeCudaSetVirtualMemory(int has) {
  getState().hasVirtualMemory = has != 0;
}

int fakeCudaIsAccessible(unsigned long long address) {
  auto found = getState().mappings.find(address);
  return found != getState().mappings.end() && found->second.isAccessible;
}

void fakeCudaSetCurrent(int device) {
  getState().current.clear();
  if (device >= 0)
    getState().current.push_back(getContext(device));
}

void fakeCudaSetCapturing(int capturing) {
  getState().capturing = capturing != 0;
  getState().captureBroken = false;
}

void fakeCudaSetCapturingStream(void *stream) {
  getState().capturingStream = stream;
}

int fakeCudaCaptureBroken() { return getState().captureBroken; }

const void *fakeCudaParameter(int index, size_t *size) {
  const auto &parameters = getState().parameters;
  if (index < 0 || size_t(index) >= parameters.size())
    return nullptr;
  *size = parameters[index].size();
  return parameters[index].data();
}

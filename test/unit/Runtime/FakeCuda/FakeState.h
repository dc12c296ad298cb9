//===- FakeState.h - what the fake libcuda knows --------------------------===//

#ifndef ATTN_TEST_UNIT_RUNTIME_FAKESTATE_H
#define ATTN_TEST_UNIT_RUNTIME_FAKESTATE_H

#include "lib/Runtime/CUDA/DriverTypes.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace attn::fake {

struct FakeContext {
  int numRetained = 0;
};

struct FakeModule;

struct FakeFunction {
  FakeModule *module;
  std::string name;
  std::vector<size_t> parameterBytes;
  unsigned sharedBytes = 48 << 10;
};

struct FakeModule {
  FakeContext *context;
  std::map<std::string, FakeFunction> functions;
};

struct State {
  std::string log;
  int numCalls = 0, failFirst = 0, failCount = 0, failResult = 0;
  int version = 12040, major = 9, minor = 0;
  bool capturing = false, captureBroken = false;
  void *capturingStream = nullptr;
  cuda::CaptureMode captureMode = cuda::captureModeGlobal;
  FakeContext contexts[2];
  /// The stack of current contexts, the last one on top.
  std::vector<cuda::ContextHandle> current;
  std::map<FakeModule *, std::unique_ptr<FakeModule>> modules;
  /// Addresses of allocations, with their bytes.
  std::map<void *, size_t> memory;
  bool hasVirtualMemory = true;
  /// Reserved ranges of addresses with their bytes, physical memory with the
  /// number of its mappings, and what is mapped where.
  std::map<cuda::DevicePointer, size_t> ranges;
  std::map<cuda::MemoryHandle, int> granules;
  struct Mapping {
    cuda::MemoryHandle granule;
    bool isAccessible;
  };
  std::map<cuda::DevicePointer, Mapping> mappings;
  cuda::DevicePointer nextRange = cuda::DevicePointer(1) << 40;
  cuda::MemoryHandle nextGranule = 1;
  /// Of the last launch.
  std::vector<std::string> parameters;
};

State &getState();

inline cuda::ContextHandle getContext(int device) {
  return reinterpret_cast<cuda::ContextHandle>(&getState().contexts[device]);
}

template <typename... Values>
std::string line(const char *name, const Values &...values) {
  std::ostringstream out;
  out << name;
  ((out << ' ' << values), ...);
  return out.str();
}

/// Records a call and returns what it has to fail with, or success.
cuda::ResultCode enter(const std::string &line);

/// As `enter`, of a call that needs a current context.
cuda::ResultCode enterWithContext(const std::string &line);

/// As `enterWithContext`, of a call that ends the capture of a thread whose
/// capture mode is not relaxed.
cuda::ResultCode enterUnsafe(const std::string &line);

} // namespace attn::fake

#endif // ATTN_TEST_UNIT_RUNTIME_FAKESTATE_H

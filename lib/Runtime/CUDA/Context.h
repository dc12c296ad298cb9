//===- Context.h - the context of a device that kernels live in -----------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_CONTEXT_H
#define ATTN_LIB_RUNTIME_CUDA_CONTEXT_H

#include "Driver.h"

#include <memory>

namespace attn::cuda {

/// A driver's context with what the runtime has to know of its device. Shared
/// by all that lives in it.
class Context {
public:
  /// The calling thread's current context, else the primary context of device
  /// 0, which is then retained until this is released.
  static Result<std::shared_ptr<const Context>> acquire(const Driver &driver);
  ~Context();
  Context(const Context &) = delete;
  Context &operator=(const Context &) = delete;

  const Driver &getDriver() const { return driver; }
  ContextHandle getHandle() const { return handle; }
  /// Unlike the handle, never that of another context later on.
  unsigned long long getId() const { return id; }
  int getDevice() const { return device; }
  int getMultiprocessors() const { return multiprocessors; }
  /// The most dynamic shared memory that a block can have.
  int getMaxSharedBytes() const { return maxSharedBytes; }
  int getComputeMajor() const { return computeMajor; }
  int getComputeMinor() const { return computeMinor; }

private:
  explicit Context(const Driver &driver) : driver(driver) {}
  Status initialize();

  const Driver &driver;
  ContextHandle handle = nullptr;
  unsigned long long id = 0;
  Device device = 0;
  bool retained = false;
  int multiprocessors = 0, maxSharedBytes = 0;
  int computeMajor = 0, computeMinor = 0;
};

/// Makes a context the calling thread's current one while it lives, and keeps
/// its calls from ending a capture that goes on in this or another thread:
/// objects may be released at any time, as by a garbage collector.
class ContextScope {
public:
  explicit ContextScope(const Context &context) : context(context) {}
  ~ContextScope();
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;

  /// To be called once, before all that needs the context.
  Status enter();

private:
  const Context &context;
  CaptureMode mode = captureModeRelaxed;
  bool isPushed = false, isRelaxed = false;
};

/// Refuses while the context's legacy stream cannot be used because a stream
/// that it waits for captures; the capture goes on. Pre-condition: `context` is
/// current.
Status checkNoCapture(const Context &context, const std::string &feature);

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_CONTEXT_H

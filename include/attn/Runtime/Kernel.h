//===- Kernel.h - machine code together with its manifest -----------------===//

#ifndef ATTN_RUNTIME_KERNEL_H
#define ATTN_RUNTIME_KERNEL_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace attn {

struct Artifact;

/// Processes the items [begin, end) of one phase. `params` are the words of
/// Manifest::parameters; `scratch` is 64-byte aligned and private to the
/// thread. What an item computes may not depend on the cut into calls.
using KernelFunction = void (*)(const int64_t *params, int64_t begin,
                                int64_t end, uint8_t *scratch);

/// A kernel that this machine can run. Immutable, so that threads may share it.
class Kernel {
public:
  /// The function of a phase's symbol, or null.
  using Resolver = std::function<KernelFunction(const std::string &symbol)>;

  /// For code that is already in memory, as a JIT has it. `owner` keeps that
  /// code alive and is released with the kernel; it may be null. Refuses an
  /// invalid manifest, a machine without the target's features, and a symbol
  /// that `resolve` does not know.
  static Result<std::shared_ptr<const Kernel>>
  create(Manifest manifest, const Resolver &resolve,
         std::shared_ptr<void> owner);

  /// Loads the artifact's shared object into the process. An artifact is
  /// executable code: its checksums tell damage, not who made it.
  static Result<std::shared_ptr<const Kernel>> load(const Artifact &artifact);

  /// As `load`, of the artifact file at `path`.
  static Result<std::shared_ptr<const Kernel>>
  loadFile(const std::string &path);

  const Manifest &getManifest() const { return manifest; }

  /// The function of each phase, in order.
  const std::vector<KernelFunction> &getFunctions() const { return functions; }

private:
  Kernel() = default;

  Manifest manifest;
  std::vector<KernelFunction> functions;
  std::shared_ptr<void> owner;
};

} // namespace attn

#endif // ATTN_RUNTIME_KERNEL_H

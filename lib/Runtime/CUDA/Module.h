//===- Module.h - a kernel's machine code on a device ---------------------===//

#ifndef ATTN_LIB_RUNTIME_CUDA_MODULE_H
#define ATTN_LIB_RUNTIME_CUDA_MODULE_H

#include "Context.h"

#include <string>

namespace attn::cuda {

/// A loaded module; unloaded with its last owner.
class Module {
public:
  /// Loads a cubin or PTX text, which the driver then compiles. A module of the
  /// same bytes in the same context that is still alive is shared; one image is
  /// loaded at a time. `name` heads the messages; what the compiler of PTX
  /// refuses is reported in its words.
  static Result<std::shared_ptr<const Module>>
  load(std::shared_ptr<const Context> context, const std::string &image,
       const std::string &name);
  ~Module();
  Module(const Module &) = delete;
  Module &operator=(const Module &) = delete;

  const std::string &getImage() const { return image; }

  /// The function called `symbol`. Pre-condition: the context is current.
  Result<FunctionHandle> find(const std::string &symbol,
                              const std::string &name) const;

private:
  Module(std::shared_ptr<const Context> context, std::string image)
      : context(std::move(context)), image(std::move(image)) {}
  Status load(const std::string &name);

  std::shared_ptr<const Context> context;
  std::string image;
  ModuleHandle handle = nullptr;
};

} // namespace attn::cuda

#endif // ATTN_LIB_RUNTIME_CUDA_MODULE_H

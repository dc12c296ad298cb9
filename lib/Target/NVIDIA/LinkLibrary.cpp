//===- LinkLibrary.cpp - ptxas as nvJitLink has it ------------------------===//
//
// Functions and numbers are those of NVIDIA's nvJitLink reference, 12.0 and
// later; their names carry the version of the header that a caller was compiled
// with, of which a library has all up to its own.
//
//===----------------------------------------------------------------------===//

#include "Assembler.h"

#include "llvm/Support/Process.h"

#include <dlfcn.h>

using namespace mlir;
using namespace attn;
using namespace attn::nvidia;

namespace {
using Handle = void *;
constexpr int kSuccess = 0;
/// nvJitLinkInputType: NVJITLINK_INPUT_PTX.
constexpr int kInputPtx = 2;

template <typename... Parameters> struct Function {
  const char *name;
  int (*address)(Parameters...) = nullptr;
};

class LinkLibrary final : public Assembler {
public:
  /// The first function that `library` lacks, or null.
  const char *bind(void *library);

  FailureOr<Output> run(ModuleOp module, StringRef ptx) override;

private:
  std::string readLog(Handle handle, const Function<Handle, size_t *> &getSize,
                      const Function<Handle, char *> &getText);

  Function<Handle *, uint32_t, const char **> create{"Create"};
  Function<Handle, int, const void *, size_t, const char *> addData{"AddData"};
  Function<Handle> complete{"Complete"};
  Function<Handle *> destroy{"Destroy"};
  Function<Handle, size_t *> getCubinSize{"GetLinkedCubinSize"};
  Function<Handle, void *> getCubin{"GetLinkedCubin"};
  Function<Handle, size_t *> getErrorLogSize{"GetErrorLogSize"};
  Function<Handle, char *> getErrorLog{"GetErrorLog"};
  Function<Handle, size_t *> getInfoLogSize{"GetInfoLogSize"};
  Function<Handle, char *> getInfoLog{"GetInfoLog"};
};
} // namespace

const char *LinkLibrary::bind(void *library) {
  const char *missing = nullptr;
  auto find = [&](auto &function) {
    for (const char *suffix : {"_13_0", "_12_0"}) {
      std::string name = std::string("__nvJitLink") + function.name + suffix;
      if (void *symbol = dlsym(library, name.c_str())) {
        function.address = reinterpret_cast<decltype(function.address)>(symbol);
        return;
      }
    }
    if (!missing)
      missing = function.name;
  };
  find(create);
  find(addData);
  find(complete);
  find(destroy);
  find(getCubinSize);
  find(getCubin);
  find(getErrorLogSize);
  find(getErrorLog);
  find(getInfoLogSize);
  find(getInfoLog);
  return missing;
}

std::string LinkLibrary::readLog(Handle handle,
                                 const Function<Handle, size_t *> &getSize,
                                 const Function<Handle, char *> &getText) {
  size_t size = 0;
  if (getSize.address(handle, &size) != kSuccess || size == 0)
    return "";
  std::string text(size, '\0');
  if (getText.address(handle, text.data()) != kSuccess)
    return "";
  return text.c_str();
}

FailureOr<Assembler::Output> LinkLibrary::run(ModuleOp module, StringRef ptx) {
  std::string target = "-arch=" + getPtxTarget(ptx).str();
  const char *options[] = {target.c_str(), "-O3", "-verbose"};
  Handle handle = nullptr;
  std::string text = ptx.str();
  int status = create.address(&handle, std::size(options), options);
  // The text's zero byte is part of it.
  if (status == kSuccess)
    status = addData.address(handle, kInputPtx, text.c_str(), text.size() + 1,
                             "kernel");
  if (status == kSuccess)
    status = complete.address(handle);
  std::string errors =
      handle ? readLog(handle, getErrorLogSize, getErrorLog) : "";
  Output output;
  size_t size = 0;
  if (status == kSuccess && errors.empty())
    status = getCubinSize.address(handle, &size);
  if (status == kSuccess && size != 0) {
    output.cubin.resize(size);
    status = getCubin.address(handle, output.cubin.data());
    output.log = readLog(handle, getInfoLogSize, getInfoLog);
  }
  if (handle)
    destroy.address(&handle);
  if (status == kSuccess && errors.empty() && size != 0)
    return output;
  return module.emitError("expects nvJitLink to accept the kernel, but it "
                          "returns ")
         << status << " and says: " << errors;
}

FailureOr<std::unique_ptr<Assembler>>
attn::nvidia::findLinkLibrary(ModuleOp module) {
  std::optional<std::string> named =
      llvm::sys::Process::GetEnv("ATTN_NVJITLINK");
  SmallVector<std::string> names{"libnvJitLink.so.13", "libnvJitLink.so.12"};
  if (named)
    names = {*named};
  for (const std::string &name : names) {
    // Never closed: it may keep threads.
    void *library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      continue;
    auto assembler = std::make_unique<LinkLibrary>();
    const char *missing = assembler->bind(library);
    if (!missing)
      return std::unique_ptr<Assembler>(std::move(assembler));
    if (named)
      return module.emitError("expects ATTN_NVJITLINK to name nvJitLink, but '")
             << *named << "' has no function nvJitLink" << missing;
  }
  if (named)
    return module.emitError("expects ATTN_NVJITLINK to name a library, but "
                            "got: ")
           << dlerror();
  return std::unique_ptr<Assembler>();
}

//===- TvmFfi.cpp - kernels as functions of TVM-FFI -----------------------===//
//
// For `load_module` of TVM-FFI in any of its languages:
//
//   load_kernel(path, threads = 1) -> function
//   compile(program, options...) -> function
//
// The function takes all arguments of the kernel in the order of its manifest,
// outputs too, and runs it: on a GPU it starts a run on the stream that TVM-FFI
// holds for the device.
//
//===----------------------------------------------------------------------===//

#include "TvmFfi.h"

#include "Objects.h"

#include "attn/Runtime/Calls.h"

#include <dlfcn.h>
#include <vector>

using namespace attn;
using namespace attn::capi;
using namespace attn::tvmffi;

/// That of the loaded libtvm_ffi, also where Python has kept its symbols from
/// others; else of the process.
template <typename Function>
static bool bind(const char *name, Function &function) {
  void *library = dlopen("libtvm_ffi.so", RTLD_LAZY | RTLD_NOLOAD);
  void *address = dlsym(library ? library : RTLD_DEFAULT, name);
  if (library)
    dlclose(library);
  function = reinterpret_cast<Function>(address);
  return address;
}

const Library *Library::get() {
  static const Library *found = [] {
    auto *library = new Library;
    bool isWhole = bind("TVMFFIFunctionCreate", library->createFunction) &&
                   bind("TVMFFIErrorSetRaisedFromCStr", library->raise) &&
                   bind("TVMFFIEnvGetStream", library->getStream);
    return isWhole ? library : nullptr;
  }();
  return found;
}

/// The class of Python's that TVM-FFI gives an error.
static const char *getKind(attn_status status) {
  switch (status) {
  case ATTN_INVALID_ARGUMENT:
    return "ValueError";
  case ATTN_UNSUPPORTED:
    return "NotImplementedError";
  case ATTN_IO:
    return "OSError";
  case ATTN_RESOURCE_EXHAUSTED:
    return "MemoryError";
  default:
    return "RuntimeError";
  }
}

/// Calls `body`, which returns a Status, and raises what it refuses.
template <typename Body> static int raising(const char *function, Body body) {
  const Library *library = Library::get();
  if (!library)
    return -1; // and nobody to tell why
  attn_status status = guarded(function, body);
  if (status == ATTN_OK)
    return 0;
  library->raise(getKind(status), attn_last_error_message());
  return -1;
}

static Status refuseArgument(const std::string &name, const char *wanted,
                             const Any &got) {
  return Status::error(StatusCode::invalidArgument, "argument " + name,
                       std::string("expects ") + wanted +
                           ", but got a value of TVM-FFI's type " +
                           std::to_string(got.typeIndex),
                       "see the manifest's arguments");
}

static Result<std::string> readText(const std::string &name, const Any &value) {
  switch (value.typeIndex) {
  case indexRawString:
    return std::string(value.text);
  case indexSmallString:
    return std::string(value.characters, value.smallLength);
  case indexString: {
    auto *bytes = reinterpret_cast<const ByteArray *>(value.object + 1);
    return std::string(bytes->data, bytes->size);
  }
  default:
    return refuseArgument(name, "a string", value);
  }
}

static Result<ArgumentValue> readArgument(const Manifest::Argument &argument,
                                          const Any &value) {
  const std::string &name = argument.name;
  if (argument.kind == Manifest::Argument::Kind::tensor) {
    if (value.typeIndex == indexDLTensor)
      return ArgumentValue::ofTensor(
          name, static_cast<const DLTensor *>(value.pointer));
    if (value.typeIndex == indexTensor)
      return ArgumentValue::ofTensor(
          name, reinterpret_cast<const DLTensor *>(value.object + 1));
    return refuseArgument(name, "a tensor", value);
  }
  if (value.typeIndex == indexInt || value.typeIndex == indexBool)
    return ArgumentValue::ofInteger(name, value.integer);
  if (value.typeIndex == indexFloat)
    return ArgumentValue::ofReal(name, value.real);
  return refuseArgument(name, "a number", value);
}

/// The stream of TVM-FFI's for the device of the first tensor.
static void *getStream(const std::vector<ArgumentValue> &values) {
  for (const ArgumentValue &value : values)
    if (value.tensor)
      return Library::get()->getStream(value.tensor->device.device_type,
                                       value.tensor->device.device_id);
  return nullptr;
}

static int callKernel(void *self, const Any *arguments, int32_t count,
                      Any *result) {
  return raising("kernel", [&]() -> Status {
    auto &calls = *static_cast<Calls *>(self);
    const Manifest &manifest = calls.getKernel().getManifest();
    if (size_t(count) != manifest.arguments.size()) {
      std::string names;
      for (const Manifest::Argument &argument : manifest.arguments)
        names += (names.empty() ? "" : ", ") + argument.name;
      return Status::error(
          StatusCode::invalidArgument, "kernel " + manifest.name,
          "expects " + std::to_string(manifest.arguments.size()) +
              " arguments (" + names + "), but got " + std::to_string(count),
          "give all of them, outputs too");
    }
    std::vector<ArgumentValue> values;
    for (int32_t i = 0; i < count; ++i) {
      Result<ArgumentValue> value =
          readArgument(manifest.arguments[i], arguments[i]);
      if (!value.isOk())
        return value.takeStatus();
      values.push_back(*value);
    }
    *result = {};
    return calls.call(values.data(), values.size(),
                      calls.getKernel().hasStreams() ? getStream(values)
                                                     : nullptr);
  });
}

/// Makes `result` a function that calls the kernel.
static Status makeFunction(std::shared_ptr<const LoadedKernel> kernel,
                           int64_t threads, Any *result) {
  std::shared_ptr<ThreadPool> pool;
  if (threads != 1) {
    if (threads < 1 || threads > ThreadPool::maxThreads)
      threads = 0; // which is refused
    Result<std::shared_ptr<ThreadPool>> created =
        ThreadPool::create(static_cast<int>(threads));
    if (!created.isOk())
      return created.takeStatus();
    pool = std::move(*created);
  }
  auto calls = std::make_unique<Calls>(std::move(kernel), std::move(pool));
  Object *function = nullptr;
  auto destroy = [](void *self) { delete static_cast<Calls *>(self); };
  if (Library::get()->createFunction(calls.get(), callKernel, destroy,
                                     &function) != 0)
    return Status::error(StatusCode::resourceExhausted, "TVM-FFI",
                         "expects it to create a function, but it failed",
                         "free memory");
  calls.release();
  *result = {};
  result->typeIndex = indexFunction;
  result->object = function;
  return {};
}

static Status refuseCount(const char *wanted, int32_t count) {
  return Status::error(StatusCode::invalidArgument, "arguments",
                       std::string("expects ") + wanted + ", but got " +
                           std::to_string(count),
                       "see docs/c-api.md");
}

extern "C" {

int __tvm_ffi_load_kernel(void *, const Any *arguments, int32_t count,
                          Any *result) {
  return raising("load_kernel", [&]() -> Status {
    if (count < 1 || count > 2)
      return refuseCount("a path and a number of threads", count);
    Result<std::string> path = readText("path", arguments[0]);
    if (!path.isOk())
      return path.takeStatus();
    int64_t threads = 1;
    if (count == 2) {
      if (arguments[1].typeIndex != indexInt)
        return refuseArgument("threads", "a number", arguments[1]);
      threads = arguments[1].integer;
    }
    Result<std::shared_ptr<const LoadedKernel>> kernel =
        LoadedKernel::loadFile(*path);
    if (!kernel.isOk())
      return kernel.takeStatus();
    return makeFunction(std::move(*kernel), threads, result);
  });
}

int __tvm_ffi_compile(void *, const Any *arguments, int32_t count,
                      Any *result) {
  return raising("compile", [&]() -> Status {
    if (count < 1)
      return refuseCount("a program and options", count);
    std::vector<std::string> texts;
    for (int32_t i = 0; i < count; ++i) {
      Result<std::string> text =
          readText(i == 0 ? "program" : "options", arguments[i]);
      if (!text.isOk())
        return text.takeStatus();
      texts.push_back(std::move(*text));
    }
    std::vector<const char *> words;
    for (int32_t i = 1; i < count; ++i)
      words.push_back(texts[i].c_str());
    attn_compile_options options = {};
    options.struct_size = sizeof(options);
    options.words = words.data();
    options.num_words = words.size();
    Result<std::shared_ptr<const LoadedKernel>> kernel =
        compileKernel("compile", texts[0].c_str(), &options);
    if (!kernel.isOk())
      return kernel.takeStatus();
    return makeFunction(std::move(*kernel), 1, result);
  });
}

} // extern "C"

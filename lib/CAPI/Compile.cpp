//===- Compile.cpp - the C interface of compiling ------------------------===//

#include "attn-c/Compile.h"

#include "Errors.h"
#include "Objects.h"

#include "attn/Jit/Compiler.h"
#include "attn/Runtime/ArtifactSet.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <pthread.h>
#include <utility>

using namespace attn;
using namespace attn::capi;

namespace {
struct CancellationObject {
  static constexpr HandleKind kind = HandleKind::cancellation;
  std::shared_ptr<std::atomic<bool>> isCancelled =
      std::make_shared<std::atomic<bool>>(false);
};
} // namespace

using Cancellations = HandleTable<CancellationObject>;

/// The file that this code was loaded from.
static std::string getLibraryPath() {
  static const char anchor = 0;
  Dl_info info;
  return dladdr(&anchor, &info) && info.dli_fname ? info.dli_fname : "";
}

static Result<std::unique_ptr<Cache>> openCache(const char *directory) {
  if (directory && *directory)
    return Cache::open(directory);
  if (!directory)
    if (auto cache = Cache::openDefault(); cache.isOk())
      return cache;
  return Cache::createInMemory();
}

/// Where kernels are kept, as far as a call or the environment says it.
static std::string describeCache(const attn_compile_options &options) {
  if (options.cache_directory)
    return std::string("=") + options.cache_directory;
  std::string text;
  for (const char *name : {"ATTN_CACHE_DIR", "XDG_CACHE_HOME", "HOME"}) {
    const char *value = std::getenv(name);
    text += std::string(value ? value : "") + "\n";
  }
  return text;
}

/// The compilers of this process, by path and directory. Never destroyed:
/// threads may use them until it ends.
using CompilerTable =
    std::map<std::pair<std::string, std::string>, std::unique_ptr<Compiler>>;
static CompilerTable *compilers = nullptr;
static std::mutex compilersMutex;

/// A child process begins with none: in its parent's, other threads may
/// compile, which it would wait for without end.
[[gnu::constructor]] static void dropCompilersInForks() {
  pthread_atfork([] { compilersMutex.lock(); }, [] { compilersMutex.unlock(); },
                 [] {
                   compilers = nullptr;
                   compilersMutex.unlock();
                 });
}

/// The compiler that calls with these options share.
static Result<Compiler *> getCompiler(const attn_compile_options &options) {
  Result<std::string> path = Compiler::find(
      options.compiler ? options.compiler : "", getLibraryPath());
  if (!path.isOk())
    return path.takeStatus();
  std::lock_guard<std::mutex> lock(compilersMutex);
  if (!compilers)
    compilers = new CompilerTable;
  std::unique_ptr<Compiler> &place =
      (*compilers)[{*path, describeCache(options)}];
  if (!place) {
    Result<std::unique_ptr<Cache>> cache = openCache(options.cache_directory);
    if (!cache.isOk())
      return cache.takeStatus();
    place = std::make_unique<Compiler>(*path, std::move(*cache));
  }
  return place.get();
}

static Result<CompileRequest> makeRequest(const char *name, const char *program,
                                          const attn_compile_options &options) {
  CompileRequest request;
  if (!program)
    return isNull(name, "a program");
  request.program = program;
  if (options.num_words != 0 && !options.words)
    return isNull(name, "words");
  for (size_t i = 0; i < options.num_words; ++i) {
    if (!options.words[i])
      return isNull(name, "each of the words");
    request.options.push_back(options.words[i]);
  }
  if (options.time_limit_ms < 0 || options.memory_limit_bytes < 0)
    return Status::error(
        StatusCode::invalidArgument, name,
        "expects limits of at least 0, but got " +
            std::to_string(options.time_limit_ms) + " ms and " +
            std::to_string(options.memory_limit_bytes) + " bytes",
        "give 0 for any amount");
  request.limits.timeMs = options.time_limit_ms;
  request.limits.memoryBytes = options.memory_limit_bytes;
  if (options.cancellation.id != 0) {
    auto found = Cancellations::get().find(options.cancellation.id);
    if (!found.isOk())
      return found.takeStatus();
    request.limits.cancelled = (*found)->isCancelled;
  }
  return request;
}

/// A call's request, and who answers it.
static Status prepare(const char *name, const char *program,
                      const attn_compile_options *given,
                      CompileRequest &request, Compiler *&compiler) {
  attn_compile_options options;
  if (Status status = readOptions(name, given, options); !status.isOk())
    return status;
  Result<CompileRequest> made = makeRequest(name, program, options);
  if (!made.isOk())
    return made.takeStatus();
  request = std::move(*made);
  Result<Compiler *> found = getCompiler(options);
  if (!found.isOk())
    return found.takeStatus();
  compiler = *found;
  return {};
}

static Result<Cache::Value> compile(const char *name, const char *program,
                                    const attn_compile_options *options) {
  CompileRequest request;
  Compiler *compiler = nullptr;
  if (Status status = prepare(name, program, options, request, compiler);
      !status.isOk())
    return status;
  return compiler->compile(request);
}

Result<std::shared_ptr<const LoadedKernel>>
capi::compileKernel(const char *name, const char *program,
                    const attn_compile_options *options) {
  Result<Cache::Value> bytes = compile(name, program, options);
  if (!bytes.isOk())
    return bytes.takeStatus();
  Result<ArtifactSet> artifacts = ArtifactSet::deserialize(**bytes, name);
  if (!artifacts.isOk())
    return artifacts.takeStatus();
  return LoadedKernel::load(*artifacts);
}

attn_status attn_cancellation_create(attn_cancellation *cancellation) {
  return guarded("attn_cancellation_create", [&]() -> Status {
    if (!cancellation)
      return isNull("attn_cancellation_create", "a place for it");
    *cancellation = {};
    cancellation->id =
        Cancellations::get().add(std::make_shared<CancellationObject>());
    return {};
  });
}

attn_status attn_cancellation_cancel(attn_cancellation cancellation) {
  return guarded("attn_cancellation_cancel", [&]() -> Status {
    auto found = Cancellations::get().find(cancellation.id);
    if (!found.isOk())
      return found.takeStatus();
    (*found)->isCancelled->store(true, std::memory_order_relaxed);
    return {};
  });
}

attn_status attn_cancellation_release(attn_cancellation cancellation) {
  return release<CancellationObject>(cancellation.id);
}

attn_status attn_compile(const char *program,
                         const attn_compile_options *options,
                         attn_kernel *kernel) {
  static constexpr const char *name = "attn_compile";
  return guarded(name, [&]() -> Status {
    if (!kernel)
      return isNull(name, "a place for the kernel");
    *kernel = {};
    return addKernel(compileKernel(name, program, options), kernel);
  });
}

attn_status attn_compile_artifact(const char *program,
                                  const attn_compile_options *options,
                                  void *bytes, size_t capacity, size_t *size) {
  static constexpr const char *name = "attn_compile_artifact";
  return guarded(name, [&]() -> Status {
    if (!size)
      return isNull(name, "a place for the size");
    *size = 0;
    if (!bytes && capacity != 0)
      return isNull(name, "a place for the bytes");
    Result<Cache::Value> artifact = compile(name, program, options);
    if (!artifact.isOk())
      return artifact.takeStatus();
    *size = (*artifact)->size();
    if ((*artifact)->size() <= capacity)
      std::memcpy(bytes, (*artifact)->data(), (*artifact)->size());
    return {};
  });
}

attn_status attn_compile_print(const char *program,
                               const attn_compile_options *options,
                               void (*receive)(void *, const char *, size_t),
                               void *context) {
  static constexpr const char *name = "attn_compile_print";
  return guarded(name, [&]() -> Status {
    if (!receive)
      return isNull(name, "a function");
    CompileRequest request;
    Compiler *compiler = nullptr;
    if (Status status = prepare(name, program, options, request, compiler);
        !status.isOk())
      return status;
    Result<std::string> text = compiler->ask(request);
    if (!text.isOk())
      return text.takeStatus();
    receive(context, text->data(), text->size());
    return {};
  });
}

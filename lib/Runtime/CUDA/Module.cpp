//===- Module.cpp - loads modules, one for each image ---------------------===//

#include "Module.h"

#include <functional>
#include <map>
#include <mutex>

using namespace attn;
using namespace attn::cuda;

namespace {
/// The modules that are alive, by driver, context and hash of their image,
/// which is compared whole before a module is shared.
struct Cache {
  using Key = std::tuple<const Driver *, unsigned long long, size_t>;

  std::mutex mutex;
  std::multimap<Key, std::weak_ptr<const Module>> modules;
};
} // namespace

/// Never destroyed, since the last kernel may outlive main.
static Cache &getCache() {
  static Cache &cache = *new Cache;
  return cache;
}

/// The first line of what the compiler of PTX wrote.
static std::string_view getFirstLine(const char *log) {
  std::string_view text(log);
  return text.substr(0, text.find('\n'));
}

Status Module::load(const std::string &name) {
  const Driver &driver = context->getDriver();
  ContextScope scope(*context);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  char log[1024] = {};
  JitOption options[] = {jitErrorLogBuffer, jitErrorLogBufferBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  ResultCode code =
      driver.loadModule.address(&handle, image.c_str(), 2, options, values);
  if (code == success)
    return {};
  handle = nullptr;
  log[sizeof(log) - 1] = '\0';
  return driver.report(name, driver.loadModule.symbol, code, getFirstLine(log));
}

Result<std::shared_ptr<const Module>>
Module::load(std::shared_ptr<const Context> context, const std::string &image,
             const std::string &name) {
  Cache &cache = getCache();
  Cache::Key key{&context->getDriver(), context->getId(),
                 std::hash<std::string>()(image)};
  // Held while loading: two loads of one image would compile it twice.
  std::lock_guard<std::mutex> lock(cache.mutex);
  auto range = cache.modules.equal_range(key);
  for (auto entry = range.first; entry != range.second;) {
    std::shared_ptr<const Module> module = entry->second.lock();
    if (module && module->getImage() == image)
      return module;
    entry = module ? std::next(entry) : cache.modules.erase(entry);
  }
  std::shared_ptr<Module> module(new Module(std::move(context), image));
  if (Status status = module->load(name); !status.isOk())
    return status;
  cache.modules.emplace(key, module);
  return std::shared_ptr<const Module>(std::move(module));
}

Module::~Module() {
  if (!handle)
    return;
  // Best effort: neither failure leaves anything to do.
  ContextScope scope(*context);
  (void)scope.enter();
  context->getDriver().unloadModule.address(handle);
}

Result<FunctionHandle> Module::find(const std::string &symbol,
                                    const std::string &name) const {
  const Driver &driver = context->getDriver();
  FunctionHandle function = nullptr;
  ResultCode code =
      driver.getFunction.address(&function, handle, symbol.c_str());
  if (code == errorNotFound)
    return Status::error(StatusCode::corrupt, name,
                         "expects the symbol '" + symbol +
                             "', but the code does not define it",
                         "compile the kernel again");
  if (code != success)
    return driver.report(name, driver.getFunction.symbol, code);
  return function;
}

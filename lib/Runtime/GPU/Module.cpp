//===- Module.cpp - loads modules, one for each image ---------------------===//

#include "Module.h"

#include <functional>
#include <map>
#include <mutex>

using namespace attn;
using namespace attn::gpu;

namespace {
/// The modules that are alive, by driver, context and hash of their image,
/// which is compared whole before a module is shared.
struct ModuleCache {
  using Key = std::tuple<const DriverLibrary *, unsigned long long, size_t>;

  std::mutex mutex;
  std::multimap<Key, std::weak_ptr<const Module>> modules;
};
} // namespace

/// Never destroyed, since the last kernel may outlive main.
static ModuleCache &getCache() {
  static ModuleCache &cache = *new ModuleCache;
  return cache;
}

Status Module::load(const std::string &name) {
  DeviceScope scope(*device);
  if (Status status = scope.enter(); !status.isOk())
    return status;
  Status status = device->loadModule(handle, image, name);
  if (!status.isOk())
    handle = nullptr;
  return status;
}

Result<std::shared_ptr<const Module>>
Module::load(std::shared_ptr<const Device> device, const std::string &image,
             const std::string &name) {
  ModuleCache &cache = getCache();
  ModuleCache::Key key{&device->getDriver(), device->getId(),
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
  std::shared_ptr<Module> module(new Module(std::move(device), image));
  if (Status status = module->load(name); !status.isOk())
    return status;
  cache.modules.emplace(key, module);
  return std::shared_ptr<const Module>(std::move(module));
}

Module::~Module() {
  if (!handle)
    return;
  // Best effort: neither failure leaves anything to do.
  DeviceScope scope(*device);
  (void)scope.enter();
  device->unloadModule(handle);
}

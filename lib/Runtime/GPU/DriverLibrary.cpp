//===- DriverLibrary.cpp - opens a vendor's driver and names its errors ---===//

#include "DriverLibrary.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <mutex>

using namespace attn;
using namespace attn::gpu;

Status DriverLibrary::refuse(std::string reason) const {
  return Status::error(StatusCode::unsupported, names.feature,
                       std::move(reason), names.update);
}

Status DriverLibrary::refuseWithout(const char *symbol,
                                    const std::string &path) const {
  return refuse("expects the function " + std::string(symbol) + " in " + path +
                ", but it is absent");
}

Status DriverLibrary::report(std::string_view about, const char *symbol,
                             ResultCode code, std::string_view details) const {
  const char *name = getErrorName(code);
  std::string error =
      name ? name : names.resultType + (" " + std::to_string(code));
  if (const char *text = getErrorText(code))
    error += std::string(" (") + text + ")";
  if (!details.empty())
    error.append(": ").append(details);
  return Status::error(StatusCode::device, std::string(about),
                       std::string("expects ") + symbol +
                           " to succeed, but got " + error,
                       getAlternative(code));
}

void *DriverLibrary::lookUp(void *library, const char *symbol) {
  return dlsym(library, symbol);
}

Result<const DriverLibrary *>
DriverLibrary::openAt(const std::string &path, const Place &place, Maker make) {
  std::unique_ptr<DriverLibrary> driver = make();
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *error = dlerror();
    return Status::error(StatusCode::unsupported, driver->names.feature,
                         std::string("expects ") + driver->names.library +
                             ", but got: " + (error ? error : "no reason"),
                         std::string("install ") + place.install + ", or set " +
                             place.variable + " to the path of its " +
                             place.file);
  }
  if (Status status = driver->bind(library, path); !status.isOk()) {
    dlclose(library);
    return status;
  }
  return driver.release();
}

Result<const DriverLibrary *> DriverLibrary::open(const Place &place,
                                                  Maker make) {
  static std::mutex mutex;
  // Never destroyed: objects that outlive main still release through it. By
  // maker too, as one library may be named for two vendors.
  using Key = std::pair<Maker, std::string>;
  static auto &drivers = *new std::map<Key, const DriverLibrary *>;
  const char *named = std::getenv(place.variable);
  std::string path = named && *named ? named : place.file;
  std::lock_guard<std::mutex> lock(mutex);
  if (auto found = drivers.find({make, path}); found != drivers.end())
    return found->second;
  Result<const DriverLibrary *> opened = openAt(path, place, make);
  if (opened.isOk())
    drivers.emplace(Key(make, path), *opened);
  return opened;
}

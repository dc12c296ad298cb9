//===- DriverLibrary.h - a vendor's driver, found at run time -------------===//
//
// Drivers are opened with dlopen, so that nothing of a vendor is needed to
// build or to start. Every function that the runtime calls stands in a table of
// the vendor with its exported name; `DriverLibrary::call` turns what it
// returns into a Status.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_DRIVERLIBRARY_H
#define ATTN_LIB_RUNTIME_GPU_DRIVERLIBRARY_H

#include "Handles.h"
#include "attn/Runtime/Status.h"

#include <memory>
#include <string>
#include <string_view>

namespace attn::gpu {

/// One exported function.
template <typename... Parameters> struct DriverFunction {
  const char *symbol;
  ResultCode (*address)(Parameters...) = nullptr;
};

/// An initialised driver. Immutable; lives until the process ends, since such a
/// library cannot be unloaded while its threads run.
class DriverLibrary {
public:
  virtual ~DriverLibrary() = default;

  /// As the driver states it: 1000 * major + 10 * minor of its CUDA, or as HIP
  /// counts.
  int getVersionNumber() const { return version; }

  /// Calls `function` and reports what it returns: `device`, with the driver's
  /// name of the error and the function's. `feature` heads the message.
  /// Allocates nothing on success.
  template <typename... Parameters, typename... Values>
  Status call(std::string_view feature,
              const DriverFunction<Parameters...> &function,
              Values... values) const {
    ResultCode code = function.address(values...);
    return code == success ? Status() : report(feature, function.symbol, code);
  }

  /// The Status for what the function called `symbol` returned.
  /// Pre-condition: `code` is no success.
  Status report(std::string_view feature, const char *symbol, ResultCode code,
                std::string_view details = {}) const;

protected:
  /// What messages call the driver and its parts.
  struct Names {
    const char *feature, *library, *resultType, *update;
  };

  explicit DriverLibrary(const Names &names) : names(names) {}

  /// Looks functions up in `library` and starts the driver.
  virtual Status bind(void *library, const std::string &path) = 0;
  /// What the driver calls an error, and says of it; null where it does not.
  virtual const char *getErrorName(ResultCode code) const = 0;
  virtual const char *getErrorText(ResultCode code) const = 0;
  /// What the caller can do about an error.
  virtual const char *getAlternative(ResultCode code) const = 0;

  Status refuse(std::string reason) const;
  Status refuseWithout(const char *symbol, const std::string &path) const;

  template <typename... Parameters>
  static bool find(void *library, DriverFunction<Parameters...> &function) {
    function.address = reinterpret_cast<ResultCode (*)(Parameters...)>(
        lookUp(library, function.symbol));
    return function.address != nullptr;
  }

  /// Where a driver is looked for: in the library that the environment
  /// variable names, else in `file`.
  struct Place {
    const char *variable, *file;
    /// What a machine lacks that has none.
    const char *install;
  };
  using Maker = std::unique_ptr<DriverLibrary> (*)();

  /// Opens the library once. `unsupported` where there is none or `bind` says
  /// so, `device` where it does not start. A refusal is not remembered.
  static Result<const DriverLibrary *> open(const Place &place, Maker make);

  const Names names;
  int version = 0;

private:
  static void *lookUp(void *library, const char *symbol);
  static Result<const DriverLibrary *> openAt(const std::string &path,
                                              const Place &place, Maker make);
};

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_DRIVERLIBRARY_H

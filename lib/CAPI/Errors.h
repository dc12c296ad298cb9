//===- Errors.h - a thread's last error, a guard of throws ------*- C++ -*-===//

#ifndef LIB_CAPI_ERRORS_H
#define LIB_CAPI_ERRORS_H

#include "attn-c/Attn.h"
#include "attn/Runtime/Status.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

namespace attn::capi {

/// Keeps an error as the calling thread's last one.
attn_status report(Status status);

/// Keeps, of what a call threw, a status that needs no memory.
attn_status reportExhaustion() noexcept;

inline Status isNull(const char *function, const char *parameter) {
  return Status::error(StatusCode::invalidArgument, function,
                       std::string("expects ") + parameter +
                           ", but got a null pointer",
                       "give its address");
}

/// Calls `body`, which returns a Status, and reports it.
template <typename Body> attn_status guarded(const char *function, Body body) {
  try {
    try {
      return report(body());
    } catch (const std::exception &error) {
      return report(
          Status::error(StatusCode::resourceExhausted, function,
                        std::string("expects memory, but got ") + error.what(),
                        "free memory"));
    }
  } catch (...) {
    return reportExhaustion();
  }
}

/// Copies what a caller knows of a struct of options; the rest keeps its
/// defaults. Null is defaults. Refuses sizes that no version of it had.
template <typename Options>
Status readOptions(const char *function, const Options *given,
                   Options &options) {
  options = {};
  if (!given)
    return {};
  if (given->struct_size < sizeof(size_t))
    return Status::error(StatusCode::invalidArgument, function,
                         "expects options that begin with their size, but got "
                         "a size of " +
                             std::to_string(given->struct_size),
                         "set struct_size to sizeof the struct");
  if (given->struct_size > sizeof(Options)) {
    // Of a later version: what this one does not know may not be set.
    const char *bytes = reinterpret_cast<const char *>(given);
    if (given->struct_size > 4096 ||
        std::any_of(bytes + sizeof(Options), bytes + given->struct_size,
                    [](char c) { return c != 0; }))
      return Status::error(
          StatusCode::unsupported, function,
          "expects options of at most " + std::to_string(sizeof(Options)) +
              " bytes, but got " + std::to_string(given->struct_size),
          "leave out what this version does not know, or use a later library");
  }
  std::memcpy(&options, given, std::min(given->struct_size, sizeof(Options)));
  return {};
}

} // namespace attn::capi

#endif // LIB_CAPI_ERRORS_H

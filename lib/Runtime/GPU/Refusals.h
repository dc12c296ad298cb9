//===- Refusals.h - what GPUs of all vendors refuse -----------------------===//

#ifndef ATTN_LIB_RUNTIME_GPU_REFUSALS_H
#define ATTN_LIB_RUNTIME_GPU_REFUSALS_H

#include "attn/Runtime/Manifest.h"
#include "attn/Runtime/Status.h"

#include <string>

namespace attn::gpu {

/// Says that a tensor's strides or alignment are not for the kernel, and what
/// to do: `alternative`, or another kernel.
inline Status refuseLayout(const Manifest::Argument &argument,
                           std::string reason, std::string alternative) {
  return Status::error(StatusCode::invalidArgument, "argument " + argument.name,
                       std::move(reason),
                       std::move(alternative) + ", or compile for any strides");
}

/// Says that a stream captures which the default one waits for.
inline Status refuseCapture(const std::string &feature) {
  return Status::error(StatusCode::invalidArgument, feature,
                       "expects no stream to capture, but one does, and "
                       "preparing needs the default stream",
                       "load and prepare before the capture begins");
}

/// Says that a kernel's code has no function of that name.
inline Status refuseSymbol(const std::string &symbol,
                           const std::string &feature) {
  return Status::error(StatusCode::corrupt, feature,
                       "expects the symbol '" + symbol +
                           "', but the code does not define it",
                       "compile the kernel again");
}

} // namespace attn::gpu

#endif // ATTN_LIB_RUNTIME_GPU_REFUSALS_H

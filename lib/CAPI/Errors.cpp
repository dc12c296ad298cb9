//===- Errors.cpp - a thread's last error --------------------------------===//

#include "Errors.h"

using namespace attn;

namespace {
struct LastError {
  Status status;
  std::string message;
};

thread_local LastError lastError;
} // namespace

attn_status capi::report(Status status) {
  if (status.isOk())
    return ATTN_OK;
  lastError.message = status.message();
  lastError.status = std::move(status);
  return static_cast<attn_status>(lastError.status.getCode());
}

attn_status capi::reportExhaustion() noexcept {
  // Few enough characters for strings to hold without memory.
  lastError.status = Status::error(StatusCode::resourceExhausted, "memory",
                                   "exhausted", "free memory");
  lastError.message = "out of memory";
  return ATTN_RESOURCE_EXHAUSTED;
}

attn_status attn_last_error_code(void) {
  return static_cast<attn_status>(lastError.status.getCode());
}
const char *attn_last_error_feature(void) {
  return lastError.status.getFeature().c_str();
}
const char *attn_last_error_reason(void) {
  return lastError.status.getReason().c_str();
}
const char *attn_last_error_alternative(void) {
  return lastError.status.getAlternative().c_str();
}
const char *attn_last_error_message(void) { return lastError.message.c_str(); }

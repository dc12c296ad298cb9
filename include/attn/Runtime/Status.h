//===- Status.h - how the runtime reports refusals ------------------------===//
//
// The runtime never throws on bad input, asserts or exits: every function that
// can refuse returns a Status, or a Result that holds a value or a Status.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_STATUS_H
#define ATTN_RUNTIME_STATUS_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace attn {

/// Why a call was refused. The values are those of `attn_status` in the C API.
enum class StatusCode : int {
  ok = 0,
  /// An argument of the call is wrong; another value would be taken.
  invalidArgument = 1,
  /// A manifest or an artifact is ill-formed, truncated or altered.
  corrupt = 2,
  /// Valid, but this machine or this version cannot do it.
  unsupported = 3,
  /// The operating system refused a file operation.
  io = 4,
  /// Memory, threads or time do not suffice, or a size overflows.
  resourceExhausted = 5,
  /// A device's driver failed a call; the reason has the driver's own error.
  device = 6,
  /// The caller took the call back while it ran.
  cancelled = 7,
};

/// Success, or a refusal as data: which feature or input it is about, the
/// conflicting facts, and what the caller can change.
class [[nodiscard]] Status {
public:
  Status() = default;

  static Status error(StatusCode code, std::string feature, std::string reason,
                      std::string alternative) {
    Status status;
    status.code = code;
    status.feature = toOneLine(std::move(feature));
    status.reason = toOneLine(std::move(reason));
    status.alternative = toOneLine(std::move(alternative));
    return status;
  }

  bool isOk() const { return code == StatusCode::ok; }
  StatusCode getCode() const { return code; }
  const std::string &getFeature() const { return feature; }
  const std::string &getReason() const { return reason; }
  const std::string &getAlternative() const { return alternative; }

  /// One line: `feature: reason; alternative`. Empty for success.
  std::string message() const {
    if (isOk())
      return {};
    std::string text = feature + ": " + reason;
    return alternative.empty() ? text : text + "; " + alternative;
  }

private:
  /// Messages quote names from files, which may hold anything.
  static std::string toOneLine(std::string text) {
    for (char &c : text)
      if (static_cast<unsigned char>(c) < ' ' || c == '\x7f')
        c = '?';
    return text;
  }

  StatusCode code = StatusCode::ok;
  std::string feature, reason, alternative;
};

/// A value of type `T`, or the Status that says why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<1>, std::move(value)) {}
  /// Pre-condition: `status` is an error.
  Result(Status status) : state(std::in_place_index<0>, std::move(status)) {
    assert(!std::get<0>(state).isOk() && "a result without value is an error");
  }

  bool isOk() const { return state.index() == 1; }

  /// Pre-condition of both: !isOk().
  const Status &getStatus() const { return std::get<0>(state); }
  Status takeStatus() { return std::move(std::get<0>(state)); }

  /// Pre-condition of all: isOk().
  T &operator*() { return std::get<1>(state); }
  const T &operator*() const { return std::get<1>(state); }
  T *operator->() { return &std::get<1>(state); }
  const T *operator->() const { return &std::get<1>(state); }

private:
  std::variant<Status, T> state;
};

} // namespace attn

#endif // ATTN_RUNTIME_STATUS_H

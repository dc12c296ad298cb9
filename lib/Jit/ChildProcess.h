//===- ChildProcess.h - a program that is asked once ------------*- C++ -*-===//

#ifndef ATTN_LIB_JIT_CHILDPROCESS_H
#define ATTN_LIB_JIT_CHILDPROCESS_H

#include "attn/Jit/Compiler.h"

#include <optional>
#include <string>
#include <vector>

namespace attn {

struct ChildOutcome {
  std::string output, errors;
  /// As waitpid gives it; nothing where the host's own handling of children
  /// took it first.
  std::optional<int> status;
};

/// Runs the program at `path`, gives it `input`, and returns when it has ended.
/// It is a process group of its own, which is killed, with all that it has
/// started, where `limits` are exceeded or it is taken back: that is refused.
/// The host's signals, descriptors and memory are not touched. May be called by
/// several threads.
Result<ChildOutcome> runChild(const std::string &path,
                              const std::vector<std::string> &arguments,
                              const std::string &input,
                              const CompileLimits &limits);

} // namespace attn

#endif // ATTN_LIB_JIT_CHILDPROCESS_H

//===- CommandLine.h - options of a tool ----------------------------------===//
//
// LLVM's own option library is global: it would add the options of every
// linked pass, and it cannot take options named after the tensors of a program
// that another option names.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DRIVER_COMMANDLINE_H
#define ATTN_DRIVER_COMMANDLINE_H

#include "attn/Runtime/Status.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// One option: `-o FILE`, `--json`. Names of one letter take one dash.
struct OptionSpec {
  const char *name;
  /// What its value is called in the help; empty for an option without one.
  const char *value;
  const char *help;
};

class CommandLine {
public:
  /// Takes `--name value` and `--name=value`. Refuses an absent or surplus
  /// value and, unless `keepUnknown`, an unknown option. Unknown options take a
  /// value.
  static Result<CommandLine> parse(llvm::ArrayRef<std::string> arguments,
                                   llvm::ArrayRef<OptionSpec> specs,
                                   bool keepUnknown);

  bool has(llvm::StringRef name) const;
  /// The last value given, or `fallback`.
  std::string get(llvm::StringRef name, llvm::StringRef fallback = "") const;
  /// All values given, in order.
  std::vector<std::string> getAll(llvm::StringRef name) const;
  /// Refuses what is not an integer from `least` to `most`.
  Result<std::optional<int64_t>>
  getInteger(llvm::StringRef name, int64_t least,
             int64_t most = std::numeric_limits<int64_t>::max()) const;
  /// The values of an option `--name KEY=VALUE`. Refuses those without '='.
  Result<std::map<std::string, std::string>>
  getPairs(llvm::StringRef name) const;

  /// This line with one value of a known option, whatever it had.
  CommandLine with(const std::string &name, const std::string &value) const;
  /// This line without a known option.
  CommandLine without(const std::string &name) const;

  /// The names of the known options that were given.
  std::vector<std::string> getNames() const;

  const std::vector<std::string> &getPositionals() const { return positionals; }
  const std::map<std::string, std::string> &getUnknown() const {
    return unknown;
  }

private:
  std::multimap<std::string, std::string, std::less<>> values;
  std::vector<std::string> positionals;
  std::map<std::string, std::string> unknown;
};

/// The help text: `usage`, then a line an option.
std::string formatHelp(llvm::StringRef usage, llvm::ArrayRef<OptionSpec> specs);

} // namespace attn

#endif // ATTN_DRIVER_COMMANDLINE_H

//===- CommandLine.cpp - options of a tool --------------------------------===//

#include "attn/Driver/CommandLine.h"

#include "llvm/ADT/STLExtras.h"

using namespace attn;

static Status refuse(std::string option, std::string reason,
                     std::string alternative) {
  return Status::error(StatusCode::invalidArgument, std::move(option),
                       std::move(reason), std::move(alternative));
}

static std::string spell(llvm::StringRef name) {
  return (name.size() == 1 ? "-" : "--") + name.str();
}

Result<CommandLine> CommandLine::parse(llvm::ArrayRef<std::string> arguments,
                                       llvm::ArrayRef<OptionSpec> specs,
                                       bool keepUnknown) {
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    llvm::StringRef text = arguments[i];
    if (text.size() < 2 || text[0] != '-') {
      line.positionals.push_back(text.str());
      continue;
    }
    llvm::StringRef name = text.drop_front(text.starts_with("--") ? 2 : 1);
    bool hasValue = name.contains('=');
    llvm::StringRef value;
    std::tie(name, value) = name.split('=');
    std::string spelling = text.split('=').first.str();
    const auto *spec = llvm::find_if(
        specs, [&](const OptionSpec &spec) { return name == spec.name; });
    bool known = spec != specs.end();
    if (!known && !keepUnknown)
      return refuse(spelling, "there is no such option", "see --help");
    bool wantsValue = !known || *spec->value != '\0';
    if (hasValue && !wantsValue)
      return refuse(spelling, "the option takes no value",
                    "leave out '=" + value.str() + "'");
    if (wantsValue && !hasValue) {
      if (i + 1 == arguments.size())
        return refuse(spelling, "the option's value is missing",
                      "give it after the option");
      value = arguments[++i];
    }
    if (known)
      line.values.emplace(name.str(), value.str());
    else
      line.unknown[name.str()] = value.str();
  }
  return line;
}

CommandLine CommandLine::with(const std::string &name,
                              const std::string &value) const {
  CommandLine line = *this;
  line.values.erase(name);
  line.values.emplace(name, value);
  return line;
}

CommandLine CommandLine::without(const std::string &name) const {
  CommandLine line = *this;
  line.values.erase(name);
  return line;
}

std::vector<std::string> CommandLine::getNames() const {
  std::vector<std::string> names;
  for (auto &[name, value] : values)
    names.push_back(name);
  return names;
}

bool CommandLine::has(llvm::StringRef name) const {
  return values.find(name.str()) != values.end();
}

std::string CommandLine::get(llvm::StringRef name,
                             llvm::StringRef fallback) const {
  std::vector<std::string> all = getAll(name);
  return all.empty() ? fallback.str() : all.back();
}

std::vector<std::string> CommandLine::getAll(llvm::StringRef name) const {
  std::vector<std::string> all;
  auto [begin, end] = values.equal_range(name.str());
  for (auto it = begin; it != end; ++it)
    all.push_back(it->second);
  return all;
}

Result<std::optional<int64_t>> CommandLine::getInteger(llvm::StringRef name,
                                                       int64_t least,
                                                       int64_t most) const {
  if (!has(name))
    return std::optional<int64_t>();
  std::string text = get(name);
  int64_t value;
  if (llvm::StringRef(text).getAsInteger(10, value) || value < least ||
      value > most)
    return refuse(spell(name),
                  "'" + text + "' is not an integer of at least " +
                      std::to_string(least) +
                      (most == std::numeric_limits<int64_t>::max()
                           ? ""
                           : " and at most " + std::to_string(most)),
                  "give one");
  return std::optional(value);
}

Result<std::map<std::string, std::string>>
CommandLine::getPairs(llvm::StringRef name) const {
  std::map<std::string, std::string> pairs;
  for (const std::string &text : getAll(name)) {
    auto [key, value] = llvm::StringRef(text).split('=');
    if (key.empty() || key.size() == text.size())
      return refuse(spell(name), "'" + text + "' is not of the form NAME=VALUE",
                    "give a name and a value");
    pairs[key.str()] = value.str();
  }
  return pairs;
}

std::string attn::formatHelp(llvm::StringRef usage,
                             llvm::ArrayRef<OptionSpec> specs) {
  std::string text = "usage: " + usage.str() + "\n\n";
  for (const OptionSpec &spec : specs) {
    std::string line = "  " + spell(spec.name);
    if (*spec.value)
      line += std::string(" ") + spec.value;
    line.resize(std::max<size_t>(line.size() + 2, 28), ' ');
    text += line + spec.help + "\n";
  }
  return text;
}

//===- Refusal.cpp - what the compiler says instead of a kernel ----------===//

#include "Refusal.h"

#include <nlohmann/json.hpp>

using namespace attn;

/// An error as MLIR prints it, `place: error: text`. A place is
/// file:line:column, or a location in its own syntax, as one that has only a
/// name.
static bool readError(const std::string &errors, std::string &place,
                      std::string &text) {
  static const std::string mark = "error: ";
  size_t at = errors.find(mark);
  if (at == std::string::npos)
    return false;
  size_t begin = errors.rfind('\n', at);
  begin = begin == std::string::npos ? 0 : begin + 1;
  place = errors.substr(begin, at - begin);
  text =
      errors.substr(at + mark.size(), errors.find('\n', at) - at - mark.size());
  // loc("name"("file":1:2)) has the place within its last parentheses.
  if (place.compare(0, 4, "loc(") == 0) {
    size_t open = place.rfind('(');
    place = place.substr(open + 1, place.find(')', open) - open - 1);
  }
  std::string cleaned;
  for (char c : place)
    if (c != '"')
      cleaned += c;
  while (!cleaned.empty() && (cleaned.back() == ' ' || cleaned.back() == ':'))
    cleaned.pop_back();
  place = std::move(cleaned);
  return true;
}

Status attn::readRefusal(const std::string &errors) {
  size_t end = errors.find_last_not_of('\n');
  if (end == std::string::npos)
    return {};
  size_t begin = errors.rfind('\n', end);
  begin = begin == std::string::npos ? 0 : begin + 1;
  auto json = nlohmann::json::parse(errors.substr(begin, end + 1 - begin),
                                    /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return {};
  auto get = [&](const char *name) {
    auto it = json.find(name);
    return it != json.end() && it->is_string() ? it->get<std::string>()
                                               : std::string();
  };
  auto code = json.find("code");
  if (code == json.end() || !code->is_number_integer())
    return {};
  int number = code->get<int>();
  if (number <= static_cast<int>(StatusCode::ok) ||
      number > static_cast<int>(StatusCode::cancelled))
    return {};
  std::string place = get("feature"), reason = get("reason"),
              alternative = get("alternative");
  if (alternative == "see the message above") {
    std::string text;
    if (readError(errors.substr(0, begin), place, text)) {
      reason = std::move(text);
      alternative = "write that part of the program in another way";
    }
  }
  return Status::error(static_cast<StatusCode>(number), std::move(place),
                       std::move(reason), std::move(alternative));
}

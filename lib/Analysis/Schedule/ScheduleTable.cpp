//===- ScheduleTable.cpp - schedules that were measured -------------------===//

#include "attn/Analysis/ScheduleTable.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::StringRef;

static std::string formatWidths(const std::vector<int64_t> &widths) {
  std::string text;
  for (int64_t width : widths)
    text += (text.empty() ? "" : "x") + std::to_string(width);
  return text.empty() ? "none" : text;
}

std::string attn::format(const ScheduleEntry &entry) {
  std::string text = entry.program + ": cascade=" + entry.key.cascade +
                     " widths=" + formatWidths(entry.key.widths) +
                     " bits=" + std::to_string(entry.key.bits);
  if (entry.key.length)
    text += " length=" + std::to_string(*entry.key.length);
  text += " -> " + format(entry.schedule);
  if (!entry.comment.empty())
    text += " # " + entry.comment;
  return text;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads one line; a refusal names it.
class LineParser {
public:
  LineParser(StringRef line, std::string place)
      : line(line), place(std::move(place)) {}

  Result<ScheduleEntry> parse();

private:
  Status refuse(const std::string &reason, const std::string &alternative);
  Status parseKey(StringRef text, ScheduleKey &key);
  Status parseWidths(StringRef text, ScheduleKey &key);
  Status parseNumber(StringRef name, StringRef text, int64_t &number);

  StringRef line;
  std::string place;
};
} // namespace

Status LineParser::refuse(const std::string &reason,
                          const std::string &alternative) {
  return Status::error(StatusCode::invalidArgument, place, reason, alternative);
}

Status LineParser::parseNumber(StringRef name, StringRef text,
                               int64_t &number) {
  if (!text.getAsInteger(10, number) && number >= 1)
    return {};
  return refuse(name.str() + " expects an integer of at least 1, but got '" +
                    text.str() + "'",
                "give one");
}

Status LineParser::parseWidths(StringRef text, ScheduleKey &key) {
  if (text == "none")
    return {};
  llvm::SmallVector<StringRef> parts;
  text.split(parts, 'x');
  for (StringRef part : parts)
    if (Status status = parseNumber("widths", part, key.widths.emplace_back());
        !status.isOk())
      return status;
  return {};
}

Status LineParser::parseKey(StringRef text, ScheduleKey &key) {
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  bool hasWidths = false;
  for (StringRef part : parts) {
    auto [name, value] = part.split('=');
    Status status;
    if (name == "cascade") {
      if (value.size() != 16 || !llvm::all_of(value, llvm::isHexDigit))
        return refuse(
            "cascade expects 16 hexadecimal digits, but got '" + value.str() +
                "'",
            "copy them from --report=schedules, or let --tune write the "
            "entry");
      key.cascade = value.lower();
    } else if (name == "widths") {
      hasWidths = true;
      status = parseWidths(value, key);
    } else if (name == "bits") {
      status = parseNumber(name, value, key.bits);
    } else if (name == "length") {
      status = parseNumber(name, value, key.length.emplace());
    } else {
      return refuse("'" + part.str() + "' is no part of a key",
                    "give cascade, widths, bits and perhaps length");
    }
    if (!status.isOk())
      return status;
  }
  if (key.cascade.empty() || !hasWidths || key.bits == 0)
    return refuse("the key lacks cascade, widths or bits", "give all three");
  return {};
}

Result<ScheduleEntry> LineParser::parse() {
  ScheduleEntry entry;
  auto [content, comment] = line.split('#');
  entry.comment = comment.trim().str();
  auto [left, right] = content.split("->");
  if (left.size() == content.size())
    return refuse("expects an entry, 'NAME: KEY -> SCHEDULE', but there is no "
                  "'->'",
                  "begin a comment with '#'");
  auto [program, key] = left.split(':');
  if (program.size() == left.size())
    return refuse("expects the program's name and ':' first, but got '" +
                      left.trim().str() + "'",
                  "name the program; the key alone identifies it");
  entry.program = program.trim().str();
  if (Status status = parseKey(key, entry.key); !status.isOk())
    return status;
  auto fields = parseScheduleFields(right, ' ', place);
  if (!fields.isOk())
    return fields.takeStatus();
  if (!fields->rows || !fields->keys || !fields->slots || !fields->turns ||
      !fields->split || !fields->cluster)
    return refuse("the schedule has only '" + fields->format() + "'",
                  "give rows, keys, slots, turns, split and cluster");
  entry.schedule = fields->apply({});
  return entry;
}

static bool haveOneKey(const ScheduleKey &a, const ScheduleKey &b) {
  return a.cascade == b.cascade && a.widths == b.widths && a.bits == b.bits &&
         a.length == b.length;
}

Result<ScheduleTable> ScheduleTable::parse(StringRef text,
                                           const std::string &file) {
  ScheduleTable table;
  llvm::SmallVector<StringRef> lines;
  text.split(lines, '\n');
  if (!lines.empty() && lines.back().empty())
    lines.pop_back();
  for (StringRef line : lines) {
    Line &read = table.lines.emplace_back();
    read.text = line.rtrim().str();
    std::string place = file + ":" + std::to_string(table.lines.size());
    if (line.trim().empty() || line.trim().starts_with("#"))
      continue;
    Result<ScheduleEntry> entry = LineParser(line, place).parse();
    if (!entry.isOk())
      return entry.takeStatus();
    size_t number = 0;
    for (const Line &other : table.lines) {
      ++number;
      if (other.entry && haveOneKey(other.entry->key, entry->key))
        return Status::error(StatusCode::invalidArgument, place,
                             "its key is that of line " +
                                 std::to_string(number),
                             "keep one of the two entries");
    }
    read.entry = std::move(*entry);
  }
  return table;
}

//===----------------------------------------------------------------------===//
// Look-up and change
//===----------------------------------------------------------------------===//

const ScheduleEntry *ScheduleTable::lookup(const ScheduleKey &key) const {
  const ScheduleEntry *best = nullptr;
  for (const Line &line : lines) {
    if (!line.entry)
      continue;
    const ScheduleKey &other = line.entry->key;
    if (other.cascade != key.cascade || other.widths != key.widths ||
        other.bits != key.bits)
      continue;
    // Without a known length the entry for all of them is meant.
    if (other.length && (!key.length || *other.length < *key.length))
      continue;
    if (!best || (other.length &&
                  (!best->key.length || *other.length < *best->key.length)))
      best = &*line.entry;
  }
  return best;
}

void ScheduleTable::set(const ScheduleEntry &entry) {
  size_t place = lines.size();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].entry)
      continue;
    if (haveOneKey(lines[i].entry->key, entry.key)) {
      lines[i].entry = entry;
      return;
    }
    if (lines[i].entry->program == entry.program)
      place = i + 1;
  }
  lines.insert(lines.begin() + place, Line{"", entry});
}

std::string ScheduleTable::print() const {
  std::string text;
  for (const Line &line : lines)
    text += (line.entry ? format(*line.entry) : line.text) + "\n";
  return text;
}

size_t ScheduleTable::getNumEntries() const {
  return llvm::count_if(lines, [](const Line &line) { return !!line.entry; });
}

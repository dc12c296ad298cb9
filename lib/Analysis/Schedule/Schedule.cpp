//===- Schedule.cpp - the text of a schedule ------------------------------===//

#include "attn/Analysis/Schedule.h"

#include "llvm/ADT/SmallVector.h"

using namespace attn;
using llvm::StringRef;

namespace {
/// One field of the text, in its order.
struct Field {
  const char *name;
  std::optional<int64_t> ScheduleFields::*value;
  int64_t least, most;
};
} // namespace

/// Tiles are bounded by what a program may have (dialects/Cascade, kMaxTile),
/// the others by far more than any machine takes.
static const Field kFields[] = {
    {"rows", &ScheduleFields::rows, 1, 1 << 24},
    {"keys", &ScheduleFields::keys, 1, 1 << 24},
    {"slots", &ScheduleFields::slots, 1, 16},
    {"turns", &ScheduleFields::turns, 0, 1},
    {"split", &ScheduleFields::split, 0, 15},
    {"cluster", &ScheduleFields::cluster, 1, 16},
    {"stream", &ScheduleFields::stream, 0, 1},
};

static ScheduleFields getFields(const TileSchedule &schedule) {
  ScheduleFields fields;
  fields.rows = schedule.rows;
  fields.keys = schedule.keys;
  fields.slots = schedule.slots;
  fields.turns = schedule.takesTurns;
  fields.split = schedule.split;
  fields.cluster = schedule.cluster;
  if (schedule.isStream)
    fields.stream = 1;
  return fields;
}

std::string attn::format(const TileSchedule &schedule) {
  return getFields(schedule).format();
}

std::string ScheduleFields::format() const {
  std::string text;
  for (const Field &field : kFields)
    if (auto value = this->*field.value)
      text += (text.empty() ? "" : " ") + std::string(field.name) + "=" +
              std::to_string(*value);
  return text;
}

bool ScheduleFields::allow(const TileSchedule &schedule) const {
  return apply(schedule) == schedule;
}

TileSchedule ScheduleFields::apply(TileSchedule schedule) const {
  schedule.rows = rows.value_or(schedule.rows);
  schedule.keys = keys.value_or(schedule.keys);
  schedule.slots = slots.value_or(schedule.slots);
  schedule.takesTurns = turns.value_or(schedule.takesTurns);
  schedule.split = split.value_or(schedule.split);
  schedule.cluster = cluster.value_or(schedule.cluster);
  schedule.isStream = stream.value_or(schedule.isStream);
  return schedule;
}

Result<ScheduleFields> attn::parseScheduleFields(StringRef text, char separator,
                                                 const std::string &feature) {
  auto refuse = [&](const std::string &reason, const std::string &alternative) {
    return Status::error(StatusCode::invalidArgument, feature, reason,
                         alternative);
  };
  ScheduleFields fields;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, separator, /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    auto [name, number] = part.trim().split('=');
    const Field *field = nullptr;
    for (const Field &known : kFields)
      if (name == known.name)
        field = &known;
    if (!field)
      return refuse("'" + part.trim().str() + "' is no field of a schedule",
                    "give some of rows=N, keys=N, slots=N, turns=0|1, split=N, "
                    "cluster=N, stream=0|1");
    int64_t value = 0;
    if (number.getAsInteger(10, value) || value < field->least ||
        value > field->most)
      return refuse(name.str() + " expects an integer of at least " +
                        std::to_string(field->least) + " and at most " +
                        std::to_string(field->most) + ", but got '" +
                        number.str() + "'",
                    "give one");
    if (fields.*field->value)
      return refuse(name.str() + " is given twice", "give it once");
    fields.*field->value = value;
  }
  return fields;
}

//===- ScheduleTableTest.cpp - the table's text and its look-up -----------===//

#include "attn/Analysis/ScheduleTable.h"

#include "gtest/gtest.h"

using namespace attn;

static const char kKey[] = "cascade=0123456789abcdef widths=128x64 bits=16";
static const char kSchedule[] = "rows=128 keys=64 slots=2 turns=1 split=0 "
                                "cluster=1";

static std::string refusal(const std::string &text) {
  auto table = ScheduleTable::parse(text, "t.schedules");
  return table.isOk() ? "" : table.getStatus().message();
}

static ScheduleKey getKey(std::optional<int64_t> length = std::nullopt) {
  return {"0123456789abcdef", {128, 64}, 16, length};
}

TEST(ScheduleTable, ReadsAndPrints) {
  std::string text = std::string("# a comment\n\nfull: ") + kKey + " -> " +
                     kSchedule + " # 0.5 ms\n";
  auto table = ScheduleTable::parse(text, "t.schedules");
  ASSERT_TRUE(table.isOk()) << table.getStatus().message();
  EXPECT_EQ(table->print(), text);
  const ScheduleEntry *entry = table->lookup(getKey());
  ASSERT_TRUE(entry);
  EXPECT_EQ(format(entry->schedule), kSchedule);
  EXPECT_EQ(entry->comment, "0.5 ms");
  ScheduleKey other = getKey();
  other.bits = 32;
  EXPECT_FALSE(table->lookup(other));
  other = getKey();
  other.widths = {128};
  EXPECT_FALSE(table->lookup(other));
  other = getKey();
  other.cascade.back() = '0';
  EXPECT_FALSE(table->lookup(other));
}

// The entry for the least length that covers the problem, else that for all.
TEST(ScheduleTable, PicksByLength) {
  auto line = [](const char *length, int keys) {
    return std::string("full: ") + kKey + length +
           " -> rows=128 keys=" + std::to_string(keys) +
           " slots=2 turns=1 split=0 cluster=1\n";
  };
  auto table = ScheduleTable::parse(
      line(" length=4096", 96) + line("", 128) + line(" length=512", 32), "t");
  ASSERT_TRUE(table.isOk()) << table.getStatus().message();
  auto lookup = [&](std::optional<int64_t> length) {
    return table->lookup(getKey(length))->schedule.keys;
  };
  EXPECT_EQ(lookup(100), 32);
  EXPECT_EQ(lookup(512), 32);
  EXPECT_EQ(lookup(513), 96);
  EXPECT_EQ(lookup(5000), 128);
  EXPECT_EQ(lookup(std::nullopt), 128);
}

TEST(ScheduleTable, Merges) {
  auto table = ScheduleTable::parse(std::string("# head\nfull: ") + kKey +
                                        " -> " + kSchedule +
                                        "\nother: cascade=ffffffffffffffff "
                                        "widths=none bits=16 -> " +
                                        kSchedule + "\n",
                                    "t");
  ASSERT_TRUE(table.isOk()) << table.getStatus().message();
  ScheduleEntry entry{"full", getKey(), {}, "new"};
  entry.schedule.rows = 192;
  entry.schedule.keys = 128;
  table->set(entry);
  EXPECT_EQ(table->getNumEntries(), 2u);
  EXPECT_EQ(table->lookup(getKey())->schedule.rows, 192);
  // Another key of the program stands beside it.
  entry.key.length = 512;
  table->set(entry);
  EXPECT_EQ(table->getNumEntries(), 3u);
  std::string text = table->print();
  EXPECT_EQ(text.find("# head\nfull:"), 0u);
  EXPECT_LT(text.find("length=512"), text.find("other:"));
  // What is printed is read again.
  auto again = ScheduleTable::parse(text, "t");
  ASSERT_TRUE(again.isOk()) << again.getStatus().message();
  EXPECT_EQ(again->print(), text);
}

TEST(ScheduleTable, Refusals) {
  std::string key = kKey, schedule = kSchedule;
  EXPECT_EQ(refusal("# fine\nfull\n"),
            "t.schedules:2: expects an entry, 'NAME: KEY -> SCHEDULE', but "
            "there is no '->'; begin a comment with '#'");
  EXPECT_EQ(refusal(key + " -> " + schedule),
            "t.schedules:1: expects the program's name and ':' first, but got "
            "'" +
                key + "'; name the program; the key alone identifies it");
  EXPECT_EQ(refusal("full: cascade=12 widths=64 bits=16 -> " + schedule),
            "t.schedules:1: cascade expects 16 hexadecimal digits, but got "
            "'12'; copy them from --report=schedules, or let --tune write the "
            "entry");
  EXPECT_EQ(
      refusal("full: cascade=0123456789abcdef widths=6y bits=16 -> " +
              schedule),
      "t.schedules:1: widths expects an integer of at least 1, but got '6y'; "
      "give one");
  EXPECT_EQ(refusal("full: cascade=0123456789abcdef bits=16 -> " + schedule),
            "t.schedules:1: the key lacks cascade, widths or bits; give all "
            "three");
  EXPECT_EQ(refusal("full: " + key + " heads=3 -> " + schedule),
            "t.schedules:1: 'heads=3' is no part of a key; give cascade, "
            "widths, bits and perhaps length");
  EXPECT_EQ(refusal("full: " + key + " -> rows=128 keys=64"),
            "t.schedules:1: the schedule has only 'rows=128 keys=64'; give "
            "rows, keys, slots, turns, split and cluster");
  EXPECT_EQ(refusal("full: " + key + " -> rows=128 turns=2"),
            "t.schedules:1: turns expects an integer of at least 0 and at most "
            "1, but got '2'; give one");
  EXPECT_EQ(refusal("full: " + key + " -> rows=128 rows=64"),
            "t.schedules:1: rows is given twice; give it once");
  std::string line = "full: " + key + " -> " + schedule + "\n";
  EXPECT_EQ(refusal(line + "\n" + line),
            "t.schedules:3: its key is that of line 1; keep one of the two "
            "entries");
}

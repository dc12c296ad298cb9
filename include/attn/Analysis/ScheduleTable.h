//===- ScheduleTable.h - schedules that were measured -----------*- C++ -*-===//
//
// A text that is read and reviewed by people, one entry a line:
//
//   full: cascade=0f9a3c5b71d2e684 widths=128x128 bits=16 -> rows=128 keys=128
//   slots=2 turns=1 split=0 # 0.51 ms on an H100
//
// `cascade` is the program's structure (Signature.h), whatever it is called;
// the name before the colon is for the reader. `widths` are the extents that a
// compilation fixes, `bits` those of an element. An entry with `length=N` is
// for problems of at most so many keys; one without is for all that have no
// entry of their own. What follows a '#' says where the entry comes from.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_ANALYSIS_SCHEDULETABLE_H
#define ATTN_ANALYSIS_SCHEDULETABLE_H

#include "attn/Analysis/Schedule.h"

#include <vector>

namespace attn {

/// What a schedule is looked up by: all is known when a program is compiled.
struct ScheduleKey {
  std::string cascade;
  std::vector<int64_t> widths;
  int64_t bits = 0;
  /// Of an entry the most keys that it is for; of a look-up the problem's, if
  /// they are known.
  std::optional<int64_t> length;
};

struct ScheduleEntry {
  std::string program;
  ScheduleKey key;
  TileSchedule schedule;
  /// Without the '#'; may be empty.
  std::string comment;
};

/// The entry's line, without its end.
std::string format(const ScheduleEntry &entry);

class ScheduleTable {
public:
  /// Refuses a line that is no entry, naming `file` and the line's number, and
  /// two entries with one key.
  static Result<ScheduleTable> parse(llvm::StringRef text,
                                     const std::string &file);

  /// The entry for a program: of those for at least its length the one for the
  /// least, else the one for all lengths. Null if there is none.
  const ScheduleEntry *lookup(const ScheduleKey &key) const;

  /// Replaces the entry with this key, or adds one after the last of its
  /// program.
  void set(const ScheduleEntry &entry);

  /// The text; what is no entry stays as it was read.
  std::string print() const;

  size_t getNumEntries() const;

private:
  struct Line {
    std::string text;
    std::optional<ScheduleEntry> entry;
  };
  std::vector<Line> lines;
};

} // namespace attn

#endif // ATTN_ANALYSIS_SCHEDULETABLE_H
